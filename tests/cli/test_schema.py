"""The published schemas hold for what the command reads and writes."""

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml


@pytest.fixture
def schema_of(in_process, tmp_path):
    """Print the schema of a file and read it."""

    def published(name):
        ran = in_process("schema", name, cwd=tmp_path)
        assert (ran.code, ran.err) == (0, "")
        return json.loads(ran.out)

    return published


@pytest.fixture
def result_schema(schema_of):
    return schema_of("result")


def test_a_result_is_valid(site_result, result_schema):
    jsonschema.Draft202012Validator(result_schema).validate(site_result)


def test_the_schema_rejects_an_invalid_result(site_result, result_schema):
    site_result = {**site_result, "verdict": "fine"}
    assert not jsonschema.Draft202012Validator(result_schema).is_valid(site_result)


@pytest.mark.parametrize("name", ["energygate.yml", "site.yml"])
def test_a_policy_is_valid(spinning, schema_of, name):
    policy = yaml.safe_load((spinning / name).read_text("utf-8"))
    schema = schema_of("policy")
    jsonschema.Draft202012Validator(schema).validate(policy)
    assert not jsonschema.Draft202012Validator(schema).is_valid({**policy, "wokloads": {}})
