"""How `uv run pytest` runs the tests: in parallel on all processors, those that measure one at a time, without repeats.

A marker on a test or in a file's `pytestmark` decides:

- `measures`: it judges times, energy or CPU clocks of real processes, so nothing may run beside it. It holds a lock
  exclusively that every other test shares. One worker runs all of these, after everything else.
- `repeats`: it repeats for real what another test already shows. `.ci/run` runs it; `pytest` leaves it out
  unless `-m`, `-k` or its node id asks for it.
- `simulator`: a test of the simulator of GitHub itself (set here, by its folder); as `repeats`, but it runs as well
  when the simulator has changed or its folder is named.

Other options mean what they always mean: `-n 0` or `-p no:xdist` runs everything in this process, and so do `-s`,
`--pdb`, and the name of a few files or of a single test.
"""

from __future__ import annotations

import ast
import functools
import gc
import os
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

try:
    import fcntl
except ImportError:  # on Windows: without the lock there is nothing side by side
    fcntl = None

TESTS = Path(__file__).parent
SIMULATOR = TESTS / "github_simulator"

MEASURES = "pytest.mark.measures"

MIN_FILES = 10
"""As many files are worth the two seconds in which workers start."""

LONGEST_FIRST = ("workflows", "test_plain_install.py", "run", "pytest_plugin", "production", "workloads", "cli")
"""What starts first, by its name in this folder, so that no worker is left alone with a long file at the end."""

WAITS = "test_production_docs.py"
"""The file that starts before all others: it waits for an alert most of its time, and others run beside it."""

WITHOUT_FILES = {"workflows"}
"""Folders whose tests share nothing within a file and take long: workers are given one at a time."""

XDIST_VARIABLES = ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID")

LOCK_FILE = pytest.StashKey[Path]()
LOCK = pytest.StashKey[int]()
DESELECTED = pytest.StashKey[int]()


def repeated(*cases):
    """Mark cases of a parametrized test as `repeats`: a case beside them shows the same for real.

    A case of several arguments is a tuple of them, as it is in `parametrize`.
    """
    return [pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.repeats) for case in cases]


# --- In the process that was started.


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Start a worker for each processor where nothing speaks against it; xdist's own hook comes after this one."""
    if fcntl is None or hasattr(config, "workerinput") or not config.pluginmanager.hasplugin("xdist"):
        return
    option = config.option
    if option.numprocesses is not None or option.tx or option.usepdb or option.collectonly:
        return
    if option.capture == "no" or _explicit(config) or _files(config.args) < MIN_FILES:
        return
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if processors > 1:
        option.numprocesses = processors + 1  # tests also wait: for processes to end, for a server's next tick


def _explicit(config):
    """Return whether tests were chosen by name."""
    return any("::" in argument for argument in config.args)


def _files(arguments):
    paths = [Path(argument) for argument in arguments]
    return sum(len([*path.rglob("test_*.py")]) if path.is_dir() else 1 for path in paths)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give whole files to workers, in the order of collection, and all tests that measure to one of them."""
    if config.option.dist not in {"load", "loadfile"}:
        return None
    from xdist.scheduler import LoadFileScheduling

    class MeasuringTogether(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file, _, name = nodeid.partition("::")
            measuring = _measuring(config.rootpath / file)
            if {"*", name.partition("[")[0]} & measuring:
                return "measuring"
            return nodeid if (config.rootpath / file).parent.name in WITHOUT_FILES else file

    config.option.loadscopereorder = False
    return MeasuringTogether(config, log)


@functools.cache
def _measuring(path):
    """Name the tests of a file that measure, without importing it; `*` for all of them."""
    source = path.read_text("utf-8")
    if MEASURES not in source:
        return set()
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and MEASURES in ast.unparse(node):
            found.add("*")
        if isinstance(node, ast.FunctionDef) and MEASURES in map(ast.unparse, node.decorator_list):
            found.add(node.name)
    return found


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """Tell a worker where the lock is."""
    if LOCK_FILE not in node.config.stash:
        handle, path = tempfile.mkstemp(prefix="energygate-tests-", suffix=".lock")
        os.close(handle)
        node.config.stash[LOCK_FILE] = Path(path)
    node.workerinput["lock"] = str(node.config.stash[LOCK_FILE])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Count what a worker left out, as pytest counts it: all workers collect the same."""
    count = getattr(node, "workeroutput", {}).get("deselected", 0)
    reporter = node.config.pluginmanager.get_plugin("terminalreporter")
    if count and reporter is not None:
        reporter.stats["deselected"] = [SimpleNamespace()] * count


# --- In each process that runs tests.


def pytest_configure(config):
    """In a worker: open the lock, and let what tests start know nothing of xdist."""
    config.stash[DESELECTED] = 0
    if hasattr(config, "workerinput"):
        config.stash[LOCK] = os.open(config.workerinput["lock"], os.O_RDWR)
        for variable in XDIST_VARIABLES:
            os.environ.pop(variable, None)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection():
    """Collect without looking for garbage: thousands of tests are made and all are kept.

    Each search would go through all of them again: a third of the time that collecting takes, in every worker.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config, items):
    """Leave out what only repeats, and put what measures last."""
    for item in items:
        if SIMULATOR in item.path.parents:
            item.add_marker("simulator")
    left_out = _left_out(config)
    deselected = [item for item in items if any(item.get_closest_marker(name) for name in left_out)]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        gone = set(deselected)
        items[:] = [item for item in items if item not in gone]
    items.sort(key=_order)


def _order(item):
    folder = item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""
    place = LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)
    return item.get_closest_marker("measures") is not None, item.path.name != WAITS, place


def _left_out(config):
    if config.option.markexpr or config.option.keyword or _explicit(config):
        return set()
    named = any(Path(argument).absolute().is_relative_to(SIMULATOR) for argument in config.args)
    return {"repeats"} if named or _simulator_changed() else {"repeats", "simulator"}


def _simulator_changed():
    """Tell whether the simulator differs from main's; where git does not know, it counts as changed."""
    for main in ("origin/main", "main"):
        base = _git("merge-base", "HEAD", main)
        if base is not None:
            changed = _git("diff", "--name-only", base, "--", str(SIMULATOR))
            untracked = _git("ls-files", "--others", "--exclude-standard", "--", str(SIMULATOR))
            return changed != "" or untracked != ""
    return True


def _git(*arguments):
    try:
        done = subprocess.run(["git", *arguments], cwd=TESTS, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def pytest_deselected(items):
    """Count, for the closing line of the process that was started."""
    config = items[0].config
    config.stash[DESELECTED] += len(items)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    """Run a test, with its fixtures, beside nothing if it measures."""
    lock = item.config.stash.get(LOCK, None)
    if lock is None:
        return (yield)
    fcntl.flock(lock, fcntl.LOCK_EX if item.get_closest_marker("measures") else fcntl.LOCK_SH)
    try:
        return (yield)
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)


def pytest_sessionfinish(session):
    """Hand the count on."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["deselected"] = session.config.stash[DESELECTED]


def pytest_unconfigure(config):
    """Take the lock away."""
    if LOCK in config.stash:
        os.close(config.stash[LOCK])
    if LOCK_FILE in config.stash:
        config.stash[LOCK_FILE].unlink(missing_ok=True)
