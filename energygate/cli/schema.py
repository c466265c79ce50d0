"""`energygate schema`."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("name", type=click.Choice(["policy", "result"]))
def schema(name: str) -> None:
    """Print the JSON Schema of `energygate.yml` or of `result.json`."""
    from energygate.policy import policy_json_schema
    from energygate.report.result import result_json_schema

    click.echo(json.dumps(policy_json_schema() if name == "policy" else result_json_schema(), indent=2))
