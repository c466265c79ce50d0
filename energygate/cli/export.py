"""`energygate export`: the group, and the kinds of files with few options."""

from __future__ import annotations

import click

from energygate.cli.export_files import (
    labels_option,
    output_option,
    result_for,
    result_options,
    source_from,
    source_options,
    write,
)
from energygate.cli.export_kubernetes import kubernetes
from energygate.cli.shared_options import quantity

HELP = """Write the policy's limits for the systems that run the model.

Every kind writes its files into a directory of its own, and prints which, and
what to do with them next. Each number in them names the line of the policy that
it comes from. The same policy and result always give the same files; files that
were not written by this command are never overwritten.

\b
Exit codes:
  0  the files are written
  2  usage or policy error
  3  the result cannot be read
"""

PROMETHEUS = """Write recording and alerting rules for Prometheus.

They read what energygate.Recorder exposes. Every limit on energy, latency,
success and monthly energy becomes an alert that fires while a long and a
short window are both over it, and resolves soon after. Metrics that include
idling (effective energy per request, monthly energy) are averaged over a day,
as in CI.

A relative limit needs the latest result, and counts from the upper end of its
interval. Name the workloads that are served: a workload without data is an
alert, too. Limits on metrics that only CI measures are listed.
"""

CLOUDWATCH = """Write CloudFormation templates with an alarm on energy per request.

energygate.Recorder sends EnergyPerRequest to CloudWatch. Each workload with a
limit on it gets a template: the alarm, and a function that responds within
limits and restores everything when the alarm clears. A stack begins as a dry
run; --parameter-overrides DryRun=false lets the function act.

\b
What the function changes, with --answer:
  concurrency  reserved concurrency of a Lambda function, down
  provisioned  provisioned concurrency of its alias, down
  service      desired count of an ECS service, down
  alias        the share of a CPU-only version among an alias' requests, up
  endpoint     the share of a CPU-only variant of a SageMaker endpoint, up
  none         nothing: the alarm alone
"""

GRAFANA = """Write a dashboard for Grafana.

Energy per request and its limits, energy with and without idling, power,
totals, PUE, carbon, cost, latency and errors, by workload. It shows the rates
that the rules of `energygate export prometheus` record. Results that CI pushes
(`energygate export openmetrics`) mark deployments in it. Made with Grafana's
own SDK: pip install 'energygate[grafana]'.
"""

OPENMETRICS = """Write a result as OpenMetrics, for trend lines across commits.

Gauges in base units by workload, commit and method, which a Pushgateway takes
and Prometheus scrapes from there.
"""

OTLP = """Write a result as OTLP/JSON, for trend lines across commits.

Gauges that a collector of OpenTelemetry takes at its HTTP endpoint; the commit
is an attribute of the resource.
"""

JSON = """Write a result as flat JSON, for trend lines across commits.

One record for each workload and metric, all with the same keys, in the
metric's own unit; `energygate report --format csv` has the same as a table.
"""


@click.group(help=HELP, short_help="Write the policy's limits for Prometheus, Kubernetes, Grafana and others.")
def export() -> None:
    """Group the kinds."""


@export.command(help=PROMETHEUS, short_help="Recording and alerting rules.")
@source_options
@output_option("prometheus")
@labels_option
@click.option(
    "--for",
    "settled",
    metavar="DURATION",
    default="2 min",
    show_default=True,
    callback=lambda _context, _parameter, text: _duration(text),
    help="How long a limit stays broken before it alerts.",
)
def prometheus(
    workloads: tuple[str, ...],
    policy: str,
    result: str | None,
    output: str,
    labels: dict[str, str],
    settled: str,
) -> None:
    """Run `energygate export prometheus`."""
    from energygate.production.export.live_limits import notes
    from energygate.production.export.prometheus import FILE, files

    source = source_from(policy, result, workloads)
    made = files(source, labels=labels, settled=settled)
    following = f"promtool check rules {{output}}/{FILE}, and name it under rule_files in prometheus.yml"
    write(made, output, following, notes=notes(source))


@export.command(help=CLOUDWATCH, short_help="The alarm in CloudFormation, and the function that responds to it.")
@source_options
@output_option("cloudwatch")
@click.option(
    "--answer",
    type=click.Choice(["concurrency", "provisioned", "service", "alias", "endpoint", "none"]),
    default="concurrency",
    show_default=True,
    help="What to change while the alarm is on.",
)
def cloudwatch(workloads: tuple[str, ...], policy: str, result: str | None, output: str, answer: str) -> None:
    """Run `energygate export cloudwatch`."""
    from energygate.production.export.cloudwatch import KIND, METRIC, deploying, files, unlimited
    from energygate.production.export.live_limits import bare_notes

    source = source_from(policy, result, workloads)
    for name in workloads:  # a named workload must get its template, or an error
        source.needed_limit(name, METRIC, exporter=KIND)
    made = files(source, answer=answer)
    for name in unlimited(source):
        click.echo(f"energygate: {name} has no limit on energy per request, so there is no template for it", err=True)
    following = deploying(source, next(iter(made)), answer)
    write(made, output, following, notes=bare_notes(source, {METRIC}))


@export.command(help=GRAFANA, short_help="A dashboard.")
@source_options
@output_option("grafana")
@labels_option
@click.option("--title", metavar="TEXT", help="The dashboard's title.  [default: Energy of inference]")
def grafana(
    workloads: tuple[str, ...],
    policy: str,
    result: str | None,
    output: str,
    labels: dict[str, str],
    title: str | None,
) -> None:
    """Run `energygate export grafana`."""
    from energygate.production.export.grafana import FILE, TITLE, files
    from energygate.production.export.live_limits import notes

    source = source_from(policy, result, workloads)
    made = files(source, labels=labels, title=title or TITLE)
    following = f"import {{output}}/{FILE} in Grafana (Dashboards, New, Import), or provision it"
    write(made, output, following, notes=notes(source))


@export.command(help=OPENMETRICS, short_help="The result as OpenMetrics, for a Pushgateway.")
@result_options
@output_option("openmetrics")
def openmetrics(workloads: tuple[str, ...], result: str, output: str) -> None:
    """Run `energygate export openmetrics`."""
    from energygate.production.export.openmetrics import FILE, files

    write(
        files(result_for(result, workloads)),
        output,
        f"curl --data-binary @{{output}}/{FILE} http://PUSHGATEWAY:9091/metrics/job/energygate",
    )


@export.command(help=OTLP, short_help="The result as OTLP/JSON, for OpenTelemetry.")
@result_options
@output_option("otlp")
def otlp(workloads: tuple[str, ...], result: str, output: str) -> None:
    """Run `energygate export otlp`."""
    from energygate.production.export.otlp import FILE, files

    write(
        files(result_for(result, workloads)),
        output,
        f"curl -H 'Content-Type: application/json' --data @{{output}}/{FILE} http://COLLECTOR:4318/v1/metrics",
    )


@export.command(help=JSON, short_help="The result as flat records.")
@result_options
@output_option("json")
def json(workloads: tuple[str, ...], result: str, output: str) -> None:
    """Run `energygate export json`."""
    from energygate.production.export.json_records import FILE, files

    write(files(result_for(result, workloads)), output, f"jq '.records[]' {{output}}/{FILE}")


export.add_command(kubernetes)


def _duration(text: str) -> str:
    """Return the duration as Prometheus writes it: whole minutes where possible, else seconds."""
    seconds = round(quantity(text, "time", option="--for"))
    return f"{seconds // 60}m" if seconds and not seconds % 60 else f"{seconds}s"
