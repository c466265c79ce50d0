"""Whether base and head answer the same: a saving bought with other answers is no saving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from energygate.errors import MeasurementError

if TYPE_CHECKING:
    import numpy as np

    from energygate.workloads.answers import Answers

RELATIVE_TOLERANCE = 1e-3
ABSOLUTE_TOLERANCE = 1e-5
"""Values agree within these: what reordered float32 sums of a deep model differ by, with room to spare."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far the answers of both sides agree.

    Attributes:
        share: Share of answers that agree.
        compared: How many answers were compared: rows for classes, numbers for values.
        how: Whether the class with the highest score had to agree, or every value.
        largest_difference: Largest absolute difference between numbers; `None` without numbers.
    """

    share: float
    compared: int
    how: Literal["classes", "values"]
    largest_difference: float | None


def compare_answers(
    base: Answers, head: Answers, *, how: Literal["classes", "values"], label: str
) -> Agreement:
    """Compare the answers of both sides to the same requests.

    Args:
        base: Base's answers: one array per output, calls stacked first.
        head: Head's.
        how: `classes` compares the top class of the first output; `values` every value of every output.
        label: What error messages call the workload.

    Raises:
        MeasurementError: When outputs differ in name, number or shape: then nothing can be compared.
    """
    import numpy as np

    if list(base) != list(head):
        raise MeasurementError(
            f"base answers with {_listed(base)}, head with {_listed(head)}: their answers cannot be compared",
            where=label,
        )
    for name, values in base.items():
        if values.shape != head[name].shape:
            raise MeasurementError(
                f"output {name!r} has shape {list(values.shape)} at base and {list(head[name].shape)} at head",
                where=label,
            )
    pairs = [(base[name], head[name]) for name in base]
    numbers = [(b, h) for b, h in pairs if b.dtype.kind in "fiu" and h.dtype.kind in "fiu" and b.size]
    largest = max((_largest_difference(b, h) for b, h in numbers), default=None)
    if how == "classes":
        first_base, first_head = pairs[0]
        if first_base.dtype.kind == "f":
            first_base, first_head = first_base.argmax(axis=-1), first_head.argmax(axis=-1)
        agree = first_base == first_head
    else:
        agree = np.concatenate([_close(b, h).reshape(-1) for b, h in pairs])
    return Agreement(share=float(agree.mean()), compared=int(agree.size), how=how, largest_difference=largest)


def _close(base: np.ndarray[Any, Any], head: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    close: np.ndarray[Any, Any]
    if base.dtype.kind == "f" and head.dtype.kind == "f":
        wide = (base.astype(np.float64), head.astype(np.float64))
        close = np.isclose(*wide, rtol=RELATIVE_TOLERANCE, atol=ABSOLUTE_TOLERANCE, equal_nan=True)
    else:
        close = base == head
    return close


def _largest_difference(base: np.ndarray[Any, Any], head: np.ndarray[Any, Any]) -> float:
    import numpy as np

    difference = np.abs(base.astype(np.float64) - head.astype(np.float64))
    finite = difference[np.isfinite(difference)]
    return float(finite.max()) if finite.size else 0.0


def _listed(answers: Answers) -> str:
    return ", ".join(map(repr, answers))
