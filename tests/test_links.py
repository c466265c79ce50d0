"""Users of the installed package, and of its page on a package index, can open the pages that it links to."""

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
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
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
def test_the_metadata_has_the_addresses_of_the_project(label):
    urls = dict(one.split(", ", 1) for one in metadata("energygate").get_all("Project-URL"))
    assert urls[label].startswith(REPOSITORY)


README = (DOCS.parent / "README.md").read_text("utf-8")
FILES = (f"{REPOSITORY}/blob/main/", f"{REPOSITORY.replace('//github.com', '//raw.githubusercontent.com')}/main/")
"""Addresses of the repository's files: as pages, and as they are."""


def test_the_readme_links_by_address_to_files_that_exist():
    inline = re.findall(r"\]\((.*?)\)", README)
    defined = dict(re.findall(r"^\[(.+?)\]: (.+)$", README, re.MULTILINE))
    images = re.findall(r'(?:src|srcset)="(.*?)"', README)
    links = [*inline, *defined.values(), *images]
    assert [one for one in links if not one.startswith("https://")] == []
    paths = [one.removeprefix(prefix) for one in links for prefix in FILES if one.startswith(prefix)]
    assert len(paths) >= len(defined) + len(images)
    assert [one for one in paths if not (DOCS.parent / one).is_file()] == []


def test_every_page_that_the_readme_names_in_brackets_is_a_link():
    text = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    assert set(re.findall(r"\[([\w/.-]+\.md)\](?!:)", text)) == set(re.findall(r"^\[(.+?)\]:", text, re.MULTILINE))
