"""The messages to a worker and its replies, as values."""

from __future__ import annotations

import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from energygate.text import quote
from energygate.workloads.energygate_worker.window_calls import pack_integers, unpack_integers

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
"""What a worker is doing during each command."""

MAX_COUNT = 1 << 63
"""Upper bound of byte and request counts; a worker that reports more is not credible."""


@dataclass(frozen=True, kw_only=True)
class WorkerStart:
    """How a worker process is started.

    Attributes:
        label: What error messages call it, such as `workload 'digits-cnn'`.
        python: Its interpreter: the environment under test.
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
        """Parse an entry of a worker's list."""
        return cls(name=node["name"], type=node["type"], shape=tuple(node["shape"]))


@dataclass(frozen=True, kw_only=True)
class LoadReply:
    """The reply to `load`: the workload is ready to serve.

    Attributes:
        inputs: The model's inputs; `None` for anything else.
        versions: Versions of the interpreter and of the libraries that were loaded.
        origin: The file of a Python callable's module; of a test, a file imported from the other side's checkout.
            `None` if there is none.
        wall_ns: Time from starting the process until it was ready.
        cpu_ns: CPU time of the process over the same span.
        requests_per_call: How many requests a call serves, where the workload itself decides that.
    """

    inputs: tuple[Tensor, ...] | None
    versions: Mapping[str, str]
    origin: str | None
    wall_ns: int
    cpu_ns: int
    requests_per_call: int = 1

    @classmethod
    def of(cls, reply: Mapping[str, Any], *, wall_ns: int) -> LoadReply:
        """Parse the reply to `load`."""
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
    """The arrival times of the calls of a window, independent of when earlier calls are answered.

    Attributes:
        offsets_ns: Times of arrival since the start of the window, ascending.
        span_ns: Length of the window; it ends later if its last call is answered later.
    """

    offsets_ns: array.array[int]
    span_ns: int

    def as_json(self) -> dict[str, Any]:
        """Encode for the worker."""
        return {"offsets_ns": pack_integers(self.offsets_ns), "span_ns": self.span_ns}


@dataclass(frozen=True, kw_only=True)
class ServedWindow:
    """One window of calls.

    Attributes:
        wall_ns: From before the first call until after the last; with arrivals, including the gaps before and after.
        cpu_ns: CPU time of the worker, its threads and its children over the window.
        latencies_ns: Latency of every call, in order; with arrivals, since its arrival.
        failed: Positions of the calls that raised.
        first_failure: A sentence about the first failure; `None` if every call succeeded.
        units: What the calls yielded, such as tokens; `None` if it is not counted.
        first_piece_latencies_ns: Time to the first piece of every streamed answer.
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
        """Parse the reply to `run`."""
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
    """Sizes of the requests of a workload and of their answers.

    Attributes:
        request_bytes: Mean payload of one call's requests: the body of an HTTP request, the arrays of a model or
            callable. `None` if it is unknown.
        response_bytes: Mean payload of one call's answer: a decoded body, output arrays, what a callable returns.
            `None` if an answer's size is unknown, or none was answered.
        egress_bytes: Mean bytes that leave the machine for one call: all of an HTTP response on the wire, else
            `response_bytes`. `None` likewise.
    """

    request_bytes: float | None
    response_bytes: float | None
    egress_bytes: float | None

    @classmethod
    def of(cls, reply: Mapping[str, Any]) -> Payloads:
        """Parse the reply to `answer`.

        Raises:
            ValueError: When a number cannot be a size: the code under test runs in the worker too.
        """
        requests, answered = (_count(reply, name) for name in ("requests", "answered"))
        if answered > requests:
            raise ValueError(f"{answered} of {requests} requests were answered")

        def mean(name: str, count: int) -> float | None:
            return None if reply.get(name) is None or count == 0 else _count(reply, name) / count

        return cls(
            request_bytes=mean("request_bytes", requests),
            response_bytes=mean("response_bytes", answered),
            egress_bytes=mean("egress_bytes", answered),
        )

    def per_request(self, requests_per_call: int) -> Payloads:
        """Return the sizes per request instead of per call."""

        def share(size: float | None) -> float | None:
            return None if size is None else size / requests_per_call

        return Payloads(
            request_bytes=share(self.request_bytes),
            response_bytes=share(self.response_bytes),
            egress_bytes=share(self.egress_bytes),
        )


UNKNOWN_PAYLOADS = Payloads(request_bytes=None, response_bytes=None, egress_bytes=None)
"""For workloads that have answered nothing."""


def _count(reply: Mapping[str, Any], name: str) -> int:
    """Return a credible count."""
    value = reply.get(name)
    if type(value) is not int or not 0 <= value < MAX_COUNT:
        raise ValueError(f"{name} is {quote(str(value), max_length=20)}")
    return value
