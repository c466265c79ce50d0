"""The metrics: names and units that policies, results and reports rely on."""

from __future__ import annotations

import pytest

from energygate.policy import METRICS

# Published names and units: changing a row breaks people's policies and result files.
TABLE = {
    "energy_per_request": ("kWh", "lower", False),
    "carbon_per_request": ("gCO2e", "lower", False),
    "cost_per_request": ("money", "lower", False),
    "energy_per_unit": ("kWh", "lower", False),
    "effective_energy_per_request": ("kWh", "lower", False),
    "monthly_energy": ("kWh", "lower", False),
    "monthly_cost": ("money", "lower", False),
    "monthly_carbon": ("gCO2e", "lower", False),
    "monthly_water": ("L", "lower", False),
    "sci": ("gCO2e", "lower", False),
    "latency_p50": ("s", "lower", False),
    "latency_p95": ("s", "lower", False),
    "latency_p99": ("s", "lower", False),
    "ttft_p50": ("s", "lower", False),
    "ttft_p95": ("s", "lower", False),
    "throughput": ("req/s", "higher", False),
    "cold_start": ("s", "lower", False),
    "cold_start_energy": ("kWh", "lower", False),
    "model_size": ("B", "lower", True),
    "request_size": ("B", "lower", True),
    "response_size": ("B", "lower", True),
    "egress_per_request": ("B", "lower", True),
    "model_download_size": ("B", "lower", True),
    "monthly_egress_cost": ("money", "lower", True),
    "peak_memory": ("B", "lower", False),
    "accuracy": ("ratio", "higher", True),
    "output_agreement": ("ratio", "higher", True),
    "success_rate": ("ratio", "higher", True),
}


def test_the_metrics_in_display_order():
    assert {name: (metric.unit, metric.better, metric.exact) for name, metric in METRICS.items()} == TABLE
    assert [*METRICS] == [*TABLE]


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS.keys())
def test_each_metric_is_worded_for_people(metric):
    assert metric.name == metric.label.replace(" ", "_")
    assert not metric.description.endswith(".")


def test_the_table_of_metrics_is_read_only():
    with pytest.raises(TypeError):
        METRICS["speed"] = METRICS["throughput"]
