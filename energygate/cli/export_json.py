"""`energygate export json`."""

from __future__ import annotations

import click

from energygate.cli.exporting import for_result, to_directory

HELP = """Write a result as flat JSON, for trend lines across commits.

One record for each workload and metric, all with the same keys, in the
metric's own unit; `energygate report --format csv` has the same as a table.
"""


@click.command(help=HELP, short_help="The result as flat records.")
@for_result
@to_directory("json")
def json(workloads: tuple[str, ...], result: str, output: str) -> None:
    """Run `energygate export json`."""
    from energygate.cli.exporting import result_for, write
    from energygate.production.export.flat import FILE, files

    write(files(result_for(result, workloads)), output, f"jq '.records[]' {{output}}/{FILE}")
