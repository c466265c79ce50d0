"""Write docs/accuracy.md: what the scripts here print, with a sentence above each table.

    uv run python bench/tables.py

The tables come from the recorded launches in bench/traces (record.py makes them) and from simulation, so they are
the same every time: a change to the decision rule shows in them within a minute.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

import detection
import estimators
import false_alarms
import replay
import stopping

if TYPE_CHECKING:
    from types import ModuleType

ACCURACY = Path(__file__).parent.parent / "docs" / "accuracy.md"

BEGINNING = """\
# How accurate a verdict is

Written by `bench/tables.py`; do not edit. Each table is printed by the script named above it.

The launches are real ones, recorded by the engine of `check --base` (`bench/record.py`, `bench/traces`). Both sides
run the same code; head's requests do 100, 102 or 105 units of work where base's do 100, so the truth is known. "Noisy"
means next to a process that computes and sleeps in random bursts of up to 1.5 s. The machine is a virtual one with two
shared CPUs and was in use while the traces were recorded, the "quiet" ones too. A verdict is *live* when it is made on
consecutive launches, and *replayed* when they are drawn in random order; the tables count both.
"""

BESIDE = """\
The same launches, judged by the rules of other tools. A good rule is near 0 % on the left and near 100 % on the
right. At +2 %, which is energygate's limit here, an alarm is neither right nor wrong: it should be rare.\
"""

PARTS: tuple[tuple[str, ModuleType, str], ...] = (
    (
        "False alarms",
        false_alarms,
        "Nothing changed. Every `fail` here is a false alarm, the reason why people switch gates off.",
    ),
    (
        "Real changes",
        detection,
        "`measured` is the mean change of the launches; `median` the median time to a verdict.",
    ),
    (
        "Compared with the rules of other tools",
        replay,
        BESIDE,
    ),
    (
        "One number per launch",
        estimators,
        (
            "A launch's number is the median of its blocks, which bursts of other processes hardly affect. What a few "
            "expensive\nrequests add to the sum over a launch is judged separately, with a wider interval."
        ),
    ),
    (
        "The rule itself",
        stopping,
        "Simulated. The rule assumes normal noise; the last lines show its error with other noise.",
    ),
)


def printed(module: ModuleType) -> str:
    """What a script prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        module.main()
    return out.getvalue().strip("\n")


def main() -> None:
    """Write the page."""
    parts = [BEGINNING]
    for title, module, sentence in PARTS:
        parts.append(f"## {title}\n\n{sentence}\n\n`uv run python bench/{module.__name__}.py`\n")
        parts.append(f"```text\n{printed(module)}\n```\n")
    ACCURACY.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
