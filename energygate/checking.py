"""`check`: measure the workloads of a policy, judge them, and say so in a result."""

from __future__ import annotations

import difflib
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from energygate import __version__
from energygate.errors import EnergygateError, MeasurementError, PolicyError, UsageError
from energygate.gate import Estimate, Evidence, Verdict, judge, worst
from energygate.gate.judge import limits
from energygate.gate.weighing import Confidence, Factors, weigh
from energygate.measure.campaign import ENOUGH_LAUNCHES, run_campaign
from energygate.measure.carbon import carbon_intensity_g_per_kwh
from energygate.measure.codecarbon_meter import open_meter
from energygate.measure.launchers import Launcher
from energygate.measure.machine import describe_machine, usable_cpus
from energygate.measure.readings import Method
from energygate.measure.series import WANDERING, series, success_rate
from energygate.policy import METRICS
from energygate.report.build import failed_workload, machine_result, measured_workload, site_result
from energygate.report.result import Result
from energygate.workloads.answers import accuracy, collect_answers, read_labels
from energygate.workloads.model_files import model_size_bytes
from energygate.workloads.serving import Serving, Side

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from energygate.gate import Finding
    from energygate.measure.campaign import Progress
    from energygate.measure.launch import Launch
    from energygate.measure.readings import Meter
    from energygate.policy import Policy, Workload
    from energygate.report.result import WorkloadResult

ALPHA = 0.10
"""Two-sided error of all intervals of a run together: at most 5 % of runs are wrong in each direction."""

DRIFT_SD_VIRTUAL = 0.10
"""How much a virtual machine, which shares its host, wanders between occasions: standard deviation of
ln(value), as bench/repeatability.py measures it."""

DRIFT_SD_OWN = 0.03
"""The same for a machine of one's own: assumed, not measured."""


class Observer:
    """Who wants to know how far a check is; this one does not."""

    def started(self, name: str, *, number: int, count: int, time_limit_s: float) -> None:
        """The measuring of a workload begins: the `number`th of `count`, for at most `time_limit_s`."""

    def launched(self, name: str, progress: Progress, evidence: Evidence | None) -> None:
        """A launch has ended; `evidence` is what is known of the energy per request so far."""

    def finished(self, result: WorkloadResult) -> None:
        """A workload is judged."""


def check(
    policy: Policy,
    directory: Path,
    *,
    workloads: Sequence[str] = (),
    time_limit_s: float | None = None,
    observer: Observer | None = None,
) -> Result:
    """Measure workloads of a policy on this machine and judge them by its absolute budgets.

    Args:
        policy: The policy.
        directory: The checkout: what the policy's paths are relative to, and where workers run.
        workloads: Names of the workloads to check; all of them by default.
        time_limit_s: Measuring time per workload; the policy's by default.
        observer: Is told of progress.

    Returns:
        The result. A workload that could not be measured is an error in it, not an exception.

    Raises:
        UsageError: When the policy has no workload of a given name.
        PolicyError: When the site's carbon intensity is unknown, or a model's file does not exist.
    """
    run = _Run(policy, directory, time_limit_s=time_limit_s, observer=observer or Observer())
    return run.check(_chosen(policy, workloads))


class _Run:
    """One run of the gate: what its workloads share."""

    def __init__(
        self, policy: Policy, directory: Path, *, time_limit_s: float | None, observer: Observer
    ) -> None:
        self._policy = policy
        self._directory = directory
        self._observer = observer
        self._time_limit_s = time_limit_s or policy.measurement.time_limit.value
        self._started_ns = time.perf_counter_ns()
        self._machine = describe_machine()
        self._factors = _factors(policy)
        self._meters: dict[bool, Meter] = {}

    def check(self, names: Sequence[str]) -> Result:
        limited = [(name, kind) for name in names for kind in _sampled_limits(self._policy.workloads[name])]
        drift_sd = DRIFT_SD_OWN if self._machine.virtual is False else DRIFT_SD_VIRTUAL
        alpha = ALPHA / max(1, len(limited))  # Bonferroni: the error is the whole run's
        self._confidence = Confidence(alpha=alpha, drift_sd=drift_sd, wandering=WANDERING)
        with tempfile.TemporaryDirectory(prefix="energygate-") as scratch:
            servings = [self._serving(name, Path(scratch) / str(index)) for index, name in enumerate(names)]
            for serving in servings:
                self._check_files(serving)  # the policy's mistakes are told before anything is measured
            results = tuple(
                self._workload(serving, index, len(names)) for index, serving in enumerate(servings, 1)
            )
        return Result(
            energygate_version=__version__,
            created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            seconds=(time.perf_counter_ns() - self._started_ns) * 1e-9,
            policy=self._policy.source,
            seed=self._policy.measurement.seed,
            verdict=worst(result.verdict for result in results),
            machine=machine_result(self._machine),
            site=site_result(self._policy.site, self._factors),
            workloads=results,
        )

    def _serving(self, name: str, scratch: Path) -> Serving:
        scratch.mkdir()
        workload = self._policy.workloads[name]
        seed = self._policy.measurement.seed if workload.seed is None else workload.seed
        python = self._policy.measurement.python
        return Serving(
            name=name,
            workload=workload,
            side=Side(
                name="head",
                directory=self._directory,
                python=str(self._directory / python) if python else sys.executable,
            ),
            seed=seed,
            timeout_s=self._time_limit_s,
            scratch=scratch,
            inputs_directory=self._directory,
        )

    def _check_files(self, serving: Serving) -> None:
        try:
            serving.check_files()
        except PolicyError as error:
            place = _place(self._policy, ("workloads", serving.name))
            raise PolicyError(f"{error.where}: {error.what}", where=place, hint=error.hint) from None

    def _workload(self, serving: Serving, number: int, count: int) -> WorkloadResult:
        self._observer.started(serving.name, number=number, count=count, time_limit_s=self._time_limit_s)
        try:
            result = self._measured(serving)
        except EnergygateError as error:
            result = failed_workload(serving.name, serving.workload, error)
        self._observer.finished(result)
        return result

    def _measured(self, serving: Serving) -> WorkloadResult:
        workload = serving.workload
        started_ns = time.perf_counter_ns()
        meter = self._meter(workload)
        cpu_sets = _cpu_sets(usable_cpus(), workload.threads)
        exact = self._exact(serving, cpu_sets[0])
        launcher = Launcher(
            serving,
            meter,
            cpu_sets=cpu_sets,
            time_limit_ns=self._time_limit_s * 1e9,
            tolerant="success_rate" in workload.budgets,
            clock=time.perf_counter_ns,
        )
        launches = run_campaign(
            launcher,
            decided=lambda launches: self._is_decided(serving.name, launches, exact),
            time_limit_s=self._time_limit_s,
            clock=time.perf_counter_ns,
            on_progress=lambda launches, progress: self._observer.launched(
                serving.name, progress, self._weighed(launches)["energy_per_request"]
            ),
        )
        evidence = {**self._weighed(launches), **exact, "success_rate": _success(launches)}
        assert launcher.plan is not None  # noqa: S101 - made by the first launch
        return measured_workload(
            serving.name,
            workload,
            launches=launches,
            evidence=evidence,
            findings=self._findings(serving.name, evidence),
            facts=meter.facts,
            confidence=self._confidence,
            plan=launcher.plan,
            seconds=(time.perf_counter_ns() - started_ns) * 1e-9,
            currency=self._policy.site.currency,
        )

    def _meter(self, workload: Workload) -> Meter:
        gpu = workload.kind == "python" or workload.provider_name != "CPUExecutionProvider"
        if gpu not in self._meters:
            self._meters[gpu] = open_meter(self._machine, gpu=gpu)
        meter = self._meters[gpu]
        if self._policy.measurement.require == "measured" and meter.facts.method is not Method.MEASURED:
            raise MeasurementError(
                f"the policy requires measured energy; here it is only estimated ({meter.facts.source})",
                hint="Run on a machine with readable RAPL or NVML counters, or set `require: any`",
            )
        return meter

    def _exact(self, serving: Serving, cpus: tuple[int, ...]) -> dict[str, Evidence]:
        """Metrics without sampling noise."""
        exact = {}
        if serving.workload.onnx is not None:
            path = serving.side.directory / serving.workload.onnx
            exact["model_size"] = float(model_size_bytes(path, label=serving.label))
        if serving.workload.labels is not None:
            labels = read_labels(serving)
            exact["accuracy"] = accuracy(collect_answers(serving, cpus), labels, label=serving.label)
        return {name: Evidence(metric=name, head=Estimate.exact(value)) for name, value in exact.items()}

    def _weighed(self, launches: Sequence[Launch]) -> dict[str, Evidence]:
        return weigh(series(launches), self._factors, self._confidence)

    def _findings(self, name: str, evidence: dict[str, Evidence]) -> tuple[Finding, ...]:
        return judge(
            self._policy.workloads[name].budgets,
            evidence,
            relative=False,
            waivers=[waiver for waiver in self._policy.waivers if waiver.workload == name],
            today=datetime.now(timezone.utc).date(),
        )

    def _is_decided(self, name: str, launches: Sequence[Launch], exact: dict[str, Evidence]) -> bool:
        evidence = {**self._weighed(launches), **exact, "success_rate": _success(launches)}
        findings = self._findings(name, evidence)
        open_ones = any(finding.verdict is Verdict.INCONCLUSIVE for finding in findings)
        sampled = any(not METRICS[finding.metric].exact for finding in findings)
        return not open_ones and (sampled or len(launches) >= ENOUGH_LAUNCHES)


def _chosen(policy: Policy, names: Iterable[str]) -> list[str]:
    chosen = list(dict.fromkeys(names)) or list(policy.workloads)
    for name in chosen:
        if name not in policy.workloads:
            near = difflib.get_close_matches(name, policy.workloads, n=1)
            raise UsageError(
                f"the policy has no workload {name!r}",
                where=policy.source,
                hint=f"Did you mean {near[0]!r}?"
                if near
                else f"It has {', '.join(map(repr, policy.workloads))}",
            )
    return chosen


def _place(policy: Policy, path: tuple[str, ...]) -> str:
    line = policy.line(path)
    return policy.source if line is None else f"{policy.source}:{line}"


def _sampled_limits(workload: Workload) -> list[str]:
    return [
        kind
        for metric, budget in workload.budgets.items()
        if not METRICS[metric].exact
        for kind, _ in limits(budget, relative=False)
    ]


def _factors(policy: Policy) -> Factors:
    site = policy.site
    price = site.electricity_price
    return Factors(
        pue=site.pue,
        carbon_g_per_kwh=_carbon_g_per_kwh(policy),
        price_per_kwh=None if price is None else price.value,
    )


def _carbon_g_per_kwh(policy: Policy) -> float | None:
    carbon = policy.site.carbon
    if carbon is None:
        return None
    if carbon.intensity is not None:
        return carbon.intensity.value
    try:
        return carbon_intensity_g_per_kwh(country=carbon.country, cloud=carbon.cloud)
    except PolicyError as error:
        raise PolicyError(error.what, where=_place(policy, ("site", "carbon")), hint=error.hint) from None


def _cpu_sets(cpus: tuple[int, ...], threads: int) -> list[tuple[int, ...]]:
    """CPU sets to rotate through, as large as the workload has threads; one empty set without affinity."""
    size = min(threads, len(cpus))
    if size == 0:
        return [()]
    return [tuple(sorted(cpus[(start + i) % len(cpus)] for i in range(size))) for start in range(len(cpus))]


def _success(launches: Sequence[Launch]) -> Evidence:
    return Evidence(metric="success_rate", head=Estimate.exact(success_rate(launches)))
