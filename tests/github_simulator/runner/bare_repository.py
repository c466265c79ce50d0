"""A bare git repository that tests commit to, without a working tree."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_BEGINNING = 1_767_225_600
"""The first commit's time, 2026-01-01; later ones are a minute later each."""


class Link(str):
    """Where a symbolic link leads, in place of a file's content."""

    __slots__ = ()


@dataclass(kw_only=True)
class BareRepository:
    """A bare repository, as GitHub keeps them: any commit in it can be fetched by its name.

    Attributes:
        trees: The files of commits that were asked for or made here.
        lineage: The parents of these.
    """

    path: Path
    commits_made: int = 0
    trees: dict[str, dict[str, bytes]] = field(default_factory=dict)
    lineage: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def made(cls, path: Path) -> BareRepository:
        """Make an empty one."""
        # What `git init --bare` makes, without its samples and in no time.
        for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
            (path / folder).mkdir(parents=True)
        (path / "HEAD").write_text("ref: refs/heads/main\n", "ascii")
        (path / "config").write_text(_CONFIG, "ascii")
        return cls(path=path)

    def forked(self, path: Path) -> BareRepository:
        """Make a fork: the same commits and branches."""
        fork = BareRepository.made(path)
        fork.git("fetch", "--quiet", self.path.as_uri(), "refs/heads/*:refs/heads/*")
        fork.commits_made = self.commits_made + 1000
        fork.trees, fork.lineage = dict(self.trees), dict(self.lineage)
        return fork

    def git(self, *arguments: str, stdin: bytes | None = None) -> str:
        """Run git here; what it said, without the last line end."""
        return self._run(*arguments, stdin=stdin).decode().removesuffix("\n")

    def commit(
        self,
        files: Mapping[str, str | bytes | None],
        *,
        branch: str,
        message: str = "Change",
        author: str = "alice",
    ) -> str:
        """Commit on a branch, made if there is none; `None` for content deletes, a `Link` leads elsewhere."""
        before = self.sha(f"refs/heads/{branch}")
        self.commits_made += 1
        person = f"{author} <{author}@example.com> {_BEGINNING + 60 * self.commits_made} +0000"
        stream = [f"commit refs/heads/{branch}\ncommitter {person}\n".encode(), _data(_bytes(message))]
        if before is not None:
            stream.append(f"from {before}\n".encode())
        tree = {} if before is None else dict(self.files(before))
        for path, content in files.items():
            if content is None:
                stream.append(f"D {path}\n".encode())
                tree = {name: one for name, one in tree.items() if name != path and not name.startswith(f"{path}/")}
            else:
                mode, tree[path] = "120000" if isinstance(content, Link) else "100644", _bytes(content)
                stream += [f"M {mode} inline {path}\n".encode(), _data(tree[path])]
        self.git("fast-import", "--quiet", stdin=b"".join(stream))
        made = self.resolve(f"refs/heads/{branch}")
        self.trees[made], self.lineage[made] = tree, [] if before is None else [before]
        return made

    def merge(self, base: str, head: str, *, reference: str) -> str:
        """Merge two commits without a conflict into one with both as parents, base first; point a ref at it.

        Raises:
            RuntimeError: When they conflict: then GitHub makes no merge and starts no run.
        """
        tree = self.git("merge-tree", "--write-tree", base, head).splitlines()[0]
        message = f"Merge {head} into {base}"
        made = self.git("commit-tree", tree, "-p", base, "-p", head, "-m", message)
        self.point(reference, made)
        self.lineage[made] = [base, head]
        return made

    def point(self, reference: str, commit: str) -> None:
        """Set a ref."""
        file = self.path / reference
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{commit}\n", "ascii")

    def sha(self, reference: str) -> str | None:
        """Return the commit that a ref such as `refs/heads/main` is at; `None` when there is none."""
        # Nothing here ever packs refs.
        file = self.path / reference
        return file.read_text("ascii").strip() if file.is_file() else None

    def branches(self) -> dict[str, str]:
        """Return the commit that each branch is at."""
        heads = self.path / "refs" / "heads"
        return {
            file.relative_to(heads).as_posix(): file.read_text("ascii").strip()
            for file in heads.rglob("*")
            if file.is_file()
        }

    def resolve(self, reference: str) -> str:
        """Return the commit that a ref is at.

        Raises:
            KeyError: When there is no such ref.
        """
        found = self.sha(reference)
        if found is None:
            raise KeyError(reference)
        return found

    def files(self, commit: str) -> dict[str, bytes]:
        """Return all files of a commit."""
        if commit not in self.trees:
            names = [name for name in self.git("ls-tree", "-r", "-z", "--name-only", commit).split("\0") if name]
            asked = "".join(f"{commit}:{name}\n" for name in names).encode()
            self.trees[commit] = dict(zip(names, _blobs(self._run("cat-file", "--batch", stdin=asked)), strict=True))
        return self.trees[commit]

    def parents(self, commit: str) -> list[str]:
        """Return a commit's parents."""
        if commit not in self.lineage:
            self.lineage[commit] = self.git("rev-list", "--parents", "--max-count=1", commit).split()[1:]
        return self.lineage[commit]

    def changed(self, base: str, head: str) -> tuple[str, ...]:
        """Return the paths that differ between two commits."""
        old, new = self.files(base), self.files(head)
        return tuple(sorted(path for path in {*old, *new} if old.get(path) != new.get(path)))

    def _run(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env=self._environment(),
            input=stdin,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"git {' '.join(arguments)}: {done.stdout.decode()}{done.stderr.decode()}")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        time = f"{_BEGINNING + 60 * self.commits_made} +0000"
        person = {"NAME": "GitHub", "EMAIL": "noreply@github.com", "DATE": time}
        named = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in person.items()}
        quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        return {"PATH": os.environ["PATH"], "HOME": str(self.path), **named, **quiet}


_CONFIG = """\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
[http]
\treceivepack = true
[uploadpack]
\tallowAnySHA1InWant = true
"""


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _data(content: bytes) -> bytes:
    return f"data {len(content)}\n".encode() + content + b"\n"


def _blobs(batch: bytes) -> list[bytes]:
    """Read what `git cat-file --batch` says: a line that ends in the size, then so many bytes and a line end."""
    found, at = [], 0
    while at < len(batch):
        end = batch.index(b"\n", at)
        size = int(batch[at:end].rpartition(b" ")[2])
        found.append(batch[end + 1 : end + 1 + size])
        at = end + size + 2
    return found
