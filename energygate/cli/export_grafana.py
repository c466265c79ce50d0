"""`energygate export grafana`."""

from __future__ import annotations

import click

from energygate.cli.exporting import for_series, for_workloads, to_directory

HELP = """Write a dashboard for Grafana.

Energy per request and its limits, energy with and without idling, power,
totals, PUE, carbon, cost, latency and errors, by workload. It shows the rates
that the rules of `energygate export prometheus` record. Results that CI pushes
(`energygate export openmetrics`) mark deployments in it. Made with Grafana's
own SDK: pip install 'energygate[grafana]'.
"""


@click.command(help=HELP, short_help="A dashboard.")
@for_workloads
@to_directory("grafana")
@for_series
@click.option("--title", metavar="TEXT", help="The dashboard's title.  [default: Energy of inference]")
def grafana(
    workloads: tuple[str, ...],
    policy: str,
    result: str | None,
    output: str,
    matches: tuple[str, ...],
    title: str | None,
) -> None:
    """Run `energygate export grafana`."""
    from energygate.cli.exporting import labels_from, source_from, write
    from energygate.production.export.grafana import FILE, TITLE, GrafanaOptions, files
    from energygate.production.export.live_limits import notes

    options = GrafanaOptions(labels=labels_from(matches), title=title or TITLE)
    source = source_from(policy, result, workloads)
    made = files(source, options)
    following = f"import {{output}}/{FILE} in Grafana (Dashboards, New, Import), or provision it"
    write(made, output, following, notes=notes(source))
