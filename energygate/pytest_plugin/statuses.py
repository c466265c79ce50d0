"""Letters and words for tests whose energy is the news, and the text of an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from energygate.errors import EnergygateError

_WORDS = {
    "inconclusive": ("?", "INCONCLUSIVE"),
    "warn": ("w", "OVER BUDGET, WARNED"),
    "waived": ("w", "OVER BUDGET, WAIVED"),
}


def status(report: pytest.TestReport, told: Mapping[str, object]) -> tuple[str, str, object] | None:
    """What pytest counts a test as, its letter, and its word with its colour; `None` for its usual ones."""
    if report.failed and told["broke"]:
        word = "OVER BUDGET" if told["verdict"] == "fail" else "INCONCLUSIVE"
        return "failed", "J", (word, {"red": True})
    if report.outcome == "passed" and told["verdict"] in _WORDS and not hasattr(report, "wasxfail"):
        letter, word = _WORDS[str(told["verdict"])]
        return "passed", letter, (word, {"yellow": True})
    return None


def trouble_text(error: EnergygateError) -> str:
    """Why there is no number, with a process's last words."""
    lines = [f"not measured: {error}"]
    if error.detail:
        from energygate.report.phrases import detail_lines

        lines += [f"  | {line}" for line in detail_lines(error.detail)]
    return "\n".join(lines)
