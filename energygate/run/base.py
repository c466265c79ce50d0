"""What head is compared with: base's policy, its directory, and what has changed since."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.policy import parse_policy
from energygate.repository.directory_diff import directories_differ
from energygate.repository.globs import matching
from energygate.repository.repository import Repository
from energygate.result.result import BaseResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import PurePosixPath

    from energygate.policy import Policy
    from energygate.repository.commits import Commit


@dataclass(frozen=True, kw_only=True)
class Base:
    """What head is compared with: the merge base with a git ref, or a directory.

    Attributes:
        ref: As the user named it: a git ref, or a directory.
        commit: The merge base; `None` for a directory.
        policy: Base's policy, which decides; `None` when base has none, and head's decides.
    """

    ref: str
    commit: Commit | None
    policy: Policy | None

    @property
    def name(self) -> str:
        """What reports call it: a short commit, or the directory."""
        return self.commit.short if self.commit else self.ref

    @property
    def result(self) -> BaseResult:
        """Its part of a result."""
        return BaseResult(ref=self.ref, commit=self.commit.sha if self.commit else None)


@dataclass(frozen=True, kw_only=True)
class CheckedOutBase(Base):
    """Base with its files.

    Attributes:
        directory: Base's counterpart of the directory that head's policy is in.
        changed: Lists the paths that differ between base and head and match globs; no globs mean all paths.
    """

    directory: Path
    changed: Callable[[Sequence[str]], list[str]]


def find_base(directory: Path, policy_file: str, *, ref: str | None = None, base_dir: str | None = None) -> Base | None:
    """Find what head is compared with and read its policy, without checking it out.

    Args:
        directory: The directory of head's policy.
        policy_file: The policy's name in that directory.
        ref: Compare with the merge base of HEAD and this git ref, such as `origin/main`; `None` for no git.
        base_dir: Compare with this directory; `None` for none.

    Returns:
        Base; `None` when neither kind is named.

    Raises:
        UsageError: When both kinds are named, the directory is not in a repository, there is no merge base or no such
            directory, or head could choose which policy is base's.
        PolicyError: When base's policy is invalid.
    """
    if ref is not None and base_dir is not None:
        raise UsageError(lambda options: f"{options.base} and {options.base_dir} exclude each other")
    if ref is not None:
        repository = Repository.find(directory)
        commit = repository.merge_base(ref)
        content = _policy_at(repository, commit, ref, directory / policy_file)
        return Base(ref=ref, commit=commit, policy=_parsed(content, f"{policy_file} at {commit.short}"))
    if base_dir is not None:
        path = Path(base_dir).resolve()
        if not path.is_dir():
            raise UsageError(lambda options: f"{options.base_dir} names {path}, which is not a directory")
        content = (path / policy_file).read_bytes() if (path / policy_file).is_file() else None
        return Base(ref=str(path), commit=None, policy=_parsed(content, f"{policy_file} in {path}"))
    return None


@contextlib.contextmanager
def check_out_base(
    directory: Path, policy_file: str, *, ref: str | None = None, base_dir: str | None = None
) -> Iterator[CheckedOutBase | None]:
    """Find base as `find_base` does, and check a commit out into a directory that is removed afterwards."""
    base = find_base(directory, policy_file, ref=ref, base_dir=base_dir)
    if base is None:
        yield None
    elif base.commit is None:
        path = Path(base.ref)
        yield CheckedOutBase(**vars(base), directory=path, changed=partial(directories_differ, path, directory))
    else:
        repository = Repository.find(directory)
        with repository.worktree(base.commit) as checkout:
            paths = repository.changed_paths(base.commit)
            yield CheckedOutBase(
                **vars(base),
                directory=checkout / repository.prefix,
                changed=partial(_changed, paths, repository.prefix),
            )


def _policy_at(repository: Repository, commit: Commit, ref: str, policy: Path) -> bytes | None:
    """Return base's policy, which decides; `None` when base has none.

    Args:
        repository: The repository.
        commit: The merge base.
        ref: What the change is to be merged into.
        policy: Path of head's policy, symbolic links not resolved.

    Raises:
        UsageError: When head could choose which policy is base's: head's own is behind a symbolic link, or the merge
            base is older than the policy that `ref` has now.
    """
    for place in (policy, *policy.parents):
        if place.resolve() == repository.root:
            break
        if place.is_symlink():
            raise UsageError(
                f"{place.name} is a symbolic link, and base's policy is looked for where head's is",
                hint="Name the policy by its real path",
            )
    path = repository.prefix / policy.name
    content = repository.read(commit, path)
    if content is None and (tip := repository.commit_named(ref)) and repository.read(tip, path) is not None:
        raise UsageError(
            f"{path} does not exist at the merge base, {commit}, but {ref} has it now",
            hint=f"Merge {ref} into this branch first: head's own policy cannot decide",
        )
    return content


def _changed(paths: Sequence[str], prefix: PurePosixPath, globs: Sequence[str]) -> list[str]:
    return matching(globs, paths, directory=prefix) if globs else [*paths]


def _parsed(content: bytes | None, name: str) -> Policy | None:
    return None if content is None else parse_policy(content, name)
