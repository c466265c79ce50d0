"""Profile ONNX models by operator type, and read what a model consists of."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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


@dataclass(frozen=True, kw_only=True)
class OperatorChange:
    """The contribution of one operator type to the change.

    Attributes:
        operator: The operator's type, such as `Conv`.
        base_share: Its share of base's operator time; 0 if base does not have it.
        contribution: Its change in time, as a share of base's operator time; the contributions of all types add up
            to the total change.
        is_new: Whether base lacks this operator.
        is_gone: Whether head lacks it.
    """

    operator: str
    base_share: float
    contribution: float
    is_new: bool
    is_gone: bool


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """The size of a model.

    Attributes:
        nodes: Number of nodes in the main graph.
        parameters: Number of values in its initialisers.
        opset: Version of the standard operator set.
    """

    nodes: int
    parameters: int
    opset: int


def model_facts(path: Path, *, label: str) -> ModelFacts:
    """Read the facts from a model's file; external data stays unread.

    Raises:
        MeasurementError: When the file is not an ONNX model.
    """
    model = read_model(path, label=label)
    return ModelFacts(
        nodes=len(model.graph.node),
        parameters=sum(math.prod(tensor.dims) for tensor in model.graph.initializer),
        opset=max((one.version for one in model.opset_import if one.domain in {"", "ai.onnx"}), default=0),
    )


def operator_changes(base: Serving, head: Serving, cpus: tuple[int, ...]) -> tuple[OperatorChange, ...]:
    """Profile both sides with onnxruntime's profiler, outside the measurement; the largest contribution comes first.

    Raises:
        MeasurementError: When a worker fails, or the profile is unreadable.
    """
    totals: dict[str, Counter[str]] = {base.side.name: Counter(), head.side.name: Counter()}
    for turn in range(ROUNDS):
        for serving in (base, head) if turn % 2 == 0 else (head, base):
            totals[serving.side.name].update(_profiled(serving, cpus))
    return changes_by_operator(totals[base.side.name], totals[head.side.name])


def changes_by_operator(base: Mapping[str, float], head: Mapping[str, float]) -> tuple[OperatorChange, ...]:
    """Compare time per request by operator type; return those that changed by at least `MIN_SHARE` of base's time.

    Args:
        base: Time per request by operator type, in any unit.
        head: The same for head.
    """
    whole = sum(base.values())
    if not whole:
        return ()
    changes = [
        OperatorChange(
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
