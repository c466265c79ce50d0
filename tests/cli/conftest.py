"""Runs of the command that several tests share: each happens once, when the first test needs it."""

from __future__ import annotations

import shutil

import broken_project
import commands
import pytest
from commands import FIXTURES, read_result, spin, write_policy

from energygate.workloads import serving

DECIDED = "60 s"
"""A limit that is far away is decided after four launches or a few more, whatever the time limit."""


WIDE, NARROW = 3.0, 0.3
"""Shares of what a request costs that no machine's mood brings into doubt."""


@pytest.fixture(scope="session")
def spinning(tmp_path_factory):
    """A project whose workloads burn exactly 4 ms of CPU time, with limits on all sides of what that costs."""
    directory = tmp_path_factory.mktemp("spinning")
    shutil.copyfile(FIXTURES / "callables.py", directory / "spinning.py")
    workloads = {
        "kept": spin(WIDE),
        "tight": spin(NARROW),
        "warned": spin(NARROW, level="warn"),
        "accepted": spin(NARROW),
        "expired": spin(NARROW),
        "close": spin(1.0),
        "crashing": {"python": "spinning:nobody", "budgets": {"energy_per_request": "1 Wh"}},
    }
    waiver = {"metric": "energy_per_request", "reason": "the new tokenizer", "owner": "@ml"}
    waivers = [
        {"workload": "accepted", **waiver, "expires": "2999-01-31"},
        {"workload": "expired", **waiver, "expires": "2020-01-31"},
    ]
    site = {"pue": 1.5, "carbon": {"intensity": "380 g/kWh"}, "electricity_price": "0.25 USD/kWh"}
    write_policy(directory, workloads, site={"pue": 1.0}, waivers=waivers)
    write_policy(directory, {"kept": spin(WIDE * 1.5)}, name="site.yml", site=site)
    return directory


@pytest.fixture(scope="session")
def checked(spinning):
    """Check workloads of the spinning project; the same request is answered from memory."""
    memory = {}

    def check(*arguments, launches=None):
        if arguments not in memory:
            memory[arguments] = commands.in_process(
                "check", "--time-limit", DECIDED, *arguments, cwd=spinning, launches=launches
            )
        return memory[arguments]

    return check


@pytest.fixture(scope="session")
def site_result(checked, spinning):
    """The result of one passing check at a site with PUE 1.5, a carbon intensity and a price."""
    ran = checked("--policy", "site.yml", "--json", "site.json", launches=2)
    assert ran.code == 0, ran.said
    return read_result(spinning / "site.json")


@pytest.fixture(scope="session")
def all_broken(tmp_path_factory):
    """One check of a project in which everything is broken in its own way: the run and its result."""
    directory = tmp_path_factory.mktemp("broken")
    broken_project.build(directory)
    budgets = {"energy_per_request": "1 Wh"}
    workloads = {**broken_project.WORKLOADS, "shouts": {"python": "broken_callables:shouts"}}
    write_policy(directory, {name: {**one, "budgets": budgets} for name, one in workloads.items()})
    # The one that hangs gets the minimum timeout, longer than the limit. The only one that serves does so once.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "MIN_TIMEOUT_S", 5.0)
        ran = commands.in_process("check", "--time-limit", "4 s", "--json", "result.json", cwd=directory, launches=1)
    return ran, read_result(directory / "result.json")


@pytest.fixture
def in_process():
    """The command as `energygate` runs it, in this process: for what has no process of its own to watch."""
    return commands.in_process
