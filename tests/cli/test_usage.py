"""Options and names that cannot be: exit code 2, and a word on what would have been right."""

from __future__ import annotations

import pytest
from commands import energygate


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("chek",), ("chek", "check")),
        (("check", "--polcy", "x"), ("--polcy", "--policy")),
        (("check", "--json"), ("--json",)),
        (("check", "keept"), ("energygate.yml", "'keept'", "Did you mean 'kept'?")),
        (("check", "zzz"), ("energygate.yml", "'zzz'", "'kept'", "'tight'")),
        (("check", "--time-limit", "5"), ("--time-limit", "unit")),
        (("check", "--time-limit", "5 Wh"), ("--time-limit", "time")),
        (("check", "--time-limit", "0 s"), ("--time-limit", "more than 0 s")),
        (("check", "--time-limit", "-1 s"), ("--time-limit", "-1 s")),
        (("check", "--time-limit", "nan s"), ("--time-limit", "finite")),
        (("check", "--time-limit", ""), ("--time-limit", "no value")),
        (("check", "--total-time-limit", "9 s"), ("--total-time-limit", "--base-dir")),
        (("check", "--base-python", "python3"), ("--base-python", "--base-dir")),
        (("check", "--base", "main", "--base-dir", "."), ("--base and --base-dir", "exclude")),
        (("init", "--time-limit", "soon", "--force"), ("--time-limit", "soon")),
        (("schema", "polcy"), ("polcy", "policy", "result")),
    ],
)
def test_what_cannot_be_is_refused_with_what_could(spinning, arguments, words):
    ran = energygate(*arguments, cwd=spinning)
    assert (ran.code, ran.out) == (2, "")
    assert [word for word in words if word not in ran.err] == [], ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "arguments",
    [(), ("--help",), ("check", "-h"), ("init", "-h"), ("demo", "-h"), ("doctor", "-h"), ("schema", "-h")],
)
def test_help_is_text_as_it_was_meant(tmp_path, arguments):
    said = energygate(*arguments, cwd=tmp_path).said
    assert said.startswith("Usage: energygate")
    assert "\\b" not in said
    assert "\b" not in said
    assert "..." not in said.partition("Options:")[2]


def test_help_lists_exit_codes_one_a_line(tmp_path):
    lines = energygate("check", "--help", cwd=tmp_path).out.splitlines()
    assert [line[:6] for line in lines if line[4:5].isdigit()] == [f"    {code} " for code in range(5)]


def test_the_version_is_one_line(tmp_path):
    ran = energygate("--version", cwd=tmp_path)
    assert ran.code == 0
    assert ran.out.startswith("energygate ")
    assert ran.out.count("\n") == 1
