"""Impossible readings, one row each."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.measure.meters.sanity import disagreement, fault
from energygate.measure.readings import Component, ComponentFacts, MeterFacts, Method, Reading

WINDOW_NS = 200_000_000


def known(name="cpu", method=Method.MEASURED, **fields):
    defaults = {"device": "EPYC", "source": "RAPL", "citation": "", "uncertainty": 0.05}
    if method is Method.MEASURED:
        defaults |= {"period_ns": 1_000_000, "max_watts": 300.0}
    return ComponentFacts(name=name, method=method, **{**defaults, **fields})


def facts(*components):
    return MeterFacts(components=components or (known(),), codecarbon_version="3", min_window_ns=100_000_000)


def read(*components):
    return Reading(
        components=tuple(
            Component(name=name, energy_joules=joules, method=method) for name, joules, method in components
        )
    )


MEASURED, ESTIMATED = Method.MEASURED, Method.ESTIMATED
GPU = known("gpu", device="H100", source="NVML", period_ns=100_000_000, max_watts=1050.0)
MODEL = known(method=ESTIMATED, source="power model row EPYC")


@pytest.mark.parametrize(
    ("components", "meter", "window_ns", "sentence"),
    [
        ([("cpu", 20.0, MEASURED)], facts(), WINDOW_NS, None),
        ([("cpu", 1e-9, MEASURED)], facts(), WINDOW_NS, None),
        ([("cpu", 0.0, MEASURED)], facts(), WINDOW_NS, "the RAPL counter did not change in a window of 200.0 ms"),
        ([("cpu", -0.5, MEASURED)], facts(), WINDOW_NS, "the RAPL counter ran backwards"),
        ([("cpu", math.nan, MEASURED)], facts(), WINDOW_NS, "the RAPL counter ran backwards"),
        ([("cpu", math.inf, MEASURED)], facts(), WINDOW_NS, "the RAPL counter ran backwards"),
        ([("cpu", 60.2, MEASURED)], facts(), WINDOW_NS, None),  # 300 W, and what fell to the first tick
        ([("cpu", 61.0, MEASURED)], facts(), WINDOW_NS, "EPYC cannot draw more than 300 W"),
        ([("cpu", 262_000.0, MEASURED)], facts(), WINDOW_NS, "the RAPL counter reads 2.62e+05 J"),
        ([("cpu", 1e9, MEASURED)], facts(known(max_watts=None)), WINDOW_NS, None),
        ([("cpu", 0.1, MEASURED)], facts(), 999_999, "a window of 1.0 ms is shorter than the RAPL counter's period"),
        ([("cpu", 0.1, MEASURED)], facts(known(period_ns=None, max_watts=None)), 1, None),
        ([], facts(), WINDOW_NS, "a reading of nothing came from a meter of cpu (measured)"),
        (
            [("cpu", 20.0, MEASURED)],
            facts(known(), GPU),
            WINDOW_NS,
            "a reading of cpu (measured) came from a meter of cpu (measured) and gpu (measured)",
        ),
        (
            [("cpu", 20.0, ESTIMATED)],
            facts(),
            WINDOW_NS,
            "a reading of cpu (estimated) came from a meter of cpu (measured)",
        ),
        ([("cpu", 20.0, MEASURED), ("gpu", 0.0, MEASURED)], facts(known(), GPU), WINDOW_NS, "the NVML counter did not"),
        ([("cpu", 20.0, MEASURED), ("gpu", 400.0, MEASURED)], facts(known(), GPU), WINDOW_NS, "H100 cannot draw"),
        ([("cpu", 0.1, ESTIMATED)], facts(MODEL), 1, None),
        ([("cpu", 0.0, ESTIMATED)], facts(MODEL), WINDOW_NS, "no cpu energy was estimated"),
    ],
)  # fmt: skip
def test_impossible_readings_are_named(components, meter, window_ns, sentence):
    found = fault(read(*components), meter, window_ns=window_ns)
    if sentence is None:
        assert found is None
    else:
        assert sentence in found


@given(
    watts=st.floats(0.001, 299),
    window_ns=st.integers(1_000_000, 10**12),
    period_ns=st.integers(1, 1_000_000),
)
def test_any_power_that_the_device_can_draw_is_accepted(watts, window_ns, period_ns):
    joules = watts * window_ns * 1e-9
    assert fault(read(("cpu", joules, MEASURED)), facts(known(period_ns=period_ns)), window_ns=window_ns) is None


@pytest.mark.parametrize(
    ("codecarbon", "own", "slack", "agrees"),
    [
        (10.0, 10.0, 0.0, True),
        (9.9, 10.0, 0.2, True),  # the counters moved on between its looks and ours
        (5.0, 10.0, 0.2, False),  # it left one of two out
        (20.0, 10.0, 0.2, False),  # it counted one twice
        (0.0, 10.0, 0.2, False),
        (0.0, 0.0, 0.0, True),
    ],
)
def test_codecarbons_total_is_checked_against_the_counters(codecarbon, own, slack, agrees):
    assert (disagreement(codecarbon, own, slack_joules=slack) is None) == agrees
