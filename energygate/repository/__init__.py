"""Base beside head: finding a revision, lending a checkout of it, and telling what differs. No energy here."""

from __future__ import annotations

from energygate.repository.directories import directories_differ
from energygate.repository.git import GitFailed
from energygate.repository.globs import matching
from energygate.repository.history import Commit
from energygate.repository.lfs import lfs_pointer
from energygate.repository.preparation import run_setup
from energygate.repository.repository import Repository

__all__ = [
    "Commit",
    "GitFailed",
    "Repository",
    "directories_differ",
    "lfs_pointer",
    "matching",
    "run_setup",
]
