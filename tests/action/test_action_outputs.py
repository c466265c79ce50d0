"""The output `energy-change`."""

from __future__ import annotations

import pytest
from builders import failed_workload_result, judged, metric_result, result, workload_result

from energygate.action.outputs import energy_change
from energygate.gate import Verdict
from energygate.result.result import Change


def moved(estimate, low, high, **fields):
    change = None if estimate is None else Change(estimate=estimate, low=low, high=high)
    return metric_result().model_copy(update={"base": 1.9e-9, "change": change, **fields})


def compared(name="digits-cnn", **metrics):
    return workload_result(name, metrics=metrics, state="compared")


def with_energy(*estimates):
    return [
        compared(f"w{i}", energy_per_request=moved(one, one, one), latency_p95=moved(9.0, 9.0, 9.0))
        for i, one in enumerate(estimates)
    ]


@pytest.mark.parametrize(
    ("workloads", "change"),
    [
        (with_energy(0.3), 0.3),
        (with_energy(0.1, 0.3, -0.5), 0.3),
        (with_energy(-0.1, -0.5), -0.1),
        (with_energy(0.0), 0.0),
        (with_energy(None, 0.2), 0.2),
        (with_energy(None), None),
        ([judged(Verdict.FAIL)], None),
        ([failed_workload_result()], None),
        ([compared(energy_per_request=moved(0.3, 0.2, 0.4, incomparable="one is a guess"))], None),
        ([compared(model_size=moved(0.3, 0.3, 0.3))], None),
        ([], None),
    ],
)
def test_the_greatest_change_of_energy(workloads, change):
    assert energy_change(result(*workloads)) == change
