"""The texts of a failed, warned or unmeasured test, and the properties of its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.errors import OptionNames
from energygate.gate import Verdict
from energygate.policy import RELATIVE, format_number
from energygate.report.explanations import more_time
from energygate.report.headline import BIG_FACTOR
from energygate.report.phrases import NOT_KNOWN, common_scale, count, detail_lines, label_of, numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.errors import EnergygateError
    from energygate.result.result import FindingResult, MetricResult, Result, WorkloadResult

OPTIONS = OptionNames(
    base="--energy-base",
    without_base="measure without --energy-base",
    without_git="measure without --energy-base",
    time_limit="--energy-time",
    set_time_limit="--energy-time {}s",
)

BREAKING = (Verdict.FAIL, Verdict.INCONCLUSIVE)


def failure(result: Result, part: str | None) -> str:
    """Explain why a test failed: the limit beside the value, and how far to trust it.

    Args:
        result: The result of one part of a test.
        part: Its name; `None` where it has none.
    """
    (workload,) = result.workloads
    verdicts = [workload.verdict] if workload.verdict in BREAKING else [*BREAKING]
    lines = [f"{part}: {line}" if part else line for line in _findings(workload, verdicts)]
    if not lines:  # judged as a whole, such as one that must not be added
        lines = [*workload.notes]
    return "\n".join([*lines, *(f"  {line}" for line in _trust(workload, result))])


def warning(result: Result, part: str | None) -> str:
    """Explain in one line why a passed test needs attention."""
    (workload,) = result.workloads
    lines = [*_findings(workload, [workload.verdict])]
    if hint := more_time(workload, OPTIONS):
        lines.append(hint)
    text = "; ".join(lines)
    return f"{part}: {text}" if part else text


def properties(workload: WorkloadResult, part: str | None) -> Iterator[tuple[str, str | float]]:
    """Return the properties for a JUnit file: verdict, method, and each metric in the unit of `result.json`."""
    prefix = f"energygate.{part}." if part else "energygate."
    yield f"{prefix}verdict", workload.verdict.value
    if workload.method is not None:
        yield f"{prefix}method", workload.method
    for name, metric in workload.metrics.items():
        yield f"{prefix}{name}_{metric.unit}" if metric.unit != "ratio" else f"{prefix}{name}", metric.head
        if metric.change is not None:
            yield f"{prefix}{name}_change", metric.change.estimate


def error_text(error: EnergygateError, *, place: str) -> str:
    """Explain why a test was not measured, with the stderr of a process.

    Args:
        error: What prevented measuring.
        place: A note on where it was measured; empty where that is where the session runs.
    """
    error.option_names = OPTIONS
    lines = [f"not measured: {error}", *([f"  {place}"] if place else [])]
    return "\n".join([*lines, *(f"  | {line}" for line in detail_lines(error.detail or ""))])


def _findings(workload: WorkloadResult, verdicts: list[Verdict]) -> Iterator[str]:
    for name, metric in workload.metrics.items():
        for finding in metric.findings:
            if finding.verdict in verdicts:
                yield f"{label_of(name, workload)} {_value_and_limit(name, metric, finding)}"


def _value_and_limit(name: str, metric: MetricResult, finding: FindingResult) -> str:
    """Write a value, or its change, beside its limit: `0.840 mWh (0.810 to 0.870 mWh), limit 0.5 mWh: 68 % over`."""
    shown = numbers(metric, scale=common_scale(name, [metric]))
    value, sign = f"{shown.head} {shown.unit}", ""
    if finding.kind in RELATIVE:
        value, sign = f"{shown.value}, {shown.change}", "+" if finding.kind == "max_increase" else "\N{MINUS SIGN}"
    between = f" ({interval})" if (interval := shown.interval(finding.kind)) else ""
    return f"{value}{between}, limit {sign}{finding.limit_text}: {_verdict(metric, finding)}"


def _verdict(metric: MetricResult, finding: FindingResult) -> str:
    if finding.verdict is Verdict.INCONCLUSIVE:
        return finding.reason or "inconclusive"
    if finding.reason:
        return finding.reason
    if finding.kind in RELATIVE or not finding.limit:
        return "over" if finding.kind in {"max", "max_increase"} else "under"
    share = metric.head / finding.limit
    if finding.kind == "max" and share >= BIG_FACTOR:
        return f"{format_number(share, digits=2)} times the limit"
    size = f"{format_number(abs(share - 1) * 100, digits=2)} %"
    return f"{size} over" if finding.kind == "max" else f"{size} under"


def _trust(workload: WorkloadResult, result: Result) -> Iterator[str]:
    provenance = workload.provenance
    if provenance is not None:
        launches = count(len(provenance.launches), "launch", "launches")
        share = f"± {provenance.uncertainty * 100:.0f} % on absolute kWh"
        yield f"{workload.method}: {provenance.source}, {share}; {launches}, {provenance.seconds:.1f} s"
    energy = workload.metrics.get("energy_per_request")
    if result.base is not None and energy is not None and energy.change is not None:
        base = result.base.commit[:7] if result.base.commit else result.base.ref
        shown = numbers(energy)
        yield f"against base {base}: {shown.change} ({shown.change_interval or f'interval {NOT_KNOWN}'})"
    if hint := more_time(workload, OPTIONS):
        yield hint
    if workload.metrics:
        yield from workload.notes
