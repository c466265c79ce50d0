"""A checkout of one commit that shares the user's objects and changes nothing of theirs.

Why not `git worktree add`: it writes into the user's repository (.git/worktrees, and `submodule.*` in the
shared configuration), leaves that behind when killed, refuses to remove checkouts with submodules, and runs
the filters and hooks configured there. A separate repository with the user's objects as alternates is as fast,
has none of these problems, and still answers `git describe` for builds that ask for their version.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from energygate.errors import UsageError
from energygate.repository.commits import FETCH_SECONDS, fetch, is_shallow, remotes
from energygate.repository.git import Git, GitFailed
from energygate.repository.lfs import NO_FILTER, replace_pointers
from energygate.text import quote

_LINE_SETTINGS = ("core.autocrlf", "core.eol", "core.longpaths")
"""The user's settings that decide what files look like once checked out."""

_GITLINK = b"160000"


def check_out(lender: Git, sha: str, destination: Path, *, head: Path | None) -> None:
    """Check a commit out, with its submodules and its Git LFS files.

    Submodules come from the user's clone too, at the commits that this commit names. Those that the user has not
    initialised stay empty, as they are in head's checkout.

    Args:
        lender: The user's repository, or one of its submodules.
        sha: The commit.
        destination: An empty directory.
        head: The user's checkout of the same repository; `None` when there is none.

    Raises:
        UsageError: When a submodule's commit is missing and cannot be fetched.
        GitFailed: When git fails, as on a full disk.
    """
    _fetch_missing_objects(lender, sha)
    borrowed = _borrow(lender, destination)
    borrowed.output("checkout", "--quiet", "--detach", "--force", sha, "--", settings=NO_FILTER)
    replace_pointers(borrowed, lender, sha, head=head)
    for path, name, commit in _submodules(borrowed):
        git_dir = _submodule_lender(lender, path, name, head)
        if git_dir is None:
            continue
        inner = Git(directory=git_dir, git_dir=git_dir, runner=lender.runner)
        _fetch_submodule_commit(inner, path, commit)
        inside = head / path if head is not None and (head / path).is_dir() else None
        check_out(inner, commit, destination / path, head=inside)


def _borrow(lender: Git, destination: Path) -> Git:
    """Create an empty repository that uses the lender's objects, tags and shallow boundary."""
    borrowed = Git(directory=destination, runner=lender.runner)
    object_format = lender.line("rev-parse", "--show-object-format")
    # Refs as files, so that the tags below can be written as one; a template could add hooks.
    files = {"GIT_DEFAULT_REF_FORMAT": "files"}
    borrowed.output("init", "--quiet", "--template=", f"--object-format={object_format}", environment=files)
    own = destination / ".git"
    (own / "objects" / "info").mkdir(parents=True, exist_ok=True)
    alternates = own / "objects" / "info" / "alternates"
    alternates.write_bytes(os.fsencode(_quoted(str(lender.path("objects"))) + "\n"))
    shallow = lender.path("shallow")
    if shallow.is_file():
        (own / "shallow").write_bytes(shallow.read_bytes())
    tags = lender.output("for-each-ref", "--format=%(objectname) %(refname)", "refs/tags")
    (own / "packed-refs").write_bytes(tags)
    for key in _LINE_SETTINGS:
        value = lender.setting(key)
        if value is not None:
            borrowed.output("config", key, value)
    return borrowed


def _quoted(path: str) -> str:
    """Quote a path for `info/alternates` if it contains line breaks or quotes."""
    return json.dumps(path, ensure_ascii=False) if any(c in path for c in '"\\\n\r\t') else path


def _fetch_missing_objects(lender: Git, sha: str) -> None:
    """Fetch the objects that a partial clone lacks, in one request instead of one per file."""
    configured = lender.run("config", "--null", "--name-only", "--get-regexp", r"^remote\..*\.promisor$")
    keys = [os.fsdecode(key) for key in configured.stdout.split(b"\0") if key]
    if not keys:
        return
    remote = keys[0].removeprefix("remote.").removesuffix(".promisor")
    requested: set[str] = set()
    while True:
        listed = lender.line("rev-list", "--objects", "--missing=print", f"{sha}^{{tree}}").splitlines()
        missing = {line[1:] for line in listed if line.startswith("?")}
        if not missing:
            return
        if missing <= requested:
            raise GitFailed(f"{remote} does not have the files that this partial clone lacks")
        requested |= missing
        lender.output(
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--filter=blob:none",
            "--stdin",
            remote,
            stdin="".join(f"{name}\n" for name in sorted(missing)).encode(),
            settings=("fetch.negotiationAlgorithm=noop",),
        )


def _submodules(borrowed: Git) -> list[tuple[str, str, str]]:
    """Return path, name and commit of the submodules of a checkout; those without a name are skipped."""
    if not (borrowed.directory / ".gitmodules").is_file():
        return []
    listed = borrowed.output("ls-files", "--stage", "-z").split(b"\0")
    links = [entry.partition(b"\t") for entry in listed if entry.startswith(_GITLINK)]
    commits = {os.fsdecode(path): fields.split()[1].decode() for fields, _, path in links}
    configured = borrowed.run("config", "--null", "--file", ".gitmodules", "--get-regexp", r"^submodule\..*\.path$")
    pairs = [os.fsdecode(pair).partition("\n") for pair in configured.stdout.split(b"\0") if pair]
    names = {path: key.removeprefix("submodule.").removesuffix(".path") for key, _, path in pairs}
    # A name is a path inside the repository; like git, refuse one that climbs out.
    return [
        (path, names[path], commit)
        for path, commit in commits.items()
        if path in names and ".." not in names[path].split("/")
    ]


def _submodule_lender(lender: Git, path: str, name: str, head: Path | None) -> Path | None:
    """Return the repository of a submodule in the user's clone; `None` if base should do without it, as head does.

    Raises:
        UsageError: When the user uses submodules, but the clone lacks this one.
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
            f"base needs the submodule {quote(path)}, which is not in this clone",
            hint="Check base out once and run `git submodule update --init --recursive`",
        )
    return None


def _fetch_submodule_commit(inner: Git, path: str, commit: str) -> None:
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
        f"base needs the submodule {quote(path)} at {commit[:7]}, which is not in this clone and cannot be fetched",
        hint=f"Run `git -C {path} fetch`, or check out with the full history of submodules",
        detail=detail,
    )
