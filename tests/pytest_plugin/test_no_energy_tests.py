"""Sessions that should measure but have no energy test at the beginning."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

PLAIN = "def test_it():\n    pass\n"
ENTRY = "version: 1\nworkloads:\n  limited: {pytest: 'test_it.py::test_it', budgets: {energy_per_request: 0.3 mWh}}\n"
ASKING = "def test_it(request):\n    request.getfixturevalue('energy')(len, '')\n"


@pytest.mark.parametrize("policy", [None, ENTRY.replace("test_it'", "test_other'")])
def test_a_test_that_requests_the_fixture_while_running_is_measured(suite, policy):
    found = suite(ASKING, "--energy-budget", "0.3 mWh", policy=policy)
    found.stdout.fnmatch_lines(["energy per request 0.400 mWh * limit 0.3 mWh: *"])
    found.assert_outcomes(failed=1)


@pytest.mark.parametrize(
    ("arguments", "ini", "outcomes"),
    [
        (["--energy-budget", "0.3 apples"], "", {"passed": 1, "errors": 1}),
        ([], "energy = always\nenergy_budget = 0.3 apples", {"failed": 1}),
    ],
)
def test_an_invalid_option_is_one_sentence_in_a_test_found_at_run_time(suite, arguments, ini, outcomes):
    found = suite(ASKING, *arguments, ini=ini)
    found.assert_outcomes(**outcomes)
    found.stdout.fnmatch_lines(["*energy?budget*'apples' in 0.3 apples is not a unit of energy*"])
    assert "session.py" not in found.stdout.str()


def test_an_entry_without_an_energy_test_is_reported_where_there_is_none(suite):
    found = suite(PLAIN, "--energy", policy=ENTRY)
    assert found.ret == 0
    found.stdout.fnmatch_lines(
        ["not judged: limited (energygate.yml:3): no energy test test_it was collected from test_it.py"]
    )
