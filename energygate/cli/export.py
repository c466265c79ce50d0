"""`energygate export`: the group; each kind of file is a subcommand in a module of its own."""

from __future__ import annotations

import click

from energygate.cli.export_cloudwatch import cloudwatch
from energygate.cli.export_grafana import grafana
from energygate.cli.export_json import json
from energygate.cli.export_kubernetes import kubernetes
from energygate.cli.export_openmetrics import openmetrics
from energygate.cli.export_otlp import otlp
from energygate.cli.export_prometheus import prometheus

HELP = """Write the policy's limits for the systems that run the model.

Every kind writes its files into a directory of its own, says which, and what
to do with them next. Each number in them names the line of the policy that it
comes from. The same policy and result always give the same files; files that
were not written by this command are never overwritten.

\b
Exit codes:
  0  the files are written
  2  usage or policy error
  3  the result cannot be read
"""


@click.group(
    help=HELP, short_help="Write the policy's limits for Prometheus, Kubernetes, Grafana and others."
)
def export() -> None:
    """Gather the kinds."""


for command in (prometheus, kubernetes, cloudwatch, grafana, openmetrics, otlp, json):
    export.add_command(command)
