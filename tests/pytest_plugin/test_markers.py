"""The marker: its keywords, what is refused at collection, and which of several decides."""

from __future__ import annotations

import pytest

from energygate.policy import METRICS
from energygate.policy.budget import LIMITS, Budget
from energygate.pytest_plugin.markers import BARE_LIMITS, BUDGET_KEYS

pytest_plugins = ["pytester"]

USAGE = 4


def test_a_bare_limit_means_the_same_as_in_the_policy():
    assert {name: LIMITS[metric.better][0] for name, metric in METRICS.items()} == BARE_LIMITS
    assert {*BUDGET_KEYS} == {*Budget.model_fields} - {"metric"}


@pytest.mark.parametrize(
    ("marker", "says"),
    [
        ("'0.5 mWh'", "name the limit, for example max='0.5 mWh', instead of '0.5 mWh'"),
        ("maxx='0.5 mWh'", "unknown 'maxx'; did you mean 'max'?"),
        ("latency_95='2 ms'", "unknown 'latency_95'; did you mean 'latency_p95'?"),
        ("max=0.5", "max takes a text with a unit, for example '0.5 mWh' or '5 %', not 0.5"),
        ("latency_p95={'most': '2 ms'}", "latency_p95: unknown 'most'; valid are max, min, "),
        ("latency_p95={'max': 2}", "latency_p95: max takes a text with a unit"),
        ("max='1 Wh', energy_per_request='2 Wh'", "max of energy_per_request is given twice"),
        ("max='1 Wh', level='loud'", "level must be one of off, warn, error, not 'loud'"),
        ("strict='yes'", "strict must be True or False, not 'yes'"),
        ("threads=True", "threads must be a whole number, not True"),
        ("part=1", "part must be the name of a part of the test, not 1"),
    ],
)
@pytest.mark.parametrize("switch", ["--energy", "--energy-off"])
def test_a_mistake_is_reported_at_collection_and_nothing_runs(suite, marker, says, switch):
    found = suite(f"@pytest.mark.energy({marker})\ndef test_it(energy):\n    print('it runs')\n", switch, "-s")
    assert found.ret == USAGE
    assert f"test_it.py::test_it: @pytest.mark.energy: {says}" in found.stderr.str()
    assert "it runs" not in found.stdout.str()


@pytest.mark.parametrize(
    ("marker", "says"),
    [
        (
            "max='0.5 mWhh'",
            "budgets.energy_per_request.max of workload 'test_it.py::test_it': 'mWhh' in 0.5 mWhh is",
        ),
        ("max='0.5'", "0.5 has no unit; write for example"),
        ("min_delta='1 mWh', max='1 Wh'", "only works with max_increase"),
        ("latency_p95='5 Wh'", "5 Wh is energy, but time is needed here"),
        ("throughput={'max': '5 req/s'}", "higher is better for throughput; use min instead"),
        ("carbon_per_request='5 mg CO2e'", "needs site.carbon"),
    ],
)
def test_limits_are_validated_before_anything_is_measured(suite, marker, says):
    source = f"\n\n@pytest.mark.energy({marker})\ndef test_it(energy):\n    print('it runs')\n"
    found = suite(source, "--energy", "-s")
    assert found.ret == USAGE
    assert "ERROR: test_it.py:5: " in found.stderr.str()
    assert says in found.stderr.str()
    assert "it runs" not in found.stdout.str()
    assert suite(source, "--energy-off").ret == 0


@pytest.mark.parametrize(
    ("arguments", "ini", "says"),
    [
        (["--energy-budget", "0.5"], "", "--energy-budget: 0.5 has no unit"),
        (["--energy-budget", "5s"], "", "--energy-budget: 5s is time"),
        (["--energy-time", "5 Wh"], "", "--energy-time: 5 Wh is energy"),
        (
            ["--energy-pue", "4"],
            "",
            "--energy-pue: PUE is facility energy over IT energy, from 1.0 to 3.0, not 4",
        ),
        (["--energy-policy", "none.yml"], "", "none.yml: there is no such policy"),
        (["--energy"], "energy_budget = 5s", "ini file: energy_budget: 5s is time"),
        (["--energy"], "energy_pue = high", "ini file: energy_pue: PUE is"),
        ([], "energy = sometimes", "ini file: energy = sometimes: the only value is always"),
        (["--energy-base", "main"], "", "git"),
    ],
)
def test_an_invalid_option_is_a_usage_error(suite, arguments, ini, says):
    found = suite("def test_it(energy):\n    print('it runs')\n", "-s", *arguments, ini=ini)
    assert found.ret == USAGE
    assert says in found.stderr.str()
    assert "it runs" not in found.stdout.str()


def test_the_closest_marker_decides_for_each_key(suite):
    source = """
pytestmark = pytest.mark.energy(max="0.1 mWh", max_increase="5 %", latency_p95="2 ms")

@pytest.mark.energy(max="0.2 mWh")
class TestIt:
    @pytest.mark.energy(max="0.3 mWh")
    def test_method(self, energy):
        energy(len, "")

    def test_other(self, energy):
        energy(len, "")

def test_function(energy):
    energy(len, "")

def test_about_something_else():
    pass
"""
    found = suite(source)
    found.assert_outcomes(passed=4)
    found.stdout.fnmatch_lines(
        [
            "*not measured: the limits of 3 tests; measure with --energy",
            "  *::test_method: energy per request max 0.3 mWh, max_increase 5 %; latency p95 max 2 ms",
            "  *::test_other: energy per request max 0.2 mWh, max_increase 5 %; latency p95 max 2 ms",
            "  *::test_function: energy per request max 0.1 mWh, max_increase 5 %; latency p95 max 2 ms",
        ]
    )
    assert "something_else" not in found.stdout.str()


def test_parametrised_tests_have_limits_of_their_own(suite):
    source = """
@pytest.mark.parametrize("n", [pytest.param(1, marks=pytest.mark.energy(max="0.3 mWh")), 2])
def test_it(energy, n):
    assert energy(len, "x" * n) == n
"""
    found = suite(source, "--energy-time", "1s", ini="energy_budget = 0.5 mWh")
    found.assert_outcomes(passed=1, failed=1)
    found.stdout.fnmatch_lines(["*test_it[[]1[]] (energy)*", "*limit 0.3 mWh: 33 % over"])


def test_strict_markers_accept_the_marker(suite):
    source = "@pytest.mark.energy(max='1 Wh')\ndef test_it(energy):\n    energy(len, '')\n"
    suite(source, "--strict-markers").assert_outcomes(passed=1)
