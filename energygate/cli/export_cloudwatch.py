"""`energygate export cloudwatch`."""

from __future__ import annotations

import click

from energygate.cli.export_files import output_option, source_from, source_options, write

HELP = """Write CloudFormation templates with an alarm on energy per request.

energygate.Recorder sends EnergyPerRequest to CloudWatch. Each workload with a
limit on it gets a template: the alarm, and a function that answers it within
limits and puts everything back when the alarm clears. A stack begins as a dry
run; --parameter-overrides DryRun=false lets the function act.

\b
What the function moves, with --answer:
  concurrency  reserved concurrency of a Lambda function, down
  provisioned  provisioned concurrency of its alias, down
  service      desired count of an ECS service, down
  alias        the share of a CPU-only version among an alias' requests, up
  endpoint     the share of a CPU-only variant of a SageMaker endpoint, up
  none         nothing: the alarm alone
"""


@click.command(help=HELP, short_help="The alarm in CloudFormation, and the function that answers it.")
@source_options
@output_option("cloudwatch")
@click.option(
    "--answer",
    type=click.Choice(["concurrency", "provisioned", "service", "alias", "endpoint", "none"]),
    default="concurrency",
    show_default=True,
    help="What to move while the alarm is on.",
)
def cloudwatch(workloads: tuple[str, ...], policy: str, result: str | None, output: str, answer: str) -> None:
    """Run `energygate export cloudwatch`."""
    from energygate.production.export.cloudwatch import (
        KIND,
        METRIC,
        CloudWatchOptions,
        deploying,
        files,
        unlimited,
    )
    from energygate.production.export.live_limits import bare_notes

    source = source_from(policy, result, workloads)
    for name in workloads:  # a named workload must get its template, or an error
        source.needed_limit(name, METRIC, exporter=KIND)
    made = files(source, CloudWatchOptions(answer=answer))
    for name in unlimited(source):
        click.echo(
            f"energygate: {name} has no limit on energy per request, so there is no template for it", err=True
        )
    following = deploying(source, next(iter(made)), answer)
    write(made, output, following, notes=bare_notes(source, {METRIC}))
