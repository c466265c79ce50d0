"""Which commit is base: names, merge bases, shallow clones, and invalid names."""

from __future__ import annotations

import pytest

from energygate.errors import UsageError
from energygate.repository import commits


@pytest.fixture
def forked(project):
    """`main` has gone on since `work` left it; HEAD is `work`."""
    project.git("switch", "--quiet", "main")
    project.commit(later="x\n")
    project.git("tag", "v1")
    project.git("switch", "--quiet", "work")
    return project


@pytest.mark.parametrize("ref", ["main", "refs/heads/main", "v1", "HEAD~1", "main@{0}", "work~1", "main^{commit}"])
def test_the_merge_base_of_any_name(forked, ref):
    base = forked.find().merge_base(ref)
    assert base.sha == forked.git("rev-parse", "main~1")
    assert base.short == base.sha[: len(base.short)]
    assert 7 <= len(base.short) < 40
    assert str(base) == base.short


def test_a_ref_that_contains_head_leaves_head_itself(forked):
    assert forked.find().merge_base("work") == forked.find().head()


def test_a_detached_head(forked):
    forked.git("checkout", "--quiet", "--detach", "work")
    assert forked.find().merge_base("main").sha == forked.git("rev-parse", "main~1")


def test_before_the_first_commit(make):
    empty = make()
    assert empty.find().head() is None
    with pytest.raises(UsageError, match="no commit yet"):
        empty.find().merge_base("main")


def test_an_unknown_ref_names_the_nearest(forked):
    with pytest.raises(UsageError, match=r"no commit named 'mian'\. Did you mean main\?"):
        forked.find().merge_base("mian")


def test_a_ref_without_a_similar_name_gets_advice(forked):
    with pytest.raises(UsageError, match="git branch --all"):
        forked.find().merge_base("zzz/qqq/12345")


@pytest.mark.parametrize(
    "ref",
    [
        "--upload-pack=touch pwned",
        "-q",
        "--all",
        "--help",
        "",
        " ",
        "main\n",
        "a\0b",
        "main:src/model.py",
        "main..work",
        "^main",
        "$(touch pwned)",
        "origin/--upload-pack=touch pwned",
        "ext::sh -c 'touch pwned'",
    ],
)
def test_an_invalid_ref_is_never_an_option_or_a_command(project, ref):
    project.git("remote", "add", "origin", str(project.root))
    before = project.state(without=())
    with pytest.raises(UsageError, match="no commit named"):
        project.find().merge_base(ref)
    assert project.state(without=()) == before


def test_unrelated_histories(forked):
    forked.git("switch", "--quiet", "--orphan", "island")
    forked.commit(other="x\n")
    with pytest.raises(UsageError, match="HEAD and main have no commit in common"):
        forked.find().merge_base("main")


@pytest.fixture
def upstream(forked):
    """A remote on which `work` and `main` are 50 and 40 commits from where they part, 300 from the beginning."""
    forked.git("switch", "--quiet", "main")
    forked.grow("main", 300)
    forked.git("branch", "--force", "work", "main")
    forked.grow("work", 50)
    forked.grow("main", 40)
    return forked


def parted(upstream):
    return upstream.git("merge-base", "main", "work")


@pytest.mark.parametrize("depth", [1, 10])
def test_a_shallow_clone_is_deepened_until_the_answer_is_there(upstream, tmp_path, depth):
    clone = upstream.clone(tmp_path / "clone", f"--depth={depth}", "--no-single-branch", "--branch=work")
    before = clone.state(without=("objects", "shallow"))
    assert clone.find().merge_base("origin/main").sha == parted(upstream)
    assert clone.state(without=("objects", "shallow")) == before


def test_a_commit_that_is_already_here_needs_no_deepening(upstream, tmp_path):
    upstream.git("branch", "release", "work~10")
    clone = upstream.clone(tmp_path / "clone", "--depth=30", "--branch=work")
    before = clone.state(without=())
    assert clone.find().merge_base("origin/release").sha == upstream.git("rev-parse", "release")
    assert clone.state(without=()) == before


def test_deepening_only_adds_history(upstream, tmp_path, monkeypatch):
    # 45 commits from the tip of main end between where the two part and what is known of work.
    monkeypatch.setattr(commits, "DEEPEN_STEPS", (45, None))
    clone = upstream.clone(tmp_path / "clone", "--depth=100", "--branch=work")
    known = set(clone.git("rev-list", "--all").split())
    clone.find().merge_base("origin/main")
    assert known <= set(clone.git("rev-list", "--all").split())


@pytest.mark.parametrize(
    ("options", "ref"),
    [
        (["--depth=1"], "origin/main"),  # what actions/checkout leaves
        (["--depth=1"], "main"),  # GITHUB_BASE_REF
        (["--depth=1"], "refs/remotes/origin/main"),
        (["--depth=1"], "refs/heads/main"),
        (["--single-branch"], "origin/main"),
        (["--single-branch"], "main"),
    ],
)
def test_a_branch_that_only_the_remote_has_is_fetched_without_a_trace(upstream, tmp_path, options, ref):
    clone = upstream.clone(tmp_path / "clone", *options, "--branch=work")
    before = clone.state(without=("objects", "shallow"))
    assert clone.find().merge_base(ref).sha == parted(upstream)
    assert clone.state(without=("objects", "shallow")) == before
    assert (clone.git("rev-parse", "--is-shallow-repository") == "true") == ("--depth=1" in options)


def test_a_commit_that_only_the_remote_has_is_fetched(upstream, tmp_path):
    clone = upstream.clone(tmp_path / "clone", "--depth=1", "--branch=work")
    assert clone.find().merge_base(upstream.git("rev-parse", "main")).sha == parted(upstream)


def test_a_shallow_clone_of_unrelated_histories_ends(upstream, tmp_path):
    upstream.git("switch", "--quiet", "--orphan", "island")
    upstream.commit(other="x\n")
    clone = upstream.clone(tmp_path / "clone", "--depth=1", "--branch=work")
    with pytest.raises(UsageError, match="no commit in common"):
        clone.find().merge_base("origin/island")


def test_a_shallow_clone_without_a_remote_says_what_to_write(upstream, tmp_path):
    clone = upstream.clone(tmp_path / "clone", "--depth=1", "--no-single-branch", "--branch=work")
    clone.git("branch", "main", "origin/main")
    clone.git("remote", "remove", "origin")
    with pytest.raises(UsageError, match=r"shallow.*fetch-depth: 0"):
        clone.find().merge_base("main")


def test_a_shallow_clone_whose_remote_is_gone_says_so_and_what_to_write(upstream, tmp_path):
    clone = upstream.clone(tmp_path / "clone", "--depth=1", "--no-single-branch", "--branch=work")
    upstream.root.rename(tmp_path / "moved")
    with pytest.raises(UsageError, match=r"shallow.*origin has no more history to fetch.*fetch-depth: 0") as caught:
        clone.find().merge_base("origin/main")
    assert "does not exist" in caught.value.detail or "not appear to be a git" in caught.value.detail


def test_a_remote_that_hangs_times_out(upstream, tmp_path, monkeypatch):
    clone = upstream.clone(tmp_path / "clone", "--depth=1", "--no-single-branch", "--branch=work")
    clone.git("config", "remote.origin.uploadpack", "sleep 60 #")
    monkeypatch.setattr(commits, "FETCH_SECONDS", 0.1)
    with pytest.raises(UsageError, match="fetch-depth: 0"):
        clone.find().merge_base("origin/main")


def test_hooks_do_not_run_while_fetching(upstream, tmp_path):
    clone = upstream.clone(tmp_path / "clone", "--depth=1", "--branch=work")
    hook = clone.root / ".git/hooks/reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    clone.find().merge_base("origin/main")
    assert not (tmp_path / "ran").exists()
