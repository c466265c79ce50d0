"""Tests as workloads in a policy: valid entries, and that schema and parser agree on them."""

from __future__ import annotations

import jsonschema
import pytest
import yaml

from energygate.errors import PolicyError
from energygate.policy import parse_policy, policy_json_schema

SCHEMA = policy_json_schema()
NODE = "tests/test_energy.py::test_classify"


def policy(workload):
    return yaml.safe_dump({"version": 1, "workloads": {"w": workload}})


def is_valid(workload):
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(yaml.safe_load(policy(workload)))


@pytest.mark.parametrize(
    "workload",
    [
        {"pytest": NODE},
        {"pytest": "test_energy.py::TestIt::test_it[a-b c/../d::é]", "part": "encode"},
        {"pytest": NODE, "units": "tokens", "budgets": {"energy_per_unit": "1 mWh", "latency_p95": "1 s"}},
        {"pytest": NODE, "threads": 2, "load": {"rate": "20 req/s", "concurrency": 2}, "paths": ["src"]},
        {"pytest": NODE, "answers": "classes", "seed": 3, "runs_on": "gpu"},
    ],
)
def test_valid_entries(workload):
    assert parse_policy(policy(workload)).workloads["w"].kind == "pytest"
    assert is_valid(workload)


@pytest.mark.parametrize(
    ("workload", "sentence"),
    [
        (
            {"pytest": "tests/test_energy.py"},
            "is not a node id; write file::test, for example tests/test_energy.py::",
        ),
        ({"pytest": "--co::x"}, "'--co::x' is not a node id"),
        ({"pytest": "@args::x"}, "'@args::x' is not a node id"),
        ({"pytest": "/tests/test_energy.py::test_it"}, "is not a node id"),
        ({"pytest": "::x"}, "is not a node id"),
        (
            {"python": "a:b", "part": "encode"},
            "part of workload 'w': applies to tests (pytest) only; remove it",
        ),
        ({"pytest": NODE, "command": "c"}, "command is given too; a workload is one of them"),
        (
            {"pytest": NODE, "batch_size": 2},
            "batch_size of workload 'w': applies to ONNX models and Python callables",
        ),
        ({"pytest": NODE, "inputs": "i"}, "inputs of workload 'w': applies to"),
        ({"pytest": NODE, "labels": "y"}, "labels of workload 'w': applies to"),
        ({"pytest": NODE, "provider": "cuda"}, "provider of workload 'w': applies to ONNX models"),
        ({"pytest": NODE, "budgets": {"energy_per_unit": "1 J"}}, "needs units"),
        ({"pytest": NODE, "budgets": {"ttft_p95": "1 s"}}, "needs an endpoint (http)"),
        ({"pytest": NODE, "budgets": {"accuracy": "1 %"}}, "needs labels"),
    ],
)
def test_invalid_entries(workload, sentence):
    with pytest.raises(PolicyError) as caught:
        parse_policy(policy(workload))
    assert sentence in str(caught.value)
    if "is not a node id" in sentence or "command" in workload:
        assert not is_valid(workload)


@pytest.mark.parametrize("file", ["../test_energy.py", "tests/../../x.py", "tests\\..\\x.py", "C:\\x.py"])
def test_another_checkouts_test_is_refused(file):
    with pytest.raises(PolicyError, match="leads out of the checkout; write a path relative to the policy"):
        parse_policy(policy({"pytest": f"{file}::test_it"}))
