"""Endpoints and commands in a policy: valid entries, and that schema and parser agree on them."""

from __future__ import annotations

import jsonschema
import pytest
import yaml

from energygate.errors import PolicyError
from energygate.policy import Workload, parse_policy, policy_json_schema

SCHEMA = policy_json_schema()
URL = "http://127.0.0.1:{port}/v1/completions"
ENDPOINT = {"http": URL, "serve": "python server.py {port}"}
HERE = "is not an address on this machine"


def policy(workload):
    return yaml.safe_dump({"version": 1, "workloads": {"w": workload}})


def is_valid(workload):
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(yaml.safe_load(policy(workload)))


@pytest.mark.parametrize(
    ("workload", "kind"),
    [
        (ENDPOINT, "http"),
        ({**ENDPOINT, "ready": "/health", "inputs": "requests.jsonl", "units": "tokens"}, "http"),
        ({**ENDPOINT, "load": {"rate": "20 req/s", "concurrency": 8}, "paths": ["src"]}, "http"),
        ({**ENDPOINT, "budgets": {"ttft_p50": "0.1 s", "ttft_p95": {"max_increase": "5 %"}}}, "http"),
        ({**ENDPOINT, "units": "tokens", "budgets": {"energy_per_unit": "1 mWh"}}, "http"),
        ({"command": "python -m my_package.batch | tee log"}, "command"),
        ({"command": "make once", "load": {"concurrency": 2}, "threads": 2, "paths": ["*.c"]}, "command"),
    ],
)
def test_valid_entries(workload, kind):
    assert parse_policy(policy(workload)).workloads["w"].kind == kind
    assert is_valid(workload)


@pytest.mark.parametrize(
    ("url", "port"),
    [
        (URL, None),
        ("http://localhost:8000", 8000),
        ("http://localhost:65535/a?b=c", 65535),
        ("http://127.0.0.1", 80),
        ("http://127.8.255.1:1/", 1),
        ("http://[::1]:8000/v1", 8000),
        ("http://[::1]/v1", 80),
        ("http://[::1]:{port}/", None),
        ("http://127.0.0.1:8000/{port}", 8000),
    ],
)
def test_addresses_on_this_machine(url, port):
    assert Workload(http=url, serve="s").fixed_port == port
    assert is_valid({"http": url, "serve": "s"})


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/v1",
        "http://192.168.0.7:8000/",
        "http://0.0.0.0:8000/",
        "http://127.0.0.1.example.org/",
        "http://localhost@example.org/",
        "http://localhost:8000@example.org/",
        "127.0.0.1:8000",
        "http://127.0.0.1:{PORT}/",
        "http://127.0.0.1:port/",
        "http://127.0.0.1:8000/a b",
    ],
)
def test_a_server_elsewhere_is_refused_because_its_energy_cannot_be_seen(url):
    with pytest.raises(PolicyError, match=HERE) as caught:
        parse_policy(policy({"http": url, "serve": "s"}))
    assert "the energy of a server on another host cannot be measured here" in str(caught.value)
    assert not is_valid({"http": url, "serve": "s"})


@pytest.mark.parametrize("url", ["http://127.0.0.1:65536/", "http://127.0.0.1:0/", "http://127.0.256.1/"])
def test_numbers_that_no_address_has_are_refused(url):
    with pytest.raises(PolicyError, match=HERE):
        parse_policy(policy({"http": url, "serve": "s"}))


@pytest.mark.parametrize(
    ("workload", "sentence"),
    [
        (
            {"http": "https://127.0.0.1:{port}/", "serve": "s"},
            "http of workload 'w': 'https://127.0.0.1:{port}/' is https; write http: TLS is unnecessary",
        ),
        ({"http": URL}, "http of workload 'w': needs serve, the command that starts its server"),
        (
            {"command": "c", "serve": "s"},
            "serve of workload 'w': applies to endpoints (http) only; remove it",
        ),
        (
            {"python": "a:b", "ready": "/x"},
            "ready of workload 'w': applies to endpoints (http) only; remove it",
        ),
        (
            {**ENDPOINT, "ready": "health"},
            "ready of workload 'w': 'health' is not a path; write for example",
        ),
        (
            {**ENDPOINT, "command": "c"},
            "command of workload 'w': http is given too; a workload is one of them",
        ),
        ({**ENDPOINT, "python": "a:b"}, "http of workload 'w': python is given too"),
        (
            {**ENDPOINT, "labels": "y", "inputs": "i"},
            "labels of workload 'w': applies to ONNX models and Python callables",
        ),
        (
            {**ENDPOINT, "batch_size": 2},
            "batch_size of workload 'w': applies to ONNX models and Python callables",
        ),
        ({**ENDPOINT, "shapes": {"n": 1}}, "shapes of workload 'w': applies to ONNX models only; remove it"),
        (
            {"command": "c", "inputs": "i"},
            "inputs of workload 'w': applies to ONNX models, Python callables and endpoints (http)",
        ),
        (
            {"command": "c", "units": "tokens"},
            "units of workload 'w': applies to Python callables, endpoints (http) and tests (pytest) only; remove it",
        ),
        ({"command": ""}, "command of workload 'w': "),
        (
            {"python": "a:b", "budgets": {"ttft_p95": "1 s"}},
            "budgets.ttft_p95 of workload 'w': needs an endpoint (http) that streams its answers",
        ),
        (
            {**ENDPOINT, "budgets": {"ttft_p95": "1 J"}},
            "budgets.ttft_p95.max of workload 'w': 1 J is energy, but time is needed",
        ),
        (
            {**ENDPOINT, "budgets": {"energy_per_unit": "1 J"}},
            "budgets.energy_per_unit of workload 'w': needs units, the unit of its output",
        ),
    ],
)
def test_contradictory_entries_are_refused(workload, sentence):
    with pytest.raises(PolicyError) as caught:
        parse_policy(policy(workload))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
