"""Whoever installed the package finds the pages that it points to."""

from __future__ import annotations

import ast
import re
from importlib.metadata import metadata
from pathlib import Path

import pytest

import energygate
from energygate.version import REPOSITORY, page_url

PACKAGE = Path(energygate.__file__).parent
DOCS = PACKAGE.parent / "docs"
SOURCES = {path.relative_to(PACKAGE).as_posix(): path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}


def texts(source):
    """The texts of a module that are no docstrings."""
    tree = ast.parse(source)
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told
    ]


def test_a_message_names_a_page_by_its_address():
    bare = {name: [one for one in texts(source) if "docs/" in one] for name, source in SOURCES.items()}
    assert {name: found for name, found in bare.items() if found and name != "version.py"} == {}


def test_the_pages_exist():
    pages = {one for source in SOURCES.values() for one in re.findall(r"page_url\(['\"](.*?)['\"]\)", source)}
    assert pages
    assert [one for one in pages if not (DOCS / one).is_file()] == []
    assert page_url("policy.md") == "https://github.com/energygate/energygate/blob/main/docs/policy.md"


@pytest.mark.parametrize("label", ["Homepage", "Documentation", "Repository", "Issues", "Changelog"])
def test_the_package_says_where_it_lives(label):
    urls = dict(one.split(", ", 1) for one in metadata("energygate").get_all("Project-URL"))
    assert urls[label].startswith(REPOSITORY)
