"""The six verdicts, which of several weighs most, and the exit code each leads to."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Verdict(str, Enum):
    """What the gate says, lightest first."""

    PASS = "pass"  # noqa: S105 - not a password
    """Shown to be within the budget."""

    WAIVED = "waived"
    """Shown to be over the budget, and a waiver in the policy accepts it for now."""

    WARN = "warn"
    """Shown to be over a budget whose level is `warn`."""

    INCONCLUSIVE = "inconclusive"
    """Neither shown within the time limit."""

    FAIL = "fail"
    """Shown to be over the budget."""

    ERROR = "error"
    """No valid number: nothing was judged."""


_WEIGHT = {verdict: weight for weight, verdict in enumerate(Verdict)}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Give the heaviest verdict, `pass` of none. An error outweighs a failure: the picture is incomplete."""
    return max(verdicts, key=_WEIGHT.__getitem__, default=Verdict.PASS)


def exit_code(verdict: Verdict, *, strict: bool) -> int:
    """Give the exit code: 0, 1 over budget, 3 measurement invalid, 4 inconclusive under `strict`."""
    if verdict is Verdict.ERROR:
        return 3
    if verdict is Verdict.FAIL:
        return 1
    if verdict is Verdict.INCONCLUSIVE and strict:
        return 4
    return 0
