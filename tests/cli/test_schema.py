"""The published schemas hold for what the command reads and writes."""

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml
from commands import energygate


def published(name, directory):
    ran = energygate("schema", name, cwd=directory)
    assert (ran.code, ran.err) == (0, "")
    return json.loads(ran.out)


@pytest.fixture(scope="module")
def result_schema(tmp_path_factory):
    return published("result", tmp_path_factory.mktemp("schema"))


def test_a_result_is_valid(site_result, result_schema):
    jsonschema.Draft202012Validator(result_schema).validate(site_result)


def test_a_result_of_errors_is_valid_too(all_broken, result_schema):
    jsonschema.Draft202012Validator(result_schema).validate(all_broken[1])


def test_the_schema_would_notice(site_result, result_schema):
    site_result = {**site_result, "verdict": "fine"}
    assert not jsonschema.Draft202012Validator(result_schema).is_valid(site_result)


@pytest.mark.parametrize("name", ["energygate.yml", "site.yml"])
def test_a_policy_is_valid(spinning, name):
    policy = yaml.safe_load((spinning / name).read_text("utf-8"))
    schema = published("policy", spinning)
    jsonschema.Draft202012Validator(schema).validate(policy)
    assert not jsonschema.Draft202012Validator(schema).is_valid({**policy, "wokloads": {}})
