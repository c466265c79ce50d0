"""`energygate schema`."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("name", type=click.Choice(["policy", "result", "doctor", "routing"]))
def schema(name: str) -> None:
    """Print the JSON Schema of a file that energygate reads or writes."""
    from energygate.policy import policy_json_schema
    from energygate.production.routing.plan import routing_json_schema
    from energygate.report.diagnosis import diagnosis_json_schema
    from energygate.result.result import result_json_schema

    schemas = {
        "policy": policy_json_schema,
        "result": result_json_schema,
        "doctor": diagnosis_json_schema,
        "routing": routing_json_schema,
    }
    click.echo(json.dumps(schemas[name](), indent=2))
