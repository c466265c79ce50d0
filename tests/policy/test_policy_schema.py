"""The published schema agrees with the parser wherever a schema can express it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from energygate.errors import PolicyError
from energygate.policy import METRICS, parse_policy, policy_json_schema

EXAMPLE = Path(__file__).with_name("example.yml").read_text(encoding="utf-8")
SCHEMA = policy_json_schema()


class _Core(yaml.SafeLoader):
    """YAML as editors read it (1.2): `off` is text, a date is text, a whole number is one."""


_Core.yaml_implicit_resolvers = {}
for tag, pattern, first in [
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", "-+0123456789"),
    ("null", r"~|null|", ["~", "n", ""]),
]:
    _Core.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{pattern})$"), list(first))


def _valid(text):
    validator = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
    return validator.is_valid(yaml.load(text, _Core))  # noqa: S506 - a SafeLoader all the same


def _parses(text):
    try:
        parse_policy(text)
    except PolicyError:
        return False
    return True


def test_the_schema_is_self_contained():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$id"] == "urn:energygate:policy:1"
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize(
    ("good", "other"),
    [
        ("version: 1", "version: 1"),
        ("{country: DEU}", "{cloud: aws/eu-central-1}"),
        ("{country: DEU}", '{intensity: "380 g CO₂eq/kWh"}'),
        ("{max: 10 MB}", "10MB"),
        ("{max: 10 MB}", "{max: 10 MB, level: off}"),
        ("{min: 97 %}", "97 %"),
        ("{min: 97 %}", "{min: 97 %, max_decrease: 1 %, min_delta: 0.1 %}"),
        ("model_size: {max: 10 MB}", "cost_per_request: 0.001 USD"),
        ("model_size: {max: 10 MB}", "throughput: 50 req/s"),
        ("provider: cpu", "provider: CUDAExecutionProvider"),
        ("provider: cpu", "provider: cuda\n    provider_options: {device_id: 0}"),
        ("provider: cpu", "shapes: {batch: 1, image: [1, 3]}"),
        ("require: any", "seed: 7"),
    ],
)
def test_both_accept(good, other):
    assert good in EXAMPLE
    text = EXAMPLE.replace(good, other, 1)
    assert (_valid(text), _parses(text)) == (True, True)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("version: 1", "version: 2"),
        ("version: 1", "versoin: 1"),
        ("pue: 1.25", "pue: 0.9"),
        ("pue: 1.25", "pue: 3.5"),
        ("pue: 1.25", "pue: abc"),
        ("{country: DEU}", "{}"),
        ("{country: DEU}", "{country: deu}"),
        ("{country: DEU}", "{country: DEU, cloud: aws/x}"),
        ("0.25 USD/kWh", "0.25"),
        ("0.25 USD/kWh", "0.25 USD"),
        ("200000", "0"),
        ("warm_replicas: 2", "warm_replicas: -1"),
        ("60 s", "60"),
        ("60 s", "60 Wh"),
        ("require: any", "require: some"),
        ("onnx: models/digits-cnn.onnx", "seed: 1"),
        ("onnx: models/digits-cnn.onnx", "onnx: a\n    python: b:c"),
        ("onnx: models/digits-cnn.onnx", "python: serve.py"),
        ("onnx: models/digits-cnn.onnx", "onnx: ' '"),
        ("batch_size: 1", "batch_size: 0"),
        ("threads: 1", "threads: two"),
        ("threads: 1", "thread: 1"),
        ("threads: 1", "shapes: {n: 0}"),
        ("provider: cpu", "provider: gpu"),
        ("load: closed", "load: open"),
        ("model_size", "modelsize"),
        ("{max: 10 MB}", "{max: 10}"),
        ("{max: 10 MB}", "{max: 10 s}"),
        ("{max: 10 MB}", "{max: -10 MB}"),
        ("{max: 10 MB}", "{min: 10 MB}"),
        ("{max: 10 MB}", "{level: warn}"),
        ("{max: 10 MB}", "{max: 10 MB, min_delta: 1 kB}"),
        ("{max: 10 MB}", "{max: 10 MB, level: loud}"),
        ("{max: 10 MB}", "[10 MB]"),
        ("metric: energy_per_request", "metric: energy"),
        ('owner: "@ml", ', ""),
        ("2027-01-31", "31.1.2027"),
        ("2027-01-31", "2027-02-31"),
    ],
)
def test_both_refuse(good, bad):
    assert good in EXAMPLE
    text = EXAMPLE.replace(good, bad, 1)
    assert (_valid(text), _parses(text)) == (False, False)


def test_a_policy_without_workloads_is_refused_by_both():
    text = "version: 1\nworkloads: {}"
    assert (_valid(text), _parses(text)) == (False, False)


def _properties(part, path=()):
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "properties":
                yield from (((*path, name), schema) for name, schema in value.items())
            yield from _properties(value, (*path, key))
    elif isinstance(part, list):
        for index, value in enumerate(part):
            yield from _properties(value, (*path, index))


def test_every_key_is_described():
    found = dict(_properties(SCHEMA))
    assert len(found) > 40
    assert [path for path, schema in found.items() if not schema.get("description")] == []


def test_every_definition_is_used():
    text = json.dumps(SCHEMA)
    assert [name for name in SCHEMA["$defs"] if f'"#/$defs/{name}"' not in text] == []


def test_every_metric_can_be_budgeted():
    budgets = SCHEMA["$defs"]["Workload"]["properties"]["budgets"]
    assert [*budgets["properties"]] == [*METRICS]
    assert budgets["additionalProperties"] is False
