"""Prometheus' alerting rules: on the policy's limits, each in two windows at once, and on worthless numbers.

A limit alerts while a long window is over it, so it matters, and a short one too, so it still goes on: see "Alerting on
SLOs", The Site Reliability Workbook, chapter 5, whose windows these are. `error` pages after an hour; `warn`, and
whatever is less urgent, opens a ticket.

Limits that count idling are on a day, as in CI, which limits the mean over the day of `site.traffic`: at night few
requests share the same idle power, and every night would be far over the limit while nothing is wrong. The mean of a
day wakes nobody: whatever the level, it opens a ticket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from energygate.policy import METRICS
from energygate.production import metric_names
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

WORKLOAD = "{{ $labels.workload }}"
"""The workload's name, in Prometheus' templates."""

SETTLED = "2m"
"""How long a limit must be broken before it alerts: the windows of a new service hold only warm-up."""

SILENCE = "15m"
"""Longer than a replica takes to be replaced, and than any usual scrape interval."""


def over_budget(one: LiveLimit, live: Live, settled: str = SETTLED) -> Iterator[dict[str, Any]]:
    """Yield the alerts of one limit, which fire after it was broken for `settled`, a duration of Prometheus."""
    if one.live.daily:
        yield _over(one, live, DAILY, TICKET, settled)
        return
    if one.limit.level == "error":
        yield _over(one, live, FAST, PAGE, settled)
    yield _over(one, live, SLOW, TICKET, settled)


def _over(one: LiveLimit, live: Live, windows: tuple[str, str], severity: str, settled: str) -> dict[str, Any]:
    rate, limit = one.live, one.limit
    labels = {metric_names.WORKLOAD: limit.workload} | ({"unit": one.unit} if one.unit is not None else {})
    over = [f"{live.series(records.rate(rate.record, window), **labels)} > {number(one.value)}" for window in windows]
    pace = "at the pace of" if rate is MONTHLY else "over"
    return _alert(
        rate.alert,
        Noted("\nand\n".join(over), f"{limit.described}, {limit.source}"),
        settled=settled,
        labels=_labels(limit.workload, severity) | {"metric": limit.metric, "level": limit.level},
        summary=f"{rate.title} of {WORKLOAD} is over its budget",
        description=(
            f"{rate.title} of {WORKLOAD} is {rate.unit.template} {pace} {WORDS[windows[0]]}, and still over the "
            f"limit in the last {windows[1]}; the limit is {untemplated(one.description)}."
        ),
        limit=untemplated(limit.described),
        policy=untemplated(limit.source),
    )


def beyond_histogram(one: LiveLimit, live: Live) -> Iterator[dict[str, Any]]:
    """Yield the alert about a limit on latency that is at or above the last bound of the service's histogram.

    A quantile beyond that bound counts as the bound, which is never over such a limit. The Recorder has bounds above
    the limits that its policy has as numbers; it does not know what a relative limit comes to.
    """
    if one.live.record not in QUANTILES:
        return
    limit, window, only = one.limit, SLOW[1], {metric_names.WORKLOAD: one.limit.workload}
    yield _alert(
        "EnergygateLatencyNotTold",
        Noted(
            f"{live.series(records.rate(one.live.record, window), **only)} <= {number(one.value)}\n"
            f"and on (workload) {live.beyond_histogram(QUANTILES[one.live.record], window, **only)}",
            f"{limit.described}, {limit.source}",
        ),
        settled=SILENCE,
        labels=_labels(limit.workload) | {"metric": limit.metric},
        summary=f"Cannot tell whether {METRICS[limit.metric].label} of {WORKLOAD} is over its budget",
        description=(
            f"{one.live.title} of {WORKLOAD} is over {one.live.unit.template}, where the histogram of its service "
            f"ends, and the limit is {untemplated(one.description)}: give energygate.Recorder this policy, with that "
            "limit as max."
        ),
        policy=untemplated(limit.source),
    )


def health(source: Source, live: Live, workload: str) -> Iterator[dict[str, Any]]:
    """Yield the alerts about a workload without data, without energy, or with another PUE than the policy's."""
    where = source.policy.where("workloads", workload)
    traffic = source.policy.site.traffic
    if traffic is None or traffic.scale_to_zero_after is None:  # else the service may rightly be gone
        yield _alert(
            "EnergygateNoData",
            Noted(f"absent_over_time({live.series(metric_names.REQUESTS, workload=workload)}[{SILENCE}])", where),
            labels=_labels(workload),
            summary=f"No data from {WORKLOAD}",
            description=(
                f"No {metric_names.REQUESTS} of {WORKLOAD} for {SILENCE}: its service is not scraped, is down, or runs "
                "without energygate.Recorder, and none of its budgets is checked."
            ),
            policy=untemplated(where),
        )
    energy = live.series(records.rate(records.ENERGY_PER_REQUEST, "30m"), **{metric_names.WORKLOAD: workload})
    yield _alert(
        "EnergygateNoEnergy",
        Noted(f"{energy} == 0", where),
        labels=_labels(workload),
        summary=f"Requests to {WORKLOAD} seem to cost no energy",
        description=(
            f"{WORKLOAD} answers requests, and its meter counted 0 J for them in the last 30m; none of its budgets on "
            "energy is checked."
        ),
        policy=untemplated(where),
    )
    pue, written = source.policy.site.pue, source.policy.where("site", "pue")
    yield _alert(
        "EnergygateOtherPue",
        Noted(
            f'count_values by (workload) ("pue",\n'
            f"  ({live.replica_pue(**{metric_names.WORKLOAD: workload})}) != {number(pue)}\n)",
            f"site.pue, {written}",
        ),
        settled=SILENCE,
        labels=_labels(workload),
        summary=f"{WORKLOAD} uses another PUE than the policy",
        description=(
            f"Replicas of {WORKLOAD} with a PUE of {{{{ $labels.pue }}}}: {{{{ $value }}}}. "
            f"The policy has {number(pue)} ({untemplated(written)}): deploy them with this policy."
        ),
        policy=untemplated(written),
    )


def recorder_errors(live: Live) -> Iterator[dict[str, Any]]:
    """Yield the alerts about errors of each replica's Recorder: failed readings of its meter, and all others."""
    yield _alert(
        "EnergygateMeterErrors",
        _errors(live, metric_names.METER_ERRORS),
        labels={"severity": TICKET},
        summary="The energy meter of {{ $labels.instance }} fails",
        description=(
            f"{{{{ $value | humanize }}}} readings failed on {{{{ $labels.instance }}}} in the last {SILENCE}; their "
            "energy is missing, so that budgets are compared with too little."
        ),
    )
    yield _alert(
        "EnergygateRecorderErrors",
        _errors(live, metric_names.INTERNAL_ERRORS),
        labels={"severity": TICKET},
        summary="The Recorder of {{ $labels.instance }} has errors of its own",
        description=(
            f"{{{{ $value | humanize }}}} errors on {{{{ $labels.instance }}}} in the last {SILENCE} that are not its "
            "meter's; requests or their energy may be missing. Its log has the first of each kind: look for "
            "energygate.recorder."
        ),
    )


def _errors(live: Live, counter: str) -> str:
    return f"sum by (job, instance) (increase({live.series(counter)}[{SILENCE}])) > 0"


def _labels(workload: str, severity: str = TICKET) -> dict[str, str]:
    return {"severity": severity, metric_names.WORKLOAD: untemplated(workload)}


def _alert(
    name: str,
    expression: Noted | str,
    *,
    labels: dict[str, str],
    settled: str | None = None,
    **annotations: str,
) -> dict[str, Any]:
    wait = {} if settled is None else {"for": settled}
    return {"alert": name, "expr": expression, **wait, "labels": labels, "annotations": annotations}


def untemplated(text: str) -> str:
    """Return a text that Prometheus' templates leave as it is."""
    return text.replace("{{", '{{ "{{" }}')
