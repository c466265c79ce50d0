"""Differences between two given directories."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from user_projects import NASTY_NAMES

from energygate.errors import UsageError
from energygate.repository.directory_diff import directories_differ


@pytest.fixture
def sides(tmp_path):
    """Two directories with the same file in each."""
    for side in ("base", "head"):
        (tmp_path / side / "src").mkdir(parents=True)
        (tmp_path / side / "src/same").write_text("same")
    return tmp_path / "base", tmp_path / "head"


def test_added_removed_and_changed(sides):
    base, head = sides
    (base / "removed").write_text("x")
    (head / "src/added").write_text("x")
    (base / "changed").write_text("abc")
    (head / "changed").write_text("abd")
    os.utime(head / "src/same", (1, 1))
    assert directories_differ(base, head) == ["changed", "removed", "src/added"]
    assert directories_differ(base, head, ["src", "r*"]) == ["removed", "src/added"]


@pytest.mark.parametrize("at", [0, 1024 * 1024 - 1, 1024 * 1024, 3 * 1024 * 1024 - 1])
def test_one_byte_anywhere_in_a_large_file(sides, at):
    base, head = sides
    content = bytearray(3 * 1024 * 1024)
    (base / "model").write_bytes(content)
    content[at] = 1
    (head / "model").write_bytes(content)
    assert directories_differ(base, head) == ["model"]


def test_kinds_links_and_executables(sides):
    base, head = sides
    for side in sides:
        (side / "same link").symlink_to("nowhere")
        (side / "script").write_text("x")
        os.mkfifo(side / "pipe")
    (base / "link").symlink_to("one")
    (head / "link").symlink_to("two")
    (base / "link to directory").symlink_to("src")
    (head / "link to directory").mkdir()
    (head / "link to directory/file").write_text("x")
    (base / "turned").write_text("src")
    (head / "turned").symlink_to("src")
    (head / "script").chmod(0o755)
    assert directories_differ(base, head) == [
        "link",
        "link to directory",
        "link to directory/file",
        "script",
        "turned",
    ]


@pytest.mark.parametrize(
    "name", [".git/config", ".git", "src/__pycache__/a.pyc", ".venv/x", "a/node_modules/b", ".DS_Store"]
)
def test_caches_and_version_control_files_are_skipped(sides, name):
    path = sides[1] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    assert directories_differ(*sides) == []


def test_a_virtual_environment_of_any_name_is_skipped(sides):
    environment = sides[1] / "my env"
    environment.mkdir()
    (environment / "lib").write_text("x")
    assert directories_differ(*sides) == ["my env/lib"]
    (environment / "pyvenv.cfg").write_text("home = /usr\n")
    assert directories_differ(*sides) == []


@pytest.mark.parametrize("name", NASTY_NAMES)
def test_any_name(sides, name):
    (sides[0] / name).write_text("x")
    assert directories_differ(*sides) == [name]


@pytest.mark.parametrize("which", [0, 1])
def test_a_path_that_is_not_a_directory(sides, which):
    given_sides = list(sides)
    given_sides[which] = sides[which] / "src/same"
    with pytest.raises(UsageError, match="same is not a directory"):
        directories_differ(*given_sides)


@pytest.mark.parametrize("name", ["src", "src/same"])
def test_an_unreadable_file_is_an_error_and_not_equal(unprivileged, name):
    for side in ("base", "head"):
        (unprivileged / side / "src").mkdir(parents=True)
        (unprivileged / side / "src/same").write_text("same")
    (unprivileged / "base" / name).chmod(0)
    with pytest.raises(UsageError, match=f"cannot read .*base/{name}: Permission denied"):
        directories_differ(unprivileged / "base", unprivileged / "head")


def test_files_that_git_calls_changed_are_changed_here(project, tmp_path):
    copy = project.clone(tmp_path / "copy", "--branch=work").root
    project.write("README", "edited\n")
    (project.root / "src/model.py").unlink()
    project.write("new")
    repository = project.find()
    assert directories_differ(copy, project.root) == repository.changed_paths(repository.head())


@given(
    st.dictionaries(st.sampled_from("abc"), st.binary(max_size=2)),
    st.dictionaries(st.sampled_from("abc"), st.binary(max_size=2)),
)
def test_the_order_of_the_sides_does_not_matter(tmp_path_factory, one, other):
    sides = [tmp_path_factory.mktemp("side") for _ in range(2)]
    for side, files in zip(sides, (one, other), strict=True):
        for name, content in files.items():
            (side / name).write_bytes(content)
    expected = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    assert directories_differ(*sides) == directories_differ(*reversed(sides)) == expected
