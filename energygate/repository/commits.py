"""Which commit is base: names of commits, merge bases, and what a shallow clone is missing of both."""

from __future__ import annotations

import difflib
import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.repository.git import Git, GitFailed, output_tail

if TYPE_CHECKING:
    from collections.abc import Iterator

FETCH_SECONDS = 60.0
"""How long all fetching for one merge base may take."""

DEEPEN_STEPS = (32, 128, 512, 2048, 8192, None)
"""Commits of history to add each time; in the end, all there is."""

_REFS_COMPARED = 2000
_SHA = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_FETCH = (
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-prune",
    # Object names are asked for, never branches: so no remote-tracking branch follows either.
    "--no-write-fetch-head",
    "--no-recurse-submodules",
)
_WRITE_DEPTH = "In GitHub Actions, give actions/checkout `fetch-depth: 0`; elsewhere `git fetch --unshallow`"


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A commit.

    Attributes:
        sha: Its full object name.
        short: The same as people write it, unambiguous in its repository.
    """

    sha: str
    short: str

    def __str__(self) -> str:
        return self.short


def commit_named(git: Git, ref: str) -> Commit | None:
    """Return the commit that a branch, tag, object name or expression such as `HEAD~3` means; `None` if none."""
    # No name begins with a dash. --end-of-options says so too, but rev-parse before git 2.30 did not hear it.
    if not ref or ref.startswith("-") or any(c in ref for c in "\0\n"):
        return None
    finished = git.attempt("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    sha = finished.stdout.decode().strip()
    # `^main` resolves too, to the caret and a name: it stands for all commits but these.
    if finished.returncode != 0 or not _SHA.fullmatch(sha):
        return None
    return Commit(sha=sha, short=git.line("rev-parse", "--short", sha))


def merge_base(git: Git, ref: str) -> Commit:
    """Return the newest commit that HEAD and `ref` have in common.

    A name that only the remote knows is fetched, a shallow clone is deepened until the answer is there:
    both add objects to the clone and move no branch, tag, FETCH_HEAD or anything else with a name.

    Raises:
        UsageError: When HEAD has no commit, `ref` means nothing, the two share no history, or the clone is
            too shallow and cannot be deepened.
    """
    head = commit_named(git, "HEAD")
    if head is None:
        raise UsageError(
            "there is no commit yet to compare with base",
            hint=lambda options: f"Commit first, or {options.without_base}",
        )
    deadline = time.monotonic() + FETCH_SECONDS
    base = commit_named(git, ref) or _fetch_named(git, ref, deadline)
    found = _common(git, head, base)
    if found is None and is_shallow(git):
        found = _deepen(git, ref, head, base, deadline)
    if found is None:
        raise UsageError(
            f"HEAD and {ref} have no commit in common",
            hint=lambda options: f"{options.base} names the branch that this work started from",
        )
    return found


def parents_of(git: Git, sha: str) -> tuple[str, ...]:
    """Return the full object names of a commit's parents, as the commit itself names them.

    Where a shallow clone breaks off, `rev-list` knows of no parents; the commit still does.
    """
    finished = git.attempt("cat-file", "commit", sha) if _SHA.fullmatch(sha) else None
    if finished is None or finished.returncode != 0:
        return ()
    head = finished.stdout.partition(b"\n\n")[0].decode(errors="replace")
    return tuple(line.removeprefix("parent ") for line in head.splitlines() if line.startswith("parent "))


def is_shallow(git: Git) -> bool:
    """Tell whether the clone lacks the beginning of its history."""
    return git.line("rev-parse", "--is-shallow-repository") == "true"


def fetch(git: Git, remote: str, *wanted: str, depth: str | None = None, timeout_s: float) -> None:
    """Bring objects from a remote; nothing with a name changes.

    Args:
        git: The repository to bring them to.
        remote: Name of the remote.
        wanted: Full object names.
        depth: `--depth=N`, `--deepen=N` or `--unshallow`; `None` in a complete
            clone, which it would make shallow.
        timeout_s: The longest it may take.

    Raises:
        GitFailed: When the remote does not answer or does not have them.
    """
    depths = (depth,) if depth else ()
    git.answer(*_FETCH, *depths, "--end-of-options", remote, *wanted, timeout_s=max(timeout_s, 1.0))


def remotes(git: Git) -> list[str]:
    """Return the names of the remotes, the likeliest first."""
    names = os.fsdecode(git.answer("remote")).splitlines()
    return sorted(names, key=lambda name: (name != "origin", name))


def _common(git: Git, head: Commit, base: Commit) -> Commit | None:
    finished = git.attempt("merge-base", head.sha, base.sha)
    if finished.returncode > 1:
        raise GitFailed(
            f"git merge-base cannot compare HEAD with {base}", detail=output_tail(finished.stderr)
        )
    first = finished.stdout.decode().partition("\n")[0]
    return commit_named(git, first) if first else None


def _fetch_named(git: Git, ref: str, deadline: float) -> Commit:
    """Fetch a branch or commit that this clone does not have, as is usual in CI."""
    said: str | None = None
    for remote, branch in _possible_branches(git, ref):
        try:
            sha = branch if _SHA.fullmatch(branch) else _tip(git, remote, branch, deadline)
            if sha is None:
                continue
            # What is here without a name is not fetched again: --depth=1 would forget what came before it.
            if not git.has_commit(sha):
                depth = "--depth=1" if is_shallow(git) else None
                fetch(git, remote, sha, depth=depth, timeout_s=deadline - time.monotonic())
        except GitFailed as error:
            said = error.detail or error.what
            continue
        found = commit_named(git, sha)
        if found is not None:
            return found
    raise UsageError(f"there is no commit named {ref!r}", where="base", hint=_nearest(git, ref), detail=said)


def _possible_branches(git: Git, ref: str) -> Iterator[tuple[str, str]]:
    """Yield what a name that means nothing here may mean at a remote: remote, and branch or object name."""
    known = remotes(git)
    name = ref.removeprefix("refs/remotes/")
    tracked = [(remote, name[len(remote) + 1 :]) for remote in known if name.startswith(f"{remote}/")]
    yield from tracked or [(remote, name.removeprefix("refs/heads/")) for remote in known]


def _tip(git: Git, remote: str, branch: str, deadline: float) -> str | None:
    full = f"refs/heads/{branch}"
    if "\0" in full or git.attempt("check-ref-format", full).returncode != 0:
        return None
    limit_s = max(deadline - time.monotonic(), 1.0)
    answer = git.answer("ls-remote", "--quiet", "--end-of-options", remote, full, timeout_s=limit_s)
    for line in os.fsdecode(answer).splitlines():
        sha, _, name = line.partition("\t")
        if name == full:
            return sha
    return None


def _deepen(git: Git, ref: str, head: Commit, base: Commit, deadline: float) -> Commit | None:
    remote = next(iter(remotes(git)), None)
    what = f"this clone is shallow and does not reach back to where HEAD and {ref} part"
    if remote is None:
        raise UsageError(what, hint=_WRITE_DEPTH)
    # Counted from base, a step shorter than what is here already would cut head's history off.
    here = int(git.line("rev-list", "--count", head.sha, base.sha))
    for step in DEEPEN_STEPS:
        edge = _edge(git, head, base)
        if not edge:
            return None
        try:
            depth = f"--deepen={max(step, here)}" if step else "--unshallow"
            fetch(git, remote, *edge, depth=depth, timeout_s=deadline - time.monotonic())
        except GitFailed as error:
            raise UsageError(
                f"{what}, and {remote} gives no more history", hint=_WRITE_DEPTH, detail=error.detail
            ) from None
        found = _common(git, head, base)
        if found is not None:
            return found
    return None


def _edge(git: Git, head: Commit, base: Commit) -> list[str]:
    """Return the commits at which the known history of either side breaks off."""
    shallow = set(git.path("shallow").read_text().split()) if is_shallow(git) else set()
    roots = git.line("rev-list", "--max-parents=0", head.sha, base.sha).split()
    return [root for root in roots if root in shallow]


def _nearest(git: Git, ref: str) -> str:
    listed = git.answer("for-each-ref", f"--count={_REFS_COMPARED}", "--format=%(refname:short)")
    near = difflib.get_close_matches(ref, os.fsdecode(listed).splitlines(), n=3)
    return f"Did you mean {' or '.join(near)}?" if near else "`git branch --all` lists what there is"
