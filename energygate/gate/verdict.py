"""The six verdicts, the worst of several, and their exit codes."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Verdict(str, Enum):
    """A verdict of the gate, least severe first."""

    PASS = "pass"  # noqa: S105 - not a password
    """Shown to be within the budget."""

    WAIVED = "waived"
    """Shown to be over the budget, which a waiver in the policy accepts for now."""

    WARN = "warn"
    """Shown to be over a budget whose level is `warn`."""

    INCONCLUSIVE = "inconclusive"
    """Neither was shown within the time limit."""

    FAIL = "fail"
    """Shown to be over the budget."""

    ERROR = "error"
    """No valid number: nothing was judged."""


_SEVERITY = {verdict: severity for severity, verdict in enumerate(Verdict)}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the most severe verdict, `pass` of none. An error is worse than a failure: the result is incomplete."""
    return max(verdicts, key=_SEVERITY.__getitem__, default=Verdict.PASS)


def exit_code(verdict: Verdict, *, strict: bool) -> int:
    """Return the exit code: 0, 1 over budget, 3 measurement invalid, 4 inconclusive under `strict`."""
    if verdict is Verdict.ERROR:
        return 3
    if verdict is Verdict.FAIL:
        return 1
    if verdict is Verdict.INCONCLUSIVE and strict:
        return 4
    return 0
