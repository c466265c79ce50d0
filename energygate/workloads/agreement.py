"""Compare the answers of base and head: a saving bought with different answers is no saving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from energygate.document import DocumentPart, Finite
from energygate.errors import MeasurementError
from energygate.text import quote

if TYPE_CHECKING:
    import numpy as np

    from energygate.workloads.answers import Answers

    Array = np.ndarray[Any, Any]

RELATIVE_TOLERANCE = 1e-3
ABSOLUTE_TOLERANCE = 1e-5
"""Values agree within these: more than the reordered float32 sums of a deep model differ by."""


class AgreementResult(DocumentPart):
    """Whether both sides answered the same requests alike."""

    share: Finite = Field(description="Share of the answers that agree, as a fraction.")
    compared: int = Field(description="How many answers were compared.")
    how: Literal["classes", "values"]
    largest_difference: Finite | None = Field(description="Largest difference between numbers; null without any.")


def compare_answers(base: Answers, head: Answers, *, how: Literal["classes", "values"], label: str) -> AgreementResult:
    """Compare the answers of both sides to the same requests.

    Args:
        base: Base's answers: one array per output, calls stacked first.
        head: Head's; its outputs may be in another order.
        how: `classes` compares the top class of base's first output; `values` every value of every output.
        label: What error messages call the workload.

    Raises:
        MeasurementError: When outputs differ in name, number or shape, or have no classes to compare.
    """
    import numpy as np

    if base.keys() != head.keys():
        raise MeasurementError(
            f"cannot compare answers: base returns {', '.join(map(quote, base))}, head {', '.join(map(quote, head))}",
            where=label,
        )
    for name, values in base.items():
        if values.shape != head[name].shape:
            raise MeasurementError(
                f"output {quote(name)} has shape {list(values.shape)} at base and {list(head[name].shape)} at head",
                where=label,
            )
    pairs = [(base[name], head[name]) for name in base]
    numbers = [(b, h) for b, h in pairs if _are_numbers(b, h) and b.size]
    largest = max((_largest_difference(b, h) for b, h in numbers), default=None)
    if how == "classes":
        agree = [_same_class(name, base[name], head[name], label) for name in list(base)[:1]]
    else:
        agree = [_close(b, h) for b, h in pairs]
    verdicts = np.concatenate([one.reshape(-1) for one in agree]) if agree else np.ones(0, bool)
    return AgreementResult(
        share=float(verdicts.mean()) if verdicts.size else 1.0,  # neither side answered anything
        compared=int(verdicts.size),  # rows of classes, or single values
        how=how,
        largest_difference=largest,
    )


def _are_numbers(base: Array, head: Array) -> bool:
    return base.dtype.kind in "fiu" and head.dtype.kind in "fiu"


def _same_class(name: str, base: Array, head: Array, label: str) -> Array:
    """Compare the top classes; anything but floats is a class already."""
    import numpy as np

    if "f" not in (base.dtype.kind, head.dtype.kind):
        return np.asarray(base == head)
    if base.ndim < 2 or base.shape[-1] < 2:  # noqa: PLR2004 - scores need classes to choose from
        raise MeasurementError(
            f"`answers: classes` needs class scores; output {quote(name)} is one float per request",
            where=label,
            hint="Compare every value instead: `answers: values`",
        )
    # NaN is not a score, yet argmax would return its position.
    none_base, none_head = np.isnan(base).any(axis=-1), np.isnan(head).any(axis=-1)
    same = base.argmax(axis=-1) == head.argmax(axis=-1)
    return np.where(none_base | none_head, none_base & none_head, same)


def _close(base: Array, head: Array) -> Array:
    import numpy as np

    if _are_numbers(base, head) and "f" in (base.dtype.kind, head.dtype.kind):
        wide = (base.astype(np.float64), head.astype(np.float64))
        with np.errstate(over="ignore"):  # a difference that overflows is no agreement
            return np.isclose(*wide, rtol=RELATIVE_TOLERANCE, atol=ABSOLUTE_TOLERANCE, equal_nan=True)
    return np.asarray(base == head)


def _largest_difference(base: Array, head: Array) -> float:
    import numpy as np

    numbers = np.isfinite(base) & np.isfinite(head)  # infinities, as in masked scores, have no difference
    if not numbers.any():
        return 0.0
    with np.errstate(over="ignore"):
        largest = np.abs(base[numbers].astype(np.float64) - head[numbers].astype(np.float64)).max()
    return float(min(largest, np.finfo(np.float64).max))
