"""Prometheus' alerting rules: the policy's limits in several windows at once, and what makes the numbers worthless.

A limit alerts while a long window is over it, which says that it matters, and a short one, which says that it still
goes on: see "Alerting on SLOs", The Site Reliability Workbook, chapter 5, whose windows these are. `error` pages after
an hour; `warn`, and what is less urgent, opens a ticket.

What idling is part of is held over a day, which CI means too: its limit is on a mean over the day of `site.traffic`.
An hour of the night shares the same idle power among few requests and is far over any such limit, each night anew,
while nothing is wrong. And a mean of a day is nothing to be woken for: whatever the level, it opens a ticket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from energygate.policy import METRICS
from energygate.production import names
from energygate.production.export import records
from energygate.production.export.documents import Noted
from energygate.production.export.live_limits import MONTHLY, LiveLimit
from energygate.production.export.promql import number
from energygate.production.export.recording_rules import QUANTILES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.production.export.promql import Live
    from energygate.production.export.source import Source

FAST = ("1h", "5m")
SLOW = ("6h", "30m")
DAILY = (records.DAY, "6h")
WORDS = {"1h": "the last hour", "6h": "the last 6 hours", records.DAY: "the last day"}

PAGE, TICKET = "page", "ticket"
"""What to do about an alert, as its label `severity`: wake somebody, or look at it in working hours."""

SETTLED = "2m"
"""How long a limit stays broken before it alerts: a service that has just begun has all its windows full of warm-up."""

SILENCE = "15m"
"""Longer than a replica takes to be replaced, and than any usual scrape interval."""


def over_budget(one: LiveLimit, live: Live, settled: str = SETTLED) -> Iterator[dict[str, Any]]:
    """The alerts of one limit, which stays broken for `settled`, a duration of Prometheus, before they fire."""
    if one.held.daily:
        yield _over(one, live, DAILY, TICKET, settled)
        return
    if one.limit.level == "error":
        yield _over(one, live, FAST, PAGE, settled)
    yield _over(one, live, SLOW, TICKET, settled)


def _over(
    one: LiveLimit, live: Live, windows: tuple[str, str], severity: str, settled: str
) -> dict[str, Any]:
    held, limit = one.held, one.limit
    labels = {names.WORKLOAD: limit.workload} | ({"unit": one.unit} if one.unit is not None else {})
    over = [
        f"{live.series(records.rate(held.record, window), **labels)} > {number(one.value)}"
        for window in windows
    ]
    written = f"{limit.described}, {limit.source}"
    pace = "at the pace of" if held is MONTHLY else "over"
    return {
        "alert": held.alert,
        "expr": Noted("\nand\n".join(over), written),
        "for": settled,
        "labels": {
            "severity": severity,
            names.WORKLOAD: untemplated(limit.workload),
            "metric": limit.metric,
            "level": limit.level,
        },
        "annotations": {
            "summary": f"{held.what} of {{{{ $labels.workload }}}} is over its budget",
            "description": (
                f"{held.what} of {{{{ $labels.workload }}}} is {held.shown} {pace} {WORDS[windows[0]]}, and still "
                f"over the limit in the last {windows[1]}; the limit is {untemplated(one.told)}."
            ),
            "limit": untemplated(limit.described),
            "policy": untemplated(limit.source),
        },
    }


def not_told(one: LiveLimit, live: Live) -> Iterator[dict[str, Any]]:
    """The alert about a limit on latency that is at or above the last bound of the service's histogram.

    What has no upper bound counts as that last bound, which is never over such a limit. The Recorder has bounds above
    the limits that its policy writes as numbers; of what a relative one comes to it knows nothing.
    """
    if one.held.record not in QUANTILES:
        return
    limit, window = one.limit, SLOW[1]
    label, only = METRICS[limit.metric].label, {names.WORKLOAD: limit.workload}
    written = f"{limit.described}, {limit.source}"
    yield {
        "alert": "EnergygateLatencyNotTold",
        "expr": Noted(
            f"{live.series(records.rate(one.held.record, window), **only)} <= {number(one.value)}\n"
            f"and on (workload) {live.beyond_histogram(QUANTILES[one.held.record], window, **only)}",
            written,
        ),
        "for": SILENCE,
        "labels": {
            "severity": TICKET,
            names.WORKLOAD: untemplated(limit.workload),
            "metric": limit.metric,
        },
        "annotations": {
            "summary": f"Whether {label} of {{{{ $labels.workload }}}} is over its budget cannot be told",
            "description": (
                f"{one.held.what} of {{{{ $labels.workload }}}} is over {one.held.shown}, where the histogram of its "
                f"service ends, and the limit is {untemplated(one.told)}: give energygate.Recorder this policy, with "
                "that limit as max."
            ),
            "policy": untemplated(limit.source),
        },
    }


def health(source: Source, live: Live, workload: str) -> Iterator[dict[str, Any]]:
    """The alerts about a workload whose numbers say nothing: none arrive, no energy arrives, or another PUE is used."""
    where = source.policy.where("workloads", workload)
    labels = {"severity": TICKET, names.WORKLOAD: untemplated(workload)}
    if not _scales_to_zero(source):
        yield {
            "alert": "EnergygateNoData",
            "expr": Noted(
                f"absent_over_time({live.series(names.REQUESTS, workload=workload)}[{SILENCE}])", where
            ),
            "labels": labels,
            "annotations": {
                "summary": "Nothing is heard of {{ $labels.workload }}",
                "description": (
                    f"No {names.REQUESTS} of {{{{ $labels.workload }}}} for {SILENCE}: its service is not scraped, "
                    "is down, or runs without energygate.Recorder, and no budget of it is held."
                ),
                "policy": untemplated(where),
            },
        }
    yield {
        "alert": "EnergygateNoEnergy",
        "expr": Noted(
            f"{live.series(records.rate(records.ENERGY_PER_REQUEST, '30m'), **{names.WORKLOAD: workload})} == 0",
            where,
        ),
        "labels": labels,
        "annotations": {
            "summary": "Requests to {{ $labels.workload }} seem to cost no energy",
            "description": (
                "{{ $labels.workload }} answers requests, and its meter counted 0 J for them in the last 30m; "
                "no budget on its energy is held."
            ),
            "policy": untemplated(where),
        },
    }
    pue, written = source.policy.site.pue, source.policy.where("site", "pue")
    yield {
        "alert": "EnergygateOtherPue",
        "expr": Noted(
            f'count_values by (workload) ("pue",\n'
            f"  ({live.replica_pue(**{names.WORKLOAD: workload})}) != {number(pue)}\n)",
            f"site.pue, {written}",
        ),
        "for": SILENCE,
        "labels": labels,
        "annotations": {
            "summary": "{{ $labels.workload }} works with another PUE than the policy",
            "description": (
                "Replicas of {{ $labels.workload }} that multiply energy by a PUE of {{ $labels.pue }}: {{ $value }}. "
                f"The policy has {number(pue)} ({untemplated(written)}): deploy them with this policy."
            ),
            "policy": untemplated(written),
        },
    }


def troubles(live: Live) -> Iterator[dict[str, Any]]:
    """The alerts about what a Recorder could not do, for each replica: readings of its meter, and all else."""
    counted = {
        "EnergygateMeterErrors": (
            names.METER_ERRORS,
            "The energy meter of {{ $labels.instance }} fails",
            (
                f"{{{{ $value | humanize }}}} readings failed on {{{{ $labels.instance }}}} in the last {SILENCE}; "
                "their energy is missing, so that budgets are held against too little."
            ),
        ),
        "EnergygateRecorderErrors": (
            names.INTERNAL_ERRORS,
            "The Recorder of {{ $labels.instance }} has trouble of its own",
            (
                f"{{{{ $value | humanize }}}} troubles on {{{{ $labels.instance }}}} in the last {SILENCE} that are "
                "not its meter's; requests or their energy may be missing. Its log names the first of each "
                "kind: look for energygate.recorder."
            ),
        ),
    }
    for alert, (counter, summary, description) in counted.items():
        yield {
            "alert": alert,
            "expr": f"sum by (job, instance) (increase({live.series(counter)}[{SILENCE}])) > 0",
            "labels": {"severity": TICKET},
            "annotations": {"summary": summary, "description": description},
        }


def untemplated(text: str) -> str:
    """A text that Prometheus' templates leave as it is."""
    return text.replace("{{", '{{ "{{" }}')


def _scales_to_zero(source: Source) -> bool:
    """Whether the service may rightly be gone."""
    traffic = source.policy.site.traffic
    return traffic is not None and traffic.scale_to_zero_after is not None
