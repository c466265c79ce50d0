"""Prometheus' alerting rules: the policy's limits in several windows at once, and what makes the numbers worthless.

A limit alerts while a long window is over it, which says that it matters, and a short one, which says that it still
goes on: see "Alerting on SLOs", The Site Reliability Workbook, chapter 5, whose windows these are. `error` pages after
an hour; `warn`, and what is less urgent, opens a ticket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from energygate.production import names
from energygate.production.export import rules
from energygate.production.export.documents import Noted
from energygate.production.export.held import MONTHLY, LiveLimit
from energygate.production.export.promql import matching, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.production.export.promql import Live
    from energygate.production.export.source import Source

FAST = ("1h", "5m")
SLOW = ("6h", "30m")
MONTH = (rules.DAY, "6h")
WORDS = {"1h": "the last hour", "6h": "the last 6 hours", rules.DAY: "the last day"}

PAGE, TICKET = "page", "ticket"
"""What to do about an alert, as its label `severity`: wake somebody, or look at it in working hours."""

SETTLED = "2m"
"""How long a limit stays broken before it alerts: a service that has just begun has all its windows full of warm-up."""

SILENCE = "15m"
"""Longer than a replica takes to be replaced, and than any usual scrape interval."""


def over_budget(one: LiveLimit, settled: str = SETTLED) -> Iterator[dict[str, Any]]:
    """The alerts of one limit, which stays broken for `settled`, a duration of Prometheus, before they fire."""
    if one.held is MONTHLY:
        yield _over(one, MONTH, TICKET, settled)
        return
    if one.limit.level == "error":
        yield _over(one, FAST, PAGE, settled)
    yield _over(one, SLOW, TICKET, settled)


def _over(one: LiveLimit, windows: tuple[str, str], severity: str, settled: str) -> dict[str, Any]:
    held, limit = one.held, one.limit
    labels = {names.WORKLOAD: limit.workload} | ({"unit": one.unit} if one.unit is not None else {})
    over = [
        f"{rules.rate(held.record, window)}{matching(labels)} > {number(one.value)}" for window in windows
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


def health(source: Source, live: Live, workload: str) -> Iterator[dict[str, Any]]:
    """The alerts about a workload whose numbers say nothing: none arrive, no energy arrives, or another PUE is used."""
    where = source.cite("workloads", workload)
    only = matching({names.WORKLOAD: workload})
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
        "expr": Noted(f"{rules.rate(rules.ENERGY_PER_REQUEST, '30m')}{only} == 0", where),
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
    pue, written = source.policy.site.pue, source.cite("site", "pue")
    yield {
        "alert": "EnergygateOtherPue",
        "expr": Noted(f"{rules.PUE}{only} != {number(pue)}", f"site.pue, {written}"),
        "for": SILENCE,
        "labels": labels,
        "annotations": {
            "summary": "{{ $labels.workload }} works with another PUE than the policy",
            "description": (
                "The service of {{ $labels.workload }} multiplies energy by a PUE of {{ $value }}, the policy by "
                f"{number(pue)} ({untemplated(written)}): deploy it with this policy."
            ),
            "policy": untemplated(written),
        },
    }


def meter_errors(live: Live) -> dict[str, Any]:
    """The alert about readings that could not be had, for each replica."""
    return {
        "alert": "EnergygateMeterErrors",
        "expr": f"sum by (job, instance) (increase({live.series(names.METER_ERRORS)}[{SILENCE}])) > 0",
        "labels": {"severity": TICKET},
        "annotations": {
            "summary": "The energy meter of {{ $labels.instance }} fails",
            "description": (
                f"{{{{ $value | humanize }}}} readings failed on {{{{ $labels.instance }}}} in the last {SILENCE}; "
                "their energy is missing, so that budgets are held against too little."
            ),
        },
    }


def untemplated(text: str) -> str:
    """A text that Prometheus' templates leave as it is."""
    return text.replace("{{", '{{ "{{" }}')


def _scales_to_zero(source: Source) -> bool:
    """Whether the service may rightly be gone."""
    traffic = source.policy.site.traffic
    return traffic is not None and traffic.scale_to_zero_after is not None
