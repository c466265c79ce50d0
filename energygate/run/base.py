"""What head is compared with: base's directory, its policy, and what has changed since."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from energygate.errors import PolicyError, UsageError
from energygate.policy import parse_policy
from energygate.repository.directory_diff import directories_differ
from energygate.repository.globs import matching
from energygate.repository.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path, PurePosixPath

    from energygate.policy import Policy
    from energygate.repository.commits import Commit


@dataclass(frozen=True, kw_only=True)
class Base:
    """What head is compared with.

    Attributes:
        ref: As it was asked for: a git ref, or a directory.
        commit: The merge base; `None` for a directory.
        directory: Base's counterpart of the directory that head's policy is in.
        policy_text: Base's policy file; `None` when base has none.
        policy_name: How messages call base's policy.
        changed: The paths that differ between base and head and match globs; no globs mean all paths.
    """

    ref: str
    commit: Commit | None
    directory: Path
    policy_text: str | None
    policy_name: str
    changed: Callable[[Sequence[str]], list[str]]

    @property
    def name(self) -> str:
        """How reports call it: a short commit, or the directory."""
        return self.commit.short if self.commit else self.ref

    def policy(self) -> Policy | None:
        """Base's policy, which decides; `None` when base has none.

        Raises:
            PolicyError: When it makes no sense.
        """
        return None if self.policy_text is None else parse_policy(self.policy_text, self.policy_name)


@contextlib.contextmanager
def base_from_git(ref: str, directory: Path, policy_file: str) -> Iterator[Base]:
    """Check the merge base of HEAD and a ref out into a directory that is gone afterwards.

    Args:
        ref: What the change is to be merged into, such as `origin/main`.
        directory: The directory of head's policy.
        policy_file: The policy's name in that directory.

    Raises:
        UsageError: When the directory is in no repository, the merge base cannot be found, or `policy_at` refuses.
        PolicyError: When base's policy is no text.
    """
    repository = Repository.find(directory)
    commit = repository.merge_base(ref)
    content = policy_at(repository, commit, ref, directory / policy_file)
    name = f"{policy_file} at {commit.short}"
    with repository.worktree(commit) as checkout:
        yield Base(
            ref=ref,
            commit=commit,
            directory=checkout / repository.prefix,
            policy_text=None if content is None else policy_text(content, name),
            policy_name=name,
            changed=partial(_changed, repository.changed_paths(commit), repository.prefix),
        )


@contextlib.contextmanager
def base_from_directory(base: Path, directory: Path, policy_file: str) -> Iterator[Base]:
    """Take a directory that holds base already.

    Raises:
        UsageError: When there is no such directory.
        PolicyError: When base's policy is no text.
    """
    if not base.is_dir():
        raise UsageError(f"--base-dir names {base}, which is not a directory")
    path = base / policy_file
    name = f"{policy_file} in {base}"
    yield Base(
        ref=str(base),
        commit=None,
        directory=base,
        policy_text=policy_text(path.read_bytes(), name) if path.is_file() else None,
        policy_name=name,
        changed=partial(directories_differ, base, directory),
    )


def policy_at(repository: Repository, commit: Commit, ref: str, policy: Path) -> bytes | None:
    """Return base's policy, which decides; `None` when base has none.

    Args:
        repository: The repository.
        commit: The merge base.
        ref: What the change is to be merged into.
        policy: Head's policy, by the path that leads there.

    Raises:
        UsageError: When head could choose by itself which policy counts as base's: its own lies behind a symbolic
            link, or work began before there was a policy, and now there is one.
    """
    for place in (policy, *policy.parents):
        if place.resolve() == repository.root:
            break
        if place.is_symlink():
            raise UsageError(
                f"{place.name} is a symbolic link, and base's policy is looked for where head's is",
                hint="Name the policy by the path where it really is",
            )
    path = repository.prefix / policy.name
    content = repository.read(commit, path)
    if content is None and (tip := repository.commit_named(ref)) and repository.read(tip, path) is not None:
        raise UsageError(
            f"this work began at {commit}, which has no {path}, and {ref} has one by now",
            hint=f"Merge {ref} into it first: head's own policy cannot decide",
        )
    return content


def _changed(paths: Sequence[str], prefix: PurePosixPath, globs: Sequence[str]) -> list[str]:
    return matching(globs, paths, directory=prefix) if globs else [*paths]


def policy_text(content: bytes, name: str) -> str:
    """Return the text of a policy's file; `name` is how messages call it.

    Raises:
        PolicyError: When it is no text.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PolicyError("the policy is not UTF-8 text", where=name) from None
