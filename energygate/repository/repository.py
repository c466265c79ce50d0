"""The user's repository: where head is, what base is, and what lies between them."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.repository import changes, commits
from energygate.repository.checkout import check_out
from energygate.repository.git import Git, output_tail
from energygate.repository.processes import CommandRunner, run_command
from energygate.repository.temporary_directory import temporary_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

    from energygate.repository.commits import Commit

_SYMBOLIC_LINK = "120000"


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A git repository with a working tree, which nothing here changes.

    Example:
        >>> repository = Repository.find(Path("services/ranking"))
        >>> base = repository.merge_base("origin/main")
        >>> with repository.worktree(base) as checkout:
        ...     print(checkout / repository.prefix / "energygate.yml")

    Attributes:
        root: Top of the working tree, symbolic links resolved.
        prefix: The directory that was asked about, relative to `root`; `.` for the root itself.
        git: Git, running in `root`.
    """

    root: Path
    prefix: PurePosixPath
    git: Git

    @classmethod
    def find(cls, directory: Path, *, run: CommandRunner = run_command) -> Self:
        """Find the repository that a directory is in.

        Args:
            directory: Any directory of the working tree.
            run: Starts git.

        Raises:
            UsageError: When the directory is in no repository, or git refuses to look into it.
        """
        if not directory.is_dir():
            raise UsageError(f"{directory} is not a directory")
        here = Git(directory=directory, run=run)
        finished = here.attempt("rev-parse", "--show-toplevel")
        if finished.returncode != 0:
            raise _not_found(directory, finished.stderr)
        root = Path(os.fsdecode(finished.stdout.removesuffix(b"\n")))
        prefix = PurePosixPath(here.line("rev-parse", "--show-prefix"))
        return cls(root=root, prefix=prefix, git=Git(directory=root, run=run))

    def head(self) -> Commit | None:
        """Return the commit that is checked out; `None` before the first one."""
        return commits.commit_named(self.git, "HEAD")

    def is_dirty(self) -> bool:
        """Tell whether the working tree holds anything that `head` does not."""
        return changes.is_dirty(self.git)

    def merge_base(self, ref: str) -> Commit:
        """Return base: the newest commit that HEAD and `ref` have in common, fetched where it is missing.

        Raises:
            UsageError: When there is none, or it cannot be found out.
        """
        return commits.merge_base(self.git, ref)

    def commit_named(self, ref: str) -> Commit | None:
        """Return the commit that a branch, tag or object name means here; `None` if none."""
        return commits.commit_named(self.git, ref)

    def parents_of(self, sha: str) -> tuple[str, ...]:
        """Return the parents that a commit names, whether or not a shallow clone has them; none when it is not here."""
        return commits.parents_of(self.git, sha)

    def changed_paths(self, commit: Commit) -> list[str]:
        """Return the paths that differ between a commit and the working tree; see `changes.changed_paths`."""
        return changes.changed_paths(self.git, commit.sha)

    def read(self, commit: Commit, path: PurePosixPath) -> bytes | None:
        """Return a file's content at a commit; `None` when there is no file of that name.

        Args:
            commit: The commit.
            path: The file, relative to `root`.

        Raises:
            UsageError: When it is a symbolic link, which is not followed.
        """
        if not path.parts or path.is_absolute() or ".." in path.parts:
            return None
        # Without this a name such as `:(top)x` would be a pattern.
        literally = {"GIT_LITERAL_PATHSPECS": "1"}
        listed = self.git.answer(
            "ls-tree", "-z", "--full-tree", commit.sha, "--", str(path), environment=literally
        )
        if not listed:
            return None
        mode, kind, name = listed.partition(b"\t")[0].decode().split()
        if mode == _SYMBOLIC_LINK:
            raise UsageError(
                f"{path} at {commit} is a symbolic link, which is not followed", hint="Commit the file itself"
            )
        return self.git.answer("cat-file", "blob", name) if kind == "blob" else None

    @contextlib.contextmanager
    def worktree(self, commit: Commit) -> Iterator[Path]:
        """Lend a checkout of a commit, submodules and Git LFS files included, outside of the repository.

        It counts as base's root: `checkout / prefix` is what `root / prefix` is for head. It is gone when the
        block is left, by an error, Ctrl-C or a SIGTERM that raises SystemExit too; what a killed run leaves
        behind goes the next time.

        Raises:
            UsageError: When there is no room for it, or a submodule is missing.
            GitFailed: When git fails, as on a full disk.
        """
        with temporary_directory(beside=self.root) as scratch:
            checkout = scratch / "base"
            checkout.mkdir()
            check_out(self.git, commit.sha, checkout, head=self.root)
            yield checkout


def _not_found(directory: Path, stderr: bytes) -> UsageError:
    said = output_tail(stderr) or ""
    if "dubious ownership" in said or "unsafe repository" in said:
        return UsageError(
            f"git refuses to look into {directory}, which belongs to another user",
            hint=f"If you trust it: git config --global --add safe.directory {directory.resolve()}",
        )
    if "bare repository" in said or "must be run in a work tree" in said:
        return UsageError(
            f"{directory} is inside a git repository, but not in its working tree",
            hint="Run this where the files are checked out",
        )
    if "not a git repository" in said:
        return UsageError(
            f"{directory} is not inside a git repository",
            hint=lambda options: f"Instead, {options.without_git}",
        )
    return UsageError(f"git cannot read the repository of {directory}", detail=said)
