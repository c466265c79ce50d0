"""What is said to a worker, and what it answers, as values."""

from __future__ import annotations

import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from energygate.workloads.energygate_worker.loads import packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Start:
    """How a worker process is started.

    Attributes:
        label: What error messages call it, such as `workload 'digits-cnn'`.
        python: The interpreter to run it with: the environment under test.
        directory: Its working directory: the checkout under test.
        cpus: The CPUs it is pinned to; empty where affinity cannot be set.
        threads: How many threads numerical libraries may use.
    """

    label: str
    python: str
    directory: Path
    cpus: tuple[int, ...]
    threads: int


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One input or output of a model: its name, onnxruntime's type name, and dimensions (names or sizes)."""

    name: str
    type: str
    shape: tuple[int | str | None, ...]


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What a worker says once its workload is ready to serve.

    Attributes:
        inputs: The model's inputs; `None` for anything else.
        versions: Versions of the interpreter and of the libraries that were loaded.
        origin: The file that a Python callable's module was imported from; of a test, one that is the other side's.
            `None` where there is none.
        wall_ns: Time from starting the process until it was ready.
        cpu_ns: CPU time of the process over the same span.
        requests_per_call: How many requests a call serves, where that is the workload's own to say.
    """

    inputs: tuple[Tensor, ...] | None
    versions: Mapping[str, str]
    origin: str | None
    wall_ns: int
    cpu_ns: int
    requests_per_call: int = 1


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """When the calls of a window arrive, whether or not those before them are answered.

    Attributes:
        offsets_ns: Time from the window's beginning until each arrives, ascending.
        span_ns: Length of the window; it ends later when its last call is answered later.
    """

    offsets_ns: array.array[int]
    span_ns: int

    def as_json(self) -> dict[str, Any]:
        """The same as the worker reads it."""
        return {"offsets_ns": packed(self.offsets_ns), "span_ns": self.span_ns}


@dataclass(frozen=True, kw_only=True)
class Served:
    """One window of calls.

    Attributes:
        wall_ns: From before the first call until after the last; with arrivals, gaps before and after included.
        cpu_ns: CPU time of the worker, its threads and its children over the window.
        latencies_ns: Time of every call, in order; with arrivals, from its arrival on.
        failed: Positions of the calls that raised.
        first_failure: The first failure as a sentence; `None` when all calls were served.
        units: What the calls yielded, such as tokens; `None` where that is not counted.
        first_piece_latencies_ns: The same time until the first piece of every answer that was streamed.
    """

    wall_ns: int
    cpu_ns: int
    latencies_ns: array.array[int]
    failed: tuple[int, ...]
    first_failure: str | None
    units: float | None = None
    first_piece_latencies_ns: array.array[int] = field(default_factory=lambda: array.array("q"))

    @classmethod
    def of(cls, reply: Mapping[str, Any]) -> Served:
        """What a worker answers to `run`."""
        return cls(
            wall_ns=reply["wall_ns"],
            cpu_ns=reply["cpu_ns"],
            latencies_ns=unpacked(reply["latencies_ns"]),
            failed=tuple(reply["failed"]),
            first_failure=reply["first_failure"],
            units=reply.get("units"),
            first_piece_latencies_ns=unpacked(reply.get("first_piece_latencies_ns", "")),
        )
