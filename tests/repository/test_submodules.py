"""Base's submodules: at base's commits, from the user's own clone, without touching it."""

from __future__ import annotations

import shutil

import pytest

from energygate.errors import UsageError


@pytest.fixture
def library(make):
    library = make("library")
    library.commit(file="first\n")
    return library


@pytest.fixture
def user(project, library, make):
    """A project whose head moves its submodule on; the library itself has a submodule."""
    inner = make("inner")
    inner.commit(deep="inner\n")
    library.git("submodule", "--quiet", "add", f"file://{inner.root}", "in ner")
    library.commit()
    project.git("submodule", "--quiet", "add", "--name", "lib", f"file://{library.root}", "libs/library")
    project.git("submodule", "--quiet", "update", "--init", "--recursive")
    project.commit()
    library.commit(file="second\n")
    project.git("-C", "libs/library", "pull", "--quiet")
    project.commit()
    return project


def check_out(project, ref="HEAD~1"):
    repository = project.find()
    return repository.worktree(repository.merge_base(ref))


def test_submodules_are_checked_out_offline_at_bases_commits(user, library):
    shutil.rmtree(library.root)
    before = user.state(without=())
    with check_out(user) as checkout:
        assert (user.root / "libs/library/file").read_text() == "second\n"
        assert (checkout / "libs/library/file").read_text() == "first\n"
        assert (checkout / "libs/library/in ner/deep").read_text() == "inner\n"
    assert user.state(without=()) == before


def test_a_dirty_submodule_stays_the_users(user):
    user.write("libs/library/file", "edited\n")
    user.write("libs/library/untracked")
    before = user.state(without=())
    with check_out(user) as checkout:
        assert (checkout / "libs/library/file").read_text() == "first\n"
        assert not (checkout / "libs/library/untracked").exists()
    assert user.state(without=()) == before


def test_from_a_linked_worktree(user, tmp_path):
    user.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    linked = type(user)(root=tmp_path / "linked")
    with check_out(linked) as checkout:
        assert (checkout / "libs/library/file").read_text() == "first\n"


def test_a_submodule_that_head_moved_is_found_by_its_name(user):
    user.git("mv", "libs/library", "vendored")
    user.commit()
    with check_out(user) as checkout:
        assert (checkout / "libs/library/file").read_text() == "second\n"


def test_a_submodule_that_head_removed_is_still_checked_out(user):
    user.git("rm", "--quiet", "libs/library")
    user.commit()
    with check_out(user) as checkout:
        assert (checkout / "libs/library/file").read_text() == "second\n"


def test_uninitialised_submodules_stay_empty(user, tmp_path):
    clone = user.clone(tmp_path / "clone")
    with check_out(clone) as checkout:
        assert list((checkout / "libs/library").iterdir()) == []


def test_a_commit_that_only_the_remote_has_is_fetched(user, tmp_path):
    clone = user.clone(tmp_path / "clone", "--recurse-submodules", "--shallow-submodules")
    before = clone.find("libs/library").git.line("for-each-ref")
    with check_out(clone) as checkout:
        assert (checkout / "libs/library/file").read_text() == "first\n"
    assert clone.find("libs/library").git.line("for-each-ref") == before


def test_a_missing_commit_is_an_error_that_names_it(user, library, tmp_path):
    clone = user.clone(tmp_path / "clone", "--recurse-submodules", "--shallow-submodules")
    shutil.rmtree(library.root)
    with (
        pytest.raises(UsageError, match=r"submodule 'libs/library' at .* not in this clone and cannot") as caught,
        check_out(clone),
    ):
        pass
    assert caught.value.detail


def test_a_submodule_that_was_never_cloned_is_an_error(user, library, tmp_path):
    user.git("submodule", "--quiet", "add", f"file://{library.root}", "second")
    user.commit()
    user.git("rm", "--quiet", "second")
    user.commit()
    clone = user.clone(tmp_path / "clone", "--recurse-submodules")
    with pytest.raises(UsageError, match="needs the submodule 'second'"), check_out(clone):
        pass


@pytest.mark.parametrize("name", ["../modules/lib", ".."])
def test_a_submodule_name_with_dot_dot_is_ignored(user, name):
    user.git("config", "--file", ".gitmodules", "--rename-section", "submodule.lib", f"submodule.{name}")
    user.commit()
    with check_out(user, "HEAD") as checkout:
        assert list((checkout / "libs/library").iterdir()) == []


def test_a_gitlink_without_a_submodule_name_stays_empty(user):
    user.git("rm", "--quiet", "--cached", ".gitmodules")
    (user.root / ".gitmodules").unlink()
    user.commit()
    with check_out(user, "HEAD") as checkout:
        assert list((checkout / "libs/library").iterdir()) == []
