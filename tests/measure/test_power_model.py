"""Watts per vCPU: every row is usable, every processor gets one, known ones get their own."""

from __future__ import annotations

import csv
import re
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.measure.power_model import vcpu_power

TABLE = resources.files("energygate.measure") / "data" / "vcpu_power.csv"
ROWS = list(csv.DictReader(TABLE.read_text("utf-8").splitlines()))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["family"])
def test_every_row_makes_sense(row):
    re.compile(row["pattern"])
    assert 0 < float(row["idle_watts"]) < float(row["full_watts"]) < 20
    assert 0 < float(row["uncertainty"]) < 1
    assert row["source"]


def test_families_are_distinct_and_only_the_last_row_fits_every_name():
    assert len({row["family"] for row in ROWS}) == len(ROWS)
    assert [row["family"] for row in ROWS if re.search(row["pattern"], "")] == [ROWS[-1]["family"]]


@pytest.mark.parametrize(
    ("cpu_model", "family"),
    [
        ("AMD EPYC 7763 64-Core Processor", "AMD EPYC 3rd generation"),
        ("AMD EPYC 7B13", "AMD EPYC 3rd generation"),
        ("AMD EPYC 7R13 Processor", "AMD EPYC 3rd generation"),
        ("AMD EPYC 7452 32-Core Processor", "AMD EPYC 2nd generation"),
        ("AMD EPYC 7B12", "AMD EPYC 2nd generation"),
        ("AMD EPYC 7R32", "AMD EPYC 2nd generation"),
        ("AMD EPYC 7551 32-Core Processor", "AMD EPYC 1st generation"),
        ("Intel(R) Xeon(R) Platinum 8272CL CPU @ 2.60GHz", "Intel Cascade Lake"),
        ("Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz", "Intel Cascade Lake"),
        ("Intel(R) Xeon(R) Platinum 8171M CPU @ 2.60GHz", "Intel Skylake"),
        ("Intel(R) Xeon(R) Platinum 8175M CPU @ 2.50GHz", "Intel Skylake"),
        ("Intel(R) Xeon(R) CPU E5-2673 v4 @ 2.30GHz", "Intel Broadwell"),
        ("Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz", "Intel Broadwell"),
        ("Intel(R) Xeon(R) CPU E5-2673 v3 @ 2.40GHz", "Intel Haswell"),
        ("AMD EPYC 9V74 80-Core Processor", "average server"),  # a generation that the table does not have
        ("Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz", "average server"),
        ("AMD EPYC", "average server"),
        ("Neoverse-N1", "average server"),
        ("unknown", "average server"),
    ],
)
def test_known_processors_get_their_family(cpu_model, family):
    assert vcpu_power(cpu_model).family == family


@given(name=st.text(max_size=60))
def test_every_name_gets_a_row(name):
    assert vcpu_power(name).full_watts > 0


def test_a_row_is_read_as_it_stands():
    power = vcpu_power("AMD EPYC 7763 64-Core Processor")
    assert (power.idle_watts, power.full_watts, power.uncertainty) == (0.4454, 2.0193, 0.30)
    assert power.source.startswith("Cloud Carbon Footprint")


def test_energy_is_watts_of_full_load_times_cpu_time():
    power = vcpu_power("AMD EPYC 7763 64-Core Processor")
    assert power.energy_joules(1_000_000_000) == pytest.approx(2.0193)
    assert power.energy_joules(0) == 0.0


@given(one=st.integers(0, 10**15), other=st.integers(0, 10**15))
def test_energy_is_linear_in_cpu_time(one, other):
    """However CPU time is spread over windows, cores or processes, its energy adds up."""
    power = vcpu_power("unknown")
    parts = power.energy_joules(one) + power.energy_joules(other)
    assert power.energy_joules(one + other) == pytest.approx(parts, rel=1e-12)
