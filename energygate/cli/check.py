"""`energygate check`."""

from __future__ import annotations

import sys

import click

HELP = """Measure the policy's workloads and judge them.

Names choose workloads; without any, all of the policy's are checked. With
--base or --base-dir the same workloads are measured there as well, taking
turns, and the limits on change are judged too, by base's policy.

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
@click.option("--base", metavar="REF", help="Compare with the merge base of HEAD and this ref.")
@click.option("--base-dir", metavar="DIR", help="Compare with this directory, without git.")
@click.option("--python", metavar="PATH", help="The interpreter to measure with.")
@click.option("--base-python", metavar="PATH", help="Base's interpreter, where it differs.")
@click.option("--setup", metavar="COMMAND", help="Command that makes a side's environment first.")
@click.option("--total-time-limit", metavar="TIME", help="Measuring time of all workloads together.")
@click.option("--leg", is_flag=True, help="Other jobs check the policy's other workloads; see `matrix`.")
@click.option("--strict", is_flag=True, help="Exit with 4 when a budget stays inconclusive.")
@click.option("-q", "--quiet", is_flag=True, help="Print the verdict's line only.")
def check(
    workloads: tuple[str, ...],
    policy: str,
    json_path: str | None,
    time_limit: str | None,
    base: str | None,
    base_dir: str | None,
    python: str | None,
    base_python: str | None,
    setup: str | None,
    total_time_limit: str | None,
    leg: bool,
    strict: bool,
    quiet: bool,
) -> None:
    """Run `energygate check`."""
    from energygate.cli.running import check_and_report, parse_time
    from energygate.run.compare import Options

    options = Options(
        workloads=workloads,
        time_limit_s=parse_time(time_limit, "--time-limit"),
        base=base,
        base_dir=base_dir,
        python=python,
        base_python=base_python,
        setup=setup,
        leg=leg,
        total_time_limit_s=parse_time(total_time_limit, "--total-time-limit"),
    )
    sys.exit(check_and_report(policy, options, json_path=json_path, strict=strict, quiet=quiet))
