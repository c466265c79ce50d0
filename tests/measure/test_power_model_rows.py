"""The table of watts per vCPU: its rows, which one a machine gets, and how that is reported."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processors import EPYC_7763, MASKED, NAMES, watts

from energygate.measure.power_model import How, vcpu_power
from energygate.measure.processor import Processor, this_processor
from energygate.policy.measurement import PowerModel

TABLE = resources.files("energygate.measure") / "data" / "vcpu_power.csv"
ROWS = list(csv.DictReader(TABLE.read_text("utf-8").splitlines()))

DERIVATION = Path(__file__).parents[2] / "bench" / "vcpu_power.py"


def power_model(idle, full):
    return PowerModel.model_validate({"idle": idle, "full": full, "source": "wall meter, 2026-10"})


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["family"])
def test_every_row_makes_sense_and_has_its_source(row):
    re.compile(row["names"])
    assert 0 < float(row["idle_watts"]) < float(row["full_watts"]) < 10
    assert 0 < float(row["uncertainty"]) < 1
    assert row["source"]
    assert row["citation"]


def test_the_table_holds_what_its_derivation_derives():
    done = subprocess.run([sys.executable, DERIVATION], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {row["family"] for row in ROWS} <= {line[:42].strip() for line in done.stdout.splitlines()}


def test_every_family_has_one_row_and_some_machine_gets_it():
    families = [row["family"] for row in ROWS]
    assert len(set(families)) == len(families)
    assert {*NAMES.values(), *MASKED.values(), "average server"} == set(families)


@pytest.mark.parametrize(("name", "family"), NAMES.items())
def test_a_known_name_gets_its_row(name, family):
    assert (watts(name).family, watts(name).how) == (family, How.EXACT)


@pytest.mark.parametrize(("numbers", "family"), MASKED.items())
@pytest.mark.parametrize("name", ["AMD EPYC", "Intel(R) Xeon(R) Processor", "unknown", ""])
def test_a_masked_name_gets_the_row_of_its_numbers(name, numbers, family):
    vendor, cpu_family, model, stepping = numbers
    power = vcpu_power(Processor(name=name, vendor=vendor, family=cpu_family, model=model, stepping=stepping))
    assert (power.family, power.how) == (family, How.FAMILY)


def test_the_name_takes_precedence_over_the_numbers():
    power = vcpu_power(Processor(name="AMD EPYC 9R14", vendor="AuthenticAMD", family=25, model=17, stepping=1))
    assert power.family == "AMD EPYC 4th generation, a vCPU is a core"


def test_equal_numbers_of_another_vendor_do_not_match():
    assert vcpu_power(Processor(name="?", vendor="CentaurHauls", family=25, model=1, stepping=1)).how is How.AVERAGE


@given(
    name=st.text(max_size=60),
    vendor=st.sampled_from(["", "AuthenticAMD", "GenuineIntel", "Arm", "Apple", "Elsewhere"]),
    family=st.none() | st.integers(0, 300),
    model=st.none() | st.integers(0, 0xFFF),
    stepping=st.none() | st.integers(0, 15),
)
def test_every_machine_gets_a_row(name, vendor, family, model, stepping):
    power = vcpu_power(Processor(name=name, vendor=vendor, family=family, model=model, stepping=stepping))
    assert power.full_watts > power.idle_watts > 0


def test_a_row_is_read_verbatim():
    power = watts(EPYC_7763)
    assert (power.idle_watts, power.full_watts, power.uncertainty) == (0.4454, 2.0193, 0.30)
    assert power.source == "Cloud Carbon Footprint coefficients 2023-05, Azure"


def test_this_machine_has_a_row_of_its_own():
    """The table has every vendor that CI runs on."""
    assert vcpu_power(this_processor()).how is not How.AVERAGE


@pytest.mark.parametrize(
    ("power", "words"),
    [
        (watts(EPYC_7763), "power model row AMD EPYC 3rd generation (by name), 2.02 W per vCPU at full load"),
        (
            vcpu_power(Processor(name="AMD EPYC", vendor="AuthenticAMD", family=26, model=2, stepping=1)),
            "power model row AMD EPYC 5th generation (by family), 1.92 W per vCPU at full load",
        ),
        (watts("?"), "power model row average server (unknown processor), 3.54 W per vCPU at full load"),
        (
            vcpu_power(Processor(name=EPYC_7763), power_model("0.6 W", "3.1 W")),
            "the policy's power_model, 3.10 W per vCPU at full load",
        ),
    ],
    ids=lambda value: value.how.value if hasattr(value, "how") else "",
)
def test_the_row_and_how_it_was_found_are_reported(power, words):
    assert power.described == words


def test_watts_of_the_policy_take_precedence_over_every_row():
    power = vcpu_power(Processor(name=EPYC_7763), power_model("600 mW", "3.1 W"))
    assert (power.how, power.idle_watts, power.full_watts) == (How.POLICY, 0.6, 3.1)
    assert power.source == "wall meter, 2026-10"
    assert power.energy_joules(2_000_000_000) == pytest.approx(6.2)
