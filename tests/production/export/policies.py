"""Policies for tests of exporters: texts as people write them, read as the command line reads them."""

from __future__ import annotations

from builders import exact_metric_result, finding_result, metric_result, result, workload_result

from energygate.gate import Verdict
from energygate.policy import parse_policy
from energygate.production.export.source import Source

POLICY = """\
version: 1
site:
  pue: 1.25
  carbon: {intensity: 400 g/kWh}
  electricity_price: 0.25 USD/kWh
workloads:
  digits-cnn:
    onnx: digits.onnx
    budgets:
      energy_per_request: {max: 0.5 J}
      latency_p95: {max: 200 ms, level: warn}
      success_rate: 99 %
"""
"""Two limits that page, one that opens a ticket."""

HOSTILE = "a \"b\" {{ $labels.x }} {c} \\d 'e' $f é🙂 --- # : | *"
"""A workload's name that a policy may hold, and that no template, query, file or label may trip over."""


ALL_HELD = f"""\
version: 1
site:
  pue: 1.25
  carbon: {{intensity: 400 g/kWh}}
  electricity_price: 0.25 USD/kWh
  traffic: {{requests_per_day: 1000, warm_replicas: 1}}
workloads:
  digits-cnn: &workload
    python: serving:make
    units: tokens
    budgets:
      energy_per_request: {{max: 1 J}}
      effective_energy_per_request: {{max: 1 J}}
      energy_per_unit: {{max: 0.1 J}}
      monthly_energy: {{max: 1000 MWh}}
      latency_p50: {{max: 200 ms}}
      latency_p95: {{max: 200 ms}}
      latency_p99: {{max: 200 ms, level: warn}}
      response_size: {{max: 100 B}}
      success_rate: 90 %
  '{HOSTILE.replace("'", "''")}': *workload
"""
"""A limit on everything that can be held at run time."""

COMMIT = "c0ffee" + "0" * 34


def measured(commit=COMMIT):
    """A result as CI pushes it."""
    metrics = {
        "energy_per_request": metric_result(finding_result(Verdict.PASS)),
        "cost_per_request": metric_result(unit="USD", head=4.8e-10, low=4.5e-10, high=5.1e-10),
        "model_size": exact_metric_result(3e6, "B"),
        "throughput": metric_result(unit="req/s", head=900.0, low=880.0, high=None),
    }
    return result(
        workload_result("digits-cnn", metrics=metrics),
        workload_result(HOSTILE, metrics={"energy_per_request": metric_result()}),
        head_commit=commit,
    )


def source(text=POLICY, *, result=None):
    return Source(policy=parse_policy(text), result=result)


def policy_with(*budgets, name="digits-cnn", site="{pue: 1.25}"):
    """A policy of one workload with these budgets, such as `energy_per_request: {max: 1 J}`."""
    lines = "".join(f"      {one}\n" for one in budgets)
    quoted = name.replace("'", "''")
    return f"version: 1\nsite: {site}\nworkloads:\n  '{quoted}':\n    onnx: digits.onnx\n" + (
        f"    budgets:\n{lines}" if budgets else ""
    )
