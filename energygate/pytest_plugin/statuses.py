"""Letters and words for tests whose energy is the news, and the text of an error."""

from __future__ import annotations

import re
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


def in_options(text: str) -> str:
    """A sentence of `energygate check` about its options, with this plugin's for them."""
    text = re.sub(r"[^.]* with another directory instead: --base-dir", " Measure without --energy-base", text)
    text = text.replace("compare two directories with --base-dir", "measure without --energy-base")
    text = text.replace("check without --base", "measure without --energy-base")
    return re.sub(r"(?<![\w-])--base(?![\w-])", "--energy-base", text)


def trouble_text(error: EnergygateError, *, place: str = "") -> str:
    """Why there is no number, with a process's last words.

    Args:
        error: What hindered measuring.
        place: What to know of where it was measured; empty where that is where the session runs.
    """
    text = re.sub(r"`measurement\.time_limit`(?= to \d)", "--energy-time", str(error))
    lines = [f"not measured: {text}"]
    if place:
        lines.append(f"  {place}")
    if error.detail:
        from energygate.report.phrases import detail_lines

        lines += [f"  | {line}" for line in detail_lines(error.detail)]
    return "\n".join(lines)
