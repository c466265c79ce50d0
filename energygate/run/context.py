"""What all workloads of one run share: its policy, machine, meters and confidence."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError
from energygate.extras import require
from energygate.footprint import production_of
from energygate.gate import judge
from energygate.gate.estimates import Confidence, Factors, shared_alpha
from energygate.measure.carbon import site_carbon_g_per_kwh
from energygate.measure.gpus.visible import selection_for
from energygate.measure.meters.open_meter import gpus_for, open_meter
from energygate.measure.power_model import vcpu_power
from energygate.measure.processor import this_processor
from energygate.measure.readings import Method
from energygate.measure.series import DRIFTING
from energygate.policy import Workload
from energygate.workloads.serving import Side

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from energygate.gate import Evidence, Finding
    from energygate.measure.gpus.card import Gpu
    from energygate.measure.gpus.visible import Selection
    from energygate.measure.machine import MachineResult
    from energygate.measure.readings import Meter
    from energygate.policy import Policy
    from energygate.policy.measurement import PowerModel
    from energygate.run.options import Observer
    from energygate.run.pairing import Pairing

DRIFT_SD_VIRTUAL = 0.10
"""How much a virtual machine, which shares its host, drifts between occasions: standard deviation of
ln(value), about what bench/repeatability.py measures with two threads; with one it is less."""

DRIFT_SD_OWN = 0.03
"""The same for a physical machine: assumed, not measured."""


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """What all workloads of one run share.

    Attributes:
        policy: The policy that decides.
        machine: The machine that measures.
        factors: What energy means at the site.
        confidence: How intervals are made, so that the error of all of them together is `gate.estimates.ALPHA`.
        time_limit_s: Measuring time per workload.
        observer: Called as the run progresses.
        today: The date that waivers expire against.
        gpus: The GPUs that workloads may use, by how they select them.
        meters: The meters that were opened, by the GPUs that they read.
    """

    policy: Policy
    machine: MachineResult
    factors: Factors
    confidence: Confidence
    time_limit_s: float
    observer: Observer
    today: date = field(default_factory=lambda: datetime.now(timezone.utc).date())
    gpus: dict[Selection | None, tuple[Gpu, ...]] = field(default_factory=dict)
    meters: dict[tuple[Gpu, ...], Meter] = field(default_factory=dict)

    def meter(self, workload: Workload) -> Meter:
        """Return the meter for a workload, opened when first needed.

        Raises:
            MeasurementError: When the policy requires measured energy, and there is no counter.
        """
        selection = selection_for(workload, os.environ)
        if selection not in self.gpus:
            self.gpus[selection] = gpus_for(selection)
        gpus = self.gpus[selection]
        if gpus not in self.meters:
            power = vcpu_power(this_processor(), self.policy.measurement.power_model)
            self.meters[gpus] = open_meter(self.machine, gpus=gpus, power=power)
        meter = self.meters[gpus]
        if self.policy.measurement.require == "measured" and meter.facts.method is not Method.MEASURED:
            raise MeasurementError(
                f"the policy requires measured energy; here it is only estimated ({meter.facts.source})",
                hint="Run on a machine with readable RAPL or NVML counters, or set `require: any`",
            )
        return meter

    def findings(self, pairing: Pairing, evidence: Mapping[str, Evidence]) -> tuple[Finding, ...]:
        """Judge a workload's budgets by what was measured; a renamed workload keeps its waivers."""
        names = {pairing.name, pairing.base_name}
        return judge(
            pairing.workload.budgets,
            evidence,
            relative=pairing.base is not None,
            waivers=[waiver for waiver in self.policy.waivers if waiver.workload in names],
            today=self.today,
        )


def require_measuring(workloads: Iterable[Workload]) -> None:
    """Refuse to measure when a package for it is missing.

    Raises:
        UsageError: It names the extra to install.
    """
    has_models = any(workload.onnx is not None for workload in workloads)
    require("onnxruntime" if has_models else "measure", purpose="measuring")


def meter_of(machine: MachineResult, *, gpu: bool, power_model: PowerModel | None) -> Meter:
    """Return the meter that workloads would be measured with, without a workload.

    Args:
        machine: The machine.
        gpu: Whether all its visible GPUs count, or none.
        power_model: The watts that the policy sets; `None` for the table's.

    Raises:
        MeasurementError: When a counter cannot be read correctly.
    """
    gpus = gpus_for(selection_for(Workload(python="any:gpu"), os.environ)) if gpu else ()
    return open_meter(machine, gpus=gpus, power=vcpu_power(this_processor(), power_model))


def side_of(name: str, directory: Path, python: str | None) -> Side:
    """Return a side with its interpreter: a relative path is the side's own, a bare name or absolute path is shared."""
    if python is None:
        return Side(name=name, directory=directory, python=sys.executable)
    is_own = ("/" in python or os.sep in python) and not Path(python).is_absolute()
    return Side(name=name, directory=directory, python=str(directory / python) if is_own else python)


def shared_confidence(workloads: Iterable[Workload], machine: MachineResult, *, relative: bool) -> Confidence:
    """Share the error among all limits on sampled metrics (Bonferroni): the error is the whole run's."""
    drift_sd = DRIFT_SD_OWN if machine.virtual is False else DRIFT_SD_VIRTUAL
    return Confidence(alpha=shared_alpha(workloads, relative=relative), drift_sd=drift_sd, drifting=DRIFTING)


def site_factors(policy: Policy) -> Factors:
    """Return what turns IT energy into facility energy, carbon and cost at the policy's site.

    Raises:
        PolicyError: When the carbon intensity of its country or region is unknown.
    """
    price = policy.site.electricity_price
    carbon = site_carbon_g_per_kwh(policy)
    return Factors(
        pue=policy.site.pue,
        carbon_g_per_kwh=carbon,
        price_per_kwh=None if price is None else price.value,
        production=production_of(policy.site, carbon_g_per_kwh=carbon),
    )
