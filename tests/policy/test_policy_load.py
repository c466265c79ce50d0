"""Loads and units: valid ones, and the message of every mistake."""

from __future__ import annotations

import pytest

from energygate.errors import PolicyError
from energygate.policy import parse_policy


def workload(keys, kind="python: 'package.module:factory'"):
    return parse_policy(f"version: 1\nworkloads:\n  w:\n    {kind}\n    {keys}\n").workloads["w"]


@pytest.mark.parametrize(
    ("written", "kind", "rate_per_s", "concurrency", "text"),
    [
        ("closed", "closed", None, 1, "closed"),
        ("{concurrency: 1}", "closed", None, 1, "closed"),
        ("{concurrency: 4}", "concurrent", None, 4, "4 at once"),
        ("{rate: 50 req/s}", "rate", 50, 1, "50 req/s"),
        ("{rate: 90 req/min}", "rate", 1.5, 1, "90 req/min"),
        ("{rate: 50 req/s, concurrency: 4}", "rate", 50, 4, "50 req/s, 4 at once"),
    ],
)
def test_loads(written, kind, rate_per_s, concurrency, text):
    load = workload(f"load: {written}").load
    assert (load.kind, load.concurrency, str(load)) == (kind, concurrency, text)
    assert (None if load.rate is None else load.rate.value) == rate_per_s


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("open", "load of workload 'w': needs closed, {rate: 50 req/s} or {concurrency: 4}, not 'open'"),
        (
            "50 req/s",
            "load of workload 'w': needs closed, {rate: 50 req/s} or {concurrency: 4}, not '50 req/s'",
        ),
        ("{}", "has no keys; write closed, {rate: 50 req/s} or {concurrency: 4}"),
        ("{rate: 0 req/s}", "0 req/s is out of range; a rate is above 0 and at most 100000 req/s"),
        ("{rate: 100001 req/s}", "100001 req/s is out of range"),
        ("{rate: 50}", "50 has no unit; write for example 50 req/s"),
        ("{rate: 50 ms}", "50 ms is time, but a rate of requests is needed here"),
        ("{concurrency: 0}", "load.concurrency of workload 'w'"),
        ("{rates: 50 req/s}", "unknown key 'rates' in load of workload 'w'; did you mean 'rate'?"),
        ("{rate: 5 req/s}\n    batch_size: 2", "has a rate, so requests arrive one by one"),
    ],
)
def test_mistakes_in_loads(written, sentence):
    with pytest.raises(PolicyError) as caught:
        workload(f"load: {written}")
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "keys", "sentence"),
    [
        ("python: 'm:f'", "budgets: {energy_per_unit: 1 mWh}", "needs units, the unit of its output"),
        (
            "onnx: model.onnx",
            "units: tokens",
            "units of workload 'w': applies to Python callables, endpoints",
        ),
    ],
)
def test_mistakes_in_units(kind, keys, sentence):
    with pytest.raises(PolicyError) as caught:
        workload(keys, kind)
    assert sentence in str(caught.value)


def test_units_and_their_budget():
    found = workload("units: tokens\n    budgets: {energy_per_unit: {max_increase: 5 %}}")
    assert found.units == "tokens"
    assert found.budgets["energy_per_unit"].max_increase.value == pytest.approx(0.05)
