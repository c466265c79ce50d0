"""Runs of the command that several tests look at: each is made once, when the first of them asks."""

from __future__ import annotations

import os
import shutil
import signal

import broken
import pytest
from commands import FIXTURES, Ran, energygate, environment, read_result, spin, write_policy

from energygate.cli import main

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
            memory[arguments] = energygate(
                "check", "--time-limit", DECIDED, *arguments, cwd=spinning, launches=launches
            )
        return memory[arguments]

    return check


@pytest.fixture(scope="session")
def site_result(checked, spinning):
    """The result of one passing check at a site with PUE 1.5, a carbon intensity and a price."""
    ran = checked("--policy", "site.yml", "--json", "site.json")
    assert ran.code == 0, ran.said
    return read_result(spinning / "site.json")


@pytest.fixture(scope="session")
def all_broken(tmp_path_factory):
    """One check of a project in which everything is broken in its own way: the run and its result."""
    directory = tmp_path_factory.mktemp("broken")
    broken.build(directory)
    budgets = {"energy_per_request": "1 Wh"}
    workloads = {**broken.WORKLOADS, "shouts": {"python": "broken_callables:shouts"}}
    write_policy(directory, {name: {**one, "budgets": budgets} for name, one in workloads.items()})
    # The one that hangs is waited for, longer than the limit. The only one that serves does so once.
    ran = energygate("check", "--time-limit", "5 s", "--json", "result.json", cwd=directory, launches=1)
    return ran, read_result(directory / "result.json")


@pytest.fixture
def in_process(monkeypatch, capsys):
    """The command as `energygate` runs it, in this process: for what has no process of its own to watch."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}

    def run(*arguments, cwd, **changes):
        with monkeypatch.context() as patch:
            patch.chdir(cwd)
            wanted = environment(**changes)
            for name in {*os.environ, *wanted}:
                if name in wanted:
                    patch.setenv(name, wanted[name])
                else:
                    patch.delenv(name)
            capsys.readouterr()
            with pytest.raises(SystemExit) as left:
                main([*map(str, arguments)])
        said = capsys.readouterr()
        return Ran(code=left.value.code or 0, out=said.out, err=said.err)

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)
