"""The house of design.md section 3: who may import whom, what the pure rooms never touch, how files begin."""

from __future__ import annotations

import ast
import builtins
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import energygate

PACKAGE = Path(energygate.__file__).parent
MODULES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}

FLOORS = (
    {"errors"},
    {"policy", "stats"},
    {"workloads"},
    {"measure"},
    {"gate"},
    {"report"},
    {"github", "production", "advise"},
    {"checking", "drafting"},
    {"demonstration", "api"},
    {"cli", "pytest_plugin", "__init__"},  # __init__ is the public face: it may gather what lies below
    {"__main__"},
)
"""Rooms from the ground up. A room imports from lower floors and from itself, never from a neighbour."""

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

PURE_ROOMS = {"policy", "stats", "gate", "report"}

IMPURE_MODULES = frozenset(
    """
    asyncio ctypes fcntl fileinput ftplib getpass glob http importlib.resources io logging mmap multiprocessing
    os pathlib platform psutil random requests secrets select shutil signal smtplib socket socketserver sqlite3
    ssl subprocess tempfile threading time urllib urllib3 uuid
    """.split()
)
"""Files, processes, the network, the clock and chance."""

IMPURE_BUILTINS = frozenset({"__import__", "breakpoint", "eval", "exec", "input", "open", "print"})

READS_THE_POLICY_FILE = {"policy/load.py": {"os", "pathlib", "open"}}
"""The one reader among the pure rooms, and all that it may touch."""

CODECARBON_IS_FOR = {"measure/codecarbon_meter.py", "measure/carbon.py"}

LINE_LIMITS = {"workloads/worker.py": 550}
LINE_LIMIT = 320


@dataclass(frozen=True, kw_only=True)
class Import:
    """One module that a file imports, wherever in it."""

    module: str
    line: int
    inside_function: bool


def imports_of(source, *, package="energygate"):
    """List every import: in functions, under TYPE_CHECKING, and by name through importlib too.

    `from energygate import gate` is an import of `energygate.gate`.
    """
    tree = ast.parse(source)
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for node in ast.walk(function)
    }
    return [
        Import(module=module, line=node.lineno, inside_function=id(node) in inside)
        for node in ast.walk(tree)
        for module in _modules(node, package)
    ]


def _modules(node, package):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        above = package.split(".")[: -node.level + 1 or None] if node.level else []
        module = ".".join([*above, *([node.module] if node.module else [])])
        # A name may be a module of its own, so both are named.
        return [module, *(f"{module}.{alias.name}" for alias in node.names)]
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = getattr(node.func, "attr", getattr(node.func, "id", None))
        if called in {"import_module", "__import__"}:
            return [str(node.args[0].value)]
    return []


def room_of(name):
    return Path(name).parts[0].removesuffix(".py")


def package_of(name):
    return ".".join(["energygate", *Path(name).parts[:-1]])


def room_imported(module):
    """Name the room a module belongs to; `None` for what is not ours and for the package's own version."""
    first, _, rest = module.partition(".")
    if first != "energygate" or rest in {"", "__version__"}:
        return None
    return rest.partition(".")[0]


def upward(name, source):
    """List the imports of a module that do not lead downstairs."""
    here = room_of(name)
    found = []
    for one in imports_of(source, package=package_of(name)):
        room = room_imported(one.module)
        if room is not None and room != here and FLOOR.get(room, len(FLOORS)) >= FLOOR[here]:
            found.append(f"energygate/{name}:{one.line}: {here} may not import {one.module}")
    return found


def impure(name, source):
    """List what a module of a pure room may not touch."""
    allowed = READS_THE_POLICY_FILE.get(name, set())
    touched = [
        (one.module, one.line)
        for one in imports_of(source, package=package_of(name))
        if any(one.module == module or one.module.startswith(f"{module}.") for module in IMPURE_MODULES)
    ]
    touched += [
        (node.func.id, node.lineno)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in IMPURE_BUILTINS
    ]
    return [
        f"energygate/{name}:{line}: a pure room may not touch {what}"
        for what, line in touched
        if what.split(".")[0] not in allowed
    ]


def foreign_at_import(source):
    """List modules outside the standard library that importing a file needs."""
    return [
        one.module
        for one in imports_of(source)
        if not one.inside_function and one.module.split(".")[0] not in {*sys.stdlib_module_names, ""}
    ]


def codecarbon_imports(source):
    return [one.line for one in imports_of(source) if one.module.split(".")[0] == "codecarbon"]


def beginning_faults(source):
    """List what is wrong with how a file begins."""
    tree = ast.parse(source)
    first_line = (ast.get_docstring(tree) or "").partition("\n")[0]
    faults = []
    if not first_line.endswith((".", "?", "!")):
        faults.append("its docstring's first line is no sentence")
    has_future = any(
        isinstance(node, ast.ImportFrom) and node.module == "__future__" and node.names[0].name == "annotations"
        for node in tree.body[1:2]
    )
    if not has_future:
        faults.append("`from __future__ import annotations` does not follow its docstring")
    return faults


each_module = pytest.mark.parametrize("name", MODULES)


def test_every_room_has_a_floor():
    assert {room_of(name) for name in MODULES} <= set(FLOOR)


@each_module
def test_imports_lead_downstairs(name):
    assert upward(name, MODULES[name].read_text("utf-8")) == []


@pytest.mark.parametrize("name", [name for name in MODULES if room_of(name) in PURE_ROOMS])
def test_the_pure_rooms_touch_nothing(name):
    assert impure(name, MODULES[name].read_text("utf-8")) == []


def test_only_the_meter_and_the_carbon_tables_know_codecarbon():
    knowing = {name for name, path in MODULES.items() if codecarbon_imports(path.read_text("utf-8"))}
    assert knowing == CODECARBON_IS_FOR


def test_the_worker_needs_only_the_standard_library_and_python_3_8():
    source = MODULES["workloads/worker.py"].read_text("utf-8")
    assert foreign_at_import(source) == []
    ast.parse(source, feature_version=(3, 8))


@each_module
def test_every_file_begins_by_saying_what_it_is_for(name):
    assert beginning_faults(MODULES[name].read_text("utf-8")) == []


@each_module
def test_a_file_is_one_idea(name):
    lines = len(MODULES[name].read_text("utf-8").splitlines())
    assert lines <= LINE_LIMITS.get(name, LINE_LIMIT)


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
        ("checking.py", "from energygate.cli.running import LiveProgress"),
        ("__init__.py", "from energygate.cli import main"),
        ("gate/bad.py", "from energygate.unheard_of import anything"),
        ("errors.py", "from energygate.stats import Interval"),
    ],
)
def test_an_import_that_leads_upstairs_is_found(name, line):
    assert upward(name, f'"""Bad."""\n{line}\n')


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("gate/good.py", "from energygate.stats import Interval"),
        ("gate/good.py", "from energygate.gate.verdict import Verdict"),
        ("gate/good.py", "from .verdict import Verdict"),
        ("checking.py", "from energygate import __version__"),
        ("cli/good.py", "from energygate.checking import check"),
        ("__main__.py", "from energygate.cli import main"),
        ("stats/good.py", "import math"),
    ],
)
def test_an_import_that_leads_downstairs_is_not(name, line):
    assert upward(name, f'"""Good."""\n{line}\n') == []


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
def test_a_pure_room_that_touches_the_world_is_found(line):
    assert impure("gate/bad.py", line)


def test_the_reader_of_the_policy_may_read_and_nothing_more():
    assert impure("policy/load.py", "import os\nfrom pathlib import Path\nopen('x')") == []
    assert impure("policy/load.py", "import subprocess")
    assert impure("policy/model.py", "import os")


def test_the_lists_name_things_that_exist():
    known = {*sys.stdlib_module_names, "psutil", "requests", "urllib3"}
    assert {module.split(".")[0] for module in IMPURE_MODULES} <= known
    assert {name for name in IMPURE_BUILTINS if not hasattr(builtins, name)} == set()


@pytest.mark.parametrize(
    "source", ["import numpy", "try:\n    import numpy\nexcept ImportError:\n    numpy = None", "import energygate"]
)
def test_a_worker_that_needs_a_library_is_found(source):
    assert foreign_at_import(source)


def test_a_worker_that_loads_a_library_later_is_not():
    assert foreign_at_import("import json\ndef load():\n    import numpy") == []


@pytest.mark.parametrize("source", ["import codecarbon", "def f():\n    from codecarbon.core import units"])
def test_a_second_user_of_codecarbon_is_found(source):
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
def test_a_file_that_begins_badly_is_found(source):
    assert beginning_faults(source)
