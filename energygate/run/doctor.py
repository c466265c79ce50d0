"""`doctor`: what this machine can measure, how well, and what would improve it."""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.extras import require as require_extra
from energygate.gate.estimates import ALPHA
from energygate.measure.launchers import Launcher, cpu_sets
from energygate.measure.machine import describe_machine, usable_cpus
from energygate.measure.machine_lock import machine_lock
from energygate.measure.meters import rapl
from energygate.measure.readings import Method
from energygate.measure.series import change_series
from energygate.policy import Measurement, parse_policy
from energygate.report.diagnosis import Diagnosis, SelfTest
from energygate.run.context import meter_of
from energygate.run.demo import fixtures
from energygate.run.result_parts import component_result
from energygate.stats.confidence import MAX_LAUNCHES, half_width
from energygate.version import __version__
from energygate.workloads.serving import Serving, Side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from energygate.measure.launch import Launches
    from energygate.measure.machine import MachineResult
    from energygate.measure.readings import Meter, MeterFacts

SELF_TEST_S = 10.0
MIN_RESOLVABLE = 0.005
"""Nothing smaller is promised: seven launches may agree by chance, and on the recorded occasions (docs/accuracy.md)
launches of one model scattered by up to 1 %."""
MINUTE_S = 60.0

SELF_TEST = """\
version: 1
workloads:
  self-test: {onnx: models/digits-cnn-heavy.onnx, inputs: data/digits.npz, labels: label}
"""
"""A model of a few milliseconds, compared with itself."""


def diagnose(
    measurement: Measurement | None,
    *,
    require: str | None = None,
    self_test: bool = True,
    on_wait: Callable[[str], None] = lambda _: None,
) -> Diagnosis:
    """Determine what this machine can measure, how well, and what would improve it.

    Args:
        measurement: The policy's settings for measuring; `None` without a policy.
        require: `any` or `measured`; overrides the policy's.
        self_test: Whether to compare the same code with itself for ten seconds.
        on_wait: Called with the reason when this process has to wait for another check on this machine.

    Raises:
        UsageError: When a package for measuring is missing.
        MeasurementError: When a counter or card exists but cannot be read, or the self-test fails.
    """
    if self_test:
        require_extra("onnxruntime", "onnxruntime", purpose="the self-test")
    require_extra("measure", purpose="looking for energy counters")
    settings = measurement or Measurement()
    is_required = (require or settings.require) == "measured"
    machine = describe_machine()
    with machine_lock(on_wait):
        meter = meter_of(machine, gpu=True, power_model=settings.power_model)
        facts = meter.facts
        tested = _self_test(machine, settings) if self_test else None
    return Diagnosis(
        energygate_version=__version__,
        codecarbon_version=facts.codecarbon_version,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        machine=machine,
        method=facts.method.value,
        components=tuple(map(component_result, facts.components)),
        min_window_ms=facts.min_window_ns / 1e6,
        idle_watts=facts.idle_watts,
        idle_method=None if facts.idle_method is None else facts.idle_method.value,
        require="measured" if is_required else "any",
        fit=not is_required or facts.method is Method.MEASURED,
        advice=tuple(dict.fromkeys(_advice(machine, facts))),
        self_test=tested,
    )


def _advice(machine: MachineResult, facts: MeterFacts) -> Iterator[str]:
    """List what would improve the numbers, most useful first."""
    cpu = next((one for one in facts.components if one.name == "cpu"), None)
    yield from facts.notes
    if rapl.advice() is None and cpu is not None and cpu.method is Method.ESTIMATED:
        if machine.virtual:
            yield (
                "A virtual machine has no energy counter, so CPU time is multiplied by watts from a table. "
                "Limits on change (`max_increase`) work well here; keep limits on absolute energy wide"
            )
        else:
            yield (
                "This machine has no readable energy counter, so CPU time is multiplied by watts from a table. "
                "If you have a wall meter, put your own watts into `measurement.power_model`"
            )
    if not machine.can_pin:
        yield "Processes cannot be pinned to CPUs here, so numbers scatter more: use a Linux runner if you can"
    if machine.cpu_count == 1:
        yield "There is only one CPU: energygate and the system share it with the workload"


def _self_test(machine: MachineResult, settings: Measurement) -> SelfTest:
    """Compare a model with itself for `SELF_TEST_S`."""
    started = time.perf_counter()
    meter = meter_of(machine, gpu=False, power_model=settings.power_model)
    with tempfile.TemporaryDirectory(prefix="energygate-") as scratch:
        launches = _launches(meter, Path(scratch))
    seconds = time.perf_counter() - started
    ratios = change_series(launches)["energy_per_request"].log_ratios
    scatter = statistics.stdev(ratios) if len(ratios) > 1 else 0.0
    return SelfTest(
        seconds=seconds,
        launches=len(launches),
        scatter=scatter,
        resolvable=_resolvable(scatter, len(launches), seconds),
    )


def _launches(meter: Meter, scratch: Path) -> Launches:
    workload = parse_policy(SELF_TEST).workloads["self-test"]
    base, head = (
        Serving(
            name="self-test",
            workload=workload,
            side=Side(name=name, directory=fixtures(), python=sys.executable),
            seed=0,
            timeout_s=MINUTE_S,
            scratch=scratch,
            inputs_directory=fixtures(),
        )
        for name in ("base", "head")
    )
    launcher = Launcher(
        head,
        meter,
        base=base,
        cpu_sets=cpu_sets(usable_cpus(), workload.threads),
        time_limit_ns=MINUTE_S * 1e9,
        coin=random.Random(0),  # noqa: S311 - an order, not a secret
        clock=time.perf_counter_ns,
    )
    launches, started = launcher.launch(), time.perf_counter()
    while time.perf_counter() - started < SELF_TEST_S or len(launches) < 2:  # noqa: PLR2004 - scatter takes two
        launches += launcher.launch()
    return launches


def _resolvable(scatter: float, launches: int, seconds: float) -> float | None:
    """Return the smallest change that a minute of launches like these would show, as a fraction."""
    in_a_minute = min(MAX_LAUNCHES, int(launches * MINUTE_S / seconds))
    half = half_width(in_a_minute, scatter, alpha=ALPHA)
    return None if half == float("inf") or launches < 3 else max(half, MIN_RESOLVABLE)  # noqa: PLR2004 - two agree by chance
