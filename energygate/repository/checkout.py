"""A checkout of one commit that borrows the user's objects and touches nothing else of theirs.

Why not `git worktree add`: it writes into the user's repository (.git/worktrees, and `submodule.*` into the
shared configuration), leaves that behind when killed, refuses to remove checkouts with submodules, and obeys
filters and hooks that are configured there. A repository of its own, with the user's objects as alternates,
takes as long, has none of these, and still answers `git describe` to a build that asks for its version.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from energygate.errors import UsageError
from energygate.repository.commits import FETCH_SECONDS, fetch, is_shallow, remotes
from energygate.repository.git import Git, GitFailed
from energygate.repository.lfs import NO_FILTER, fill_in

_LINE_SETTINGS = ("core.autocrlf", "core.eol", "core.longpaths")
"""What of the user's configuration decides how files look once checked out."""

_GITLINK = b"160000"


def check_out(lender: Git, sha: str, destination: Path, *, head: Path | None) -> None:
    """Check a commit out, with its submodules and its Git LFS files.

    Submodules come from the user's clone like everything else, at the commits that this commit names. Those
    that the user has not initialised stay empty, as they are in head's checkout.

    Args:
        lender: The user's repository, or one of its submodules.
        sha: The commit.
        destination: An empty directory.
        head: The user's checkout of the same repository; `None` when there is none.

    Raises:
        UsageError: When a submodule's commit cannot be had.
        GitFailed: When git fails, as on a full disk.
    """
    _complete(lender, sha)
    borrowed = _borrow(lender, destination)
    borrowed.answer("checkout", "--quiet", "--detach", "--force", sha, "--", settings=NO_FILTER)
    fill_in(borrowed, lender, sha, head=head)
    for path, name, commit in _submodules(borrowed):
        git_dir = _submodule_lender(lender, path, name, head)
        if git_dir is None:
            continue
        inner = Git(directory=git_dir, git_dir=git_dir, run=lender.run)
        _bring_submodule(inner, path, commit)
        inside = head / path if head is not None and (head / path).is_dir() else None
        check_out(inner, commit, destination / path, head=inside)


def _borrow(lender: Git, destination: Path) -> Git:
    """Make an empty repository that finds the lender's objects, tags and end of history."""
    borrowed = Git(directory=destination, run=lender.run)
    object_format = lender.line("rev-parse", "--show-object-format")
    # Files, so that the tags below can be written as one; a template could bring hooks.
    files = {"GIT_DEFAULT_REF_FORMAT": "files"}
    borrowed.answer("init", "--quiet", "--template=", f"--object-format={object_format}", environment=files)
    own = destination / ".git"
    (own / "objects" / "info").mkdir(parents=True, exist_ok=True)
    alternates = own / "objects" / "info" / "alternates"
    alternates.write_bytes(os.fsencode(_quoted(str(lender.path("objects"))) + "\n"))
    shallow = lender.path("shallow")
    if shallow.is_file():
        (own / "shallow").write_bytes(shallow.read_bytes())
    tags = lender.answer("for-each-ref", "--format=%(objectname) %(refname)", "refs/tags")
    (own / "packed-refs").write_bytes(tags)
    for key in _LINE_SETTINGS:
        value = lender.setting(key)
        if value is not None:
            borrowed.answer("config", key, value)
    return borrowed


def _quoted(path: str) -> str:
    """Quote a path for `info/alternates` where it must be: line breaks, and what looks like a quote."""
    return json.dumps(path, ensure_ascii=False) if any(c in path for c in '"\\\n\r\t') else path


def _complete(lender: Git, sha: str) -> None:
    """Fetch what a partial clone has left at its remote: one request instead of one per file."""
    said = lender.attempt("config", "--null", "--name-only", "--get-regexp", r"^remote\..*\.promisor$")
    keys = [os.fsdecode(key) for key in said.stdout.split(b"\0") if key]
    if not keys:
        return
    remote = keys[0].removeprefix("remote.").removesuffix(".promisor")
    asked: set[str] = set()
    while True:
        listed = lender.line("rev-list", "--objects", "--missing=print", f"{sha}^{{tree}}").splitlines()
        missing = {line[1:] for line in listed if line.startswith("?")}
        if not missing:
            return
        if missing <= asked:
            raise GitFailed(f"{remote} does not give the files that this partial clone is missing")
        asked |= missing
        lender.answer(
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--filter=blob:none",
            "--stdin",
            remote,
            stdin="".join(f"{one}\n" for one in sorted(missing)).encode(),
            settings=("fetch.negotiationAlgorithm=noop",),
        )


def _submodules(borrowed: Git) -> list[tuple[str, str, str]]:
    """Return path, name and commit of the submodules of a checkout. One that has no name is none."""
    if not (borrowed.directory / ".gitmodules").is_file():
        return []
    listed = borrowed.answer("ls-files", "--stage", "-z").split(b"\0")
    links = [entry.partition(b"\t") for entry in listed if entry.startswith(_GITLINK)]
    commits = {os.fsdecode(path): fields.split()[1].decode() for fields, _, path in links}
    said = borrowed.attempt(
        "config", "--null", "--file", ".gitmodules", "--get-regexp", r"^submodule\..*\.path$"
    )
    pairs = [os.fsdecode(pair).partition("\n") for pair in said.stdout.split(b"\0") if pair]
    names = {path: key.removeprefix("submodule.").removesuffix(".path") for key, _, path in pairs}
    # A name is a path inside the repository; git refuses one that climbs out, and so do we.
    return [
        (path, names[path], commit)
        for path, commit in commits.items()
        if path in names and ".." not in names[path].split("/")
    ]


def _submodule_lender(lender: Git, path: str, name: str, head: Path | None) -> Path | None:
    """Return the repository of a submodule in the user's clone; `None` when base shall go without it, as head does.

    Raises:
        UsageError: When the user works with submodules, but this one is nowhere.
    """
    own = Path(lender.directory, lender.line("rev-parse", "--absolute-git-dir"))
    common = Path(lender.directory, lender.line("rev-parse", "--git-common-dir")).resolve()
    places = [own / "modules" / name, common / "modules" / name]
    if head is not None:
        places.append(head / path / ".git")
    for place in places:
        if (place / "HEAD").is_file():
            return place
    uses_submodules = (own / "modules").is_dir() or (common / "modules").is_dir()
    left_out_by_head = head is not None and (head / path).is_dir()
    if uses_submodules and not left_out_by_head:
        raise UsageError(
            f"base needs the submodule {path!r}, which is not in this clone",
            hint="Check base out once and run `git submodule update --init --recursive`",
        )
    return None


def _bring_submodule(inner: Git, path: str, commit: str) -> None:
    if inner.has_commit(commit):
        return
    detail = None
    for remote in remotes(inner):
        try:
            depth = "--depth=1" if is_shallow(inner) else None
            fetch(inner, remote, commit, depth=depth, timeout_s=FETCH_SECONDS)
        except GitFailed as error:
            detail = error.detail or error.what
            continue
        return
    raise UsageError(
        f"base needs the submodule {path!r} at {commit[:7]}, which is neither in this clone nor to be fetched",
        hint=f"Run `git -C {path} fetch`, or check out with the submodules' whole history",
        detail=detail,
    )
