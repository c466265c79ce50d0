"""The numbers, rows and short phrases that all reports share: one wording for console, comment and test."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.gate import Verdict
from energygate.policy import METRICS, RELATIVE, format_number, format_quantity, scale_for
from energygate.policy.units import unit_size, written_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from energygate.result.result import FindingResult, MetricResult, WorkloadResult
    from energygate.workloads.agreement import AgreementResult

MARKS = {
    Verdict.ERROR: "✗",
    Verdict.FAIL: "✗",
    Verdict.WARN: "!",
    Verdict.INCONCLUSIVE: "?",
    Verdict.WAIVED: "w",
    Verdict.PASS: "✓",
}
"""One character per verdict, which must differ without colour; first what a reader needs to see first."""

ORDER = tuple(MARKS)

MINUS = "\N{MINUS SIGN}"

LIMIT_WORDS = {"max": "max ", "min": "min ", "max_increase": "at most +", "max_decrease": f"at most {MINUS}"}

MANY_PERCENT = 100
"""From here on a change has no decimals."""

VAGUE = 10
"""An interval whose ends are this many times apart does not even say how large the number is."""

NOT_KNOWN = "not known yet"
"""In place of an interval that says nothing."""

FAR_APART = 1_000
"""Values so many times apart have a unit each."""

MIN_SHOWN, MAX_SHOWN = 0.01, 10_000
"""Between these a value reads well in the unit of its limit, or of the rows above it."""


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """A metric's numbers as text; base, head and head's interval share one unit, if all read well in it.

    Values have three digits: a reader who divides them gets the change to within one percent of base.

    Attributes:
        base: `1.92`, with a unit where it needs another than head; `None` where base was not measured.
        head: `2.57`.
        unit: `µWh`.
        head_interval: `2.36 to 2.78 µWh`; empty where head is exact, `None` where the interval says nothing yet.
        change: `+33.8 %`, for shares `+0.6 points`; empty where it is not known.
        change_interval: `+32.9 to +34.7 %`, or `up to +4.1 %` where only that end is known; empty where the change is
            exact or there is none, `None` where the interval says nothing yet.
    """

    base: str | None
    head: str
    unit: str
    head_interval: str | None
    change: str
    change_interval: str | None

    @property
    def value(self) -> str:
        """Head's value, behind base's where there is one: `1.92 → 2.57 µWh`."""
        before = "" if self.base is None else f"{self.base} → "
        return f"{before}{self.head} {self.unit}"

    def interval(self, kind: str) -> str | None:
        """Return the interval that a limit of this kind is judged by."""
        return self.change_interval if kind in RELATIVE else self.head_interval


def numbers(metric: MetricResult, *, scale: tuple[float, str] | None = None) -> Numbers:
    """Write a metric's numbers.

    Args:
        metric: The metric.
        scale: A factor and the unit that it leads to; chosen to suit the values by default.
    """
    base, change = metric.shown_base, metric.shown_change
    factor, unit = scale or scale_for(_values(metric), metric.unit)
    is_far = scale is None and base and metric.head and not 1 / FAR_APART < metric.head / base < FAR_APART
    if is_far:  # base and head each in a unit that suits it
        factor, unit = scale_for([metric.head], metric.unit)

    def write(value: float) -> str:
        return f"{value:,.0f}" if unit == "B" else format_number(value * factor)

    is_open = all(one.verdict is Verdict.INCONCLUSIVE for one in metric.findings)
    head_interval = _ends(metric.head_low, metric.head_high, write)
    if is_open and _is_vague(metric.head_low, metric.head_high):
        head_interval = None
    change_interval = "" if change is None else _ends(change.low, change.high, percent_number)
    is_open = (is_open or metric.differs_in_total) and not metric.shows_change  # verdicts rest on typical requests
    if change is not None and is_open and _is_vague(change.low, change.high, start=-1):
        change_interval = None
    return Numbers(
        base=None if base is None else format_quantity(base, metric.unit) if is_far else write(base),
        head=write(metric.head),
        unit=unit,
        head_interval=head_interval and f"{head_interval} {unit}",
        change=_change(metric),
        change_interval=change_interval and f"{change_interval} %",
    )


def _values(metric: MetricResult) -> list[float]:
    return [metric.head] if metric.shown_base is None else [metric.shown_base, metric.head]


def _ends(low: float | None, high: float | None, write: Callable[[float], str]) -> str | None:
    """Write an interval by the ends that are known; empty where it is a point."""
    if low is not None and high is not None:
        return "" if low == high else f"{write(low)} to {write(high)}"
    return f"from {write(low)}" if low is not None else None if high is None else f"up to {write(high)}"


def _is_vague(low: float | None, high: float | None, *, start: float = 0.0) -> bool:
    return high is None or low is None or high - start > VAGUE * (low - start)


def total_words(metric: MetricResult) -> str:
    """Say what typical requests did where a row shows the sums, which differ; empty elsewhere."""
    if metric.change is None or metric.total is None or not metric.differs_in_total:
        return ""
    weight = "more" if metric.total.estimate > metric.change.estimate else "less"
    typical, total = percent(metric.change.estimate), percent(metric.total.estimate)
    ends = _ends(metric.change.low, metric.change.high, percent_number)
    typical += f" ({ends} %)" if ends else ""
    return f"typical requests {typical}, all together {total}: a few expensive ones weigh {weight} than before"


def _change(metric: MetricResult) -> str:
    if metric.shown_base is not None and metric.unit == "ratio":
        points = round((metric.head - metric.shown_base) * 100, 9)
        size = f"{abs(points):.1f}" if abs(points) >= 1 / 20 else format_number(abs(points), digits=1)
        return f"{_sign(points)}{size} points" if points else "="
    return "" if metric.shown_change is None else percent(metric.shown_change.estimate)


def percent(change: float) -> str:
    """Write a relative change in percent with its sign, and as many digits as make sense: `+33.8 %`, `+0.24 %`."""
    return f"{percent_number(change)} %"


def percent_number(change: float, *, signed: bool = True) -> str:
    """Write the same without the unit: `+33.8`, or `33.8` without the sign."""
    size = abs(change) * 100
    digits = 0 if size >= MANY_PERCENT else 1 if size >= 1 else 2
    if round(size, digits) == 0:
        return "0"
    return f"{_sign(change) if signed else ''}{size:,.{digits}f}"


def _sign(change: float) -> str:
    return "+" if change > 0 else MINUS


@dataclass(frozen=True, kw_only=True)
class MetricRow:
    """One metric of one workload, as every table shows it.

    Attributes:
        workload: The workload's name.
        label: The metric's name for people.
        metric: The metric.
        numbers: Its numbers as text.
        findings: The verdict on each of its limits, most urgent first.
    """

    workload: str
    label: str
    metric: MetricResult
    numbers: Numbers
    findings: tuple[FindingResult, ...]

    @property
    def verdict(self) -> Verdict | None:
        """The most urgent verdict on its limits; `None` without a limit."""
        return self.findings[0].verdict if self.findings else None

    @property
    def is_pressing(self) -> bool:
        """Whether a reader must look at it."""
        return self.verdict not in {None, Verdict.PASS}

    @property
    def is_news(self) -> bool:
        """Whether it is pressing, or shown to change."""
        return self.is_pressing or self.metric.shows_change


def metric_rows(workloads: Iterable[WorkloadResult]) -> list[MetricRow]:
    """List the workloads' metrics that have limits, of those without any their energy; each metric in one unit."""
    shown = [(workload, name) for workload in workloads for name in _shown_metrics(workload)]
    alike: dict[str, list[MetricResult]] = {}
    for workload, name in shown:
        alike.setdefault(name, []).append(workload.metrics[name])
    scales = {name: common_scale(name, metrics) for name, metrics in alike.items()}
    return [
        MetricRow(
            workload=workload.name,
            label=label_of(name, workload),
            metric=(metric := workload.metrics[name]),
            numbers=numbers(metric, scale=scales[name] or common_scale(name, [metric], limited=alike[name])),
            findings=tuple(sorted(metric.findings, key=lambda one: urgency(one.verdict))),
        )
        for workload, name in shown
    ]


def _shown_metrics(workload: WorkloadResult) -> list[str]:
    limited = [name for name, metric in workload.metrics.items() if metric.findings]
    return limited or [name for name in ("energy_per_request",) if name in workload.metrics]


def common_scale(
    name: str, metrics: Sequence[MetricResult], *, limited: Sequence[MetricResult] = ()
) -> tuple[float, str] | None:
    """Return a factor and the unit that it leads to, in which all of these read well; `None` without one.

    That is the unit of a limit on these, or on others in the table (`limited`), so that value and limit are easy to
    compare; else the one that suits the largest value.
    """
    values = [abs(value) for metric in metrics for value in _values(metric) if value]
    scales = []
    findings = [one for metric in (*metrics, *limited) for one in metric.findings if METRICS[name].unit != "money"]
    for limit in (one for one in findings if one.kind not in RELATIVE):
        with contextlib.suppress(ValueError, KeyError):  # a result may come from a stranger
            unit = written_unit(limit.limit_text, METRICS[name].family)
            scales.append((1 / float(unit_size(unit, METRICS[name].family)), unit))
    scales.append(scale_for(values, metrics[0].unit))
    return next((one for one in scales if all(MIN_SHOWN <= value * one[0] < MAX_SHOWN for value in values)), None)


def urgency(verdict: Verdict | None) -> int:
    """Return the verdict's place among what a reader must see first; no verdict comes last."""
    return len(ORDER) if verdict is None else ORDER.index(verdict)


def by_urgency(workloads: Iterable[WorkloadResult]) -> list[WorkloadResult]:
    """Sort workloads by verdict, then by how much their energy changed in either direction."""

    def key(workload: WorkloadResult) -> tuple[int, float]:
        metric = workload.metrics.get("energy_per_request")
        change = metric.change if metric else None
        size = abs(math.log1p(change.estimate)) if change and change.estimate > -1 else 0.0
        return urgency(workload.verdict), -size

    return sorted(workloads, key=key)


def label_of(name: str, workload: WorkloadResult) -> str:
    """Return a metric's name for people: `energy per request`, `energy per unit (tokens)`."""
    unit = workload.provenance.unit if workload.provenance and name == "energy_per_unit" else None
    return METRICS[name].label + (f" ({unit})" if unit else "")


def limit_text(finding: FindingResult) -> str:
    """Write a limit in words: `max 0.2 Wh`, `at most +5 %`."""
    return LIMIT_WORDS[finding.kind] + finding.limit_text


def agreement_text(agreement: AgreementResult) -> str:
    """Say how far head's answers agree with base's: `98.3 % of 360 answers agree with base's`."""
    what = "answer" if agreement.how == "classes" else "value"
    if not agreement.compared:
        return "both sides answer with nothing"
    if agreement.share == 1:
        whole = {1: f"the {what} agrees", 2: f"both {what}s agree"}
        return f"{whole.get(agreement.compared, f'all {agreement.compared:,} {what}s agree')} with base's"
    text = f"the {what} differs from base's"
    if agreement.compared > 1:
        share = format_quantity(agreement.share, "ratio")
        text = f"{share} of {agreement.compared:,} {what}s agree with base's"
    if agreement.how == "values" and agreement.largest_difference:
        text += f", the largest difference is {format_number(agreement.largest_difference)}"
    return text


def detail_lines(detail: str) -> list[str]:
    """Return the lines of a process's stderr without a traceback's frames in energygate's own code."""
    lines: list[str] = []
    ours = False
    for line in detail.splitlines():
        if line.startswith("  File "):
            ours = "energygate/workloads/energygate_worker/" in line.replace("\\", "/")
        elif not line.startswith("    "):
            ours = False
        if not ours and line != "Traceback (most recent call last):":
            lines.append(line)
    return lines


def count(number: int, one: str, many: str | None = None) -> str:
    """Write a number of things: `1 launch`, `1,234 requests`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
