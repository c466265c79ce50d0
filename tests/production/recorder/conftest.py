"""Recorders of a test find only each other: one that an earlier test killed would count for some seconds."""

from __future__ import annotations

import tempfile

import pytest


@pytest.fixture(autouse=True)
def own_machine(tmp_path_factory, monkeypatch):
    directory = str(tmp_path_factory.mktemp("machine"))
    monkeypatch.setenv("TMPDIR", directory)
    monkeypatch.setattr(tempfile, "tempdir", None)
