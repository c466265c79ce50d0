"""The published JSON Schema of `energygate.yml`, generated from the models that read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from energygate.policy.budget import LIMITS, Budget
from energygate.policy.fields import MAX_NAME_LENGTH, quantity_json_schema
from energygate.policy.metrics import METRICS
from energygate.policy.model import Policy
from energygate.policy.traffic import HOURS_A_DAY
from energygate.policy.unit_families import Family
from energygate.policy.workload import KINDS

if TYPE_CHECKING:
    from energygate.policy.metrics import Metric

SCHEMA_ID = "urn:energygate:policy:1"


def policy_json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of version 1 of the policy.

    It covers names, types and units. Only `parse_policy` checks that a waiver names an existing budget, or that a
    cost has a price.
    """
    schema = Policy.model_json_schema()
    definitions = schema["$defs"]
    level = definitions.pop("Budget")["properties"]["level"]
    definitions |= {_definition(family): quantity_json_schema(family) for family in _families()}
    workload = definitions["Workload"]
    workload["properties"]["budgets"] |= {
        "properties": {name: _budget(metric, level) for name, metric in METRICS.items()},
        "additionalProperties": False,
    }
    workload["oneOf"] = [{"required": [kind]} for kind in KINDS]
    workload["dependentRequired"] = {"http": ["serve"]}
    load = workload["properties"]["load"]
    load["anyOf"] = [{"const": "closed"}, {"$ref": load.pop("$ref")}]
    definitions["Carbon"] |= {"minProperties": 1, "maxProperties": 1}
    traffic = definitions["Traffic"]
    traffic["oneOf"] = [{"required": [key]} for key in ("requests_per_day", "requests_per_hour")]
    for profile in _arrays(traffic["properties"]["requests_per_hour"]):
        profile |= {"minItems": HOURS_A_DAY, "maxItems": HOURS_A_DAY, "contains": {"exclusiveMinimum": 0}}
    schema["properties"]["workloads"]["propertyNames"] = {"minLength": 1, "maxLength": MAX_NAME_LENGTH}
    _trim(schema)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID}
    return {**head, "title": "energygate policy, version 1", **schema}


def _arrays(part: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in (part, *part.get("anyOf", ())) if one.get("type") == "array"]


def _families() -> list[Family]:
    return [*dict.fromkeys([*(metric.family for metric in METRICS.values()), Family.RATIO])]


def _definition(family: Family) -> str:
    return f"Quantity.{family.value}"


def _budget(metric: Metric, level: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of one metric's budget: a bare limit, or a mapping of the limits that apply to it."""
    own = {"$ref": f"#/$defs/{_definition(metric.family)}"}
    share = {"$ref": f"#/$defs/{_definition(Family.RATIO)}"}
    absolute, relative = LIMITS[metric.better]
    limits = {absolute: own, relative: share, "min_delta": own}
    described = {key: {**value, "description": Budget.model_fields[key].description} for key, value in limits.items()}
    mapping = {
        "type": "object",
        "properties": {**described, "level": dict(level)},
        "additionalProperties": False,
        "anyOf": [{"required": [absolute]}, {"required": [relative]}],
        "dependentRequired": {"min_delta": [relative]},
    }
    return {"description": metric.description, "anyOf": [own, mapping]}


def _trim(part: Any) -> None:  # noqa: ANN401 - any part of a JSON document
    """Remove what is of no use in an editor: titles, null defaults, all but the summary of a docstring."""
    if isinstance(part, list):
        for item in part:
            _trim(item)
    if not isinstance(part, dict):
        return
    if isinstance(part.get("title"), str):
        del part["title"]
    if part.get("default", ...) is None:
        del part["default"]
    if isinstance(part.get("description"), str):
        part["description"] = part["description"].partition("\n\n")[0]
    for value in part.values():
        _trim(value)
