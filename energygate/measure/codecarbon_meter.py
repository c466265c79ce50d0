"""codecarbon, held by the hand: every knob explicit, no network, no files, no log lines, PUE left to us.

Configuration files and `CODECARBON_*` variables would win over codecarbon's defaults, so no knob is left to a
default; explicit arguments win over both.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

from energygate.errors import MeasurementError
from energygate.measure.power_model import VcpuPower, vcpu_power
from energygate.measure.readings import JOULES_PER_KWH, Component, MeterFacts, Method, Reading

if TYPE_CHECKING:
    from energygate.measure.machine import Machine
    from energygate.measure.readings import Meter, Usage

COUNTER_MODES = {"intel_rapl": "RAPL", "windows_emi": "Windows Energy Meter Interface"}
"""codecarbon's CPU modes that read a hardware energy counter, and the counter's name."""

RAPL_WINDOW_NS = 100_000_000
"""A hundred periods of the counter, which moves every millisecond."""

NVML_WINDOW_NS = 1_000_000_000
"""Ten periods of the slowest counters, which move every 100 ms."""

MODEL_WINDOW_NS = 5_000_000
"""Far above the CPU clock's resolution of nanoseconds."""

COUNTER_UNCERTAINTY = 0.05
"""RAPL is within a few percent of a wall meter on servers (Khan et al., TOMPECS 2018,
doi:10.1145/3177754); NVML is specified as plus or minus 5 %."""


class _Records(logging.Filter):
    """Keeps codecarbon's log lines from the user, and its warnings for the result."""

    def __init__(self) -> None:
        super().__init__()
        self.warnings: list[str] = []

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING and len(self.warnings) < 50:  # noqa: PLR2004 - a bound on memory
            self.warnings.append(record.getMessage())
        return False


class Tracker:
    """One codecarbon tracker in task mode.

    Attributes:
        version: codecarbon's version.
        cpu_mode: How it reads the CPU: a key of `COUNTER_MODES`, or the name of one of its models.
        gpu_count: How many GPUs it can read.
        warnings: What it warned of, in its own words.
    """

    def __init__(self, *, gpu: bool) -> None:
        records = _Records()
        logger = logging.getLogger("codecarbon")
        logger.addFilter(records)
        logger.propagate = False
        import codecarbon
        from codecarbon._version import __version__

        self._tracker = codecarbon.OfflineEmissionsTracker(
            country_iso_code="USA",  # only kWh are read; carbon is energygate's own sum
            country_2letter_iso_code=None,
            region=None,
            cloud_provider=None,
            cloud_region=None,
            project_name="energygate",
            measure_power_secs=3600,
            api_call_interval=-1,
            api_endpoint=None,
            api_key=None,
            output_dir=".",
            output_file="unused",
            output_methods=[],
            output_handlers=[],
            logging_logger=None,
            prometheus_url=None,
            gpu_ids=None if gpu else [],
            emissions_endpoint=None,
            experiment_id=None,
            experiment_name="energygate",
            electricitymaps_api_token="",  # None would fall back to a configured `co2_signal_api_token`, and go online
            tracking_mode="machine",
            log_level="warning",
            on_csv_write="append",
            logger_preamble="",
            force_cpu_power=None,
            force_ram_power=None,
            pue=1.0,  # PUE is multiplied once, by energygate
            wue=0.0,
            force_carbon_intensity_g_co2e_kwh=None,
            force_mode_cpu_load=False,
            allow_multiple_runs=True,
            rapl_include_dram=False,
            rapl_prefer_psys=False,
            metadata=None,
        )
        self.warnings = records.warnings
        self.version: str = __version__
        self._open = False
        self.begin()  # the first task looks at the hardware, which takes a second: never inside a window
        self.end()
        hardware: list[Any] = self._tracker._hardware  # noqa: SLF001 - its results do not say which method made them
        self.cpu_mode = next((part._mode for part in hardware if hasattr(part, "_mode")), "unknown")  # noqa: SLF001
        self.gpu_count = sum(getattr(part, "num_gpus", 0) for part in hardware)

    def begin(self) -> None:
        """Start a task."""
        self._tracker.start_task("window")
        self._open = True

    def cancel(self) -> None:
        """End the task, if one is open, and forget it: left open, it would swallow the next one."""
        if self._open:
            with contextlib.suppress(MeasurementError):  # what made the window worthless matters more
                self.end()

    def end(self) -> tuple[float, float]:
        """End the task; returns its CPU and GPU energy in joules.

        Raises:
            MeasurementError: When codecarbon lost the task; it swallows its own errors and returns nothing.
        """
        self._open = False
        data = self._tracker.stop_task("window")
        self._tracker._tasks.clear()  # noqa: SLF001 - it keeps every finished task for ever
        if data is None:
            last = f": {self.warnings[-1]}" if self.warnings else ""
            raise MeasurementError(f"codecarbon lost a measurement{last}")
        return data.cpu_energy * JOULES_PER_KWH, data.gpu_energy * JOULES_PER_KWH


class CounterMeter:
    """Energy counters of CPU and GPU, read by codecarbon around every window."""

    def __init__(self, tracker: Tracker, *, gpu: bool, power: VcpuPower) -> None:
        self._tracker = tracker
        self._gpu = gpu
        self._power = power
        self._cpu_counter = COUNTER_MODES.get(tracker.cpu_mode)
        names = [self._cpu_counter or f"CPU model {power.family}", *(["NVML"] if gpu else [])]
        self.facts = MeterFacts(
            method=Method.MEASURED if self._cpu_counter else Method.ESTIMATED,
            source=" and ".join(names),
            citation=f"codecarbon {tracker.version}",
            uncertainty=COUNTER_UNCERTAINTY if self._cpu_counter else power.uncertainty,
            codecarbon_version=tracker.version,
            min_window_ns=NVML_WINDOW_NS if gpu else RAPL_WINDOW_NS,
        )

    def begin_window(self) -> None:
        """Start a window."""
        self._tracker.begin()

    def end_window(self, usage: Usage) -> Reading:
        """End the window and read it; a counter that did not move is an error, not a saving."""
        cpu_joules, gpu_joules = self._tracker.end()
        if self._cpu_counter:
            components = [_counted("cpu", cpu_joules, self._cpu_counter)]
        else:
            modelled = self._power.energy_joules(usage.cpu_ns)
            components = [Component(name="cpu", energy_joules=modelled, method=Method.ESTIMATED)]
        if self._gpu:
            components.append(_counted("gpu", gpu_joules, "NVML"))
        return Reading(components=tuple(components))

    def cancel(self) -> None:
        """Forget the open window."""
        self._tracker.cancel()

    def begin_launch(self) -> None:
        """Nothing to do: every window is codecarbon's own."""

    def end_launch(self) -> float | None:
        """Nothing to add."""
        return None


class ModelMeter:
    """The per-vCPU power model on the worker's CPU time, with codecarbon's own figure beside it."""

    def __init__(self, tracker: Tracker, *, power: VcpuPower) -> None:
        self._tracker = tracker
        self._power = power
        self.facts = MeterFacts(
            method=Method.ESTIMATED,
            source=f"power model row {power.family}, {power.full_watts:.2f} W per vCPU at full load",
            citation=power.source,
            uncertainty=power.uncertainty,
            codecarbon_version=tracker.version,
            min_window_ns=MODEL_WINDOW_NS,
        )

    def begin_window(self) -> None:
        """Nothing to start: the worker counts its own CPU time."""

    def end_window(self, usage: Usage) -> Reading:
        """Multiply CPU time by watts; no CPU time at all is an error, not a saving."""
        if usage.cpu_ns <= 0:
            raise MeasurementError(f"the worker used no CPU time in a window of {usage.wall_ns / 1e6:.1f} ms")
        energy_joules = self._power.energy_joules(usage.cpu_ns)
        cpu = Component(name="cpu", energy_joules=energy_joules, method=Method.ESTIMATED)
        return Reading(components=(cpu,))

    def cancel(self) -> None:
        """Forget the open account."""
        self._tracker.cancel()

    def begin_launch(self) -> None:
        """Start codecarbon's own account."""
        self._tracker.begin()

    def end_launch(self) -> float | None:
        """Give codecarbon's own joules: a whole chip's table value, kept so that nobody wonders."""
        return sum(self._tracker.end())


def open_meter(machine: Machine, *, gpu: bool) -> Meter:
    """The best meter this machine has: counters where codecarbon finds them, else the power model.

    Args:
        machine: The machine, for the power model's row.
        gpu: Whether the workload may use a GPU, whose energy then counts.
    """
    tracker = Tracker(gpu=gpu)
    power = vcpu_power(machine.cpu_model)
    if tracker.cpu_mode in COUNTER_MODES or (gpu and tracker.gpu_count):
        return CounterMeter(tracker, gpu=gpu and tracker.gpu_count > 0, power=power)
    return ModelMeter(tracker, power=power)


def _counted(name: str, energy_joules: float, counter: str) -> Component:
    if energy_joules <= 0:
        raise MeasurementError(f"the {counter} counter did not move in a window: no energy was measured")
    return Component(name=name, energy_joules=energy_joules, method=Method.MEASURED)
