"""A project's own pytest: its settings apply, and other plugins neither run the test elsewhere nor interfere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from parallel import repeated
from pytest_specs import node, write

import energygate
from energygate.pytest_plugin.plugin_options import add_options
from energygate.workloads.energygate_worker.pytest_session import FLAGS, TEXTS

TEST = "def test_it(energy):\n    energy(len, '')\n"

RESTLESS = """
    import os, pytest

    def pytest_addoption(parser):
        parser.addoption("--{name}", default=None)
        parser.addini("{name}", "of this plugin")

    def pytest_configure(config):
        os._exit(9)
"""
"""Stands in for a plugin that must not work here, whose options must stay known all the same."""

PROJECT = {
    "conftest.py": """
        import pytest

        def pytest_addoption(parser):
            parser.addoption("--model", default="none")

        @pytest.fixture
        def model(request, worker_id):
            assert request.config.getoption("--model") == "small"
            return lambda x: x + 1

        def pytest_configure_node(node): ...  # a hook of xdist
    """,
    "tests/test_energy.py": """
        import asyncio, random, time
        import pytest

        @pytest.mark.timeout(0.5)
        @pytest.mark.flaky(reruns=3)
        @pytest.mark.slow
        @pytest.mark.xdist_group("a")
        class TestIt:
            @pytest.mark.parametrize("x", [1, 2])
            def test_it(self, energy, model, x, tmp_path):
                time.sleep(0.4)
                assert energy(lambda: (time.sleep(0.1), model(x), random.random())[1:])[0] == x + 1

        @pytest.mark.asyncio
        async def test_async(energy):
            loop = asyncio.get_running_loop()
            assert energy(asyncio.sleep, 0, 3) == 3
            await asyncio.sleep(0)
            open("went_on", "w").close()
    """,
    "pytest.ini": """
        [pytest]
        addopts = -n 4 --cov=tests --cov-report=xml -x --lf --strict-markers --strict-config -W error -vv
            --import-mode=importlib --timeout=1 --reruns 2 -m "not slow" --model small --junitxml=out.xml
            --durations=3 --randomly-seed=5 --energy-budget 0.5mWh --energy-strict
        required_plugins = pytest-cov pytest-xdist
        timeout = 1
        asyncio_default_fixture_loop_scope = function
        markers = slow: not in every run
        energy = always
        energy_time = 3s
        log_file = test.log
    """,
}


@pytest.mark.parametrize(
    ("files", "environment"),
    [
        *repeated(
            (
                {"pytest.ini": "[pytest]\naddopts = -x --maxfail=2 --strict-markers --strict-config -W error -ra -vv"},
                {},
            ),
            ({"tox.ini": "[pytest]\naddopts = -p no:cacheprovider --strict-config -W error"}, {}),
            (
                {"pytest.ini": "[pytest]\naddopts = -p no:logging -p no:faulthandler --strict-config -W error"},
                {},
            ),
        ),
        (
            {"pytest.ini": "[pytest]\naddopts = -m 'not energy' -k none --deselect tests/test_energy.py --lf"},
            {},
        ),
        ({"pytest.ini": "[pytest]\naddopts = --import-mode=importlib --ignore=tests --co --setup-plan"}, {}),
        *repeated(
            (
                {"pytest.ini": "[pytest]\naddopts = --junitxml=out.xml --capture=sys --pdb --cache-clear --sw"},
                {},
            )
        ),
        (
            {"pyproject.toml": "[tool.pytest.ini_options]\naddopts = ['--energy-base', 'main']\nenergy = 'off'"},
            {},
        ),
        *repeated(({}, {"PYTEST_ADDOPTS": "--co --energy --energy-json=out.json"})),
        (
            {},
            {"PYTEST_ADDOPTS": "-p no:energygate --energy --energy-json=out.json"},
        ),  # as if it were not installed
    ],
)
def test_a_projects_settings(loaded, checkout, monkeypatch, files, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    source = f"import pytest\n@pytest.mark.energy(max='1 J')\n{TEST}"
    worker = loaded(node(checkout, source, files=files))
    worker.run(2)
    worker.shut_down()
    assert {path.name for path in checkout.rglob("*") if path.is_file()} == {"test_energy.py", *files}


@pytest.mark.parametrize(
    "module", ["pytest_timeout", *repeated("pytest_rerunfailures", "pytest_forked", "pytest_memray/plugin")]
)
def test_which_plugins_are_disabled(loaded, checkout, module):
    name = re.split("[_/]", module)[1]
    files = {
        f"{module}.py": RESTLESS.format(name=name),
        "pytest.ini": f"""
            [pytest]
            addopts = -p {module.replace("/", ".")} --{name} 3 --strict-markers --strict-config -W error
            {name} = 3
        """,
    }
    marks = ["timeout(1)", "flaky(reruns=2)", "forked", "limit_memory('1 MB')"]
    source = "import pytest\n" + "".join(f"@pytest.mark.{mark}\n" for mark in marks) + TEST
    loaded(node(checkout, source, files=files)).run(1)


def test_coverage_of_a_session_around_it_does_not_reach_into_workers(loaded, checkout, monkeypatch):
    for name in (
        "COV_CORE_SOURCE",
        "COVERAGE_PROCESS_START",
        "COVERAGE_PROCESS_CONFIG",
        "PYTEST_XDIST_WORKER",
    ):
        monkeypatch.setenv(name, "x")
    source = """
        import os

        def test_it(energy):
            assert not [name for name in os.environ if name.startswith(("COV_", "COVERAGE_", "PYTEST_XDIST"))]
            energy(len, '')
    """
    loaded(node(checkout, source)).run(1)


def test_every_option_of_the_plugin_is_known_without_it():
    class Parser:
        options, ini = [], []

        def getgroup(self, *_):
            return self

        def addoption(self, name, **_):
            self.options.append(name)

        def addini(self, name, *_, **__):
            self.ini.append(name)

    add_options(Parser())
    assert set(Parser.options) == {f"--energy-{name}".rstrip("-") for name in (*FLAGS, *TEXTS)}
    assert {name.removeprefix("energy").removeprefix("_") for name in Parser.ini} <= {*FLAGS, *TEXTS}


@pytest.mark.parametrize("ini", ["[pytest]\naddopts = --no-such-option", ""])
def test_a_checkout_inside_of_the_other_has_its_own_settings(worker, tmp_path, ini):
    write(tmp_path, {"pytest.ini" if ini else "notes": ini, "conftest.py": "raise SystemExit"})
    base = tmp_path / "base"
    base.mkdir()
    workload = node(base, TEST, other=str(tmp_path), files={"conftest.py": ""})
    started = worker(directory=base)
    assert started.load(**workload, timeout_s=60).origin is None


@pytest.mark.parametrize("inside", [False, True])
def test_imported_code_of_the_other_side_is_detected(worker, tmp_path, monkeypatch, inside):
    other = tmp_path / "other"
    own = other / "base" if inside else tmp_path / "own"
    write(other, {"src/package/__init__.py": "", "src/package/app.py": "def work():\n    return 3\n"})
    monkeypatch.setenv("PYTHONPATH", str(other / "src"))  # as an editable install does
    source = "from package import app\ndef test_it(energy):\n    energy(app.work)\n"
    workload = node(own, source, other=str(other), files={"pytest.ini": "[pytest]\n"})
    assert worker(directory=own).load(**workload, timeout_s=60).origin.startswith(str(other / "src/package"))


def test_an_interpreter_in_the_other_checkout_is_not_its_code(worker, tmp_path):
    other = tmp_path / "other"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", other / ".venv"], check=True)
    python = next((other / ".venv").glob("[Bbs]*/python*"))
    (site,) = (other / ".venv").glob("**/site-packages")
    shared = (Path(pytest.__file__).parents[1], Path(energygate.__file__).parents[1])
    (site / "shared.pth").write_text("".join(f"{one}\n" for one in shared), encoding="utf-8")
    write(site, {"library.py": "def work():\n    return 3\n"})
    own = tmp_path / "own"
    own.mkdir()
    workload = node(own, "import library\ndef test_it(energy):\n    energy(library.work)\n", other=str(other))
    started = worker(directory=own, python=str(python))
    assert started.load(**workload, timeout_s=60).origin is None


@pytest.fixture(scope="session")
def company(tmp_path_factory):
    """A directory with the plugins that many projects use."""
    target = tmp_path_factory.mktemp("plugins")
    # None that is newer than what this was written with: what somebody releases tomorrow must not break it.
    known = {
        "pytest": "9.2.0",
        "pytest-asyncio": "1.5.0",
        "pytest-cov": "7.1.0",
        "pytest-randomly": "5.1.0",
        "pytest-rerunfailures": "16.7",
        "pytest-timeout": "2.4.0",
        "pytest-xdist": "3.8.0",
    }
    uv = shutil.which("uv") or pytest.skip("needs uv to install plugins")
    arguments = ["--quiet", "--target", target, "--python", sys.executable]
    done = subprocess.run(
        [uv, "pip", "install", *arguments, *(f"{name}<={version}" for name, version in known.items())],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip("no package index can be reached")
    return target


@pytest.mark.parametrize("test", ["TestIt::test_it[2]", *repeated("test_async")])
def test_the_plugins_that_many_projects_use(loaded, checkout, company, monkeypatch, test):
    monkeypatch.setenv("PYTHONPATH", str(company))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    worker = loaded(node(checkout, target=f"tests/test_energy.py::{test}", files=PROJECT))
    worker.run(8)  # longer than any of the time limits
    worker.shut_down()
    went_on = {"went_on"} if test == "test_async" else set()
    written = {str(path.relative_to(checkout)) for path in checkout.rglob("*") if path.is_file()}
    assert written == {*PROJECT, *went_on}


def test_disabled_plugins_print_no_summary_and_end_cleanly(loaded, checkout):
    conftest = """
        def pytest_terminal_summary():
            open("summed_up", "w").close()

        def pytest_sessionfinish():
            open("finished", "w").close()

        def pytest_unconfigure():
            open("unconfigured", "w").close()
    """
    worker = loaded(node(checkout, TEST, files={"conftest.py": conftest}))
    worker.run(1)
    worker.shut_down()
    assert {path.name for path in checkout.iterdir()} & {"summed_up", "finished", "unconfigured"} == {
        "finished",
        "unconfigured",
    }


OPTION = """
    import pytest

    def pytest_addoption(parser):
        parser.addoption("--model", default="small")
"""
SAYS_MODEL = "def test_it(energy, request):\n    assert request.config.option.model == 'large'\n    energy(len, '')\n"


def test_options_of_the_users_session_apply(loaded, checkout):
    files = {"conftest.py": OPTION, "ci.ini": "[pytest]\nmarkers = fast: not slow\n"}
    source = f"import pytest\n@pytest.mark.fast\n{SAYS_MODEL}"
    options = ["-cci.ini", "--rootdir=tests", "--model=large", "--strict-markers", "-Werror"]
    loaded(node(checkout, source, files=files, options=options)).run(1)


def test_options_that_only_the_other_side_knows_are_left_out(loaded, checkout):
    options = ["-cgone.ini", "--rootdir=gone", "--confcutdir=gone", "--model=large", "-Werror"]
    loaded(node(checkout, TEST, options=options)).run(1)


def test_unknown_options_of_the_project_itself_are_an_error(loaded, checkout, trouble):
    files = {"pytest.ini": "[pytest]\naddopts = --no-such-option\n"}
    with trouble("--no-such-option"):
        loaded(node(checkout, TEST, files=files, options=["--model=large"]))
