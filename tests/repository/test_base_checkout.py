"""The checkout of base: complete, without a trace in the user's repository, and always removed."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from user_projects import NASTY_NAMES, Project

from energygate.errors import UsageError
from energygate.repository.git import GitFailed
from energygate.repository.repository import Repository
from energygate.repository.temporary_directory import (
    PREFIX,
    remove_tree,
    temporary_directory,
    temporary_places,
)


def files_of(checkout):
    """Contents of a checkout, without its `.git`."""
    return {
        path.relative_to(checkout).as_posix(): path.read_bytes()
        for path in checkout.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(checkout).parts
    }


def base_of(project, ref="main"):
    repository = project.find()
    return repository.worktree(repository.merge_base(ref))


def test_base_is_checked_out_and_removed_afterwards(project, temporary):
    with base_of(project) as checkout:
        assert files_of(checkout) == {"README": b"read me\n", "src/model.py": b"base\n"}
        assert not checkout.is_relative_to(project.root)
        assert checkout.is_relative_to(temporary)
        assert stat.S_IMODE(checkout.parent.stat().st_mode) == 0o700
    assert list(temporary.iterdir()) == []


def test_nothing_of_the_users_is_touched(project):
    project.git("config", "user.name", "someone")
    project.write("stashed", "x")
    project.git("add", "stashed")
    project.git("stash", "--quiet")
    project.write("README", "staged\n")
    project.git("add", "README")
    project.write("README", "unstaged\n")
    project.write("untracked")
    before = project.state(without=())
    with base_of(project) as checkout:
        (checkout / "README").write_text("a workload writes\n")
        (checkout / "new").write_text("x")
        assert project.state(without=()) == before
        assert len(project.git("worktree", "list").splitlines()) == 1
    assert project.state(without=()) == before


def test_the_checkout_is_a_repository_at_base_that_knows_its_version(project):
    project.git("tag", "-a", "v1.2", "-m", "release", "main")
    with base_of(project) as checkout:
        assert Project(root=checkout).git("describe", "--dirty") == "v1.2"
        assert Repository.find(checkout).head().sha == project.git("rev-parse", "main")


@pytest.mark.parametrize("how", ["subdirectory", "linked worktree", "detached head", "sha256"])
def test_from_any_kind_of_checkout(project, tmp_path, how):
    where = project.root
    if how == "subdirectory":
        where = project.root / "src"
    elif how == "linked worktree":
        where = tmp_path / "linked"
        project.git("worktree", "add", "--quiet", "-b", "other", str(where), "work")
    elif how == "detached head":
        project.git("checkout", "--quiet", "--detach")
    else:
        where = tmp_path / "sha256"
        project.git("init", "--quiet", "--object-format=sha256", str(where))
        project = Project(root=where)
        project.write("src/model.py", "base\n")
        project.commit()
    repository = Repository.find(where)
    with repository.worktree(repository.merge_base("main")) as checkout:
        assert (checkout / "src/model.py").read_text() == "base\n"


def test_names_of_any_kind_executables_and_links(project):
    project.git("switch", "--quiet", "main")
    for name in NASTY_NAMES:
        (project.root / name).write_bytes(os.fsencode(name))
    (project.root / "script").write_text("#!/bin/sh\n")
    (project.root / "script").chmod(0o755)
    (project.root / "link").symlink_to("/etc/passwd")
    project.commit()
    with base_of(project, "HEAD") as checkout:
        assert {name: (checkout / name).read_bytes() for name in NASTY_NAMES} == {
            name: os.fsencode(name) for name in NASTY_NAMES
        }
        assert os.access(checkout / "script", os.X_OK)
        assert (checkout / "link").readlink() == Path("/etc/passwd")


@pytest.mark.parametrize("name", ["with space", 'with"quote', "new\nline", "#comment", "ünï"])
def test_from_repositories_of_any_name(make, name):
    project = make(name)
    project.commit(file="x\n")
    with base_of(project, "HEAD") as checkout:
        assert files_of(checkout) == {"file": b"x\n"}


def plant(project, mark):
    """Configure everything in a repository that git may run during a checkout; each leaves a mark."""
    run = f"touch {mark}; cat"
    for key, value in {
        "core.fsmonitor": run,
        "filter.planted.smudge": run,
        "filter.planted.clean": run,
        "filter.planted.required": "true",
        "diff.planted.textconv": run,
    }.items():
        project.git("config", key, value)
    hooks = project.root / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-checkout", "reference-transaction", "post-index-change", "pre-auto-gc"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {mark}\n")
        (hooks / name).chmod(0o755)


def test_nothing_planted_in_the_repository_runs(project, tmp_path):
    project.write(".gitattributes", "*.py filter=planted diff=planted\n")
    project.commit()
    plant(project, tmp_path / "ran")
    with base_of(project, "HEAD") as checkout:
        assert (checkout / "src/model.py").read_text() == "head\n"
    assert not (tmp_path / "ran").exists()


def test_neither_templates_nor_global_hooks_reach_the_checkout(project, tmp_path, monkeypatch):
    hooks = tmp_path / "template/hooks"
    hooks.mkdir(parents=True)
    (hooks / "post-checkout").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (hooks / "post-checkout").chmod(0o755)
    (tmp_path / "config").write_text(f"[core]\n\thooksPath = {hooks}\n[init]\n\ttemplateDir = {hooks.parent}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(hooks.parent))
    with base_of(project) as checkout:
        assert not (checkout / ".git/hooks").exists()
    assert not (tmp_path / "ran").exists()


def test_line_endings_are_those_of_the_users_checkout(project):
    project.git("config", "core.autocrlf", "true")
    with base_of(project) as checkout:
        assert (checkout / "README").read_bytes() == b"read me\r\n"


def test_from_a_shallow_clone(project, tmp_path):
    clone = project.clone(tmp_path / "clone", "--depth=1", "--branch=work")
    with base_of(clone, "HEAD") as checkout:
        assert (checkout / "src/model.py").read_text() == "head\n"
        assert Project(root=checkout).git("rev-list", "HEAD") == clone.git("rev-parse", "HEAD")


def test_from_a_partial_clone_files_are_fetched_at_once(project, tmp_path):
    for key in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
        project.git("config", key, "true")
    clone = project.clone(tmp_path / "clone", "--filter=blob:none", "--branch=work")
    before = clone.state()
    with base_of(clone, "origin/main") as checkout:
        assert files_of(checkout) == {"README": b"read me\n", "src/model.py": b"base\n"}
    assert clone.state() == before


def test_a_thousand_files(project):
    for number in range(1000):
        project.write(f"data/{number % 10}/{number}", f"{number}\n")
    project.commit()
    with base_of(project, "HEAD") as checkout:
        assert len(files_of(checkout)) == 1002


# Gone afterwards


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_gone_after_any_exception(project, temporary, error):
    with pytest.raises(error), base_of(project):
        raise error
    assert list(temporary.iterdir()) == []


def test_gone_when_the_checkout_itself_fails(project, temporary):
    sha = project.git("rev-parse", "main:src/model.py")
    (project.root / ".git/objects" / sha[:2] / sha[2:]).unlink()
    with pytest.raises(GitFailed, match="git checkout failed") as caught, base_of(project):
        pass
    assert sha in caught.value.detail
    assert list(temporary.iterdir()) == []


def test_read_only_files_of_a_setup_are_removed_too(unprivileged):
    left = unprivileged / "left"
    (left / "cache/deep").mkdir(parents=True)
    (left / "cache/deep/file").write_text("x")
    for path in (left / "cache/deep", left / "cache", left):
        path.chmod(0o500)
    remove_tree(left)
    assert list(unprivileged.iterdir()) == []


def test_removing_does_not_follow_links(unprivileged):
    precious, left = unprivileged / "precious", unprivileged / "left"
    (left / "closed").mkdir(parents=True)
    (left / "closed/file").write_text("x")
    precious.mkdir()
    (precious / "file").write_text("x")
    precious.chmod(0o500)
    (left / "closed/link").symlink_to(precious)
    (left / "closed").chmod(0)
    remove_tree(left)
    assert list(unprivileged.iterdir()) == [precious]
    assert stat.S_IMODE(precious.stat().st_mode) == 0o500
    assert (precious / "file").exists()


HOLDER = """
import signal, sys
from pathlib import Path
from energygate.repository.repository import Repository
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
repository = Repository.find(Path(sys.argv[1]))
with repository.worktree(repository.head()) as checkout:
    print(checkout, flush=True)
    signal.pause()
"""


@pytest.fixture
def holder(project):
    """Start a process that holds a checkout; yields it and the checkout."""
    command = [sys.executable, "-c", HOLDER, str(project.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        yield process, Path(process.stdout.readline().rstrip("\n"))
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_gone_after_a_signal(project, holder, temporary, number):
    process, checkout = holder
    assert checkout.is_dir()
    process.send_signal(number)
    assert process.wait(60) != 0
    assert list(temporary.iterdir()) == []
    assert len(project.git("worktree", "list").splitlines()) == 1


def test_leftovers_of_a_killed_run_are_removed_by_the_next_one(project, holder, temporary):
    process, checkout = holder
    with base_of(project):
        assert checkout.is_dir(), "another run still holds it"
    process.kill()
    process.wait(60)
    assert checkout.is_dir()
    with base_of(project) as mine:
        assert list(temporary.iterdir()) == [mine.parent]


def test_two_at_once_in_one_process(project):
    with base_of(project) as one, base_of(project, "HEAD") as other:
        assert (one / "src/model.py").read_text() == "base\n"
        assert (other / "src/model.py").read_text() == "head\n"


@pytest.mark.parametrize("kind", ["link", "file", "other name"])
def test_only_our_own_directories_are_taken_for_abandoned(project, temporary, tmp_path, kind):
    precious = tmp_path / "precious"
    precious.mkdir()
    left = temporary / (f"{PREFIX}x" if kind != "other name" else "energygate-x")
    if kind == "link":
        left.symlink_to(precious)
    elif kind == "file":
        left.write_text("x")
    else:
        left.mkdir()
    with base_of(project):
        pass
    assert left.exists()
    assert precious.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_directories_of_other_users_are_not_taken_for_abandoned(project, temporary):
    other = temporary / f"{PREFIX}x"
    other.mkdir()
    os.chown(other, 12345, 12345)
    with base_of(project):
        pass
    assert other.exists()


# Where it lies


def test_never_inside_the_repository(project, monkeypatch):
    (project.root / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(project.root / "tmp"))
    with base_of(project) as checkout:
        assert not checkout.is_relative_to(project.root)


def test_when_there_is_no_place_outside():
    with (
        pytest.raises(UsageError, match=r"no directory for temporary files outside /.*TMPDIR"),
        temporary_directory(beside=Path("/")),
    ):
        pass


def test_on_the_file_system_of_the_repository_where_possible(project, monkeypatch):
    memory = Path("/dev/shm")  # noqa: S108 - a file system in memory
    if not memory.is_dir() or memory.stat().st_dev == project.root.stat().st_dev:
        pytest.skip("there is no second file system here")
    monkeypatch.setattr(tempfile, "tempdir", str(memory))
    monkeypatch.setenv("RUNNER_TEMP", str(project.root.parent))
    assert temporary_places(project.root)[0] == project.root.parent
    assert memory in temporary_places(project.root)
