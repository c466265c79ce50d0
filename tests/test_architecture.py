"""The rules of the architecture: who may import whom, what pure rooms never touch, how files begin."""

from __future__ import annotations

import ast
import builtins
import sys
from collections import Counter
from pathlib import Path

import pytest
from house import (
    FLOOR,
    IMPURE_BUILTINS,
    IMPURE_MODULES,
    PURE_ROOMS,
    beginning_faults,
    circle,
    codecarbon_imports,
    foreign_at_import,
    impure,
    room_of,
    upward,
)

import energygate

PACKAGE = Path(energygate.__file__).parent
MODULES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}

CODECARBON_IS_FOR = {"measure/meters/tracker.py", "measure/gpus/amd.py"}

LINE_LIMIT = 320

WORKER = [name for name in MODULES if name.startswith("workloads/energygate_worker/")]

each_module = pytest.mark.parametrize("name", MODULES)


def test_every_break_of_the_table_is_about_one_line_of_the_product():
    room, stale = "", []
    for line in (PACKAGE.parent / "bench/breaks.txt").read_text("utf-8").splitlines():
        if line.startswith("- "):
            texts = [path.read_text("utf-8") for name, path in MODULES.items() if name.startswith(room)]
            stale += [(room, line[2:])] * ([text.count(line[2:]) for text in texts].count(1) != 1)
        elif line and line[0] not in "+#":
            room = line
    assert stale == []


def test_no_two_files_of_tests_have_the_same_name():
    """Tests are no package: pytest would import one of them and refuse the other."""
    names = Counter(path.name for path in Path(__file__).parent.rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


def test_every_room_has_a_floor():
    assert {room_of(name) for name in MODULES} <= set(FLOOR)


@each_module
def test_imports_follow_the_floors(name):
    assert upward(name, MODULES[name].read_text("utf-8")) == []


def test_no_files_import_each_other_in_a_circle():
    assert circle({name: path.read_text("utf-8") for name, path in MODULES.items()}) == []


@pytest.mark.parametrize("name", [name for name in MODULES if room_of(name) in PURE_ROOMS])
def test_the_pure_rooms_touch_nothing(name):
    assert impure(name, MODULES[name].read_text("utf-8")) == []


def test_only_the_meter_knows_codecarbon():
    knowing = {name for name, path in MODULES.items() if codecarbon_imports(path.read_text("utf-8"))}
    assert knowing == CODECARBON_IS_FOR


@pytest.mark.parametrize("name", WORKER)
def test_the_worker_needs_only_the_standard_library_and_python_3_8(name):
    source = MODULES[name].read_text("utf-8")
    assert foreign_at_import(source) == []
    ast.parse(source, feature_version=(3, 8))


@each_module
def test_every_file_begins_by_saying_what_it_is_for(name):
    assert beginning_faults(MODULES[name].read_text("utf-8")) == []


@each_module
def test_a_file_is_one_idea(name):
    lines = len(MODULES[name].read_text("utf-8").splitlines())
    assert lines <= LINE_LIMIT


# From here on: the checks themselves, on modules that are wrong on purpose.


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("stats/bad.py", "from energygate.gate import judge"),
        ("stats/bad.py", "import energygate.gate.judge"),
        ("stats/bad.py", "from energygate import gate"),
        ("stats/bad.py", "from ..gate import judge"),
        ("stats/bad.py", "from .. import gate"),
        ("stats/bad.py", "if TYPE_CHECKING:\n    from energygate.gate import Evidence"),
        ("stats/bad.py", "def late():\n    from energygate.gate import judge"),
        ("stats/bad.py", "importlib.import_module('energygate.gate')"),
        ("stats/bad.py", "from energygate.policy import Budget"),  # a neighbour on the same floor
        ("policy/bad.py", "from energygate.measure.readings import Method"),
        ("workloads/bad.py", "from energygate.measure.readings import Method"),
        ("run/bad.py", "from energygate.cli.progress import LiveProgress"),
        ("__init__.py", "from energygate.cli import main"),
        ("gate/bad.py", "from energygate.unheard_of import anything"),
        ("errors.py", "from energygate.stats import Interval"),
    ],
)
def test_an_import_of_a_higher_floor_is_detected(name, line):
    assert upward(name, f'"""Bad."""\n{line}\n')


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("gate/good.py", "from energygate.stats import Interval"),
        ("gate/good.py", "from energygate.gate.verdict import Verdict"),
        ("gate/good.py", "from .verdict import Verdict"),
        ("run/good.py", "from energygate.version import __version__"),
        ("cli/good.py", "from energygate.run.check import check"),
        ("__main__.py", "from energygate.cli import main"),
        ("stats/good.py", "import math"),
    ],
)
def test_an_import_of_a_lower_floor_is_allowed(name, line):
    assert upward(name, f'"""Good."""\n{line}\n') == []


OF_A_ROOM = {
    "__init__.py": "",
    "gate/__init__.py": "from energygate.gate.judge import judge",
    "gate/judge.py": "from energygate.gate.verdict import Verdict",
    "gate/verdict.py": "from energygate.stats import Interval",
    "stats/__init__.py": "from .interval import Interval",
    "stats/interval.py": "import math",
}


@pytest.mark.parametrize(
    ("name", "line", "others"),
    [
        ("gate/verdict.py", "from energygate.gate.judge import judge", {"gate/judge.py"}),
        ("gate/verdict.py", "import energygate.gate.judge", {"gate/judge.py"}),
        ("gate/verdict.py", "from energygate.gate import judge", {"gate/judge.py"}),
        ("gate/verdict.py", "from .judge import judge", {"gate/judge.py"}),
        ("gate/verdict.py", "from . import judge", {"gate/judge.py"}),
        ("gate/verdict.py", "from ..gate.judge import judge", {"gate/judge.py"}),
        ("gate/verdict.py", "if TYPE_CHECKING:\n    from .judge import judge", {"gate/judge.py"}),
        ("gate/verdict.py", "def late():\n    from .judge import judge", {"gate/judge.py"}),
        ("gate/verdict.py", "importlib.import_module('energygate.gate.judge')", {"gate/judge.py"}),
        ("gate/verdict.py", "from energygate.gate import Judge", {"gate/judge.py", "gate/__init__.py"}),
        ("stats/interval.py", "from energygate.stats import Interval", {"stats/__init__.py"}),
        (
            "stats/interval.py",
            "from energygate.gate.verdict import Verdict",
            {"stats/__init__.py", "gate/verdict.py"},
        ),
    ],
)
def test_an_import_cycle_is_detected(name, line, others):
    assert set(circle({**OF_A_ROOM, name: line + "\n" + OF_A_ROOM[name]})) == {name, *others}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("gate/judge.py", "from energygate.gate import verdict"),  # the module, not the package around it
        ("gate/judge.py", "from energygate.stats.interval import Interval"),
        ("gate/verdict.py", "from energygate.version import __version__"),
        ("stats/interval.py", "import statistics"),
        ("stats/interval.py", "import statistics.gate.judge"),
    ],
)
def test_acyclic_imports_are_allowed(name, line):
    assert circle({**OF_A_ROOM, name: line + "\n" + OF_A_ROOM[name]}) == []


@pytest.mark.parametrize(
    "line",
    [
        "import subprocess",
        "import os.path",
        "from urllib import request",
        "from importlib import resources",
        "def late():\n    import socket",
        "open('/etc/passwd')",
        "print('hello')",
    ],
)
def test_an_impure_import_in_a_pure_room_is_detected(line):
    assert impure("gate/bad.py", line)


def test_the_policy_reader_may_only_read_files():
    assert impure("policy/policy_file.py", "import os\nfrom pathlib import Path\nopen('x')") == []
    assert impure("policy/policy_file.py", "import subprocess")
    assert impure("policy/model.py", "import os")


def test_the_lists_name_things_that_exist():
    known = {*sys.stdlib_module_names, "psutil", "requests", "urllib3"}
    assert {module.split(".")[0] for module in IMPURE_MODULES} <= known
    assert {name for name in IMPURE_BUILTINS if not hasattr(builtins, name)} == set()


@pytest.mark.parametrize(
    "source",
    ["import numpy", "try:\n    import numpy\nexcept ImportError:\n    numpy = None", "import energygate"],
)
def test_a_worker_import_of_a_library_is_detected(source):
    assert foreign_at_import(source)


def test_a_late_worker_import_of_a_library_is_allowed():
    assert foreign_at_import("import json\ndef load():\n    import numpy") == []


@pytest.mark.parametrize("source", ["import codecarbon", "def f():\n    from codecarbon.core import units"])
def test_a_second_user_of_codecarbon_is_detected(source):
    assert codecarbon_imports(source)


@pytest.mark.parametrize(
    "source",
    [
        "from __future__ import annotations\n",
        '"""No full stop"""\n\nfrom __future__ import annotations\n',
        '"""A sentence."""\n',
        '"""A sentence."""\n\nimport math\n',
    ],
)
def test_a_file_without_a_docstring_is_detected(source):
    assert beginning_faults(source)
