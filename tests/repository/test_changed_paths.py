"""What differs from base, and base's files without a checkout."""

from __future__ import annotations

import os
from pathlib import PurePosixPath

import pytest
from user_projects import NASTY_NAMES

from energygate.errors import UsageError


def paths(project, ref="main"):
    repository = project.find()
    return repository.changed_paths(repository.merge_base(ref))


def test_committed_staged_unstaged_and_untracked_all_count(project):
    project.write(".gitignore", "ignored\n")
    project.write("staged")
    project.git("add", "staged", ".gitignore")
    project.write("README", "edited\n")
    project.write("untracked/deep")
    project.write("ignored")
    assert paths(project) == [".gitignore", "README", "src/model.py", "staged", "untracked/deep"]


def test_a_compiled_module_counts_when_it_is_committed(project):
    project.write("src/__pycache__/left.pyc")
    assert paths(project, "HEAD") == []
    project.write("src/__pycache__/planted.pyc")
    project.git("add", "--force", "src/__pycache__/planted.pyc")
    assert paths(project, "HEAD") == ["src/__pycache__/planted.pyc"]


def test_a_staged_and_reverted_edit_is_no_difference(project):
    project.write("README", "edited\n")
    project.git("add", "README")
    project.write("README", "read me\n")
    assert paths(project, "HEAD") == []


def test_deleted_renamed_and_other_kinds(project):
    project.git("mv", "README", "LIESMICH")
    (project.root / "src/model.py").unlink()
    (project.root / "src/model.py").symlink_to("nowhere")
    assert paths(project, "HEAD") == ["LIESMICH", "README", "src/model.py"]


def test_a_file_that_became_executable_differs(project):
    (project.root / "README").chmod(0o755)
    assert paths(project, "HEAD") == ["README"]


def test_an_edit_of_the_same_size_and_moment_as_the_index(project):
    project.git("config", "core.trustctime", "false")  # the one time stamp that cannot be set
    readme, index = project.root / "README", project.root / ".git/index"
    os.utime(readme, (10**9, 10**9))
    project.git("update-index", "--refresh")
    text = readme.read_text("utf-8")
    readme.write_text(text.swapcase(), "utf-8")
    for path in (readme, index):
        os.utime(path, (10**9, 10**9))
    assert paths(project, "HEAD") == ["README"]


def test_a_new_time_stamp_is_no_change_and_leaves_the_index_alone(project):
    os.utime(project.root / "README", (1, 1))
    before = project.state(without=())
    assert paths(project, "HEAD") == []
    assert project.state(without=()) == before


@pytest.mark.parametrize("tracked", [True, False])
def test_names_are_returned_unquoted(project, tracked):
    for name in NASTY_NAMES:
        (project.root / name).write_bytes(b"x")
    if tracked:
        project.git("add", "--all")
    assert paths(project, "HEAD") == sorted(NASTY_NAMES)


def test_the_same_from_a_subdirectory(project):
    project.write("top")
    repository = project.find("src")
    assert repository.changed_paths(repository.merge_base("main")) == ["src/model.py", "top"]


def test_the_users_diff_settings_do_not_change_the_answer(project, tmp_path):
    for key, value in {
        "diff.relative": "true",
        "diff.renames": "copies",
        "diff.noprefix": "true",
        "diff.ignoreSubmodules": "all",
        "diff.external": f"touch {tmp_path}/ran",
        "diff.autoRefreshIndex": "false",
        "status.showUntrackedFiles": "no",
        "core.quotePath": "true",
    }.items():
        project.git("config", key, value)
    project.git("mv", "README", "LIESMICH")
    project.write("untracked")
    os.utime(project.root / "src/model.py", (1, 1))
    assert paths(project, "HEAD") == ["LIESMICH", "README", "untracked"]
    assert not (tmp_path / "ran").exists()


def test_planted_monitors_and_drivers_do_not_run(project, tmp_path):
    project.write(".gitattributes", "*.py diff=planted\n")
    project.commit()
    for key in (
        "core.fsmonitor",
        "diff.planted.textconv",
        "diff.planted.command",
        "core.alternateRefsCommand",
    ):
        project.git("config", key, f"touch {tmp_path}/ran; false")
    hook = project.root / ".git/hooks/post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    project.write("src/model.py", "edited\n")
    repository = project.find()
    assert repository.changed_paths(repository.head()) == ["src/model.py"]
    assert repository.read(repository.head(), PurePosixPath("src/model.py")) == b"head\n"
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def with_submodule(project, make):
    library = make("library")
    library.commit(file="first\n")
    project.git("submodule", "--quiet", "add", f"file://{library.root}", "libs/library")
    project.commit()
    return project


def test_a_clean_submodule_is_no_change(with_submodule):
    assert paths(with_submodule, "HEAD") == []


@pytest.mark.parametrize("name", ["file", "untracked"])
def test_a_dirty_submodule_is_a_directory_with_changes(with_submodule, name):
    with_submodule.write(f"libs/library/{name}", "edited\n")
    assert paths(with_submodule, "HEAD") == ["libs/library/"]


def test_a_pull_request_cannot_hide_its_submodule(with_submodule):
    with_submodule.git("config", "--file", ".gitmodules", "submodule.libs/library.ignore", "all")
    with_submodule.commit()
    with_submodule.write("libs/library/file", "edited\n")
    assert paths(with_submodule, "HEAD") == ["libs/library/"]


def test_a_nested_repository_is_listed_as_a_directory(project):
    other = project.root / "other"
    other.mkdir()
    project.git("init", "--quiet", "other")
    project.write("other/file")
    assert paths(project, "HEAD") == ["other/"]


def test_without_a_checkout_everything_differs(project, tmp_path):
    clone = project.clone(tmp_path / "clone", "--no-checkout", "--branch=work")
    assert paths(clone, "HEAD") == ["README", "src/model.py"]


def read(project, name, ref="HEAD"):
    repository = project.find()
    return repository.read(repository.merge_base(ref), PurePosixPath(name))


def test_a_file_at_another_commit(project):
    assert read(project, "src/model.py", "main") == b"base\n"
    assert read(project, "src/model.py", "HEAD") == b"head\n"


def test_a_file_is_read_as_it_was_committed(project):
    project.write(".gitattributes", "* text eol=crlf\n")
    (project.root / "bytes").write_bytes(b"\x00\xff\nmore")
    project.commit()
    project.git("config", "core.autocrlf", "true")
    assert read(project, "bytes") == b"\x00\xff\nmore"


NO_FILES = [
    "missing",
    "src",
    "src/model.py/x",
    "../outside",
    "/etc/passwd",
    "src/../README",
    ".git/config",
    "",
    "*",
    ":(top)README",
    ":README",
    "--name-only",
]


def test_a_path_that_is_no_file_of_the_commit_is_none(project):
    assert {name: read(project, name) for name in NO_FILES} == dict.fromkeys(NO_FILES)


def test_files_of_any_name_are_read(project):
    for name in NASTY_NAMES:
        (project.root / name).write_bytes(os.fsencode(name))
    project.commit()
    repository = project.find()
    found = {name: repository.read(repository.head(), PurePosixPath(name)) for name in NASTY_NAMES}
    assert found == {name: os.fsencode(name) for name in NASTY_NAMES}


def test_a_symbolic_link_is_refused_rather_than_followed(project):
    (project.root / "energygate.yml").symlink_to("/etc/passwd")
    (project.root / "linked").symlink_to("src")
    project.commit()
    with pytest.raises(UsageError, match=r"energygate\.yml at [0-9a-f]+ is a symbolic link"):
        read(project, "energygate.yml")
    assert read(project, "linked/model.py") is None
