"""Write docs/accuracy.md: what the scripts here print, with a sentence above each table.

    uv run python bench/tables.py

The tables come from the recorded launches in bench/traces (record.py makes them) and from simulation, so they are
the same every time: a change to the decision rule shows in them within minutes.
"""

from __future__ import annotations

import contextlib
import io
import textwrap
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING

import detection
import estimators
import false_alarms
import live_verdicts
import more_time
import replay
import scatter
import stopping
import targets

from energygate.gate.estimates import ALPHA
from energygate.stats.confidence import FIRST_SHARE, MIN_LAUNCHES, half_width

if TYPE_CHECKING:
    from types import ModuleType

ACCURACY = Path(__file__).parent.parent / "docs" / "accuracy.md"

BEGINNING = """\
# How accurate a verdict is

Written by `bench/tables.py`; do not edit. Each table is printed by the script named above it.

The launches are real ones, recorded by the engine of `check --base` (`bench/record.py`, `bench/traces`). Both sides run
the same code; head's requests do 100, 102 or 105 units of work where base's do 100, so the truth is known. "Noisy"
means next to a process that computes and sleeps in random bursts of up to 1.5 s. The machines are virtual ones with two
shared CPUs and were in use while the traces were recorded, the "quiet" ones too. The third occasion is another machine,
with a processor of another vendor, and was busy with other work: launches took up to six times as long. No constant of
the rule was chosen on it. It also has workloads of other kinds: `python_code` parses and writes JSON, `python_loop`
adds numbers, `served` is `four_ms` behind an HTTP server, `tensorflow` needs seconds to import. A verdict is *live*
when it is made on consecutive launches, and *replayed* when they are drawn in random order; the tables count both. "One
of 12 limits" means that the policy has eleven more, with which a `fail` shares its error.
"""

TO_A_SCEPTIC = """\
One launch shows how large a change is, but not how far launches scatter; only from four on does their own scatter show.
The decision rule therefore has two parts, and each gets half of the error: 5 % of runs for `fail` and 5 % of limits for
`pass`, both at the worst place, a truth exactly at the limit.

**Launches 1 to 3 rest on an assumption**: they scatter like the launches that were recorded here, by number of blocks
and by threads ("What was recorded" below; `energygate/measure/scatter.py`). The assumption is not taken at its word:
the interval is that of Student's t with two degrees of freedom, as if three launches had shown the deviation and not
hundreds. After the first launch it reaches {one:.1f} deviations to each side where one limit is judged, and
{twelve:.0f} to the side that fails where it is one of twelve; for a known deviation it would be {known_one:.1f} and
{known_twelve:.1f}. It is never narrower than the scatter of the launch's own blocks allows. Only a `fail`, or an
interval that includes no change at all, ends a workload before the fourth launch.

**From launch 4 on, launches only have to be independent and roughly normal.** The interval comes from their own
scatter, whatever was recorded.

**Where the assumption is wrong**, the first three launches err more often. Up to three times the recorded scatter the
whole rule keeps its error, with normal noise, heavy tails, spikes and two modes. At four and six times it does not:
what is exactly at the limit then fails too often ("The rule itself"). A harmless change is far from the limit, and
noise has to cover that distance as well: on the third occasion launches scattered twice as much as assumed, in the
worst comparison nearly four times, and none failed. Noise within a launch widens the interval, since its blocks
disagree. What differs only between launches, such as memory layout, shows from the second launch on: their own scatter
widens the interval where it is more than three times what was recorded. The first launch has no such safeguard, and
that is the risk that remains. `energygate doctor` prints how far launches scatter on your machine.

**Sums, and one side alone, are the weak point.** The sum over a launch is judged in addition, at a tenth of the error,
so that a few expensive requests do not hide behind a median. What other programs do to a machine hides in a median, but
not in a sum, nor in one side's own value: on the third occasion these scattered five times as much as assumed. No
harmless change failed for it, but such a sum can hold back a `pass`.

**Where nothing was recorded, nothing is assumed**: p95, cold start, memory, requests at a rate and sides that alternate
by whole launches are judged from the fourth launch on.

Not recorded, but judged from the first launch on all the same: commands with the scatter of a callable, several clients
with that of several threads, energy counters with that of CPU time. For those only the blocks of a launch tell whether
it scatters more. (With the counter of a simulated GPU, launches scattered less than CPU time does: "Live verdicts".)\
"""

BESIDE = """\
The same launches, judged by the rules of other tools. A good rule is near 0 % on the left and near 100 % on the
right. At +2 %, which is energygate's limit here, an alarm is neither right nor wrong: it should be rare.\
"""

RECORDED = """\
All that the first three launches know. The columns named after occasions are the deviation of a launch's ln(head/base),
pooled over comparisons; `robust` is the same without outliers, `worst` the worst comparison, `blocks` what the blocks
of the launches say of it, `assumed` the constant of the rule. `relative` is the deviation in units of the larger of
`assumed` and what the launch's own blocks say: 1 where the assumption is true, and the rule keeps its error up to 3.

Rows of fewer blocks are the first blocks of launches, which scatter most. Nine blocks are the fewest of a launch whose
requests are long; launches of short requests have 30 and more, so their first nine scatter more than any launch that
ends there. "Alone" is one side without the other, for absolute limits: most of its scatter is the machine's speed
within a run. Between runs there is drift as well ([measuring.md](measuring.md)).\
"""

RULE = """\
Simulated, with the truth at the limit and noise that is larger, or other, than the rule assumes. The scatter of a
launch's own blocks, which widens intervals, is left out.\
"""

ALARMS = """\
Nothing changed. Every `fail` here is a false alarm, the reason why people switch gates off. The last two tables move
the launches to the limit, where at most 5 % may fail.\
"""

CHANGES = """\
`measured` is the mean change of the launches; `median` the median time to a verdict; `of 12` the share that fails where
the limit is one of twelve.\
"""

LIVE = """\
Whole runs of `check --base-dir` on what is slow to load, dear per request, on a GPU's counter, or many at once,
recorded on a machine of two shared CPUs, beside other work (`live_verdicts.py RUNS`). `measured` is the median time of
measuring, `in all` that of the command, which also collects both sides' answers; `scatter` is the deviation of
ln(head/base) of all launches. The GPU is a stand-in for NVIDIA's library: its counter moves ten times a second, and
each request takes a time with 1 % of noise. At the default time limit, 60 s, two launches fit there, which do not
decide such a change.\
"""

MORE_TIME = """\
Reports say about how much more time would decide an open limit. Here launches are drawn until the limit is decided, and
what was said on the way is divided by what it took.\
"""

PARTS: tuple[tuple[str, ModuleType, str], ...] = (
    ("Targets", targets, "How often a verdict is right, and how soon it comes, beside what it should be."),
    ("What was recorded", scatter, RECORDED),
    ("The rule itself", stopping, RULE),
    ("False alarms", false_alarms, ALARMS),
    ("Real changes", detection, CHANGES),
    ("Live verdicts", live_verdicts, LIVE),
    ("How long a decision would still take", more_time, MORE_TIME),
    ("Compared with the rules of other tools", replay, BESIDE),
    (
        "One number per launch",
        estimators,
        (
            "A launch's number is the median of its blocks, which bursts of other processes hardly affect. What a few "
            "expensive\nrequests add to the sum over a launch is judged separately, with a wider interval."
        ),
    ),
)


def to_a_sceptic() -> str:
    """The rule's assumptions, with the half-widths of a first launch."""
    one, twelve = (half_width(1, 0.0, alpha=ALPHA / limits, expected_sd=1.0) for limits in (1, 12))
    known_one, known_twelve = (
        NormalDist().inv_cdf(1 - ALPHA / 2 / limits * FIRST_SHARE / (MIN_LAUNCHES - 1)) for limits in (1, 12)
    )
    text = TO_A_SCEPTIC.format(one=one, twelve=twelve, known_one=known_one, known_twelve=known_twelve)
    return "\n\n".join(textwrap.fill(paragraph, 120) for paragraph in text.split("\n\n"))


def printed(module: ModuleType) -> str:
    """What a script prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        module.main()
    return out.getvalue().strip("\n")


def main() -> None:
    """Write the page."""
    parts = [BEGINNING, f"## What is assumed\n\n{to_a_sceptic()}\n"]
    for title, module, sentence in PARTS:
        parts.append(f"## {title}\n\n{sentence}\n\n`uv run python bench/{module.__name__}.py`\n")
        parts.append(f"```text\n{printed(module)}\n```\n")
    ACCURACY.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
