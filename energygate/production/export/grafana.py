"""`energygate export grafana`: a dashboard over the recorded rates, made with Grafana's own SDK."""

from __future__ import annotations

import hashlib
import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from energygate.extras import require
from energygate.measure.carbon import site_carbon_g_per_kwh
from energygate.production import metric_names
from energygate.production.export.documents import json_text, made_by
from energygate.production.export.live_limits import live_limits
from energygate.production.export.panels import Panel, Rate, rows
from energygate.production.export.promql import matching

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grafana_foundation_sdk.builders import dashboard as builders
    from grafana_foundation_sdk.models.dashboard import DataSourceRef

    from energygate.production.export.source import Source

KIND = "grafana"
FILE = "energygate.dashboard.json"
TITLE = "Energy of inference"

STAYS = "5m"
"""How long an annotation lasts after its series has appeared."""

_HEIGHT = 8


def files(source: Source, *, labels: Mapping[str, str] = MappingProxyType({}), title: str = TITLE) -> dict[str, str]:
    """Return the dashboard as one file to import or to provision; it reads what `energygate export prometheus` records.

    Args:
        source: The policy.
        labels: Only series with these labels are looked at, such as `{"namespace": "production"}`.
        title: The dashboard's title; another title is another dashboard to Grafana.

    Raises:
        UsageError: Grafana's SDK is not installed.
        PolicyError: A workload has only a relative limit and there is no result, or the carbon intensity is unknown.
    """
    require("grafana", purpose="the dashboard")
    from grafana_foundation_sdk.cog.encoder import JSONEncoder

    document = json.loads(JSONEncoder(sort_keys=True).encode(_dashboard(source, labels, title).build()))
    for annotation in document["annotations"]["list"]:
        annotation.update(_SHOWN[annotation["name"]])
    return {FILE: json_text(document)}


def carbon_rate(source: Source) -> Rate | None:
    """Return the site's carbon intensity, or without one in the policy, that of the latest result.

    Raises:
        PolicyError: There is no figure for the country or the cloud region.
    """
    carbon, where = source.policy.site.carbon, source.policy.where("site", "carbon")
    if carbon is None:
        known = None if source.result is None else source.result.site.carbon_g_per_kwh
        return None if known is None else Rate(per_kwh=known, unit="gCO2e", source="the latest result")
    found = site_carbon_g_per_kwh(source.policy) or 0.0
    name = carbon.cloud or carbon.country
    return Rate(per_kwh=found, unit="gCO2e", source=f"{name}, {where}" if name else where)


def price_rate(source: Source) -> Rate | None:
    """Return the site's price of electricity; `None` where the policy has none."""
    site = source.policy.site
    if site.electricity_price is None or site.currency is None:
        return None
    where = source.policy.where("site", "electricity_price")
    return Rate(per_kwh=site.electricity_price.value, unit=site.currency, source=where)


def _dashboard(source: Source, labels: Mapping[str, str], title: str) -> builders.Dashboard:
    from grafana_foundation_sdk.builders import dashboard as builders
    from grafana_foundation_sdk.models.dashboard import DashboardCursorSync

    made = builders.Dashboard(title)
    made.uid(f"energygate-{hashlib.sha256(title.encode()).hexdigest()[:12]}")
    made.description(made_by(KIND, source.policy.source)).tags(["energygate"])
    made.time("now-6h", "now").refresh("1m").timezone("browser").editable()
    made.tooltip(DashboardCursorSync.CROSSHAIR)
    _variables(made, labels)
    _annotations(made, labels)
    limits = [one for name in source.policy.workloads for one in live_limits(source, name, exporter=KIND)]
    shown = rows(limits, labels, carbon_rate(source), price_rate(source))
    number = 0
    for heading, panels in shown.items():
        number += 1
        made.with_row(builders.Row(heading).id(number))
        for panel in panels:
            number += 1
            made.with_panel(_panel(panel, number))
    return made


def _datasource() -> DataSourceRef:
    from grafana_foundation_sdk.models.dashboard import DataSourceRef

    return DataSourceRef(type_val="prometheus", uid="${datasource}")


def _variables(made: builders.Dashboard, labels: Mapping[str, str]) -> None:
    from grafana_foundation_sdk.builders import dashboard as builders
    from grafana_foundation_sdk.models.dashboard import VariableOption, VariableRefresh, VariableSort

    made.with_variable(builders.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    made.with_variable(
        builders.QueryVariable("workload")
        .label("Workload")
        .datasource(_datasource())
        .query(f"label_values({metric_names.REQUESTS}{matching(labels)}, {metric_names.WORKLOAD})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".+")
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )


DEPLOYED, STARTED = "Deployments", "Replicas started"

_SHOWN: dict[str, dict[str, str]] = {
    DEPLOYED: {"titleFormat": "{{commit}}", "textFormat": "{{verdict}}", "step": "1m"},
    STARTED: {"titleFormat": "{{instance}}", "textFormat": "{{method}}: {{source}}", "step": "1m"},
}
"""Texts of annotations: keys of Prometheus' data source that the SDK lacks."""


def _annotations(made: builders.Dashboard, labels: Mapping[str, str]) -> None:
    """Mark replicas that start, and deployments: results that were pushed (`energygate export openmetrics`)."""
    from grafana_foundation_sdk.builders import dashboard as builders

    appeared = {
        DEPLOYED: ("energygate_result_info", "blue"),
        STARTED: (metric_names.METER_INFO + matching(labels), "green"),
    }
    for name, (series, colour) in appeared.items():
        made.annotation(
            builders.AnnotationQuery()
            .name(name)
            .datasource(_datasource())
            .enable(enable=True)
            .icon_color(colour)
            .expr(f"{series} unless {series} offset {STAYS}")
        )


def _panel(panel: Panel, number: int) -> Any:  # noqa: ANN401 - a builder of either kind of panel
    from grafana_foundation_sdk.builders import prometheus

    made = _numbers() if panel.kind == "numbers" else _lines()
    made.id(number).title(panel.title).unit(panel.unit).datasource(_datasource())
    made.span(panel.width).height(_HEIGHT).description(panel.description)
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        target = prometheus.Dataquery().expr(query.expression).legend_format(query.legend).ref_id(letter)
        target.datasource(_datasource())
        made.with_target(target.instant() if panel.kind == "numbers" else target.range())
        if query.is_limit:
            made.override_by_query(letter, _dashed())
    return made


def _numbers() -> Any:  # noqa: ANN401 - the SDK's enumerations are of Python 3.11, which mypy is told not to expect
    from grafana_foundation_sdk.builders import common, stat
    from grafana_foundation_sdk.models.common import BigValueTextMode

    mode: Any = BigValueTextMode.VALUE_AND_NAME
    return stat.Panel().text_mode(mode).reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))


def _lines() -> Any:  # noqa: ANN401 - the same
    from grafana_foundation_sdk.builders import common, timeseries
    from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement

    mode: Any = LegendDisplayMode.LIST
    below: Any = LegendPlacement.BOTTOM
    legend = common.VizLegendOptions().show_legend(show_legend=True).display_mode(mode).placement(below)
    return timeseries.Panel().min(0).fill_opacity(0).line_width(2).legend(legend)


def _dashed() -> list[Any]:
    """Return the style of a limit: thin, dashed and red."""
    from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

    return [
        DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [10, 10]}),
        DynamicConfigValue(id_val="custom.lineWidth", value=1),
        DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": "red"}),
    ]
