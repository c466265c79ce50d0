"""Break the product in one line, many times over, and say which tests notice.

    uv run python bench/breaks.py            # all breaks; up to 90 minutes on two cores
    uv run python bench/breaks.py --only gate/ --map breaks.coverage

Each break is made in a copy of the checkout with an environment of its own. It runs only the tests that cover the
broken line, those of the line's own room first, and stops at the first failure. Which tests cover a line is recorded
once, with coverage.py's contexts, from the tests that do not measure; a line that only runs in another process, such as
the worker's, is tried with the tests of its room. A break that no test notices is a hole in the tests: exit code 1.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = Path(__file__).with_suffix(".txt")
PYTEST = ("-q", "-x", "-n", "0", "--no-header", "-p", "no:cacheprovider", "--hypothesis-profile=landing")
MAX_SECONDS = 600
"""For the tests of one break: a product that hangs has been noticed, too."""
MAX_NAMED = 400
"""Tests named on one command line; beyond, whole files are."""


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


def copy_of(tree: Path, directory: Path) -> Path:
    """Copy what git tracks, with an environment of its own."""
    copy = directory / "checkout"
    subprocess.run(["git", "clone", "--quiet", str(tree), str(copy)], check=True)
    subprocess.run(["uv", "sync", "--quiet"], cwd=copy, check=True)
    return copy


def record_map(copy: Path, target: Path) -> None:
    """Run the tests that do not measure, and record which of them run which lines."""
    settings = copy.parent / "coverage.cfg"
    settings.write_text(
        f"[run]\nsource = energygate\ndynamic_context = test_function\ndata_file = {target}\nrelative_files = true\n"
    )
    run = ["coverage", "run", f"--rcfile={settings}", "-m", "pytest", "-q", "-p", "no:xdist"]
    subprocess.run(["uv", "run", "--no-sync", *run, "-m", "not measures"], cwd=copy, check=False)


def covering(target: Path) -> dict[tuple[str, int], set[str]]:
    """Read which test functions run which lines: by file and line, `module.function`."""
    from coverage import CoverageData

    data = CoverageData(str(target))
    data.read()
    found: dict[tuple[str, int], set[str]] = defaultdict(set)
    for file in data.measured_files():
        name = file[file.rindex("energygate/") :] if "/energygate/" in file else file
        for line, contexts in data.contexts_by_lineno(file).items():
            found[name, line] |= {one for one in contexts if one}
    return found


def tests_of(place: Place, covered: dict[tuple[str, int], set[str]], copy: Path) -> list[str]:
    """Name the tests that cover a line, those of its own room first; its room's where none is known to."""
    files = {path.stem: path.relative_to(copy) for path in sorted((copy / "tests").rglob("test_*.py"))}
    room = place.file.parts[1].removesuffix(".py")
    named = set()
    for context in covered.get((place.file.as_posix(), place.line), ()):
        module, _, function = context.rpartition(".")
        path = files.get(module.rpartition(".")[2])
        if path is not None and function.startswith("test_"):
            named.add((room not in path.parts, f"{path}::{function}"))
    if not named:
        below = [copy / "tests" / Path(*place.file.parts[1:depth]) for depth in (3, 2)]
        return [str(next(one.relative_to(copy) for one in (*below, copy / "tests") if one.is_dir()))]
    tests = [test for _, test in sorted(named)]
    if len(tests) > MAX_NAMED:
        tests = list(dict.fromkeys(test.partition("::")[0] for test in tests))
    return tests


def red_test(copy: Path, tests: list[str]) -> str | None:
    """Run tests until one fails; returns its name, or `None` when all pass."""
    command = ["uv", "run", "--no-sync", "pytest", *PYTEST, *tests]
    try:
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=MAX_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"(no end within {MAX_SECONDS} s)"
    lines = done.stdout.splitlines()
    failed = [line.split(" ", 1)[1] for line in lines if line.startswith(("FAILED ", "ERROR "))]
    if done.returncode == 0:
        return None
    return failed[0].partition(" - ")[0] if failed else f"(exit code {done.returncode}: {lines[-1:]})"


def main() -> int:
    """Break, test, mend; one line of output per break."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="only breaks of rooms that begin so, such as gate/")
    parser.add_argument("--map", type=Path, help="the recorded map; made there when it is not there yet")
    arguments = parser.parse_args()
    chosen = [one for one in breaks() if one.room.startswith(arguments.only)]
    for one in chosen:
        place_of(one, ROOT)
    unnoticed = 0
    with tempfile.TemporaryDirectory(prefix="breaks-") as scratch:
        copy = copy_of(ROOT, Path(scratch))
        target = (arguments.map or Path(scratch) / "map.coverage").absolute()
        if not target.exists():
            record_map(copy, target)
        covered = covering(target)
        for one in chosen:
            place = place_of(one, copy)
            file = copy / place.file
            kept = file.read_text("utf-8")
            tests = tests_of(place, covered, copy)
            started = time.monotonic()
            file.write_text(kept.replace(one.old, one.new), "utf-8")
            try:
                red = red_test(copy, tests)
            finally:
                file.write_text(kept, "utf-8")
            unnoticed += red is None
            seconds = time.monotonic() - started
            print(
                f"{place.file}:{place.line}  {one.old.strip()!r} -> {one.new.strip()!r}\n"
                f"    {red or 'NOT NOTICED'}  ({len(tests)} named, {seconds:.0f} s)",
                flush=True,
            )
        shutil.rmtree(copy, ignore_errors=True)
    print(f"{len(chosen)} breaks, {len(chosen) - unnoticed} noticed, {unnoticed} not")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
