"""`energygate check`."""

from __future__ import annotations

import sys

import click

HELP = """Measure the policy's workloads and judge them.

Names choose workloads; without any, all of the policy's are checked.

\b
Exit codes:
  0  within budget (also: warned, waived, inconclusive without --strict)
  1  over budget
  2  usage or policy error
  3  measurement invalid or missing
  4  inconclusive under --strict
"""


@click.command(help=HELP)
@click.argument("workloads", nargs=-1, metavar="[WORKLOAD]...")
@click.option(
    "--policy", metavar="FILE", default="energygate.yml", show_default=True, help="The policy file."
)
@click.option("--json", "json_path", metavar="FILE", help="Write the result there; - for standard output.")
@click.option("--time-limit", metavar="TIME", help="Measuring time per workload, such as '20 s'.")
@click.option("--strict", is_flag=True, help="Exit with 4 when a budget stays inconclusive.")
@click.option("-q", "--quiet", is_flag=True, help="Print the verdict's line only.")
def check(
    workloads: tuple[str, ...],
    policy: str,
    json_path: str | None,
    time_limit: str | None,
    strict: bool,
    quiet: bool,
) -> None:
    """Run `energygate check`."""
    from energygate.cli.running import check_and_report, parse_time
    from energygate.policy import load_policy

    code = check_and_report(
        load_policy(policy),
        policy_path=policy,
        workloads=workloads,
        time_limit_s=parse_time(time_limit),
        json_path=json_path,
        strict=strict,
        quiet=quiet,
    )
    sys.exit(code)
