"""The powercap tree: which counters it has, and how they move."""

from __future__ import annotations

import ctypes
import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from powercap import RANGE_JOULES, Powercap

from energygate.errors import MeasurementError
from energygate.measure.meters import rapl
from energygate.measure.meters.rapl import (
    Domain,
    advice,
    find_domains,
    memory_of,
    unreadable,
    update_period_ns,
)

PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


@pytest.fixture
def tree(tmp_path):
    return lambda **how: Powercap(tmp_path / "powercap", **how)


@pytest.fixture
def domain(tree):
    return find_domains(tree(dram=False).root)[0]


def test_each_counter_is_found_once_even_if_listed_several_times(tree):
    found = find_domains(tree(packages=2).root)
    assert sorted(domain.name for domain in found) == ["dram", "dram", "package-0", "package-1"]
    assert len({domain.file.resolve() for domain in found}) == 4


def test_a_machine_without_counters_has_no_zones(tmp_path):
    assert find_domains(tmp_path / "none") == ()
    assert advice(tmp_path / "none") is None


@pytest.mark.parametrize(("tdp_watts", "most"), [(None, 1000), (0, 1000), (205, 615)])
def test_the_maximum_power_is_three_times_the_stated_one(tree, tdp_watts, most):
    (package,) = find_domains(tree(dram=False, tdp_watts=tdp_watts).root)
    assert package.max_watts == pytest.approx(most)
    assert package.range_joules == pytest.approx(RANGE_JOULES)


def test_without_a_stated_range_the_usual_one_is_used(tree):
    made = tree(dram=False)
    made["package-0"].file.with_name("max_energy_range_uj").unlink()
    (package,) = find_domains(made.root)
    assert package.range_joules == pytest.approx(65_713, abs=1)


def test_memory_is_left_out_if_only_part_of_it_can_be_read(tree):
    made = tree(packages=2)
    assert len(memory_of(find_domains(made.root))) == 2
    made["dram-1"].set(0)
    made["dram-1"].file.write_text("not a number\n")
    assert memory_of(find_domains(made.root)) == ()


def test_memory_listed_by_two_interfaces_counts_once(tree):
    made = tree()
    mapped = made.root / "intel-rapl-mmio" / "intel-rapl-mmio:0"
    mapped.mkdir(parents=True)
    (mapped / "name").write_text("dram\n")
    (mapped / "energy_uj").write_text("5\n")
    (found,) = memory_of(find_domains(made.root))
    assert "mmio" not in str(found.file)


def test_a_counter_without_a_number_cannot_be_read(domain):
    domain.file.write_text("\n")
    with pytest.raises(MeasurementError, match=r"package-0 cannot be read .*it is not a number"):
        domain.read()
    assert unreadable([domain]) == ("package-0",)


LOOK = """
import sys
from pathlib import Path
from powercap import MACHINE, Powercap, show_codecarbon
from energygate.measure.meters.open_meter import open_meter
from energygate.measure.power_model import vcpu_power
from energygate.measure.processor import Processor
from energygate.measure.meters.rapl import advice
tree = Powercap(Path(sys.argv[1]), packages=2)
for name in sys.argv[2:]:
    tree[name].file.chmod(0)
show_codecarbon(tree.root, setattr)
try:
    facts = open_meter(MACHINE, power=vcpu_power(Processor(name=MACHINE.cpu_model)), idle_s=0).facts
    assert facts.notes == (advice(),), facts.notes
    print(facts.method.value, *facts.notes)
except Exception as error:
    print(error)
"""


def look_as_a_user(root, *hidden):
    """Open the meter of a machine with these counters' files closed, as one who is not above permissions."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(root), *hidden],
        preexec_fn=obey_permissions,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    )
    assert done.stderr == ""
    return done.stdout.strip()


def obey_permissions():
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None)
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


@pytest.mark.parametrize("hidden", [("core-0", "core-1", "dram-0", "dram-1"), ()], ids=["all", "packages"])
def test_a_permission_lost_in_a_reboot_is_an_error_with_advice(tmp_path, hidden):
    """codecarbon falls back to its model with a warning; base and head, or two days, could then not be compared."""
    said = look_as_a_user(tmp_path / "powercap", "package-0", "package-1", *hidden)
    assert said.startswith(
        "estimated this machine has RAPL counters that this user cannot read. Make the counters readable"
    )
    assert "sudo chmod" in said


def test_counters_of_only_some_processors_are_not_used(tmp_path):
    said = look_as_a_user(tmp_path / "powercap", "package-1")
    assert said.startswith("some RAPL counters can be read, but not package-1. Make the counters readable")


def domain_with(max_watts=300.0):
    return Domain(name="package-0", file=None, range_joules=1000.0, max_watts=max_watts)


@given(before=st.floats(0, 999), joules=st.floats(0, 200))
def test_a_counter_is_followed_when_it_wraps(before, joules):
    after = (before + joules) % 1000.0
    assert domain_with().difference(before, after, seconds=1.0) == pytest.approx(joules, abs=1e-6)


@given(before=st.floats(301, 699), after=st.floats(0, 300.9))
def test_a_fall_far_from_the_maximum_is_a_reset(before, after):
    """How far it had counted before the reset is unknown."""
    with pytest.raises(MeasurementError, match=r"ran backwards.*it was reset"):
        domain_with().difference(before, after, seconds=1.0)


def test_a_window_in_which_a_counter_may_wrap_twice_is_refused():
    with pytest.raises(MeasurementError, match="may have wrapped more than once"):
        domain_with().difference(10.0, 20.0, seconds=4.0)
    assert domain_with().difference(10.0, 20.0, seconds=3.0) == 10.0


class Scripted:
    """A clock that advances a step at each reading, and a counter that moves at intervals."""

    def __init__(self, step_ns, period_ns):
        self.now_ns, self.step_ns, self.period_ns = 0, step_ns, period_ns

    def clock(self):
        self.now_ns += self.step_ns
        return self.now_ns

    def read(self):
        return 0 if self.period_ns is None else self.now_ns // self.period_ns


@pytest.mark.parametrize("period_ns", [976_000, 1_000_000, 10_000_000])
def test_the_period_is_found_by_polling(period_ns):
    scripted = Scripted(10_000, period_ns)
    assert update_period_ns(scripted.read, clock=scripted.clock) == pytest.approx(period_ns, abs=20_000)


def test_an_interruption_while_polling_does_not_lengthen_the_period():
    scripted = Scripted(10_000, 1_000_000)
    calls = itertools.count()

    def clock():
        if next(calls) % 600 == 599:
            scripted.now_ns += 7_000_000
        return scripted.clock()

    assert update_period_ns(scripted.read, clock=clock) == pytest.approx(1_000_000, rel=0.05)


def test_a_pause_longer_than_the_polling_time_does_not_hide_the_period():
    scripted = Scripted(10_000, 1_000_000)
    calls = itertools.count()

    def clock():
        if next(calls) == 3:
            scripted.now_ns += 2_000_000_000
        return scripted.clock()

    assert update_period_ns(scripted.read, clock=clock) == pytest.approx(1_000_000, rel=0.05)


@pytest.mark.parametrize("period_ns", [None, 400_000_000])
def test_a_counter_that_hardly_moves_has_no_period(period_ns):
    scripted = Scripted(1_000_000, period_ns)
    assert update_period_ns(scripted.read, clock=scripted.clock) is None


def test_the_powercap_tree_is_at_the_kernels_path():
    assert str(rapl.POWERCAP) == "/sys/class/powercap"
