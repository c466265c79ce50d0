"""Which tests of a checkout are about energy, as its own pytest says."""

from __future__ import annotations

import subprocess
import sys

import pytest
from parallel import repeated
from pytest_specs import write

from energygate.errors import MeasurementError
from energygate.repository.processes import CompletedCommand
from energygate.workloads.pytest_discovery import collect_energy_tests
from energygate.workloads.serving import Side

TESTS = """
    import pytest

    @pytest.fixture
    def model(energy):
        return energy

    @pytest.mark.energy(max="1 Wh")
    class TestClass:
        @pytest.mark.parametrize("n", [1, 2])
        def test_marked(self, n): ...

    def test_fixture(energy): ...
    def test_through_another(model): ...
    def test_plain(tmp_path): ...
    def test_dynamic(request):
        request.getfixturevalue("energy")
"""
FOUND = (
    "tests/test_it.py::TestClass::test_marked[1]",
    "tests/test_it.py::TestClass::test_marked[2]",
    "tests/test_it.py::test_fixture",
    "tests/test_it.py::test_through_another",
)


@pytest.fixture
def collected(checkout, tmp_path):
    def collect(files, *targets, options=(), **more):
        write(checkout, files)
        side = Side(name="base", directory=checkout, python=more.pop("python", sys.executable))
        return collect_energy_tests(side, targets, options, other=tmp_path / "head", **more)

    return collect


@pytest.mark.parametrize(
    ("targets", "options"),
    [
        ((), ()),
        *repeated((("tests",), ())),
        (("tests/test_it.py",), ("--import-mode=importlib", "--no-such-option=3")),
        *repeated(((), ("-pno:energygate",))),  # as if it were not installed
    ],
)
def test_which_tests_are_energy_tests(collected, targets, options):
    found = collected({"tests/test_it.py": TESTS, "pytest.ini": "[pytest]\n"}, *targets, options=options)
    assert (found.tests, found.failed) == (FOUND, ())


def test_selected_by_the_users_options(collected):
    found = collected(
        {"tests/test_it.py": TESTS},
        options=["-kmarked", "--deselect=tests/test_it.py::TestClass::test_marked[1]"],
    )
    assert found.tests == FOUND[1:2]


def test_nothing_is_run_or_written(collected, checkout):
    runs = "def test_it(energy):\n    open('ran', 'w').close()\n"
    settings = "[pytest]\naddopts = -x --maxfail=1 --junitxml=out.xml -n 2 --lf\n"
    collected({"test_it.py": runs, "pytest.ini": settings.replace(" -n 2", "")})
    assert {path.name for path in checkout.iterdir()} - {"__pycache__"} == {"test_it.py", "pytest.ini"}


def test_files_that_cannot_be_collected_are_named_and_the_others_are_known(collected):
    files = {
        "test_a.py": "import no_such_thing",
        "test_b.py": "def test_it(energy): ...",
        "pytest.ini": "[pytest]\naddopts=-x",
    }
    found = collected(files)
    assert (found.tests, found.failed) == (("test_b.py::test_it",), ("test_a.py",))


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"conftest.py": "raise SystemExit(7)"}, "its pytest ended with exit code 7"),
        *repeated(
            ({"pytest.ini": "[pytest]\naddopts = --nothing\n"}, "it ended with exit code 4"),
            ({"pytest.py": "raise ImportError('gone')"}, "cannot import pytest: gone"),
        ),
        (
            {"pytest.py": "__version__ = '6.2.5'"},
            "has pytest 6.2.5; workloads of kind pytest need 7.0 or later",
        ),
    ],
)
def test_trouble(collected, files, says):
    with pytest.raises(MeasurementError, match=says):
        collected(files)


def test_trouble_with_starting(collected):
    with pytest.raises(MeasurementError, match="no-such-python cannot be started: No such file"):
        collected({}, python="no-such-python")


def test_trouble_with_time(collected):
    def endless(arguments, *, timeout_s, **_):
        raise subprocess.TimeoutExpired(arguments, timeout_s)

    with pytest.raises(MeasurementError, match="needed more than 120 s to collect"):
        collected({}, run=endless)


def test_stderr_is_shown(collected):
    def dies(*_, **__):
        return CompletedCommand(returncode=-9, stdout=b"", stderr=b"killed\n")

    with pytest.raises(MeasurementError) as caught:
        collected({}, run=dies)
    assert (caught.value.what, caught.value.detail) == ("its pytest ended with exit code -9", "killed")
