"""How tests are distributed: those that measure run alone, and repetitions are left out."""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="without the lock nothing runs side by side")

NOTED = """
import os, time, pytest
from pathlib import Path

def noted(name):
    begin = time.monotonic_ns()
    time.sleep({seconds})
    with Path("times").open("a") as file:
        print(name, begin, time.monotonic_ns(), os.getpid(), file=file)
"""


@pytest.fixture
def suite(pytester):
    """A suite of two files, each with a test that measures, and one that repeats."""
    pytester.makeconftest(
        f"import sys\nsys.path.append({str(Path(__file__).parent)!r})\nimport parallel\n"
        "def pytest_addoption(pluginmanager):\n    pluginmanager.register(parallel)\n"
    )
    pytester.makeini("[pytest]\nmarkers =\n    measures\n    repeats\n    simulator\n")
    for name, seconds in (("one", 0.05), ("two", 0.3)):
        pytester.makepyfile(
            **{
                f"test_{name}": NOTED.format(seconds=seconds)
                + "@pytest.mark.measures\ndef test_measures():\n    noted('measures')\n"
                + "@pytest.mark.parametrize('n', range(3))\ndef test_plain(n):\n    noted('plain')\n"
                + "@pytest.mark.repeats\ndef test_repeats():\n    noted('repeats')\n"
            }
        )
    return pytester


def run(suite, *arguments):
    return suite.runpytest_subprocess("-p", "no:energygate", "-p", "no:cacheprovider", *arguments)


def test_nothing_runs_beside_what_measures(suite):
    run(suite, "-n", "2").assert_outcomes(passed=8, deselected=2)
    lines = [line.split() for line in (suite.path / "times").read_text("utf-8").splitlines()]
    tests = [(name, int(begin), int(end)) for name, begin, end, _ in lines]
    beside = [{one[0], other[0]} for one, other in combinations(tests, 2) if one[1] < other[2] and other[1] < one[2]]
    assert len({worker for *_, worker in lines}) == 2
    assert not any("measures" in pair for pair in beside)


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [((), 8), (("-m", "repeats"), 2), (("-k", "repeats"), 2), (("test_one.py::test_repeats",), 1)],
)
def test_what_repeats_runs_when_it_is_asked_for(suite, arguments, passed):
    assert run(suite, "-n", "0", *arguments).parseoutcomes()["passed"] == passed
