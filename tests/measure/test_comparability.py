"""Readings of different methods or devices are never compared."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import launch, window

from energygate.measure.comparability import incomparable
from energygate.measure.launch import Launches
from energygate.measure.readings import Component, Method, Reading

MEASURED, ESTIMATED = ("cpu", Method.MEASURED), ("cpu", Method.ESTIMATED)
CARD = ("gpu", Method.MEASURED)


def side(*windows):
    """A launch of one side whose windows' readings have these components."""
    return launch(*(replace(window(), reading=_reading(components)) for components in windows))


def _reading(components):
    return Reading(
        components=tuple(Component(name=name, energy_joules=1.0, method=method) for name, method in components)
    )


@pytest.mark.parametrize(
    ("base", "head", "words"),
    [
        ([[MEASURED], [MEASURED]], [[MEASURED], [MEASURED]], None),
        ([[ESTIMATED]], [[ESTIMATED]], None),
        ([[MEASURED, CARD]], [[CARD, MEASURED]], None),
        ([[MEASURED]], [[ESTIMATED]], "base's energy is measured (cpu), head's estimated (cpu)"),
        (
            [[MEASURED, CARD]],
            [[MEASURED]],
            "base's energy is measured (cpu) and measured (gpu), head's measured (cpu)",
        ),
        (
            [[MEASURED], [ESTIMATED]],
            [[MEASURED], [ESTIMATED]],
            "energy is estimated (cpu) or measured (cpu)",
        ),
    ],
)
def test_what_may_be_compared(base, head, words):
    found = incomparable(Launches(base=(side(*base),), head=(side(*head),)))
    assert found is None if words is None else words in found


def test_one_differing_launch_prevents_comparison():
    same = Launches(base=(side([MEASURED]),), head=(side([MEASURED]),))
    other = Launches(base=(side([MEASURED]),), head=(side([ESTIMATED]),))
    assert incomparable(same + other + same)
