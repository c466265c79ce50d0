"""`energygate merge`."""

from __future__ import annotations

import sys
from typing import Any

import click

from energygate.cli.matrix import read_run
from energygate.cli.shared_options import base_options, json_option, policy_option, verdict_options

HELP = """Join the results of a matrix's jobs into one verdict.

RESULT is a result.json, or a directory below which every result.json is
read. The policy, and with --base the policies of both sides, say which
workloads the run has: one that no job measured is an error. Give --base or
--base-dir as in the jobs. Results of
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
@base_options
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
    json_path: str | None,
    strict: bool,
    quiet: bool,
    **run: Any,  # noqa: ANN401 - workloads and base, as `read_run` takes them
) -> None:
    """Run `energygate merge`."""
    from energygate.cli.results import write_and_report
    from energygate.result.files import read_results
    from energygate.run.shards import join

    joined = join(read_run(policy, **run), read_results(results))
    sys.exit(write_and_report(joined, json_path=json_path, strict=strict, quiet=quiet))
