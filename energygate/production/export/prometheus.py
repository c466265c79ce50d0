"""`energygate export prometheus`: recording and alerting rules."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from energygate.production.export import alerting_rules, recording_rules
from energygate.production.export.documents import made_by, yaml_text
from energygate.production.export.live_limits import LIVE_METRICS, live_limits
from energygate.production.export.promql import Live

if TYPE_CHECKING:
    from collections.abc import Mapping

    from energygate.production.export.source import Source

KIND = "prometheus"
FILE = "energygate.rules.yml"


def files(
    source: Source, *, labels: Mapping[str, str] = MappingProxyType({}), settled: str = alerting_rules.SETTLED
) -> dict[str, str]:
    """Return the rules as one file for `rule_files`.

    Args:
        source: The policy.
        labels: Only series with these labels are looked at, such as `{"namespace": "production"}`.
        settled: How long a limit must be broken before it alerts, as Prometheus writes durations.

    Raises:
        PolicyError: No workload has a limit that a running system could hold, or one has only a relative limit and
            there is no result.
    """
    live = Live(labels)
    workloads = source.policy.workloads
    limits = [one for name in workloads for one in live_limits(source, name, exporter=KIND)]
    if not limits:
        near = (name for name, one in workloads.items() if not LIVE_METRICS.keys().isdisjoint(one.budgets))
        source.needed_limit(next(near, next(iter(workloads))), *LIVE_METRICS, exporter=KIND)
    wanted = {one.live.record for one in limits}
    alerts = [rule for one in limits for rule in alerting_rules.over_budget(one, live, settled)]
    alerts += [rule for one in limits for rule in alerting_rules.beyond_histogram(one, live)]
    alerts += [rule for name in workloads for rule in alerting_rules.health(source, live, name)]
    groups = {
        "energygate-rates": [*recording_rules.rates(live, wanted), *recording_rules.totals(live)],
        "energygate-budgets": list(recording_rules.budgets(limits)),
        "energygate-alerts": [*alerts, *alerting_rules.recorder_errors(live)],
    }
    document = {
        "groups": [
            {"name": name, "rules": [_labelled(rule, labels) for rule in rules]} for name, rules in groups.items()
        ]
    }
    heading = [made_by(KIND, source.policy.source), "", *HEADING]
    return {FILE: yaml_text(document, heading=heading)}


def _labelled(rule: dict[str, Any], matched: Mapping[str, str]) -> dict[str, Any]:
    """Return a rule with the labels of `--match`: another export for the same Prometheus has others."""
    if "alert" in rule:
        matched = {name: alerting_rules.untemplated(value) for name, value in matched.items()}
    labels = {**rule.get("labels", {}), **matched}
    return {**rule, "labels": labels} if labels else rule


HEADING = (
    "Energy is in joules at the facility: what energygate.Recorder counts, times PUE, once.",
    "Alerts fire while a long and a short window are both over the limit; at the limit is within it.",
    "severity: page after an hour over a limit of level error, ticket for the rest.",
)
