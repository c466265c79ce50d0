"""`energygate demo`."""

from __future__ import annotations

import sys

import click


@click.command(short_help="See the gate work on the shipped fixtures.")
def demo() -> None:
    """See the gate work on a pull request: one workload passes, one is over budget, one is unchanged."""
    from energygate.cli.check import check_and_report
    from energygate.run.demo import demonstrate
    from energygate.run.options import Options

    def gate(policy_path: str, *, base: str | None = None, base_dir: str | None = None) -> int:
        return check_and_report(policy_path, Options(), base=base, base_dir=base_dir)

    sys.exit(demonstrate(gate))
