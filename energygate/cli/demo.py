"""`energygate demo`."""

from __future__ import annotations

import sys

import click


@click.command(short_help="See the gate work on the shipped fixtures.")
def demo() -> None:
    """See the gate work on the shipped fixtures: one workload passes, one is over budget."""
    from energygate.cli.progress import LiveProgress
    from energygate.cli.running import check_and_report
    from energygate.demonstration import demonstrate

    sys.exit(demonstrate(check_and_report, LiveProgress(shown=True)))
