"""The user's git repository: head, base, and the differences between them."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.repository import commits
from energygate.repository.checkout import check_out
from energygate.repository.git import Git, output_tail
from energygate.repository.processes import CommandRunner, run_command
from energygate.repository.temporary_directory import temporary_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

    from energygate.repository.commits import Commit

_GITLINK = b"160000"
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
        prefix: The directory given to `find`, relative to `root`; `.` for the root itself.
        git: Git in `root`.
    """

    root: Path
    prefix: PurePosixPath
    git: Git

    @classmethod
    def find(cls, directory: Path, *, runner: CommandRunner = run_command) -> Self:
        """Find the repository that contains a directory.

        Args:
            directory: Any directory of the working tree.
            runner: Starts git.

        Raises:
            UsageError: When the directory is not in a repository, or git refuses to read it.
        """
        if not directory.is_dir():
            raise UsageError(f"{directory} is not a directory")
        here = Git(directory=directory, runner=runner)
        finished = here.run("rev-parse", "--show-toplevel")
        if finished.returncode != 0:
            raise _not_found(directory, finished.stderr)
        root = Path(os.fsdecode(finished.stdout.removesuffix(b"\n")))
        prefix = PurePosixPath(here.line("rev-parse", "--show-prefix"))
        return cls(root=root, prefix=prefix, git=Git(directory=root, runner=runner))

    def head(self) -> Commit | None:
        """Return the commit that is checked out; `None` before the first one."""
        return commits.commit_named(self.git, "HEAD")

    def merge_base(self, ref: str) -> Commit:
        """Return base: the newest common commit of HEAD and `ref`, fetched if it is missing.

        Raises:
            UsageError: When there is none, or it cannot be determined.
        """
        return commits.merge_base(self.git, ref)

    def commit_named(self, ref: str) -> Commit | None:
        """Return the commit that a branch, tag or object name means here; `None` if none."""
        return commits.commit_named(self.git, ref)

    def parents_of(self, sha: str) -> tuple[str, ...]:
        """Return the parents that a commit names, even those a shallow clone lacks; empty if the commit is missing."""
        return commits.parents_of(self.git, sha)

    def changed_paths(self, commit: Commit) -> list[str]:
        """Return the paths that differ between a commit and the working tree, sorted, relative to `root`.

        Staged or not makes no difference, and a rename counts as two paths. Untracked files count unless they are
        ignored or compiled by Python. A path that ends in `/` is a directory with unknown contents: a submodule or
        another repository. Names that are not UTF-8 contain lone surrogates, as from `os.fsdecode`.

        The user's configured filters run on files whose time stamp has changed, as in `git status`; without them
        every Git LFS file would seem changed.
        """
        with tempfile.TemporaryDirectory(prefix="energygate-index-") as directory:
            # `git diff` rewrites a stale index, even under GIT_OPTIONAL_LOCKS=0.
            index = Path(directory, "index")
            original = self.git.path("index")
            if original.is_file():
                shutil.copyfile(original, index)
                # git compares the content of files as new as its index; a newer copy would hide an edit made just then.
                shutil.copystat(original, index)
            environment = {"GIT_INDEX_FILE": str(index)}
            differing = self.git.output(
                "diff",
                "--raw",
                "-z",
                "--no-abbrev",
                "--no-renames",
                "--no-ext-diff",
                "--no-textconv",
                # A pull request could hide a submodule with `ignore = all` in .gitmodules.
                "--ignore-submodules=none",
                commit.sha,
                "--",
                settings=("diff.autoRefreshIndex=true",),
                environment=environment,
            )
            untracked = self.git.output(
                "ls-files", "--others", "--exclude-standard", "--full-name", "-z", environment=environment
            )
        # Measuring head leaves compiled modules in its checkout; committed ones count like any file.
        others = [name for name in untracked.split(b"\0") if b"__pycache__" not in name.split(b"/")]
        names = {*_raw_diff_names(differing), *others} - {b""}
        return sorted(os.fsdecode(name) for name in names)

    def read(self, commit: Commit, path: PurePosixPath) -> bytes | None:
        """Return the content of a file at a commit; `None` when there is no such file.

        Args:
            commit: The commit.
            path: The file, relative to `root`.

        Raises:
            UsageError: When it is a symbolic link, which is not followed.
        """
        if not path.parts or path.is_absolute() or ".." in path.parts:
            return None
        # Otherwise git would read a name such as `:(top)x` as a pattern.
        literally = {"GIT_LITERAL_PATHSPECS": "1"}
        listed = self.git.output("ls-tree", "-z", "--full-tree", commit.sha, "--", str(path), environment=literally)
        if not listed:
            return None
        mode, kind, name = listed.partition(b"\t")[0].decode().split()
        if mode == _SYMBOLIC_LINK:
            raise UsageError(
                f"{path} at {commit} is a symbolic link, which is not followed", hint="Commit the file itself"
            )
        return self.git.output("cat-file", "blob", name) if kind == "blob" else None

    @contextlib.contextmanager
    def worktree(self, commit: Commit) -> Iterator[Path]:
        """Check out a commit, with its submodules and Git LFS files, outside the repository, and remove it afterwards.

        The result corresponds to `root`: `checkout / prefix` is what `root / prefix` is for head. It is removed on
        an error, Ctrl-C, or a SIGTERM that raises SystemExit; the next run removes what a killed run left behind.

        Raises:
            UsageError: When there is no usable temporary directory, or a submodule is missing.
            GitFailed: When git fails, as on a full disk.
        """
        with temporary_directory(beside=self.root) as scratch:
            checkout = scratch / "base"
            checkout.mkdir()
            check_out(self.git, commit.sha, checkout, head=self.root)
            yield checkout


def _not_found(directory: Path, stderr: bytes) -> UsageError:
    stderr_tail = output_tail(stderr) or ""
    if "dubious ownership" in stderr_tail or "unsafe repository" in stderr_tail:
        return UsageError(
            f"git refuses to look into {directory}, which belongs to another user",
            hint=f"If you trust it: git config --global --add safe.directory {directory.resolve()}",
        )
    if "bare repository" in stderr_tail or "must be run in a work tree" in stderr_tail:
        return UsageError(
            f"{directory} is inside a git repository, but not in its working tree",
            hint="Run this where the files are checked out",
        )
    if "not a git repository" in stderr_tail:
        return UsageError(
            f"{directory} is not inside a git repository",
            hint=lambda options: f"Instead, {options.without_git}",
        )
    return UsageError(f"git cannot read the repository of {directory}", detail=stderr_tail)


def _raw_diff_names(raw: bytes) -> Iterator[bytes]:
    """Yield the names in `git diff --raw -z --no-renames`: `:modes ids status`, NUL, name, NUL."""
    fields = iter(raw.split(b"\0"))
    for entry, name in zip(fields, fields, strict=False):
        before, after = entry.removeprefix(b":").split(b" ")[:2]
        yield name + b"/" if _GITLINK in {before, after} else name
