"""A lint of workflows, actions, and the snippets and tables of them in the documentation."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner
from markdown_it import MarkdownIt

from github_simulator.runner.expression_names import names_used
from github_simulator.runner.yaml_reading import DocumentError, read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
_OWN = ("./", "$/")
_USES = re.compile(r"^[ -]*uses:\s*(?P<uses>\S+)(?P<comment>.*)$", re.MULTILINE)
_VERSION = re.compile(r"\s+# v\d+(\.\d+)*\b")
_UNRELEASED = "energygate/energygate@"
"""It has no tags yet, so nothing may name one."""


@dataclass(frozen=True, kw_only=True)
class Snippet:
    """A block of YAML in a page.

    Attributes:
        page: The page's name.
        line: Of its first line there, from 1.
    """

    page: str
    line: int
    text: str

    @property
    def where(self) -> str:
        """Page and line."""
        return f"{self.page}:{self.line}"

    @property
    def is_workflow(self) -> bool:
        """Whether it is a whole workflow file."""
        try:
            document = read_yaml(self.text, self.where)
        except DocumentError:
            # One that is broken counts, if it was to be one: then its tests say how.
            return "\njobs:" in self.text
        return {"on", "jobs"} <= set(document)


def snippets(pages: Sequence[Path]) -> list[Snippet]:
    """Return the blocks of YAML in pages of Markdown."""
    return [
        Snippet(page=page.name, line=token.map[0] + 2, text=token.content)
        for page in pages
        for token in MarkdownIt().parse(page.read_text("utf-8"))
        if token.type == "fence" and token.info.split()[:1] in (["yaml"], ["yml"]) and token.map is not None
    ]


def style_faults(text: str, where: str) -> list[str]:
    """List `${{ }}` in scripts, actions that are not pinned, and rights that a workflow gives to all of its jobs.

    A text that is no whole document, such as a few steps, is only looked at for its actions.
    """
    found = []
    for match in _USES.finditer(text):
        uses = match["uses"].strip("'\"")
        if uses.startswith(_OWN):
            continue
        if not _PINNED.fullmatch(uses):
            found.append(f"{where}: {uses} is not pinned to a commit")
        elif uses.startswith(_UNRELEASED):
            if match["comment"].strip():
                found.append(f"{where}: {uses} has a comment, and no release yet that it could name")
        elif not _VERSION.match(match["comment"]):
            found.append(f"{where}: {uses} does not say which version that is")
    try:
        document = read_yaml(text, where)
    except DocumentError as error:
        return [*found, *([str(error)] if "\njobs:" in text or "\nruns:" in text else [])]
    scripts = [step["run"] for step in _steps(document) if isinstance(step.get("run"), str)]
    found += [f"{where}: {{{{ in a script: {script.strip()}" for script in scripts if "${{" in script]
    if "jobs" in document and document.get("permissions", "nothing") != {}:
        found.append(f"{where}: top-level permissions are {document.get('permissions', 'not given')}, not {{}}")
    return found


def _steps(tree: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(tree, dict):
        if "run" in tree or "uses" in tree:
            yield tree
        for inner in tree.values():
            yield from _steps(inner)
    elif isinstance(tree, list):
        for inner in tree:
            yield from _steps(inner)


def zizmor_findings(folder: Path) -> str:
    """Return what the strictest persona of zizmor finds in a folder of workflows and actions; empty when nothing."""
    zizmor = Path(sys.executable).with_name("zizmor")
    if sys.version_info < (3, 11):
        pytest.skip("zizmor is for Python 3.11 and later")
    done = subprocess.run(
        [str(zizmor), "--offline", "--persona=pedantic", "--no-progress", "--color=never", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def schema_faults(schema: str, *files: Path) -> str:
    """Return what is not as one of check-jsonschema's vendored schemas has it; empty when nothing."""
    # In this process: to start one takes ten times as long as to look at a file.
    done = CliRunner().invoke(check_jsonschema, ["--builtin-schema", f"vendor.{schema}", *map(str, files)])
    if isinstance(done.exception, Exception):
        raise done.exception
    return "" if done.exit_code == 0 else done.output


def input_faults(action: Mapping[str, Any]) -> list[str]:
    """List inputs that an action uses and does not declare, or declares and does not use."""
    declared, used = set(action.get("inputs") or {}), names_used(action, "inputs")
    return [
        *(f"{name} is used and not declared" for name in sorted(used - declared)),
        *(f"{name} is declared and not used" for name in sorted(declared - used)),
    ]


def steps_with(action: Mapping[str, Any], *words: str) -> list[str]:
    """Name the steps that speak of a word anywhere in them."""
    return [
        str(step.get("name", step.get("id")))
        for step in action["runs"]["steps"]
        if any(word in str(step) for word in words)
    ]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of a page, its cells as they are written.

    Attributes:
        line: Of its head, from 1.
    """

    page: str
    line: int
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(pages: Sequence[Path]) -> list[Table]:
    """Return the tables in pages of Markdown."""
    return [table for page in pages for table in _tables(page)]


def _tables(page: Path) -> Iterator[Table]:
    rows: list[list[str]] = []
    line = 0
    for token in MarkdownIt().enable("table").parse(page.read_text("utf-8")):
        if token.type == "table_open":
            rows, line = [], (token.map or [0])[0] + 1
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows and token.level > 1:
            rows[-1].append(token.content)
        elif token.type == "table_close":
            head, *body = [tuple(row) for row in rows]
            rows = []
            yield Table(page=page.name, line=line, head=head, rows=tuple(body))


def table_faults(table: Table, declared: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """List where a table of inputs or outputs is not what action.yml says, row by row and in its order."""
    expected = [
        (f"`{name}`", str(one["description"]).strip(), _default(one))[: len(table.head)]
        for name, one in declared.items()
    ]
    where = f"{table.page}:{table.line}"
    found = [f"{where}: {row[0]} is not in action.yml" for row in table.rows if row[0] not in _names(expected)]
    found += [f"{where}: {row[0]} is missing" for row in expected if row[0] not in _names(table.rows)]
    common = [row for row in table.rows if row[0] in _names(expected)]
    written = {row[0]: row for row in expected}
    found += [f"{where}: {row} should be {written[row[0]]}" for row in common if row != written[row[0]]]
    if not found and _names(table.rows) != _names(expected):
        found.append(f"{where}: the order is another than in action.yml")
    return found


def _names(rows: Sequence[tuple[str, ...]]) -> list[str]:
    return [row[0] for row in rows]


def _default(one: Mapping[str, Any]) -> str:
    value = one.get("default")
    return "" if value in {None, ""} else f"`{value}`"
