"""Git LFS: pointers are distinguished from files, and base gets the files that head has."""

from __future__ import annotations

import hashlib
import os
import sys

import pytest

from energygate.repository.lfs import is_pointer
from energygate.repository.repository import Repository

MODEL = b"\x08\x07a model" * 100


def pointer_to(content, *, extra=""):
    oid = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\n{extra}oid sha256:{oid}\nsize {len(content)}\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (pointer_to(MODEL), True),
        (pointer_to(MODEL, extra="ext-0-foo sha256:" + "0" * 64 + "\n"), True),
        (pointer_to(b""), True),
        ("", False),
        ("version https://git-lfs.github.com/spec/v1\n", False),
        (pointer_to(MODEL).replace("sha256:", "sha512:"), False),
        (pointer_to(MODEL)[:-40], False),
        ("# " + pointer_to(MODEL), False),
        (pointer_to(MODEL) + "x" * 1024, False),
        ("an onnx model", False),
    ],
)
def test_a_pointer_is_known_by_its_form(tmp_path, content, expected):
    (tmp_path / "file").write_text(content)
    assert is_pointer(tmp_path / "file") is expected


def test_only_regular_files_are_pointers(tmp_path):
    (tmp_path / "real").write_text(pointer_to(MODEL))
    (tmp_path / "link").symlink_to("real")
    os.mkfifo(tmp_path / "pipe")
    assert not any(is_pointer(tmp_path / name) for name in ("missing", "link", "pipe", "."))


@pytest.fixture
def stored(project):
    """A project whose model at base is in LFS, and in head's checkout a file."""
    project.write(".gitattributes", "*.onnx filter=lfs diff=lfs merge=lfs -text\n")
    project.write("models/a, [b].onnx", pointer_to(MODEL)).chmod(0o755)
    project.commit()
    (project.root / "models/a, [b].onnx").write_bytes(b"head's model")
    return project


def store(project, content):
    oid = hashlib.sha256(content).hexdigest()
    place = project.root / ".git/lfs/objects" / oid[:2] / oid[2:4]
    place.mkdir(parents=True)
    (place / oid).write_bytes(content)


def base_model(project):
    repository = project.find()
    with repository.worktree(repository.head()) as checkout:
        model = checkout / "models/a, [b].onnx"
        assert os.access(model, os.X_OK)
        return model.read_bytes()


def test_a_file_in_the_users_store_is_taken_from_there_even_without_git_lfs(stored):
    store(stored, MODEL)
    before = stored.state(without=())
    assert base_model(stored) == MODEL
    assert stored.state(without=()) == before


def test_the_store_may_be_elsewhere(stored, tmp_path):
    store(stored, MODEL)
    (stored.root / ".git/lfs").rename(tmp_path / "store")
    stored.git("config", "lfs.storage", str(tmp_path / "store"))
    assert base_model(stored) == MODEL


def test_a_damaged_file_in_the_store_is_not_taken(stored):
    store(stored, MODEL)
    for path in (stored.root / ".git/lfs/objects").rglob("*"):
        if path.is_file():
            path.write_bytes(b"short")
    assert base_model(stored) == pointer_to(MODEL).encode()


def test_a_checkout_with_files_from_the_store_is_not_called_changed(stored):
    store(stored, MODEL)
    repository = stored.find()
    with repository.worktree(repository.head()) as checkout:
        other = Repository.find(checkout)
        assert other.changed_paths(other.head()) == []


def test_a_workload_that_writes_to_its_model_does_not_reach_the_store(stored):
    store(stored, MODEL)
    repository = stored.find()
    with repository.worktree(repository.head()) as checkout:
        (checkout / "models/a, [b].onnx").write_bytes(b"overwritten")
    assert base_model(stored) == MODEL


def test_a_missing_file_stays_a_pointer(stored):
    assert base_model(stored) == pointer_to(MODEL).encode()


FAKE_GIT_LFS = """#!{python}
import fnmatch, hashlib, pathlib, sys
pathlib.Path({log!r}).write_text("\\n".join(sys.argv[1:]))
include = next(a for a in sys.argv if a.startswith("--include=")).partition("=")[2]
assert fnmatch.fnmatchcase("models/a, [b].onnx", include), include
content = {content!r}
oid = hashlib.sha256(content).hexdigest()
place = pathlib.Path(".git/lfs/objects", oid[:2], oid[2:4])
place.mkdir(parents=True)
(place / oid).write_bytes(content)
"""


@pytest.fixture
def git_lfs(tmp_path, monkeypatch):
    """A git-lfs that downloads one file, and notes what it was asked."""
    log = tmp_path / "asked"
    program = tmp_path / "bin/git-lfs"
    program.parent.mkdir()
    program.write_text(FAKE_GIT_LFS.format(python=sys.executable, log=str(log), content=MODEL))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return log


def test_git_lfs_downloads_what_is_missing(stored, git_lfs):
    stored.git("remote", "add", "origin", "https://example.invalid/project")
    assert base_model(stored) == MODEL
    asked = git_lfs.read_text().splitlines()
    assert asked[0] == "fetch"
    assert asked[-2:] == ["origin", stored.git("rev-parse", "HEAD")]


def test_files_that_are_pointers_at_head_are_not_downloaded_for_base(stored, git_lfs):
    stored.git("remote", "add", "origin", "https://example.invalid/project")
    stored.write("models/a, [b].onnx", pointer_to(b"head's model"))
    assert base_model(stored) == pointer_to(MODEL).encode()
    assert not git_lfs.exists()


def test_an_installed_lfs_filter_is_not_used(stored, tmp_path, monkeypatch):
    (tmp_path / "config").write_text(
        f'[filter "lfs"]\n\trequired\n\tsmudge = "touch {tmp_path}/ran; cat"\n'
        f'\tprocess = "touch {tmp_path}/ran; false"\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    assert base_model(stored) == pointer_to(MODEL).encode()
    assert not (tmp_path / "ran").exists()
