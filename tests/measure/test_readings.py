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


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ([cpu()], [cpu()], True),
        ([cpu(uncertainty=0.1)], [cpu(uncertainty=0.3)], True),
        ([cpu(idle_watts=40.0)], [cpu(idle_watts=44.0)], True),
        ([cpu(), gpu()], [gpu(), cpu()], True),
        ([cpu()], [cpu(ESTIMATED)], False),  # a permission lost in a reboot
        ([cpu(device="EPYC 7763")], [cpu(device="EPYC 9V74")], False),
        ([cpu(), gpu()], [cpu(), gpu(device="A100")], False),
        ([cpu(), gpu()], [cpu(), gpu(), gpu()], False),
        ([cpu()], [cpu(), component_facts(name="dram", method=MEASURED)], False),
    ],
)
def test_readings_are_compared_only_where_method_and_device_are_alike(one, other, alike):
    assert (meter_facts(*one).signature == meter_facts(*other).signature) == alike
