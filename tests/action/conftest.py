"""A job to report from: its variables and files, a simulated GitHub, and its log."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
import requests

from energygate.forge.github.client import GitHubClient


@pytest.fixture
def environ(tmp_path):
    files = {name: tmp_path / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.touch()
    return {
        **{name: str(path) for name, path in files.items()},
        "GITHUB_SERVER_URL": "https://github.example.org",
        "GITHUB_REPOSITORY": "octo/shop",
        "RUNNER_TEMP": str(tmp_path),
    }


@pytest.fixture
def handed_on(environ):
    """Reads what the step has handed on: its outputs by name."""

    def read():
        text = Path(environ["GITHUB_OUTPUT"]).read_text("utf-8")
        found = re.findall(r"^(\S+)<<(\S+)\n(.*?)\n\2$", text, re.MULTILINE | re.DOTALL)
        return {name: value for name, _, value in found}

    return read


@pytest.fixture
def log():
    return io.StringIO()


@pytest.fixture
def client_with(github):
    """Makes clients with a token of these rights, that do not wait."""
    sessions = []

    def make(**rights):
        sessions.append(requests.Session())
        named = {name.replace("_", "-"): right for name, right in rights.items()}
        token = github.token(rights=named, repositories=["octo/shop"])
        return GitHubClient(session=sessions[-1], api_url=github.api_url, token=token, sleep=lambda _: None)

    yield make
    for session in sessions:
        session.close()
