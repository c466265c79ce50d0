"""Energy tests that only base has: base's own pytest collects them, and head's session reports them."""

from __future__ import annotations

import json
import subprocess

import jsonschema
import pytest
from engine_stand_in import StandIn

from energygate.pytest_plugin import ENGINE
from energygate.result.result import Result

pytest_plugins = ["pytester"]

KEPT = "def test_kept(energy):\n    energy(len, '')\n\n"
GONE = "@pytest.mark.energy(max='1 Wh')\ndef test_gone(energy):\n    energy(len, '')\n\n"
SEVERAL = "@pytest.mark.parametrize('n', [1, 2])\ndef test_several(energy, n):\n    energy(len, '')\n\n"
PLAIN = "def test_plain():\n    pass\n\n"
DYNAMIC = "def test_dynamic(request):\n    request.getfixturevalue('energy')(len, '')\n\n"
SET_UP = "@pytest.fixture\ndef model(energy):\n    return energy\n\ndef test_set_up(model):\n    model(len, '')\n\n"
IMPORT = "import pytest\n\n"
HALF = """
def pytest_collection_modifyitems(config, items):
    config.hook.pytest_deselected(items=items[1:])
    del items[1:]
"""
FAIL = "version: 1\ncomparison: {removed: fail}\nworkloads: {gone: {pytest: 'test_it.py::test_gone'}}\n"


class Plugin:
    def pytest_configure(self, config):
        config.stash[ENGINE] = StandIn.open


@pytest.fixture
def branch(pytester):
    """Commits base's files, writes head's, and runs head beside base; a text of `None` is no file."""

    def run(base, head, *arguments):
        for files in (base, head):
            for name, text in files.items():
                file = pytester.path / name
                file.parent.mkdir(parents=True, exist_ok=True)
                if text is None:
                    file.unlink()
                else:
                    file.write_text(text, "utf-8")
            if files is base:
                who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
                for command in (
                    ["init", "-q", "-b", "main"],
                    ["add", "."],
                    [*who, "commit", "-q", "-m", "base"],
                ):
                    subprocess.run(["git", *command], cwd=pytester.path, check=True)
        options = ["-p", "no:cacheprovider", "--energy-base", "main", "--energy-json", "result.json"]
        found = pytester.runpytest_inprocess(*options, *arguments, plugins=[Plugin()])
        path = pytester.path / "result.json"
        written = json.loads(path.read_text("utf-8")) if path.exists() else {"workloads": [], "notes": []}
        if path.exists():
            jsonschema.validate(written, Result.published_schema())
        removed = {one["name"]: one for one in written["workloads"] if one["state"] == "removed"}
        return found, removed, written

    return run


def test_they_are_listed_in_the_section_and_in_the_result(branch):
    base = {"test_it.py": IMPORT + KEPT + GONE + SEVERAL + PLAIN + SET_UP}
    found, removed, written = branch(base, {"test_it.py": IMPORT + KEPT + SEVERAL.replace("[1, 2]", "[2, 3]")})
    found.assert_outcomes(passed=3)
    assert found.ret == 0
    names = ["test_gone", "test_several[1]", "test_set_up"]
    assert [*removed] == [f"test_it.py::{name}" for name in names]
    for name in removed:
        found.stdout.fnmatch_lines([f"{name.replace('[', '[[]')}: removed; it exists at base *"])
    assert {one["verdict"] for one in removed.values()} == {"pass"}
    assert (written["verdict"], len(written["workloads"])) == ("pass", 6)
    assert written["notes"] == []


def test_a_session_without_energy_tests_says_so_too(branch):
    found, removed, _ = branch({"test_it.py": IMPORT + GONE}, {"test_it.py": PLAIN})
    assert found.ret == 0
    assert [*removed] == ["test_it.py::test_gone"]
    found.stdout.fnmatch_lines(["*= energy =*", "✓ PASS  1 workload removed"])


def test_a_policy_may_forbid_removing_them(branch):
    base = {"test_it.py": IMPORT + KEPT + GONE, "energygate.yml": FAIL}
    found, removed, _ = branch(base, {"test_it.py": KEPT})
    found.assert_outcomes(passed=1)
    assert found.ret == 1
    assert removed["gone"]["verdict"] == "fail"  # by the name of base's entry
    found.stdout.fnmatch_lines(["gone: removed, which base's policy does not allow; it exists at base *"])
    found.stdout.no_fnmatch_line("not judged:*")  # it is said already


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["-k", "kept"], []),
        (["-k", "gone"], ["test_it.py::test_gone"]),
        (["-m", "energy"], ["test_it.py::test_gone"]),
        (
            ["--deselect", "test_it.py::test_gone"],
            ["test_it.py::test_several[1]", "test_it.py::test_several[2]"],
        ),
        (["test_other.py"], []),
        (["test_new.py"], []),
        (["test_it.py::test_kept"], []),
        (["test_it.py::test_kept", "test_other.py"], []),
        (["--ignore", "test_it.py"], []),
    ],
)
def test_removed_tests_are_limited_to_the_selection(branch, arguments, names):
    base = {"test_it.py": IMPORT + KEPT + GONE + SEVERAL, "test_other.py": PLAIN}
    head = {"test_it.py": KEPT, "test_other.py": KEPT, "test_new.py": KEPT}
    found, removed, _ = branch(base, head, *arguments)
    assert found.ret in {0, 5}
    assert [*removed] == names


def test_a_deselected_test_is_not_removed(branch):
    base = {"test_it.py": IMPORT + KEPT + GONE}
    conftest = HALF
    found, removed, _ = branch(base, {"conftest.py": conftest})
    found.assert_outcomes(passed=1, deselected=1)
    assert removed == {}


def test_a_removed_test_file(branch):
    base = {"test_it.py": KEPT, "deep/test_gone.py": IMPORT + GONE}
    _, removed, _ = branch(base, {"deep/test_gone.py": None})
    assert [*removed] == ["deep/test_gone.py::test_gone"]


def test_unknown_tests_of_base_are_reported(branch):
    base = {"test_it.py": IMPORT + KEPT + GONE + DYNAMIC, "test_broken.py": "import no_such_thing\n" + KEPT}
    _, removed, written = branch(base, {"test_it.py": KEPT, "test_broken.py": KEPT})
    assert [*removed] == ["test_it.py::test_gone"]  # the one that asks while it runs has not said so
    assert written["notes"] == [
        "energy tests that only base has are unknown: 1 file cannot be collected there (test_broken.py)"
    ]


def test_a_base_whose_pytest_does_not_start(branch):
    base = {"test_it.py": KEPT, "pytest.ini": "[pytest]\naddopts = --no-such-option\n"}
    found, removed, written = branch(base, {"pytest.ini": "[pytest]\n"})
    assert found.ret == 0
    assert removed == {}
    assert written["notes"] == [
        "energy tests that only base has are unknown: pytest could not collect its tests: it ended with exit code 4"
    ]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["-p", "cacheprovider", "--lf"], "--lf leaves files out"),
        (["--continue-on-collection-errors"], "some files could not be collected"),
    ],
)
def test_a_session_with_collection_errors_does_not_look_for_removed_tests(branch, arguments, why):
    head = {"test_it.py": KEPT} | ({} if "--lf" in arguments else {"test_broken.py": "import no_such_thing\n"})
    _, removed, written = branch({"test_it.py": IMPORT + KEPT + GONE}, head, *arguments)
    assert removed == {}
    assert written["notes"] == [f"energy tests that only base has were not looked for: {why}"]


def test_a_test_requesting_the_fixture_at_run_time_is_measured(branch):
    found, _, written = branch({"test_it.py": PLAIN}, {"test_it.py": DYNAMIC})
    found.assert_outcomes(passed=1)
    assert [one["name"] for one in written["workloads"]] == ["test_it.py::test_dynamic"]
