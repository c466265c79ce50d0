"""How a run's error is shared: among the limits on sampled metrics, and nothing else."""

from __future__ import annotations

import pytest

from energygate.gate.estimates import ALPHA, shared_alpha
from energygate.policy import Workload

ENERGY = {"energy_per_request": {"max": "1 Wh", "max_increase": "5 %"}}


def workload(budgets):
    return Workload(onnx="a.onnx", budgets=budgets)


@pytest.mark.parametrize(
    ("workloads", "relative", "limits"),
    [
        ([], True, 1),
        ([{}], True, 1),
        ([ENERGY], True, 2),
        ([ENERGY], False, 1),
        ([ENERGY, ENERGY], True, 4),
        ([{"energy_per_request": {"max": "1 Wh", "level": "off"}}, ENERGY], True, 2),
        ([{"energy_per_request": {"max": "1 Wh", "level": "warn"}}, ENERGY], True, 3),
        ([{"model_size": {"max": "1 MB", "max_increase": "5 %"}}, ENERGY], True, 2),  # exact: it cannot err
        ([{"output_agreement": {"min": "99 %"}}], True, 1),
    ],
)
def test_the_error_is_shared_among_limits_on_sampled_metrics(workloads, relative, limits):
    assert shared_alpha(map(workload, workloads), relative=relative) == ALPHA / limits
