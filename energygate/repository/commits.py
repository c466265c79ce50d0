"""Resolve names to commits, find merge bases, and fetch what a shallow clone lacks for both."""

from __future__ import annotations

import difflib
import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.repository.git import Git, GitFailed, output_tail
from energygate.text import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

FETCH_SECONDS = 60.0
"""Time limit of all fetches for one merge base."""

DEEPEN_STEPS = (32, 128, 512, 2048, 8192, None)
"""Commits of history to add each time; finally all of it."""

_MAX_REFS_COMPARED = 2000
_SHA = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_FETCH = (
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-prune",
    # Fetching object names instead of branches leaves remote-tracking branches untouched.
    "--no-write-fetch-head",
    "--no-recurse-submodules",
)
_WRITE_DEPTH = "In GitHub Actions, give actions/checkout `fetch-depth: 0`; elsewhere `git fetch --unshallow`"


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A commit.

    Attributes:
        sha: Its full object name.
        short: Its abbreviation, unambiguous in its repository.
    """

    sha: str
    short: str

    def __str__(self) -> str:
        return self.short


def commit_named(git: Git, ref: str) -> Commit | None:
    """Return the commit that a branch, tag, object name or expression such as `HEAD~3` names; `None` if none."""
    # No name begins with a dash. --end-of-options says so too, but rev-parse before git 2.30 ignores it.
    if not ref or ref.startswith("-") or any(c in ref for c in "\0\n"):
        return None
    finished = git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    sha = finished.stdout.decode().strip()
    # `^main` resolves too, to a caret and a name: it excludes commits instead of naming one.
    if finished.returncode != 0 or not _SHA.fullmatch(sha):
        return None
    return Commit(sha=sha, short=git.line("rev-parse", "--short", sha))


def merge_base(git: Git, ref: str) -> Commit:
    """Return the newest common commit of HEAD and `ref`.

    A name that only the remote has is fetched, and a shallow clone is deepened as far as necessary. Both add
    objects to the clone but move no branch, tag, FETCH_HEAD or other ref.

    Raises:
        UsageError: When HEAD has no commit, `ref` names none, the two share no history, or the clone is too
            shallow and cannot be deepened.
    """
    head = commit_named(git, "HEAD")
    if head is None:
        raise UsageError(
            "there is no commit yet to compare with base",
            hint=lambda options: f"Commit first, or {options.without_base}",
        )
    deadline = time.monotonic() + FETCH_SECONDS
    base = commit_named(git, ref) or _fetch_named(git, ref, deadline)
    common = _common_commit(git, head, base)
    if common is None and is_shallow(git):
        common = _deepen(git, ref, head, base, deadline)
    if common is None:
        raise UsageError(
            f"HEAD and {ref} have no commit in common",
            hint=lambda options: f"{options.base} names the branch that this work started from",
        )
    return common


def parents_of(git: Git, sha: str) -> tuple[str, ...]:
    """Return the full object names of a commit's parents, as the commit itself names them.

    At the boundary of a shallow clone `rev-list` shows no parents; the commit object does.
    """
    finished = git.run("cat-file", "commit", sha) if _SHA.fullmatch(sha) else None
    if finished is None or finished.returncode != 0:
        return ()
    head = finished.stdout.partition(b"\n\n")[0].decode(errors="replace")
    return tuple(line.removeprefix("parent ") for line in head.splitlines() if line.startswith("parent "))


def is_shallow(git: Git) -> bool:
    """Return whether the clone lacks the beginning of its history."""
    return git.line("rev-parse", "--is-shallow-repository") == "true"


def fetch(git: Git, remote: str, *object_names: str, depth: str | None = None, timeout_s: float) -> None:
    """Fetch objects from a remote without changing any ref.

    Args:
        git: The repository that receives them.
        remote: Name of the remote.
        object_names: Full object names.
        depth: `--depth=N`, `--deepen=N` or `--unshallow`; `None` in a complete clone, which it would make shallow.
        timeout_s: Time limit in seconds.

    Raises:
        GitFailed: When the remote does not answer or lacks an object.
    """
    depths = (depth,) if depth else ()
    git.output(*_FETCH, *depths, "--end-of-options", remote, *object_names, timeout_s=max(timeout_s, 1.0))


def remotes(git: Git) -> list[str]:
    """Return the names of the remotes, `origin` first."""
    names = os.fsdecode(git.output("remote")).splitlines()
    return sorted(names, key=lambda name: (name != "origin", name))


def _common_commit(git: Git, head: Commit, base: Commit) -> Commit | None:
    finished = git.run("merge-base", head.sha, base.sha)
    if finished.returncode > 1:
        raise GitFailed(f"git merge-base cannot compare HEAD with {base}", detail=output_tail(finished.stderr))
    first = finished.stdout.decode().partition("\n")[0]
    return commit_named(git, first) if first else None


def _fetch_named(git: Git, ref: str, deadline: float) -> Commit:
    """Fetch a branch or commit that this clone lacks, as is usual in CI."""
    detail: str | None = None
    for remote, branch in _possible_branches(git, ref):
        try:
            sha = branch if _SHA.fullmatch(branch) else _tip(git, remote, branch, deadline)
            if sha is None:
                continue
            # Do not refetch a commit that is present without a ref: --depth=1 would drop its history.
            if not git.has_commit(sha):
                depth = "--depth=1" if is_shallow(git) else None
                fetch(git, remote, sha, depth=depth, timeout_s=deadline - time.monotonic())
        except GitFailed as error:
            detail = error.detail or error.what
            continue
        commit = commit_named(git, sha)
        if commit is not None:
            return commit
    raise UsageError(
        f"there is no commit named {quote(ref)}",
        where=lambda options: options.base,
        hint=_suggestion(git, ref),
        detail=detail,
    )


def _possible_branches(git: Git, ref: str) -> Iterator[tuple[str, str]]:
    """Yield what an unknown name may mean at a remote: the remote, and a branch or object name."""
    known = remotes(git)
    name = ref.removeprefix("refs/remotes/")
    tracked = [(remote, name[len(remote) + 1 :]) for remote in known if name.startswith(f"{remote}/")]
    yield from tracked or [(remote, name.removeprefix("refs/heads/")) for remote in known]


def _tip(git: Git, remote: str, branch: str, deadline: float) -> str | None:
    full = f"refs/heads/{branch}"
    if "\0" in full or git.run("check-ref-format", full).returncode != 0:
        return None
    limit_s = max(deadline - time.monotonic(), 1.0)
    answer = git.output("ls-remote", "--quiet", "--end-of-options", remote, full, timeout_s=limit_s)
    for line in os.fsdecode(answer).splitlines():
        sha, _, name = line.partition("\t")
        if name == full:
            return sha
    return None


def _deepen(git: Git, ref: str, head: Commit, base: Commit, deadline: float) -> Commit | None:
    remote = next(iter(remotes(git)), None)
    what = f"this clone is too shallow: it does not reach the commit where HEAD and {ref} diverged"
    if remote is None:
        raise UsageError(what, hint=_WRITE_DEPTH)
    # The depth counts from base: a step shorter than the present history would truncate head's.
    here = int(git.line("rev-list", "--count", head.sha, base.sha))
    for step in DEEPEN_STEPS:
        boundary = _shallow_boundary(git, head, base)
        if not boundary:
            return None
        try:
            depth = f"--deepen={max(step, here)}" if step else "--unshallow"
            fetch(git, remote, *boundary, depth=depth, timeout_s=deadline - time.monotonic())
        except GitFailed as error:
            raise UsageError(
                f"{what}, and {remote} has no more history to fetch", hint=_WRITE_DEPTH, detail=error.detail
            ) from None
        common = _common_commit(git, head, base)
        if common is not None:
            return common
    return None


def _shallow_boundary(git: Git, head: Commit, base: Commit) -> list[str]:
    """Return the commits where the known history of either side ends because the clone is shallow."""
    shallow = set(git.path("shallow").read_text().split()) if is_shallow(git) else set()
    roots = git.line("rev-list", "--max-parents=0", head.sha, base.sha).split()
    return [root for root in roots if root in shallow]


def _suggestion(git: Git, ref: str) -> str:
    listed = git.output("for-each-ref", f"--count={_MAX_REFS_COMPARED}", "--format=%(refname:short)")
    near = difflib.get_close_matches(ref, os.fsdecode(listed).splitlines(), n=3)
    return f"Did you mean {' or '.join(near)}?" if near else "`git branch --all` lists the branches"
