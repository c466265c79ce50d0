"""`energygate schema`."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("name", type=click.Choice(["policy", "result", "doctor", "routing"]))
def schema(name: str) -> None:
    """Print the JSON Schema of a file that energygate reads or writes."""
    from energygate.policy import policy_json_schema
    from energygate.production.routing.plan import Routing
    from energygate.report.diagnosis import Diagnosis
    from energygate.result.result import Result

    schemas = {
        "policy": policy_json_schema,
        "result": Result.published_schema,
        "doctor": Diagnosis.published_schema,
        "routing": Routing.published_schema,
    }
    click.echo(json.dumps(schemas[name](), indent=2))
