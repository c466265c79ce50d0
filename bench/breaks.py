"""Break the product in one line, many times over, and say which tests notice.

    uv run python bench/breaks.py            # all breaks; up to 90 minutes on two cores
    uv run python bench/breaks.py --only gate/ --map breaks.map

Each break is made in a copy of the checkout with an environment of its own. It runs the tests that cover the broken
line, those of the line's own room first, then the others of that room, the cheapest first, and stops at the first
failure. Which tests cover a line, and how long each takes, is recorded once, from the tests that run the product in
their own process and do not measure; a line that only runs in other processes, such as the worker's, is tried with the
tests of its room. Finally the tests that failed run on the unbroken product, where they must pass. A break that no test
notices is a hole in the tests: exit code 1.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from coverage import Coverage, CoverageData

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]
TABLE = Path(__file__).with_suffix(".txt")
PYTEST = ("-m", "pytest", "-p", "bench.breaks", "-p", "no:xdist", "-p", "no:cacheprovider", "--no-header", "-q")
PROFILE = "--hypothesis-profile=landing"
RECORDED = ("-m", "not measures and not repeats and not simulator", "--ignore=tests/workflows")
"""The tests of the map. The recipes of `tests/workflows` run the product in other processes: nothing is recorded."""
MAX_TESTS_S = 400.0
"""For one break: the recorded seconds of its tests."""
MAX_HANG_S = 100
"""A test that takes longer hangs, which is noticed, too."""
MAX_BREAK_S = 900
"""Where the machine is so busy that the tests of a break take longer than that, nothing has noticed it."""


@dataclass(frozen=True, kw_only=True)
class Break:
    """One line of the product, broken.

    Attributes:
        room: The room, or file, below `energygate/` that the line is in.
        old: A piece of the line that is found nowhere else there.
        new: What it becomes.
    """

    room: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a break is made: the file, and the number of its line there."""

    file: Path
    line: int


@dataclass(frozen=True, kw_only=True)
class CoverageMap:
    """Which tests run which lines.

    Attributes:
        seconds: How long each test takes, by its node id.
        contexts: By file and line: the tests that run it, and the test files whose fixtures do.
    """

    seconds: Mapping[str, float]
    contexts: Mapping[tuple[str, int], set[str]]

    def tests(self, place: Place, room: str) -> tuple[list[str], list[str]]:
        """Choose the tests for a break, as many as `MAX_TESTS_S` allows: the likely ones, then all others.

        Args:
            place: The broken line.
            room: The folder, or file, with the tests of its room.
        """
        covering = self.contexts.get((place.file.as_posix(), place.line), set())
        ranked = []
        for test, seconds in self.seconds.items():
            covers, in_room = test in covering, test.startswith(room)
            if covers or in_room or test.partition("::")[0] in covering:
                ranked.append((not (covers and in_room), not covers, seconds, test))
        ranked.sort()
        affordable = bisect_left([*accumulate(seconds for _, _, seconds, _ in ranked)], MAX_TESTS_S)
        likely = [test for unlikely, _, _, test in ranked[:affordable] if not unlikely]
        return likely, [test for *_, test in ranked[len(likely) : affordable]]


def breaks() -> list[Break]:
    """Read the table."""
    found, room, old = [], "", ""
    for line in TABLE.read_text("utf-8").splitlines():
        if line.startswith("- "):
            old = line[2:]
        elif line.startswith("+ "):
            found.append(Break(room=room, old=old, new=line[2:]))
        elif line and not line.startswith("#"):
            room = line
    return found


def place_of(one: Break, tree: Path) -> Place:
    """Find the one place in the package that a break is about."""
    package = tree / "energygate"
    files = (path for path in sorted(package.rglob("*.py")) if str(path.relative_to(package)).startswith(one.room))
    texts = ((path, path.read_text("utf-8")) for path in files)
    found = [
        Place(file=path.relative_to(tree), line=text[: text.index(one.old)].count("\n") + 1)
        for path, text in texts
        if text.count(one.old) == 1
    ]
    if len(found) != 1:
        sys.exit(f"{one.old!r} is in {len(found)} files of {one.room}, and should be in one")
    return found[0]


def tests_of_room(place: Place, tree: Path) -> str:
    """Name the folder, or file, with the tests of a line's room."""
    parts = place.file.with_suffix("").parts[1:]
    for depth in (2, 1):
        if (tree / Path("tests", *parts[:depth])).is_dir():
            return "/".join(("tests", *parts[:depth])) + "/"
    return f"tests/test_{parts[0]}.py"


def copy_of(tree: Path, directory: Path) -> Path:
    """Copy what git tracks, with an environment of its own."""
    copy = directory / "checkout"
    subprocess.run(["git", "clone", "--quiet", str(tree), str(copy)], check=True)
    subprocess.run(["uv", "sync", "--quiet"], cwd=copy, check=True)
    return copy


def record_map(copy: Path, target: Path) -> None:
    """Run the tests, on all processors, and record how long each takes and which lines it runs."""
    scratch = copy.parent / "map"
    scratch.mkdir()
    count = len(os.sched_getaffinity(0)) + 1  # tests also wait
    command = ["uv", "run", "--no-sync", "python", *PYTEST, PROFILE, *RECORDED, "-x"]
    runs = [
        subprocess.Popen([*command, f"--record={scratch / str(number)}", f"--part={number}/{count}"], cwd=copy)
        for number in range(count)
    ]
    codes = [run.wait() for run in runs]
    if any(codes):
        sys.exit("No break was tried: a test fails on the unbroken product (see above)")
    shutil.move(scratch, target)


def read_map(target: Path) -> CoverageMap:
    """Read what was recorded."""
    seconds: dict[str, float] = {}
    contexts: dict[tuple[str, int], set[str]] = defaultdict(set)
    for part in target.glob("*.json"):
        seconds |= json.loads(part.read_text("utf-8"))
        data = CoverageData(str(part.with_suffix("")))
        data.read()
        for file in data.measured_files():
            for line, found in data.contexts_by_lineno(file).items():
                contexts[file, line] |= {one for one in found if one}
    return CoverageMap(seconds=seconds, contexts=contexts)


def failures(copy: Path, tests: Sequence[str], *options: str, max_seconds: float) -> list[str]:
    """Run tests in their order; returns the names of those that failed.

    Raises:
        TimeoutExpired: They have not ended in time.
    """
    if not tests:
        return []
    chosen = copy.parent / "chosen.json"
    chosen.write_text(json.dumps(tests), "utf-8")
    hang = ("-o", f"faulthandler_timeout={MAX_HANG_S}", "-o", "faulthandler_exit_on_timeout=true")
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    command = ["uv", "run", "--no-sync", "python", *PYTEST, PROFILE, *hang, *options, f"--chosen={chosen}", *files]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=max_seconds, check=False)
    lines = done.stdout.splitlines()
    failed = [line.split(" ", 1)[1].partition(" - ")[0] for line in lines if line.startswith(("FAILED ", "ERROR "))]
    if done.returncode and not failed:
        end = "hangs" if "Timeout" in done.stderr else f"pytest's exit code is {done.returncode}"
        failed = [f"({end}: {lines[-1] if lines else done.stderr[-200:]})"]
    return failed


def try_break(one: Break, copy: Path, covered: CoverageMap) -> str | None:
    """Break, test, mend, and print what became of it; returns the name of the test that failed."""
    place = place_of(one, copy)
    file = copy / place.file
    kept = file.read_text("utf-8")
    started = time.monotonic()
    file.write_text(kept.replace(one.old, one.new), "utf-8")
    likely, others = covered.tests(place, tests_of_room(place, copy))
    try:
        failed = failures(copy, likely, "-x", max_seconds=MAX_BREAK_S)
        failed = failed or failures(copy, others, "-x", max_seconds=MAX_BREAK_S)
    except subprocess.TimeoutExpired:
        failed = []
    finally:
        file.write_text(kept, "utf-8")
    tried = f"{len(likely)} + {len(others)} tests, {time.monotonic() - started:.0f} s"
    print(f"{place.file}:{place.line}  {one.old.strip()!r} -> {one.new.strip()!r}")
    print(f"    {failed[0] if failed else 'NOT NOTICED'}  ({tried})", flush=True)
    return failed[0] if failed else None


def main() -> int:
    """Try the breaks; one line of output per break."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", default=[""], help="only breaks of rooms that begin so, such as gate/")
    parser.add_argument("--map", type=Path, help="a folder with the recorded map; recorded there if it does not exist")
    arguments = parser.parse_args()
    started = time.monotonic()
    chosen = [one for one in breaks() if one.room.startswith(tuple(arguments.only))]
    for one in chosen:
        place_of(one, ROOT)
    with tempfile.TemporaryDirectory(prefix="breaks-") as scratch:
        copy = copy_of(ROOT, Path(scratch))
        target = (arguments.map or Path(scratch) / "recorded").absolute()
        if not target.exists():
            record_map(copy, target)
            print(f"recorded in {(time.monotonic() - started) / 60:.0f} minutes", flush=True)
        covered = read_map(target)
        noticed = [red for one in chosen if (red := try_break(one, copy, covered))]
        passing = [test for test in dict.fromkeys(noticed) if test in covered.seconds]
        false_alarms = failures(copy, passing, max_seconds=9 * MAX_BREAK_S)
    minutes = (time.monotonic() - started) / 60
    print(f"{len(chosen)} breaks, {len(noticed)} noticed, {len(chosen) - len(noticed)} not, in {minutes:.0f} minutes")
    for test in false_alarms:
        print(f"fails on the unbroken product, too: {test}")
    return 1 if false_alarms or len(noticed) < len(chosen) else 0


# --- In the pytest that is started, whose plugin this file is.


SPENT: dict[str, float] = defaultdict(float)
RECORDER = pytest.StashKey[Coverage]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register what is recorded and which tests are chosen."""
    parser.addoption("--record", type=Path, help="the file to record lines in; seconds are beside it, in a .json")
    parser.addoption("--part", help="record a share of the test files, such as 0/2")
    parser.addoption("--chosen", type=Path, help="a file that names the tests to run, in their order")


def pytest_configure(config: pytest.Config) -> None:
    """Start to record."""
    target = config.getoption("record")
    if target is not None:
        config.stash[RECORDER] = Coverage(data_file=target, source=["energygate"], config_file=False)
        config.stash[RECORDER].set_option("run:relative_files", value=True)
        config.stash[RECORDER].start()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the chosen tests, in their order, or this run's share of them."""
    chosen, part = config.getoption("chosen"), config.getoption("part")
    if chosen is not None:
        by_name = {item.nodeid: item for item in items}
        items[:] = [by_name[name] for name in json.loads(chosen.read_text("utf-8")) if name in by_name]
    if part is not None:
        number, count = map(int, part.split("/"))
        files = list(dict.fromkeys(item.path for item in items))[number::count]
        items[:] = [item for item in items if item.path in files]


def _switch(context: str) -> None:
    recorder = Coverage.current()
    # What a test runs as another user, who cannot write here, is recorded when it has ended: as its fixtures'.
    if recorder is not None and os.geteuid() == os.getuid():
        recorder.switch_context(context)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Record what fixtures run for the whole file, which may share them."""
    _switch(item.nodeid.partition("::")[0])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Record what the test runs."""
    _switch(item.nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """Record nothing for anybody while a test ends."""
    _switch("")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up what a test takes."""
    SPENT[report.nodeid] += report.duration


def pytest_unconfigure(config: pytest.Config) -> None:
    """Write what was recorded."""
    recorder = config.stash.get(RECORDER, None)
    if recorder is not None:
        recorder.stop()
        recorder.save()
        config.getoption("record").with_suffix(".json").write_text(json.dumps(SPENT), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
