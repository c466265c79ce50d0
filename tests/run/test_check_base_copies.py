"""Installed copies of the project: code that is not a side's own is never taken for it, and all else is left alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from base_projects import BRIEF, QUICK, SPIN
from commands import REPOSITORY
from parallel import repeated

from energygate.workloads.installed_copy import find_imported_copy

WORK = """
import time


def work(milliseconds={milliseconds}):
    end = time.process_time_ns() + milliseconds * 1e6
    while time.process_time_ns() < end:
        pass
    return 42
"""

APP = "import package.core\n\n\ndef make():\n    return package.core.work\n"
LATE = """
def make():
    def request():
        import package.core

        return package.core.work()

    return request
"""
TEST = "from package.core import work\n\n\ndef test_it(energy):\n    energy(work)\n"

CALLABLE = {"python": "app:make"}
NODE = {"pytest": "tests/test_energy.py::test_it"}

INTERPRETER = f"""#!/bin/sh
PYTHONPATH="$(pwd)/.venv/site-packages" exec {sys.executable} "$@"
"""
SETUP = """
mkdir -p .venv/bin .venv/site-packages
cp -R src/package .venv/site-packages
cp interpreter .venv/bin/python
chmod +x .venv/bin/python
"""


@pytest.fixture
def packaged(project):
    """A project in the src layout, on a branch."""

    def make(workload=CALLABLE, *, app=APP, measurement=None, **files):
        texts = {
            "app.py": app,
            "tests/test_energy.py": TEST,
            "pytest.ini": "[pytest]\n",
            ".gitignore": ".venv/\n",
        }
        texts |= {"src/package/__init__.py": "", "src/package/core.py": WORK.format(milliseconds=4.0)}
        for name, text in {**texts, **files}.items():
            project.write(name, text)
        project.policy({"w": workload}, time_limit=QUICK, measurement=measurement)
        project.commit(branch="change")
        return project

    return make


def installed(project, site=None):
    """Install a copy of the project as it is now, as `pip install .` does; returns the environment that holds it."""
    site = site or project.root.parent / "environment/lib/site-packages"
    shutil.copytree(project.root / "src", site)
    return os.pathsep.join([str(REPOSITORY), str(site)])


def slower(project):
    project.write("src/package/core.py", WORK.format(milliseconds=8.0))


@pytest.mark.parametrize(
    ("of", "workload", "app"),
    [
        ("base", CALLABLE, APP),
        ("head", CALLABLE, LATE),
        ("head", NODE, APP),
        *repeated(("head", CALLABLE, APP), ("base", CALLABLE, LATE), ("base", NODE, APP)),
    ],
)
def test_one_installed_copy_is_refused_for_both_sides(packaged, of, workload, app):
    way = "PYTHONPATH=src" if workload is CALLABLE else "`pythonpath = src` in pytest's settings"
    project = packaged(workload, app=app)
    if of == "base":
        path = installed(project)
    slower(project)
    if of == "head":
        path = installed(project)
    found = project.check(*BRIEF, PYTHONPATH=path)
    message = found.workloads["w"]["error"]["message"]
    assert found.ran.code == 3
    assert message.startswith("at base: " if of == "head" else "package was imported from a copy (")
    assert "site-packages/package/__init__.py) that is not this side's code: src/package/core.py differs" in message
    assert "give each side its own with `measurement: {python: .venv/bin/python" in message
    assert f"or let both sides import their checkouts with {way}" in message


def test_an_imported_editable_install_is_detected(packaged):
    project = packaged()
    slower(project)
    path = os.pathsep.join([str(REPOSITORY), str(project.root / "src")])
    message = project.check(*BRIEF, PYTHONPATH=path).workloads["w"]["error"]["message"]
    assert message.startswith("at base: package was imported from the other side's checkout")
    assert "editable install" in message


@pytest.mark.parametrize("workload", [CALLABLE, NODE], ids=["python", "pytest"])
def test_the_remedies_of_the_hint_work(packaged, workload):
    project = packaged(workload, **({"pytest.ini": "[pytest]\npythonpath = src\n"} if "pytest" in workload else {}))
    path = installed(project)
    slower(project)
    path = path if "pytest" in workload else os.pathsep.join(["src", path])
    found = project.check(*BRIEF, PYTHONPATH=path)
    assert found.workloads["w"]["error"] is None
    change = found.workloads["w"]["metrics"]["energy_per_request"]["change"]
    assert change["estimate"] == pytest.approx(1.0, abs=0.3)  # a copy that served for both would make it 0


def test_a_copy_in_each_sides_own_environment_is_accepted(packaged):
    measurement = {"python": ".venv/bin/python", "setup": "sh ./setup.sh"}
    project = packaged(measurement=measurement, interpreter=INTERPRETER, **{"setup.sh": SETUP})
    slower(project)
    subprocess.run(["sh", "setup.sh"], cwd=project.root, check=True)  # the check's own run then changes nothing
    found = project.check(*BRIEF)
    assert found.workloads["w"]["error"] is None
    change = found.workloads["w"]["metrics"]["energy_per_request"]["change"]
    assert change["estimate"] == pytest.approx(1.0, abs=0.3)  # a copy that served for both would make it 0


@pytest.mark.parametrize(
    ("workload", "site"),
    [
        ({"python": "package.core:make"}, ""),
        (NODE, ".venv/lib/site-packages"),
        *repeated(({"python": "package.core:make"}, ".venv/lib/site-packages"), (NODE, "")),
    ],
)
def test_a_copy_of_unchanged_code_is_accepted_for_both(packaged, workload, site):
    source = SPIN.format(milliseconds=4.0) + "\n\nwork = make()\n"
    project = packaged(workload, **{"src/package/core.py": source})
    path = installed(project, project.root / site if site else None)
    project.write("app.py", "changed = True\n")
    found = project.check(*BRIEF, PYTHONPATH=path)
    assert (found.ran.code, found.workloads["w"]["error"]) == (0, None)


def imported(tmp_path, modules, *, own, other, copy):
    """What is found of modules that were imported from files of the copy, or of this side's checkout."""
    for side, files in (("own", own), ("other", other), ("copy", copy)):
        for name, text in files.items():
            path = tmp_path / side / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    files = {name: file and str(tmp_path / file) for name, file in modules.items()}
    found = find_imported_copy(files, tmp_path / "own", tmp_path / "other")
    return found and (found.name, found.source.as_posix(), found.import_root)


@pytest.mark.parametrize(
    ("own", "other", "copy", "expected"),
    [
        ({"src/m.py": "1"}, {"src/m.py": "2"}, {"m.py": "2"}, ("m", "src/m.py", "src")),
        ({"src/m.py": "1"}, {"src/m.py": "2"}, {"m.py": "3"}, ("m", "src/m.py", "src")),
        ({"m.py": "1"}, {"m.py": "2"}, {"m.py": "2"}, ("m", "m.py", ".")),
        ({"m.py": "1"}, {"src/m.py": "2"}, {"m.py": "2"}, ("m", "m.py", ".")),
        ({"src/m.py": "1"}, {"src/m/__init__.py": "2"}, {"m/__init__.py": "2"}, ("m", "src/m.py", "src")),
        ({"src/m.py": "1"}, {"src/m.py": "1"}, {"m.py": "2"}, None),  # nothing has changed
        ({"src/m.py": "1"}, {"src/m.py": "2"}, {"m.py": "1"}, None),  # it is this side's
        ({"src/m.py": "1"}, {}, {"m.py": "2"}, None),  # only one side has it
        ({"src/m.py": "1"}, {"src/m.py": "2"}, {"m/__init__.py": "3"}, None),  # another project's
        ({"src/m.py": "1"}, {"src/m.py": "2"}, {"m.so": "3"}, None),
    ],
)
def test_what_makes_a_copy_foreign(tmp_path, own, other, copy, expected):
    (file,) = copy
    assert imported(tmp_path, {"m": f"copy/{file}"}, own=own, other=other, copy=copy) == expected


@pytest.mark.parametrize(
    ("mine", "others", "copied", "expected"),
    [
        ("1", "2", "2", ("m", "src/m/deep/part.py", "src")),
        ("1", "1", "2", None),  # made when it was built, say
        ("1", None, "2", None),
        ("1", "2", None, None),  # it was not installed: a test, say
    ],
)
def test_every_common_file_of_a_package_is_compared(tmp_path, mine, others, copied, expected):
    files = [
        {f"{place}m/__init__.py": "", **({} if text is None else {f"{place}m/deep/part.py": text})}
        for place, text in (("src/", mine), ("src/", others), ("", copied))
    ]
    own, other, copy = files
    assert imported(tmp_path, {"m": "copy/m/__init__.py"}, own=own, other=other, copy=copy) == expected


@pytest.mark.parametrize(
    "modules",
    [
        {"queue": "copy/m.py"},
        {"energygate": "copy/m.py"},
        {"__main__": "copy/m.py"},
        {"m": "copy/m.py", "src": None},  # the checkout's is `src.m`
        {"m": "own/lib/m.py"},
        {"m": "copy/gone.py"},
        {"m": None},
    ],
)
def test_packages_that_only_share_a_name_are_ignored(tmp_path, modules):
    (name, *_) = modules
    own, other = {f"src/{name}.py": "1", "lib/m.py": "3"}, {f"src/{name}.py": "2"}
    assert imported(tmp_path, modules, own=own, other=other, copy={"m.py": "2"}) is None


def test_an_environment_inside_a_checkout_belongs_to_that_side(tmp_path):
    """What building makes of sources, such as a version that it stamps, is that side's all the same."""
    own, other = {"src/m.py": "1"}, {"src/m.py": "2"}
    installed = {".venv/lib/site-packages/m.py": "2"}
    modules = {"m": "own/.venv/lib/site-packages/m.py"}
    assert imported(tmp_path, modules, own=own | installed, other=other, copy={}) is None
    modules = {"m": "other/.venv/lib/site-packages/m.py"}
    assert imported(tmp_path, modules, own=own, other=other | installed, copy={}) == ("m", "src/m.py", "src")
