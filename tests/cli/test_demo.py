"""`demo`: the whole story in under a minute, on a machine that has nothing but Python."""

from __future__ import annotations

import pytest
from commands import energygate


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The only run of the demo, on a machine that is not configured for git, and what it left behind."""
    home = tmp_path_factory.mktemp("demo")
    scratch = tmp_path_factory.mktemp("scratch")
    ran = energygate(
        "demo", cwd=home, timeout_s=180, HOME=str(home), TMPDIR=str(scratch), GIT_CONFIG_NOSYSTEM="1"
    )
    return ran, [path for path in (*scratch.iterdir(), *home.iterdir()) if path.suffix != ".lock"]


def test_it_comes_out_as_told_and_takes_less_than_a_minute(shown):
    ran, _ = shown
    assert (ran.code, ran.err) == (0, ""), ran.said
    assert ran.seconds < 60


def test_it_shows_a_pass_and_a_failure_and_says_what_comes_next(shown):
    lines = shown[0].out.splitlines()
    assert any(line.startswith("✗ FAIL") for line in lines)
    assert any(line.strip().startswith("✓") for line in lines)
    assert any("It exits with 1" in line for line in lines)
    assert "energygate init" in lines[-1]


def test_it_leaves_nothing_behind(shown):
    assert shown[1] == []
