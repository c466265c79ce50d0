"""`energygate demo`."""

from __future__ import annotations

import sys

import click


@click.command()
def demo() -> None:
    """See the gate work on the shipped fixtures: one workload passes, one is over budget."""
    from energygate.cli.running import LiveProgress, check_and_report
    from energygate.demonstration import demonstrate

    sys.exit(demonstrate(check_and_report, LiveProgress(shown=True)))
