"""`energygate doctor`."""

from __future__ import annotations

import sys

import click

HELP = """Report what this machine can measure, and how well.

Looks for energy counters and GPUs, reports where joules would come from and how
far to trust them, compares the same code with itself for ten seconds, and
advises on how to get better numbers.

\b
Exit codes:
  0  this machine is fit to measure
  2  usage or policy error
  3  `require: measured` cannot be met here
"""


@click.command(help=HELP)
@click.option("--policy", metavar="FILE", help="The policy file.  [default: energygate.yml, if there]")
@click.option(
    "--require",
    type=click.Choice(["any", "measured"]),
    help="The requirement; the policy's by default.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--self-test/--no-self-test", default=True, show_default=True, help="Compare code with itself.")
def doctor(policy: str | None, require: str | None, as_json: bool, self_test: bool) -> None:
    """Run `energygate doctor`."""
    from pathlib import Path

    from energygate.policy import load_policy
    from energygate.report.diagnosis import diagnosis_lines
    from energygate.run.doctor import diagnose

    if policy is None and Path("energygate.yml").is_file():
        policy = "energygate.yml"
    diagnosis = diagnose(
        None if policy is None else load_policy(policy).measurement,
        require=require,
        self_test=self_test,
        on_wait=lambda reason: click.echo(f"energygate: {reason}", err=True),
    )
    click.echo(diagnosis.to_json() if as_json else "\n".join(diagnosis_lines(diagnosis)), nl=not as_json)
    sys.exit(0 if diagnosis.fit else 3)
