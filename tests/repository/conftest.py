"""Repositories in temporary directories, made by the real git and configured by nothing else."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from user_projects import Project

ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "3",
    "GIT_CONFIG_KEY_0": "init.defaultBranch",
    "GIT_CONFIG_VALUE_0": "main",
    "GIT_CONFIG_KEY_1": "protocol.file.allow",
    "GIT_CONFIG_VALUE_1": "always",
    "GIT_CONFIG_KEY_2": "core.fsync",
    "GIT_CONFIG_VALUE_2": "none",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
}


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
def unprivileged(tmp_path):
    """Lend a directory, and the test the rights of an ordinary user: to root nothing is read-only."""
    if os.getuid() != 0:
        yield tmp_path
        return
    nobody = 65534
    # Not in pytest's directories, which are closed to other users.
    place = Path(tempfile.mkdtemp(dir="/var/tmp"))
    os.chown(place, nobody, nobody)
    os.seteuid(nobody)
    try:
        yield place
    finally:
        os.seteuid(0)
        shutil.rmtree(place)


@pytest.fixture
def make(tmp_path):
    """Make an empty repository of a given name."""

    def make(name="project"):
        root = tmp_path / name
        root.mkdir()
        project = Project(root=root)
        project.git("init", "--quiet", "--template=")
        return project

    return make


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """What `project` is a copy of: to build it takes ten processes."""
    template = Project(root=tmp_path_factory.mktemp("template") / "project")
    template.root.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        template.git("init", "--quiet", "--template=")
        template.commit(**{"README": "read me\n", "src/model.py": "base\n"})
        template.git("switch", "--quiet", "--create", "work")
        template.commit(**{"src/model.py": "head\n"})
    return template.root


@pytest.fixture
def project(tmp_path, template):
    """A repository with one commit on main and a branch `work` with one more, checked out."""
    project = Project(root=tmp_path / "project")
    shutil.copytree(template, project.root, symlinks=True)
    project.git("update-index", "--refresh")  # these are other files than those that it was built of
    return project
