"""Profile ONNX models by operator type, and read what a model consists of."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from pydantic import Field

from energygate.document import DocumentPart, Finite
from energygate.errors import MeasurementError
from energygate.workloads.model_files import read_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from energygate.workloads.serving import Serving

PROFILE_NS = 150_000_000
"""Maximum time to profile each side."""

MAX_CALLS = 1 << 10
"""The shares of operators settle within some hundred calls, and each profiled call of a fast model has to be written
and read again: without a bound, that took longer than the measurement."""

ROUNDS = 2
"""Each side is profiled twice, in the order ABBA, so that drift cancels."""

KEPT_SHARE = 0.8
"""The longest fifth of each node's durations is dropped: on a shared machine those are interruptions, not work."""

MIN_SHARE = 0.01
"""Operators that changed by less than this share of base's time are not reported."""


class OperatorResult(DocumentPart):
    """What one type of operator adds to head's time, as a fraction of base's operator time."""

    operator: str
    base_share: Finite = Field(description="Its share of base's operator time.")
    contribution: Finite = Field(description="What it adds; all contributions sum up to the change.")
    is_new: bool
    is_gone: bool


class ModelResult(DocumentPart):
    """What the model of one side is made of."""

    nodes: int
    parameters: int
    opset: int


def model_result(path: Path, *, label: str) -> ModelResult:
    """Read what a model consists of from its file; external data stays unread.

    Raises:
        MeasurementError: When the file is not an ONNX model.
    """
    model = read_model(path, label=label)
    return ModelResult(
        nodes=len(model.graph.node),
        parameters=sum(math.prod(tensor.dims) for tensor in model.graph.initializer),
        opset=max((one.version for one in model.opset_import if one.domain in {"", "ai.onnx"}), default=0),
    )


def operator_changes(base: Serving, head: Serving, cpus: tuple[int, ...]) -> tuple[OperatorResult, ...]:
    """Profile both sides with onnxruntime's profiler, outside the measurement; the largest contribution comes first.

    Raises:
        MeasurementError: When a worker fails, or the profile is unreadable.
    """
    totals: dict[str, Counter[str]] = {base.side.name: Counter(), head.side.name: Counter()}
    for turn in range(ROUNDS):
        for serving in (base, head) if turn % 2 == 0 else (head, base):
            totals[serving.side.name].update(_profiled(serving, cpus))
    return changes_by_operator(totals[base.side.name], totals[head.side.name])


def changes_by_operator(base: Mapping[str, float], head: Mapping[str, float]) -> tuple[OperatorResult, ...]:
    """Compare time per request by operator type; return those that changed by at least `MIN_SHARE` of base's time.

    Args:
        base: Time per request by operator type, in any unit.
        head: The same for head.
    """
    whole = sum(base.values())
    if not whole:
        return ()
    changes = [
        OperatorResult(
            operator=name,
            base_share=base.get(name, 0) / whole,
            contribution=(head.get(name, 0) - base.get(name, 0)) / whole,
            is_new=name not in base,
            is_gone=name not in head,
        )
        for name in {**base, **head}
    ]
    moved = [change for change in changes if abs(change.contribution) >= MIN_SHARE]
    return tuple(sorted(moved, key=lambda change: -abs(change.contribution)))


def _profiled(serving: Serving, cpus: tuple[int, ...]) -> Counter[str]:
    """Return microseconds per call by operator type."""
    with serving.open(cpus, profile=serving.scratch / f"profile-{serving.side.name}") as ready:
        calls, served = 1, ready.worker.run(1)
        total = 1
        while served.wall_ns < PROFILE_NS / 2 and total + 2 * calls <= MAX_CALLS:
            calls *= 2
            served = ready.worker.run(calls)
            total += calls
        path = ready.worker.end_profile()
        ready.worker.shut_down()
    try:
        events = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MeasurementError(f"cannot read onnxruntime's profile: {error}", where=serving.label) from None
    return time_by_operator(events, calls=total)


def time_by_operator(events: Iterable[Mapping[str, Any]], *, calls: int) -> Counter[str]:
    """Return microseconds per call by operator type, from the events of a profile.

    A trimmed mean, because a median would not do: onnxruntime writes whole microseconds.
    """
    durations: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in events:
        operator = event.get("args", {}).get("op_name")
        if operator and event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            durations[operator, event["name"]].append(event["dur"])
    times: Counter[str] = Counter()
    for (operator, _), found in durations.items():
        kept = sorted(found)[: math.ceil(len(found) * KEPT_SHARE)]
        times[operator] += sum(kept) / len(kept) * len(found) / calls  # type: ignore[assignment]  # floats count too
    return times
