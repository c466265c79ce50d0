"""Recorded launches, small enough to commit: the time of every launch's windows on both sides."""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

TRACES = Path(__file__).parent / "traces"
CONSTANTS_FROM = ("first", "second")
"""The occasions that the constants of the decision rule were chosen on; the others judge them."""


@dataclass(frozen=True, kw_only=True)
class RecordedLaunch:
    """One launch.

    Attributes:
        seconds: How long it took in all.
        request_seconds: How much of that was spent in requests, warm-up included.
        base_cpu: CPU time of each of base's windows, in microseconds.
        head_cpu: The same for head.
        base_wall: Wall time of each of base's windows, in microseconds.
        head_wall: The same for head.
        p95: p95 of the latency of base and head, in microseconds; empty in older recordings.
        cold_start: Cold start of base and head, in milliseconds; empty in older recordings.
        peak_memory: Peak memory of base and head, in KiB; empty in older recordings.
    """

    seconds: float
    request_seconds: float
    base_cpu: list[int]
    head_cpu: list[int]
    base_wall: list[int]
    head_wall: list[int]
    p95: list[int] = field(default_factory=list)
    cold_start: list[int] = field(default_factory=list)
    peak_memory: list[int] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Consecutive launches of one comparison.

    Attributes:
        size: The workload (a key of `scaled_work.SIZES`).
        units: Head's units of work, where base does 100.
        neighbour: Whether a bursty process competed for the CPUs.
        machine: The machine, in words.
        recorded: The date.
        calls: Calls per window.
        launches: In the order they were measured.
    """

    size: str
    units: int
    neighbour: bool
    machine: str
    recorded: str
    calls: int
    launches: list[RecordedLaunch]

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.size}-{self.units}-{'noisy' if self.neighbour else 'quiet'}"

    @property
    def threads(self) -> int:
        """Threads of the workload."""
        return 2 if self.size == "two_threads" else 1

    def save(self, directory: Path) -> None:
        """Write the trace, reproducibly (no time stamp in the archive)."""
        directory.mkdir(parents=True, exist_ok=True)
        with (
            (directory / f"{self.name}.json.gz").open("wb") as file,
            gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as out,
        ):
            out.write(json.dumps(asdict(self), separators=(",", ":")).encode())


def occasions() -> dict[str, list[Trace]]:
    """All recorded traces by the occasion they were recorded on, in order."""
    return {path.name: _load(path) for path in sorted(TRACES.iterdir()) if path.is_dir()}


def by_use() -> dict[str, list[Trace]]:
    """The same in two groups: traces that constants were chosen on, and others, if there are any."""
    everything = occasions()
    groups = {
        f"{' and '.join(CONSTANTS_FROM)} occasion": [one for name in CONSTANTS_FROM for one in everything.pop(name)],
        f"{' and '.join(everything)} occasion, which no constant was chosen on": [
            one for traces in everything.values() for one in traces
        ],
    }
    return {name: traces for name, traces in groups.items() if traces}


def _load(directory: Path) -> list[Trace]:
    traces = []
    for path in sorted(directory.glob("*.json.gz")):
        fields = json.loads(gzip.decompress(path.read_bytes()))
        launches = [RecordedLaunch(**launch) for launch in fields.pop("launches")]
        traces.append(Trace(launches=launches, **fields))
    return traces
