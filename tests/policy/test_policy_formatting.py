"""Numbers for people: scale, digits, and that only precision is lost."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energygate.policy import Family, format_number, format_quantity, parse_quantity, scale_for


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.92e-9, "kWh", "1.92 µWh"),
        (2.1e-10, "kWh", "210 nWh"),
        (0.0, "kWh", "0 Wh"),
        (-4.5e-9, "kWh", "\N{MINUS SIGN}4.50 µWh"),
        (999.4e-9, "kWh", "999 µWh"),
        (999.6e-9, "kWh", "1.00 mWh"),  # rounding carries into the next scale
        (1e-20, "kWh", "1.00e-8 nWh"),
        (math.inf, "kWh", "∞ Wh"),
        (-math.inf, "s", "\N{MINUS SIGN}∞ s"),
        (math.nan, "s", "NaN s"),
        (0.000_000_08, "gCO2e", "80.0 ng CO₂e"),
        (2e5, "gCO2e", "200 kg CO₂e"),
        (3e9, "gCO2e", "3,000 t CO₂e"),
        (0.0031, "s", "3.10 ms"),
        (90.0, "s", "90.0 s"),
        (150.0, "s", "150 s"),
        (600.0, "s", "10.0 min"),
        (7200.0, "s", "2.00 h"),
        (512.0, "B", "512 B"),
        (1234.0, "B", "1.23 kB"),
        (10e6, "B", "10.0 MB"),
        (0.978, "ratio", "97.8 %"),
        (1.0, "ratio", "100 %"),
        (0.00001, "ratio", "0.00100 %"),
        (0.09, "W", "90.0 mW"),
        (1234.4, "req/s", "1,234 req/s"),
        (0.0123, "USD", "0.0123 USD"),
        (5e-10, "USD", "5.00e-10 USD"),
        (0.25, "USD/kWh", "0.250 USD/kWh"),
        (380.0, "gCO2e/kWh", "380 g CO₂e/kWh"),
        (3.0, "furlong", "3.00 furlong"),  # a unit from a newer result.json is shown, not refused
    ],
)
def test_writes_for_people(value, unit, text):
    assert format_quantity(value, unit) == text


@pytest.mark.parametrize(("digits", "text"), [(1, "2 µWh"), (2, "1.9 µWh"), (4, "1.923 µWh")])
def test_keeps_the_digits_asked_for(digits, text):
    assert format_quantity(1.9234e-9, "kWh", digits=digits) == text


@pytest.mark.parametrize("number", [np.float64(0.0031), np.float32(0.0031)])
def test_takes_numpy_s_numbers(number):
    assert format_quantity(number, "s") == "3.10 ms"


@pytest.mark.parametrize(
    ("values", "unit", "scale"),
    [
        ([1.92e-9, 2.57e-9], "kWh", (1e9, "µWh")),
        ([9e-10, 1.3e-9], "kWh", (1e9, "µWh")),  # the larger decides: 0.900 → 1.30 µWh
        ([-0.003, 0.0], "s", (1e3, "ms")),
        ([math.inf, 0.003], "s", (1e3, "ms")),
        ([0.0, 0.0], "kWh", (1e3, "Wh")),
        ([], "s", (1.0, "s")),
        ([0.5, 0.978], "ratio", (100.0, "%")),
        ([12.0], "USD", (1.0, "USD")),
    ],
)
def test_chooses_one_scale_for_a_row(values, unit, scale):
    assert scale_for(values, unit) == scale


def test_a_row_in_one_scale_reads_like_its_largest_value_alone():
    factor, unit = scale_for([1.92e-9, 2.57e-9], "kWh")
    assert f"{format_number(1.92e-9 * factor)} → {format_number(2.57e-9 * factor)} {unit}" == "1.92 → 2.57 µWh"
    assert format_quantity(2.57e-9, "kWh").endswith(unit)


CANONICAL = {
    "kWh": Family.ENERGY,
    "gCO2e": Family.CARBON,
    "s": Family.TIME,
    "ratio": Family.RATIO,
    "W": Family.POWER,
    "req/s": Family.RATE,
    "L": Family.WATER,
    "gCO2e/kWh": Family.INTENSITY,
    "USD/kWh": Family.PRICE,
    "USD": Family.MONEY,
}
units = st.sampled_from([*CANONICAL])
values = st.floats(min_value=-1e12, max_value=1e12).filter(lambda value: value == 0 or abs(value) > 1e-30)


def _read_back(text, unit):
    size = parse_quantity(text.replace(",", "").removeprefix("\N{MINUS SIGN}"), CANONICAL[unit]).value
    return -size if text.startswith("\N{MINUS SIGN}") else size


@given(values, units, st.integers(2, 9))
@settings(deadline=None)
def test_reading_back_gives_the_value_to_rounding(value, unit, digits):
    back = _read_back(format_quantity(value, unit, digits=digits), unit)
    assert math.isclose(back, value, rel_tol=0.5001 * 10 ** (1 - digits), abs_tol=0)


@given(values, values, units)
@settings(deadline=None)
def test_writing_keeps_the_order(one, other, unit):
    low, high = sorted((one, other))
    assert _read_back(format_quantity(low, unit), unit) <= _read_back(format_quantity(high, unit), unit)


@given(st.floats(min_value=0, max_value=1e15))
@settings(deadline=None)
def test_bytes_read_back_to_rounding(value):
    back = parse_quantity(format_quantity(value, "B").replace(",", ""), Family.SIZE).value
    assert math.isclose(back, value, rel_tol=0.005, abs_tol=0.5)


@given(values, units)
@settings(deadline=None)
def test_negating_only_adds_the_sign(value, unit):
    size = abs(value) or 1.0
    assert format_quantity(-size, unit) == "\N{MINUS SIGN}" + format_quantity(size, unit)
