"""The architecture's rules, as functions of a module's name and source."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

FLOORS = (
    {"text", "errors", "files", "version"},
    {"extras", "document"},
    {"policy", "stats", "repository"},
    {"workloads", "footprint"},
    {"measure"},
    {"gate"},
    {"result"},
    {"report"},
    {"forge"},
    {"run"},
    {"production"},
    {"action", "api"},
    {"cli", "pytest_plugin", "__init__"},  # __init__ is the public face: it may gather what lies below
    {"__main__"},
)
"""Rooms from the ground up. A room imports from lower floors and from itself, never from a neighbour."""

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

PURE_ROOMS = {"text", "document", "policy", "stats", "footprint", "gate", "result", "report"}

IMPURE_MODULES = frozenset(
    {
        "asyncio",
        "ctypes",
        "fcntl",
        "fileinput",
        "ftplib",
        "getpass",
        "glob",
        "http",
        "importlib.resources",
        "io",
        "logging",
        "mmap",
        "multiprocessing",
        "os",
        "pathlib",
        "platform",
        "psutil",
        "random",
        "requests",
        "secrets",
        "select",
        "shutil",
        "signal",
        "smtplib",
        "socket",
        "socketserver",
        "sqlite3",
        "ssl",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "urllib",
        "urllib3",
        "uuid",
    }
)
"""Files, processes, the network, the clock and chance."""

IMPURE_BUILTINS = frozenset({"__import__", "breakpoint", "eval", "exec", "input", "open", "print"})

IMPORTING = frozenset({"import_module", "__import__"})
"""Functions that import what their first argument names."""

READS_FILES = {
    "policy/policy_file.py": {"os", "pathlib", "open"},
    "result/files.py": {"os", "pathlib", "open"},
}
"""The two readers among the pure rooms, and all that they may touch."""


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
    return [
        Import(module=module, line=node.lineno, inside_function=inside)
        for node, inside in _imports_and_calls(source)
        for module in _modules(node, package)
    ]


@cache
def _imports_and_calls(source):
    """List the imports of a text and its calls of what may be one or may be impure, and which lie in functions."""
    found = []
    waiting = [(ast.parse(source), False)]
    while waiting:
        node, inside = waiting.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)) or _called(node) in {*IMPORTING, *IMPURE_BUILTINS}:
            found.append((node, inside))
        inside = inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        waiting += [(child, inside) for child in ast.iter_child_nodes(node)]
    return found


def _called(node):
    function = getattr(node, "func", None)
    return getattr(function, "attr", getattr(function, "id", None))


def _modules(node, package):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        above = package.split(".")[: -node.level + 1 or None] if node.level else []
        module = ".".join([*above, *([node.module] if node.module else [])])
        # A name may be a module of its own, so both are named.
        return [module, *(f"{module}.{alias.name}" for alias in node.names)]
    if _called(node) in IMPORTING and node.args and isinstance(node.args[0], ast.Constant):
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


def circle(sources):
    """List files that import each other in a circle, in order, the first again at the end; none where none do.

    Every import counts: in functions, under TYPE_CHECKING, and by name through importlib too.

    Args:
        sources: The text of each file, by its name.
    """
    graph = {name: _files_imported(name, source, sources) - {name} for name, source in sources.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def _files_imported(name, source, files):
    found = set()
    for node, _ in _imports_and_calls(source):
        modules = _modules(node, package_of(name))
        if isinstance(node, ast.ImportFrom):  # a name is a module of its own, or something in the module
            module, *names = modules
            found |= {_file_of(one, files) or _file_of(module, files) for one in names}
        else:
            found |= {_file_of(one, files) for one in modules}
    return found - {None}


def _file_of(module, files):
    """Name the file of a module; `None` for what is not ours."""
    first, _, rest = module.partition(".")
    path = rest.replace(".", "/")
    candidates = (f"{path}.py", f"{path}/__init__.py" if path else "__init__.py")
    return next((one for one in candidates if first == "energygate" and one in files), None)


def impure(name, source):
    """List what a module of a pure room may not touch."""
    allowed = READS_FILES.get(name, set())
    touched = [
        (one.module, one.line)
        for one in imports_of(source, package=package_of(name))
        if any(one.module == module or one.module.startswith(f"{module}.") for module in IMPURE_MODULES)
    ]
    touched += [
        (node.func.id, node.lineno)
        for node, _ in _imports_and_calls(source)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_BUILTINS
    ]
    return [
        f"energygate/{name}:{line}: a pure room may not touch {what}"
        for what, line in touched
        if what.split(".")[0] not in allowed
    ]


WORKER = "energygate_worker"
"""What the worker's package is called in its own process, where energygate is not."""


def foreign_at_import(source):
    """List modules outside the standard library, and the worker's own, that importing a file needs."""
    return [
        one.module
        for one in imports_of(source, package=WORKER)
        if not one.inside_function and one.module.split(".")[0] not in {*sys.stdlib_module_names, "", WORKER}
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
    second = tree.body[1] if len(tree.body) > 1 else None
    if not (isinstance(second, ast.ImportFrom) and second.module == "__future__"):
        faults.append("`from __future__ import annotations` does not follow its docstring")
    return faults
