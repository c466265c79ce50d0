"""`energygate demo`."""

from __future__ import annotations

import sys

import click


@click.command(short_help="See the gate work on the shipped fixtures.")
def demo() -> None:
    """See the gate work on a pull request: one workload passes, one is over budget, one is unchanged."""
    from energygate.cli.running import check_and_report
    from energygate.demonstration import demonstrate

    sys.exit(demonstrate(check_and_report))
