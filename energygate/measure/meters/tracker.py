"""codecarbon, held by the hand: every knob explicit, no network, no files, no log lines, PUE left to us.

Configuration files and `CODECARBON_*` variables would win over codecarbon's defaults, so no knob is left to a
default; explicit arguments win over both.
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
"""codecarbon's CPU modes that read a hardware energy counter, and the counter's name."""

MAX_WARNINGS = 50
"""A bound on memory."""


class _Ears(logging.Filter):
    """Keeps codecarbon's log lines from the user, and its warnings for the trackers at work.

    There is one for the process, because the first filter that refuses a line ends its way.
    """

    def __init__(self) -> None:
        super().__init__()
        self.listening: list[list[str]] = []

    def filter(self, record: logging.LogRecord) -> bool:
        for warnings in self.listening:
            if record.levelno >= logging.WARNING and len(warnings) < MAX_WARNINGS:
                warnings.append(record.getMessage())
        return not self.listening  # what another tracker says while ours rest is not ours to hide

    def forget(self, warnings: list[str]) -> None:
        """Listen for this tracker no more."""
        self.listening[:] = [one for one in self.listening if one is not warnings]


_EARS = _Ears()
_OF_HARDWARE: list[str] = []
"""What codecarbon warned of when it looked at the hardware: it looks once a process, and later trackers rely on it."""


@contextlib.contextmanager
def quiet(warnings: list[str]) -> Iterator[None]:
    """Keep codecarbon's log lines from the user while this lasts, and collect its warnings."""
    logger = logging.getLogger("codecarbon")
    logger.addFilter(_EARS)
    logger.propagate = False
    _EARS.listening.append(warnings)
    try:
        yield
    finally:
        _EARS.forget(warnings)


@dataclass(frozen=True, kw_only=True)
class GpuEnergy:
    """What codecarbon says one GPU took.

    Attributes:
        index: Its index among all GPUs of the machine.
        energy_joules: Energy of the task.
        counted: Whether its energy counter said so; otherwise codecarbon asked for its power once a second.
    """

    index: int
    energy_joules: float
    counted: bool


@dataclass(frozen=True, kw_only=True)
class TaskEnergy:
    """What codecarbon says a task took.

    Attributes:
        cpu_joules: The processor, by counter or by codecarbon's own model.
        ram_joules: Memory: a constant power by its size, whatever is done.
        gpus: Each GPU that was asked for.
    """

    cpu_joules: float
    ram_joules: float
    gpus: tuple[GpuEnergy, ...]

    @property
    def gpu_joules(self) -> float:
        """All GPUs together."""
        return math.fsum(gpu.energy_joules for gpu in self.gpus)


class Tracker:
    """One codecarbon tracker in task mode.

    Args:
        gpu_ids: The GPUs to read, by their index among all GPUs of the machine; no others are.

    Attributes:
        version: codecarbon's version.
        cpu_mode: How it reads the CPU: a key of `COUNTER_MODES`, or the name of one of its models.
        ram_watts: The constant that it takes for memory.
        warnings: What it warned of, in its own words.
    """

    def __init__(self, *, gpu_ids: Sequence[int] = ()) -> None:
        require("measure", purpose="measuring")
        self.warnings: list[str] = list(_OF_HARDWARE)
        self._open = False
        with quiet(self.warnings), _quick_cpu_name():
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
                allow_multiple_runs=True,  # otherwise it writes a lock file and takes over SIGINT and SIGTERM
                rapl_include_dram=False,  # it would count memory as CPU; energygate reads that counter itself
                rapl_prefer_psys=False,
                metadata=None,
            )
            self.version: str = __version__
            try:
                # The first task looks at the hardware, which takes long: never inside a window.
                self._tracker.start_task("window")
                self._tracker.stop_task("window")
            except Exception as error:  # noqa: BLE001 - it swallows errors of its construction, to stumble later
                raise MeasurementError(f"codecarbon could not be started{self._last_words(error)}") from None
        self._tracker._tasks.clear()  # noqa: SLF001 - it keeps every finished task for ever
        _OF_HARDWARE.extend(one for one in self.warnings if one not in _OF_HARDWARE)
        hardware: list[Any] = self._tracker._hardware  # noqa: SLF001 - its results do not say which method made them
        if not gpu_ids:
            # It takes no ids for all ids where another tracker of this process has all.
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
        """The RAPL counters that it adds up; empty in any other mode."""
        if self.cpu_mode != "intel_rapl" or self._counter is None:
            return ()
        mirrored = self._counter._mirrored_candidates  # noqa: SLF001 - as above
        files = self._counter._rapl_files  # noqa: SLF001 - as above
        return tuple(Path(file.path) for file in files if file.path not in mirrored)

    def begin(self) -> None:
        """Start a task."""
        _EARS.listening.append(self.warnings)
        self._open = True
        try:
            self._tracker.start_task("window")
        except Exception as error:  # noqa: BLE001 - another's code, which asks drivers
            self.cancel()
            raise MeasurementError(
                f"codecarbon could not begin a measurement{self._last_words(error)}"
            ) from None

    def cancel(self) -> None:
        """End the task, if one is open, and forget it: left open, it would swallow the next one."""
        if self._open:
            with contextlib.suppress(MeasurementError):  # what made the window worthless matters more
                self.end()

    def end(self) -> TaskEnergy:
        """End the task.

        Raises:
            MeasurementError: When codecarbon lost the task, or a GPU; it swallows its own errors.
        """
        self._open = False
        try:
            data = self._tracker.stop_task("window")
        except Exception as error:  # noqa: BLE001 - the same
            raise MeasurementError(
                f"codecarbon could not end a measurement{self._last_words(error)}"
            ) from None
        finally:
            _EARS.forget(self.warnings)
        self._tracker._tasks.clear()  # noqa: SLF001 - as above
        if data is None:
            raise MeasurementError(f"codecarbon lost a measurement{self._last_words()}")
        account = TaskEnergy(
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
        # On any trouble with one GPU it says 0 J for all, and warns of it where nobody looks.
        if not math.isclose(account.gpu_joules, data.gpu_energy * JOULES_PER_KWH, rel_tol=1e-6, abs_tol=1e-6):
            raise MeasurementError(f"codecarbon lost a GPU{self._last_words()}")
        return account

    def _last_words(self, error: Exception | None = None) -> str:
        words = str(error or "") or (self.warnings[-1] if self.warnings else "")
        return f": {' '.join(words.split())}" if words else ""


def other_codecarbon() -> Path | None:
    """The lock of another codecarbon that wants to be the only one on this machine; `None` when there is none.

    It keeps others out only when told to, and then writes that file. Two that merely read the same counters do not
    disturb each other; what counts is that one which wants to be alone has something of its own to measure.
    """
    from codecarbon.lock import LOCKFILE

    file = Path(LOCKFILE)
    return file if file.exists() else None


@contextlib.contextmanager
def _quick_cpu_name() -> Iterator[None]:
    """Answer codecarbon's question for the processor's name from the system's own file, as far as that has it.

    It asks the package cpuinfo, which finds out much else as well and takes a second for it.
    """
    # The line that cpuinfo answers with on Linux on x86.
    found = re.search(r"^model name\s*:\s*(\S.*?)\s*$", proc_cpuinfo(), re.MULTILINE)
    if found is None:
        yield
        return
    import cpuinfo

    asked, cpuinfo.get_cpu_info = cpuinfo.get_cpu_info, lambda: {"brand_raw": found[1]}
    try:
        yield
    finally:
        cpuinfo.get_cpu_info = asked
