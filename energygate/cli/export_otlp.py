"""`energygate export otlp`."""

from __future__ import annotations

import click

from energygate.cli.exporting import for_result, to_directory

HELP = """Write a result as OTLP/JSON, for trend lines across commits.

Gauges that a collector of OpenTelemetry takes at its HTTP endpoint; the commit
is an attribute of the resource.
"""


@click.command(help=HELP, short_help="The result as OTLP/JSON, for OpenTelemetry.")
@for_result
@to_directory("otlp")
def otlp(workloads: tuple[str, ...], result: str, output: str) -> None:
    """Run `energygate export otlp`."""
    from energygate.cli.exporting import result_for, write
    from energygate.production.export.otlp import FILE, files

    write(
        files(result_for(result, workloads)),
        output,
        f"curl -H 'Content-Type: application/json' --data @{{output}}/{FILE} http://COLLECTOR:4318/v1/metrics",
    )
