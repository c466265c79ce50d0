"""`energygate merge`."""

from __future__ import annotations

import sys

import click

from energygate.cli.options import json_option, policy_option, verdict_options

HELP = """Join the results of a matrix's jobs into one verdict.

RESULT is a result.json, or a directory below which every result.json is
read. The policy, and with --base the policies of both sides, say which
workloads the run has: one that no job measured is an error. Results of
different runs are refused, and so is a workload that two jobs measured.

\b
Exit codes:
  0  within budget (also: warned, waived, inconclusive without --strict)
  1  over budget
  2  usage or policy error, or results that do not belong together
  3  measurement invalid or missing
  4  inconclusive under --strict
"""


@click.command(help=HELP, short_help="Join the results of a matrix's jobs into one verdict.")
@click.argument("results", nargs=-1, metavar="RESULT...", required=True)
@policy_option
@click.option("--base", metavar="REF", help="The base that the jobs compared with.")
@click.option("--base-dir", metavar="DIR", help="The directory that the jobs compared with.")
@click.option(
    "--workload",
    "workloads",
    metavar="WORKLOAD",
    multiple=True,
    help="The run has only this workload; may be repeated.",
)
@json_option
@verdict_options
def merge(
    results: tuple[str, ...],
    policy: str,
    base: str | None,
    base_dir: str | None,
    workloads: tuple[str, ...],
    json_path: str | None,
    strict: bool,
    quiet: bool,
) -> None:
    """Run `energygate merge`."""
    from pathlib import Path

    from energygate.cli.results import hand_over
    from energygate.policy import load_policy
    from energygate.result.files import read_results
    from energygate.run.shards import join, whole_run

    path = Path(policy).resolve()
    run = whole_run(
        load_policy(policy), path.parent, path.name, base=base, base_dir=base_dir, workloads=workloads
    )
    joined = join(run, read_results(results))
    sys.exit(hand_over(joined, json_path=json_path, strict=strict, quiet=quiet))
