"""A meter's facts about its readings, and which readings may be compared."""

from __future__ import annotations

import pytest
from builders import component_facts, meter_facts

from energygate.measure.readings import Method

MEASURED, ESTIMATED = Method.MEASURED, Method.ESTIMATED


def cpu(method=MEASURED, **fields):
    return component_facts(name="cpu", method=method, **fields)


def gpu(**fields):
    return component_facts(**{"name": "gpu", "method": MEASURED, "device": "H100", "source": "NVML", **fields})


@pytest.mark.parametrize(
    ("components", "method"),
    [
        ([cpu()], MEASURED),
        ([cpu(), gpu()], MEASURED),
        ([cpu(ESTIMATED)], ESTIMATED),
        ([cpu(ESTIMATED), gpu()], ESTIMATED),
    ],
)
def test_a_meter_measures_only_if_every_component_is_measured(components, method):
    assert meter_facts(*components).method is method


def test_a_meter_is_as_certain_as_its_least_certain_component():
    facts = meter_facts(cpu(uncertainty=0.3), gpu(uncertainty=0.05), gpu(uncertainty=0.05))
    assert facts.uncertainty == 0.3
    assert facts.source == f"{cpu().source} and NVML"
    assert facts.citation == cpu().citation
