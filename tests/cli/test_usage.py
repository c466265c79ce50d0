"""Invalid options and names: exit code 2, and what is valid."""

from __future__ import annotations

import pytest


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
def test_a_mistake_is_refused_with_what_is_valid(spinning, in_process, arguments, words):
    ran = in_process(*arguments, cwd=spinning)
    assert (ran.code, ran.out) == (2, "")
    assert [word for word in words if word not in ran.err] == [], ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "arguments",
    [(), ("--help",), ("check", "-h"), ("init", "-h"), ("demo", "-h"), ("doctor", "-h"), ("schema", "-h")],
)
def test_help_is_formatted_text(tmp_path, in_process, arguments):
    said = in_process(*arguments, cwd=tmp_path).said
    assert said.startswith("Usage: energygate")
    assert "\\b" not in said
    assert "\b" not in said
    assert "..." not in said.partition("Options:")[2]


def test_help_lists_exit_codes_one_a_line(tmp_path, in_process):
    lines = in_process("check", "--help", cwd=tmp_path).out.splitlines()
    assert [line[:6] for line in lines if line[4:5].isdigit()] == [f"    {code} " for code in range(5)]


def test_the_version_is_one_line(tmp_path, in_process):
    ran = in_process("--version", cwd=tmp_path)
    assert ran.code == 0
    assert ran.out.startswith("energygate ")
    assert ran.out.count("\n") == 1
