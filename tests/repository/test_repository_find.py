"""Finding the repository: from anywhere inside it, never a wrong one, with helpful errors."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from energygate.errors import UsageError
from energygate.repository.git import REPOSITORY_VARIABLES, git_environment
from energygate.repository.repository import Repository


@pytest.mark.parametrize(("inside", "prefix"), [(".", "."), ("src", "src"), ("src/..", ".")])
def test_the_root_and_the_relative_path_of_the_directory(project, inside, prefix):
    found = project.find(inside)
    assert found.root == project.root
    assert found.prefix == PurePosixPath(prefix)


def test_a_directory_reached_through_a_link_is_where_it_really_is(project, tmp_path):
    (tmp_path / "link").symlink_to(project.root / "src")
    found = Repository.find(tmp_path / "link")
    assert (found.root, found.prefix) == (project.root, PurePosixPath("src"))


@pytest.mark.parametrize("name", ["with space", "-q", "new\nline", "ends in newline\n", "ünï"])
def test_directories_of_any_name(make, name):
    project = make(name)
    project.write(f"{name}/file")
    found = project.find(name)
    assert (found.root, found.prefix) == (project.root, PurePosixPath(name))


def test_a_linked_worktree_is_its_own_root(project, tmp_path):
    project.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"), "main")
    linked = Repository.find(tmp_path / "linked")
    assert linked.root == tmp_path / "linked"
    assert linked.head().sha == project.git("rev-parse", "main")


def test_a_worktree_of_a_bare_repository(project, tmp_path):
    bare = project.clone(tmp_path / "bare.git", "--bare")
    bare.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"), "main")
    repository = Repository.find(tmp_path / "linked")
    assert repository.head().sha == project.git("rev-parse", "main")
    with repository.worktree(repository.head()) as checkout:
        assert (checkout / "src/model.py").read_text() == "base\n"


def test_git_variables_set_by_a_hook_are_ignored(project, make, monkeypatch):
    other = make("other")
    other.commit(file="x")
    for name, value in {"DIR": ".git", "WORK_TREE": "", "INDEX_FILE": ".git/index"}.items():
        monkeypatch.setenv(f"GIT_{name}", str(other.root / value))
    assert project.find().root == project.root
    assert project.find().changed_paths(project.head()) == []


def test_every_variable_that_names_a_repository_is_dropped(project):
    said = project.git("rev-parse", "--local-env-vars")
    # Those of configuration stay: CI systems say safe.directory in them.
    local = {name for name in said.split() if not name.startswith("GIT_CONFIG_")}
    assert local <= REPOSITORY_VARIABLES
    assert not local & git_environment(dict.fromkeys(local, "x")).keys()
    assert git_environment({"GIT_CONFIG_COUNT": "1"})["GIT_CONFIG_COUNT"] == "1"


def test_outside_of_any_repository(tmp_path):
    with pytest.raises(UsageError, match=r"is not inside a git repository\. .*--base-dir"):
        Repository.find(tmp_path)


def test_a_directory_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="is not a directory"):
        Repository.find(tmp_path / "nowhere")


@pytest.mark.parametrize("place", ["bare.git", "project/.git"])
def test_where_there_is_no_working_tree(project, tmp_path, place):
    project.clone(tmp_path / "bare.git", "--bare")
    with pytest.raises(UsageError, match="not in its working tree"):
        Repository.find(tmp_path / place)


def test_a_bare_repository_inside_a_pull_request_is_ignored(project, tmp_path):
    # https://github.com/justinsteven/advisories: its configuration would run a program of its author's.
    project.clone(project.root / "planted", "--bare")
    mark = tmp_path / "ran"
    with (project.root / "planted/config").open("a") as config:
        config.write(f'[core]\n\tbare = false\n\tworktree = ..\n\tfsmonitor = "touch {mark}; false"\n')
    with pytest.raises(UsageError, match="not in its working tree"):
        project.find("planted")
    assert not mark.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_repository_of_another_user_says_how_to_trust_it(project):
    for path in (project.root, project.root / ".git"):
        os.chown(path, 12345, 12345)
    with pytest.raises(UsageError, match=r"belongs to another user.*safe\.directory") as caught:
        project.find()
    assert str(project.root) in caught.value.hint


def test_without_git(project, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(UsageError, match="git is not installed"):
        project.find()


def test_a_damaged_repository_shows_what_git_says(project):
    (project.root / ".git/config").write_text("[core\n")
    with pytest.raises(UsageError, match="git cannot read the repository") as caught:
        project.find()
    assert "bad config" in caught.value.detail


def test_git_is_started_through_the_given_runner(project):
    from energygate.repository.processes import run_command

    seen = []

    def run(arguments, **rest):
        seen.append(arguments)
        return run_command(arguments, **rest)

    assert Repository.find(Path(project.root), runner=run).head() == project.head()
    assert {arguments[0] for arguments in seen} == {"git"}
