"""Workers collect what the user's session collects: they get the options that decide about it."""

from __future__ import annotations

import textwrap

import pytest
from loading_engine import Loading

from energygate.pytest_plugin import ENGINE
from energygate.pytest_plugin.collection import FORWARDED_OPTIONS, joined, known_options

pytest_plugins = ["pytester"]


class Plugin:
    """What a conftest.py would be in the way for: workers would load it too."""

    def pytest_configure(self, config):
        config.stash[ENGINE] = Loading.open


@pytest.fixture
def measured(pytester, monkeypatch):
    """Writes a project and runs its tests, each of which is loaded into a worker."""
    monkeypatch.syspath_prepend(pytester.path)  # as `python -m pytest` does

    def run(files, *arguments):
        for path, text in files.items():
            file = pytester.path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(text), "utf-8")
        return lambda: pytester.runpytest_inprocess(
            "-p", "no:cacheprovider", "--energy", *arguments, plugins=[Plugin()]
        )

    return run


TEST = "def test_it(energy):\n    assert energy(len, 'abc') == 3\n"
NEEDS_SRC = {"src/app.py": "", "tests/test_it.py": f"import app\n{TEST}"}
MODEL = """
import pytest

def pytest_addoption(parser):
    group = parser.getgroup("models")
    group.addoption("--model", default="small")
    group.addoption("--quick", action="store_true")

@pytest.fixture
def model(request):
    option = request.config.option
    assert (option.model, option.quick) == ("large", True)
"""

PROJECTS = {
    "a configuration of another name": (
        {**NEEDS_SRC, "conf/ci.ini": "[pytest]\npythonpath = ../src\n"},
        ["-c", "conf/ci.ini", "tests"],
    ),
    "a configuration beside another that is nearer to the test": (
        {
            **NEEDS_SRC,
            "pytest.ini": "[pytest]\npythonpath = src\n",
            "tests/pytest.ini": "[pytest]\naddopts = --no-such-option\n",
        },
        [],
    ),
    "a plugin": (
        {
            "plug.py": "import pytest\n@pytest.fixture\ndef model(): ...\n",
            "tests/test_it.py": TEST.replace("energy)", "energy, model)"),
        },
        ["-p", "plug"],
    ),
    "a plugin that is switched off": (
        {
            "tests/test_it.py": TEST.replace("energy)", "energy, request)").replace(
                "    assert", "    assert not request.config.pluginmanager.has_plugin('pastebin')\n    assert"
            )
        },
        ["-p", "no:pastebin"],
    ),
    "a setting": ({**NEEDS_SRC, "pytest.ini": "[pytest]\n"}, ["--override-ini", "pythonpath=src"]),
    "a setting, briefly": ({**NEEDS_SRC, "pytest.ini": "[pytest]\n"}, ["-opythonpath=src"]),
    "a filter of warnings": (
        {
            "tests/test_it.py": f"import warnings\nwarnings.warn('old', FutureWarning)\n{TEST}",
            "pytest.ini": "[pytest]\nfilterwarnings = error\n",
        },
        ["-W", "ignore::FutureWarning"],
    ),
    "a mode of importing": (
        {"tests/colorsys.py": "raise ImportError", "tests/test_it.py": f"import colorsys\n{TEST}"},
        ["--import-mode=importlib"],
    ),
    "a root directory": (
        {
            "data/model.bin": "",
            "tests/test_it.py": TEST.replace("energy)", "energy, request)").replace(
                "    assert", "    assert (request.config.rootpath / 'model.bin').exists()\n    assert"
            ),
        },
        ["--rootdir", "data", "tests"],
    ),
    "options of the project's own": (
        {"tests/conftest.py": MODEL, "tests/test_it.py": TEST.replace("energy)", "energy, model)")},
        ["--model", "large", "--quick", "tests"],
    ),
}


@pytest.mark.parametrize("name", PROJECTS)
def test_a_worker_collects_as_the_session_does(measured, name):
    files, arguments = PROJECTS[name]
    found = measured(files, *arguments)()
    found.assert_outcomes(passed=1)
    assert "tests/test_it.py::test_it " in found.stdout.str()


def test_a_docstring_may_measure(measured):
    files = {"app.py": '"""\n>>> getfixture("energy")(len, "abc")\n3\n"""\n'}
    found = measured(files, "--doctest-modules")()
    found.assert_outcomes(passed=1)
    assert "app.py::app " in found.stdout.str()


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["-p", "no:x", "-px", "-k", "a or b", "-xvs"], ["-pno:x", "-px"]),
        (
            ["--import-mode", "importlib", "--import-mode=append"],
            ["--import-mode=importlib", "--import-mode=append"],
        ),
        (["tests", "--noconftest", "-n", "0", "--cov=src"], ["--noconftest"]),
        (["-o", "a=b", "--", "-p", "x"], ["-oa=b"]),
        (["-p"], ["-p"]),
        ([], []),
    ],
)
def test_which_options_are_forwarded(arguments, options):
    assert [joined(*one) for one in known_options(arguments, FORWARDED_OPTIONS)] == options


def test_paths_are_relative_to_where_workers_run(measured, pytester, monkeypatch):
    files = {**NEEDS_SRC, "conf/ci.ini": "[pytest]\npythonpath = ../src\n"}
    run = measured(files, "-c", "../conf/ci.ini", "--rootdir", "..", "--confcutdir", "..", "test_it.py")
    monkeypatch.chdir(pytester.path / "tests")
    run().assert_outcomes(passed=1)
