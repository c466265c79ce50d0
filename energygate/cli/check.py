"""`energygate check`, and `energygate demo`, which shows it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from energygate.cli.shared_options import (
    Time,
    base_options,
    json_option,
    policy_option,
    verdict_options,
    workloads_argument,
)
from energygate.errors import UsageError

if TYPE_CHECKING:
    from energygate.run.options import Options

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
@workloads_argument
@policy_option
@json_option
@click.option(
    "--time-limit",
    "time_limit_s",
    metavar="TIME",
    type=Time(),
    help="Measuring time per workload, such as '20 s'.",
)
@base_options
@click.option("--python", metavar="PATH", help="The interpreter to measure with.")
@click.option("--base-python", metavar="PATH", help="Base's interpreter, where it differs.")
@click.option("--setup", metavar="COMMAND", help="Command that prepares a side's environment first.")
@click.option(
    "--total-time-limit",
    "total_time_limit_s",
    metavar="TIME",
    type=Time(),
    help="Measuring time of all workloads together.",
)
@click.option("--leg", is_flag=True, help="Other jobs check the policy's other workloads; see `matrix`.")
@verdict_options
def check(
    policy: str,
    base: str | None,
    base_dir: str | None,
    json_path: str | None,
    strict: bool,
    quiet: bool,
    **options: Any,  # noqa: ANN401 - the fields of `Options`, under the same names
) -> None:
    """Run `energygate check`."""
    if base is None and base_dir is None:
        for option, field in (("--base-python", "base_python"), ("--total-time-limit", "total_time_limit_s")):
            if options[field] is not None:
                raise UsageError(f"{option} needs a base", hint="Give --base or --base-dir")

    from energygate.run.options import Options

    code = check_and_report(
        policy,
        Options(**options),
        base=base,
        base_dir=base_dir,
        json_path=json_path,
        strict=strict,
        quiet=quiet,
    )
    sys.exit(code)


@click.command(short_help="See the gate work on the shipped fixtures.")
def demo() -> None:
    """See the gate work on a pull request: one workload passes, one is over budget, one is unchanged."""
    from energygate.run.demo import demonstrate
    from energygate.run.options import Options

    def gate(policy_path: str, *, base: str | None = None, base_dir: str | None = None) -> int:
        return check_and_report(policy_path, Options(), base=base, base_dir=base_dir)

    sys.exit(demonstrate(gate))


def check_and_report(
    policy_path: str,
    options: Options,
    *,
    base: str | None = None,
    base_dir: str | None = None,
    json_path: str | None = None,
    strict: bool = False,
    quiet: bool = False,
) -> int:
    """Check, report, write the result; return the exit code."""
    from pathlib import Path

    from energygate.cli.progress import check_with_progress
    from energygate.cli.results import write_and_report
    from energygate.policy import load_policy

    result = check_with_progress(load_policy(policy_path), Path(policy_path), options, base, base_dir, shown=not quiet)
    return write_and_report(result, json_path=json_path, strict=strict, quiet=quiet)
