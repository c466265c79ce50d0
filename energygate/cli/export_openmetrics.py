"""`energygate export openmetrics`."""

from __future__ import annotations

import click

from energygate.cli.exporting import for_result, to_directory

HELP = """Write a result as OpenMetrics, for trend lines across commits.

Gauges in base units by workload, commit and method, which a Pushgateway takes
and Prometheus scrapes from there.
"""


@click.command(help=HELP, short_help="The result as OpenMetrics, for a Pushgateway.")
@for_result
@to_directory("openmetrics")
def openmetrics(workloads: tuple[str, ...], result: str, output: str) -> None:
    """Run `energygate export openmetrics`."""
    from energygate.cli.exporting import result_for, write
    from energygate.production.export.openmetrics import FILE, files

    write(
        files(result_for(result, workloads)),
        output,
        f"curl --data-binary @{{output}}/{FILE} http://PUSHGATEWAY:9091/metrics/job/energygate",
    )
