"""Real repositories, and what users and authors of pull requests do with them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - a field's type

from energygate.repository.repository import Repository

GIT = shutil.which("git") or "git"

NASTY_NAMES = [
    "with space.py",
    'with"quote.py',
    "with'quote.py",
    "with\\backslash.py",
    "with\nnewline.py",
    "with\ttab.py",
    "-rf",
    "--upload-pack=touch pwned",
    ":(top)magic",
    "ünï-中.py",
    "*.py",
    os.fsdecode(b"not-utf8-\xff.py"),
]
"""Names of files that a pull request may bring."""


@dataclass(frozen=True, kw_only=True)
class Project:
    """A user's repository, and what users do with it."""

    root: Path

    def git(self, *arguments):
        """Run git as its user would, and return its output."""
        return subprocess.run(
            [GIT, *arguments],
            cwd=self.root,
            check=True,
            capture_output=True,
            text=True,
            errors="surrogateescape",
        ).stdout.strip()

    def write(self, name, content="content\n"):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        return path

    def commit(self, **files):
        """Commit whatever is there, and return the commit's name."""
        for name, content in files.items():
            self.write(name, content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")
        return self.git("rev-parse", "HEAD")

    def grow(self, branch, count):
        """Add empty commits to a branch, fast."""
        message = f"data {len(branch)}\n{branch}\n"
        one = f"commit refs/heads/{branch}\ncommitter A <a@example.org> 1 +0000\n{message}"
        stream = one + f"from refs/heads/{branch}^0\n" + one * (count - 1)
        subprocess.run([GIT, "fast-import", "--quiet"], cwd=self.root, check=True, input=stream.encode())

    def clone(self, place, *options):
        subprocess.run([GIT, "clone", "--quiet", *options, f"file://{self.root}", place], check=True)
        return Project(root=place)

    def find(self, inside="."):
        return Repository.find(self.root / inside)

    def head(self):
        return self.find().head()

    def state(self, *, without=("objects",)):
        """Everything in the checkout and in `.git`, so that nothing can change unnoticed."""
        return {
            path.relative_to(self.root).as_posix(): _fingerprint(path)
            for path in sorted(self.root.rglob("*"))
            if path.relative_to(self.root).parts[:2] not in [(".git", name) for name in without]
        }


def _fingerprint(path):
    status = path.lstat()
    if path.is_symlink():
        return status.st_mode, str(path.readlink())
    if path.is_file():
        return status.st_mode, status.st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest()
    return (status.st_mode,)
