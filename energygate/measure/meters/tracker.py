"""codecarbon with every option set explicitly: no network, no files, no log lines, and PUE 1.0.

Configuration files and `CODECARBON_*` variables override codecarbon's defaults but not explicit arguments, so no
option is left to its default.
"""

from __future__ import annotations

import contextlib
import logging
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energygate.errors import MeasurementError
from energygate.extras import require
from energygate.measure.processor import cpuinfo as proc_cpuinfo
from energygate.policy import JOULES_PER_KWH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COUNTER_MODES = {"intel_rapl": "RAPL", "windows_emi": "Windows Energy Meter Interface"}
"""codecarbon's CPU modes that read an energy counter, and the counter's name."""

MAX_WARNINGS = 50
"""A bound on memory."""


class _WarningFilter(logging.Filter):
    """Hides codecarbon's log lines and keeps its warnings for the active trackers.

    There is one per process, because a line that one filter rejects does not reach the next.
    """

    def __init__(self) -> None:
        super().__init__()
        self.active: list[list[str]] = []

    def filter(self, record: logging.LogRecord) -> bool:
        for warnings in self.active:
            if record.levelno >= logging.WARNING and len(warnings) < MAX_WARNINGS:
                warnings.append(record.getMessage())
        return not self.active  # lines of other trackers, while none of ours is active, are shown

    def forget(self, warnings: list[str]) -> None:
        """Stop keeping warnings in this list."""
        self.active[:] = [one for one in self.active if one is not warnings]


_FILTER = _WarningFilter()
_HARDWARE_WARNINGS: list[str] = []
"""codecarbon's warnings when it detected the hardware, which it does once per process."""


@contextlib.contextmanager
def quiet(warnings: list[str]) -> Iterator[None]:
    """Hide codecarbon's log lines in this context, and collect its warnings."""
    logger = logging.getLogger("codecarbon")
    logger.addFilter(_FILTER)
    logger.propagate = False
    _FILTER.active.append(warnings)
    try:
        yield
    finally:
        _FILTER.forget(warnings)


@dataclass(frozen=True, kw_only=True)
class GpuEnergy:
    """codecarbon's reading of one GPU in a task.

    Attributes:
        index: Its index among all GPUs of the machine.
        energy_joules: Energy of the task.
        counted: Whether it is from the energy counter; otherwise from power samples, one a second.
    """

    index: int
    energy_joules: float
    counted: bool


@dataclass(frozen=True, kw_only=True)
class TaskEnergy:
    """codecarbon's reading of a task.

    Attributes:
        cpu_joules: The processor, by counter or by codecarbon's model.
        ram_joules: Memory: a constant power by its size.
        gpus: The GPUs that the tracker reads.
    """

    cpu_joules: float
    ram_joules: float
    gpus: tuple[GpuEnergy, ...]

    @property
    def gpu_joules(self) -> float:
        """Sum over the GPUs."""
        return math.fsum(gpu.energy_joules for gpu in self.gpus)


class Tracker:
    """One codecarbon tracker in task mode.

    Args:
        gpu_ids: The GPUs to read, by their index among all GPUs of the machine.

    Attributes:
        version: codecarbon's version.
        cpu_mode: How it reads the CPU: a key of `COUNTER_MODES`, or the name of one of its models.
        ram_watts: Its constant power of memory.
        warnings: Its warnings.
    """

    def __init__(self, *, gpu_ids: Sequence[int] = ()) -> None:
        require("measure", purpose="measuring")
        self.warnings: list[str] = list(_HARDWARE_WARNINGS)
        self._open = False
        with quiet(self.warnings), _quick_cpu_name():
            import codecarbon
            from codecarbon._version import __version__

            self._tracker = codecarbon.OfflineEmissionsTracker(
                country_iso_code="USA",  # only kWh are used
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
                gpu_ids=list(gpu_ids),
                emissions_endpoint=None,
                experiment_id=None,
                experiment_name="energygate",
                # None would fall back to a configured `co2_signal_api_token`, and go online.
                electricitymaps_api_token="",
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
                allow_multiple_runs=True,  # otherwise it writes a lock file and handles SIGINT and SIGTERM
                rapl_include_dram=False,  # it would add memory to the CPU; we read that counter separately
                rapl_prefer_psys=False,
                metadata=None,
            )
            self.version: str = __version__
            try:
                # The first task detects the hardware, which is slow, so it must not fall into a window.
                self._tracker.start_task("window")
                self._tracker.stop_task("window")
            except Exception as error:  # noqa: BLE001 - it swallows errors of its construction and fails later
                raise MeasurementError(f"codecarbon could not be started{self._reason(error)}") from None
        self._tracker._tasks.clear()  # noqa: SLF001 - it never drops finished tasks
        _HARDWARE_WARNINGS.extend(one for one in self.warnings if one not in _HARDWARE_WARNINGS)
        hardware: list[Any] = self._tracker._hardware  # noqa: SLF001 - its results do not say which method was used
        if not gpu_ids:
            # It reads an empty list as all GPUs if another tracker of this process reads all.
            hardware[:] = [part for part in hardware if not hasattr(part, "num_gpus")]
        cpus = [part for part in hardware if hasattr(part, "_mode")]
        self.cpu_mode: str = cpus[0]._mode if cpus else "unknown"  # noqa: SLF001 - the same
        self.ram_watts = math.fsum(part.total_power().W for part in hardware if type(part).__name__ == "RAM")
        self._counter = getattr(cpus[0], "_intel_interface", None) if cpus else None
        self._gpus = [
            device
            for part in hardware
            if hasattr(part, "num_gpus")
            for device in part.devices.devices
            if device.gpu_index in gpu_ids
        ]

    @property
    def counter_files(self) -> tuple[Path, ...]:
        """The RAPL counters that it adds up; empty in other modes."""
        if self.cpu_mode != "intel_rapl" or self._counter is None:
            return ()
        mirrored = self._counter._mirrored_candidates  # noqa: SLF001 - as above
        files = self._counter._rapl_files  # noqa: SLF001 - as above
        return tuple(Path(file.path) for file in files if file.path not in mirrored)

    def begin(self) -> None:
        """Start a task."""
        _FILTER.active.append(self.warnings)
        self._open = True
        try:
            self._tracker.start_task("window")
        except Exception as error:  # noqa: BLE001 - foreign code that calls drivers
            self.cancel()
            raise MeasurementError(f"codecarbon could not begin a measurement{self._reason(error)}") from None

    def cancel(self) -> None:
        """End the open task, if any, and discard it: left open, it would break the next one."""
        if self._open:
            with contextlib.suppress(MeasurementError):  # the error that ended the window matters more
                self.end()

    def end(self) -> TaskEnergy:
        """End the task.

        Raises:
            MeasurementError: When codecarbon lost the task or a GPU; it swallows its own errors.
        """
        self._open = False
        try:
            data = self._tracker.stop_task("window")
        except Exception as error:  # noqa: BLE001 - the same
            raise MeasurementError(f"codecarbon could not end a measurement{self._reason(error)}") from None
        finally:
            _FILTER.forget(self.warnings)
        self._tracker._tasks.clear()  # noqa: SLF001 - as above
        if data is None:
            raise MeasurementError(f"codecarbon lost a measurement{self._reason()}")
        task = TaskEnergy(
            cpu_joules=data.cpu_energy * JOULES_PER_KWH,
            ram_joules=data.ram_energy * JOULES_PER_KWH,
            gpus=tuple(
                GpuEnergy(
                    index=device.gpu_index,
                    energy_joules=device.energy_delta.kWh * JOULES_PER_KWH,
                    counted=not device._use_power_fallback,  # noqa: SLF001 - as above
                )
                for device in self._gpus
            ),
        )
        # If one GPU fails, it reports 0 J for all and only logs a warning.
        if not math.isclose(task.gpu_joules, data.gpu_energy * JOULES_PER_KWH, rel_tol=1e-6, abs_tol=1e-6):
            raise MeasurementError(f"codecarbon lost a GPU{self._reason()}")
        return task

    def _reason(self, error: Exception | None = None) -> str:
        text = str(error or "") or (self.warnings[-1] if self.warnings else "")
        return f": {' '.join(text.split())}" if text else ""


def other_codecarbon() -> Path | None:
    """Return the lock file of another codecarbon on this machine; `None` when there is none.

    codecarbon only writes it when configured to run alone. Two trackers that read the same counters do not disturb
    each other, but one that runs alone has a load of its own to measure.
    """
    from codecarbon.lock import LOCKFILE

    file = Path(LOCKFILE)
    return file if file.exists() else None


@contextlib.contextmanager
def _quick_cpu_name() -> Iterator[None]:
    """Let codecarbon get the processor's name from /proc/cpuinfo, where that has it.

    It uses the package cpuinfo, which detects much more and takes a second.
    """
    # The line that cpuinfo uses on Linux on x86.
    match = re.search(r"^model name\s*:\s*(\S.*?)\s*$", proc_cpuinfo(), re.MULTILINE)
    if match is None:
        yield
        return
    import cpuinfo

    original, cpuinfo.get_cpu_info = cpuinfo.get_cpu_info, lambda: {"brand_raw": match[1]}
    try:
        yield
    finally:
        cpuinfo.get_cpu_info = original
