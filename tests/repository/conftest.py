"""Real repositories in temporary directories, made by the real git and configured by nothing else."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from energygate.repository import Repository

ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": "init.defaultBranch",
    "GIT_CONFIG_VALUE_0": "main",
    "GIT_CONFIG_KEY_1": "protocol.file.allow",
    "GIT_CONFIG_VALUE_1": "always",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
}

@dataclass(frozen=True, kw_only=True)
class Project:
    """A user's repository, and what users do with it."""

    root: Path

    def git(self, *arguments):
        """Run git as its user would, and return what it says."""
        return subprocess.run(
            ["git", *arguments], cwd=self.root, check=True, capture_output=True, text=True, errors="surrogateescape"
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
        one = f"commit refs/heads/{branch}\ncommitter A <a@example.org> 1 +0000\ndata 1\nx\n"
        stream = one + f"from refs/heads/{branch}^0\n" + one * (count - 1)
        subprocess.run(["git", "fast-import", "--quiet"], cwd=self.root, check=True, input=stream.encode())

    def clone(self, place, *options):
        subprocess.run(["git", "clone", "--quiet", *options, f"file://{self.root}", place], check=True)
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


@pytest.fixture(autouse=True)
def temporary(monkeypatch, tmp_path_factory):
    """Give git a known configuration, and energygate a directory for temporary files of this test's own."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    directory = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(directory))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.delenv("RUNNER_TEMP", raising=False)
    return directory


@pytest.fixture
def make(tmp_path):
    """Make an empty repository of a given name."""

    def make(name="project"):
        root = tmp_path / name
        root.mkdir()
        project = Project(root=root)
        project.git("init", "--quiet")
        return project

    return make


@pytest.fixture
def project(make):
    """A repository with one commit on main and a branch `work` with one more, checked out."""
    project = make()
    project.write("src/model.py", "base\n")
    project.commit(README="read me\n")
    project.git("switch", "--quiet", "--create", "work")
    project.write("src/model.py", "head\n")
    project.commit()
    return project
