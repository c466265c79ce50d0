"""What is said to a worker, and what it answers, as values."""

from __future__ import annotations

import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from energygate.workloads.energygate_worker.windows import pack_integers, unpack_integers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ACTIVITIES = {
    "load": "loading",
    "modules": "naming its modules",
    "bind": "reading its inputs",
    "run": "serving requests",
    "answer": "collecting answers",
    "outputs": "collecting answers",
    "end_profile": "writing its profile",
    "shut_down": "shutting down",
}
"""What a worker does on each command, in words."""

LARGEST = 1 << 63
"""No count of bytes or requests reaches it; a worker that says so is not to be believed."""


@dataclass(frozen=True, kw_only=True)
class WorkerStart:
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

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> Tensor:
        """One of those that a worker lists."""
        return cls(name=node["name"], type=node["type"], shape=tuple(node["shape"]))


@dataclass(frozen=True, kw_only=True)
class LoadReply:
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

    @classmethod
    def of(cls, reply: Mapping[str, Any], *, wall_ns: int) -> LoadReply:
        """What a worker answers to `load`."""
        inputs = reply["inputs"]
        return cls(
            inputs=None if inputs is None else tuple(map(Tensor.of, inputs)),
            versions=reply["versions"],
            origin=reply["origin"],
            wall_ns=wall_ns,
            cpu_ns=reply["cpu_ns"],
            requests_per_call=reply["requests"],
        )


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
        return {"offsets_ns": pack_integers(self.offsets_ns), "span_ns": self.span_ns}


@dataclass(frozen=True, kw_only=True)
class ServedWindow:
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
    def of(cls, reply: Mapping[str, Any]) -> ServedWindow:
        """What a worker answers to `run`."""
        return cls(
            wall_ns=reply["wall_ns"],
            cpu_ns=reply["cpu_ns"],
            latencies_ns=unpack_integers(reply["latencies_ns"]),
            failed=tuple(reply["failed"]),
            first_failure=reply["first_failure"],
            units=reply.get("units"),
            first_piece_latencies_ns=unpack_integers(reply.get("first_piece_latencies_ns", "")),
        )


@dataclass(frozen=True, kw_only=True)
class Payloads:
    """How many bytes the requests of a workload are, and what they are answered.

    Attributes:
        request_bytes: Mean payload of the requests of one call: the body of an HTTP request, a model's or callable's
            arrays. `None` where nothing says what a call takes.
        response_bytes: Mean payload of what one call is answered: a body once decoded, output arrays, what a callable
            returns. `None` where one answer has no known size, or none was answered.
        egress_bytes: Mean bytes that leave the machine for one call: all of an HTTP response as it is on the wire,
            else `response_bytes`. `None` likewise.
    """

    request_bytes: float | None
    response_bytes: float | None
    egress_bytes: float | None

    @classmethod
    def of(cls, reply: Mapping[str, Any]) -> Payloads:
        """What a worker answers to `answer`.

        Raises:
            ValueError: When a number is none of bytes: the code under test lives in the worker, too.
        """
        requests, answered = (_whole(reply, name) for name in ("requests", "answered"))
        if answered > requests:
            raise ValueError(f"{answered} of {requests} requests were answered")

        def mean(name: str, count: int) -> float | None:
            return None if reply.get(name) is None or count == 0 else _whole(reply, name) / count

        return cls(
            request_bytes=mean("request_bytes", requests),
            response_bytes=mean("response_bytes", answered),
            egress_bytes=mean("egress_bytes", answered),
        )

    def of_each(self, requests_per_call: int) -> Payloads:
        """The same for one of the requests that a call serves."""

        def share(size: float | None) -> float | None:
            return None if size is None else size / requests_per_call

        return Payloads(
            request_bytes=share(self.request_bytes),
            response_bytes=share(self.response_bytes),
            egress_bytes=share(self.egress_bytes),
        )


UNKNOWN_PAYLOADS = Payloads(request_bytes=None, response_bytes=None, egress_bytes=None)
"""Where nothing was answered."""


def _whole(reply: Mapping[str, Any], name: str) -> int:
    """A whole number from 0 up that any machine could have counted."""
    value = reply.get(name)
    if type(value) is not int or not 0 <= value < LARGEST:
        raise ValueError(f"{name} is {str(value)[:20]!r}")
    return value
