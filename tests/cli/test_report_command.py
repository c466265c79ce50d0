"""`energygate report` shows a result again; its exit code is not a verdict."""

from __future__ import annotations

import subprocess

import pytest
from builders import failed_workload_result, judged, result
from commands import COMMAND, energygate, environment

from energygate.gate import Verdict
from energygate.report.markdown import comment, summary

ALL = result(judged(Verdict.FAIL, name="slow"), judged(Verdict.PASS, name="quick"))


@pytest.fixture
def saved(tmp_path):
    def save(found):
        (tmp_path / "result.json").write_text(found.to_json(), encoding="utf-8")
        return tmp_path

    return save


@pytest.mark.parametrize("verdict", Verdict)
def test_it_exits_with_0_whatever_the_verdict(saved, in_process, verdict):
    one = failed_workload_result() if verdict is Verdict.ERROR else judged(verdict)
    ran = in_process("report", "result.json", cwd=saved(result(one)))
    assert (ran.code, ran.err) == (0, "")
    assert verdict.value.upper() in ran.out.splitlines()[0]


def test_on_the_terminal_it_prints_what_check_printed(checked, spinning):
    said = checked("--policy", "site.yml", "--json", "site.json").out.splitlines()
    again = energygate("report", "site.json", cwd=spinning)
    assert again.code == 0
    (last,) = [line for line in said if line.startswith("Details: ")]
    assert again.out.splitlines() == [
        line.removeprefix("Details: site.json").lstrip() if line == last else line for line in said
    ]


def test_markdown_is_the_comment_and_summary_is_the_job_summary(saved, in_process):
    found = ALL.model_copy(update={"site": ALL.site.model_copy(update={"requests_per_day": 2e6})})
    root = saved(found)
    url = "https://ci.example.org/jobs/7"
    ran = in_process("report", "result.json", "--format", "markdown", "--run-url", url, cwd=root)
    assert (ran.code, ran.out) == (0, comment(found, run_url=url))
    assert url in ran.out
    ran = in_process("report", "result.json", "--format", "summary", cwd=root)
    assert (ran.code, ran.out) == (0, summary(found))


def test_without_a_run_url_nothing_is_linked(saved, in_process):
    ran = in_process("report", "result.json", "--format", "markdown", cwd=saved(ALL))
    assert "](" not in ran.out
    assert ran.out.startswith("### ")


def test_markdown_in_a_file_is_utf_8_whatever_the_terminals_encoding(saved):
    ran = energygate("report", "result.json", "--format", "markdown", cwd=saved(ALL), PYTHONIOENCODING="cp1252")
    assert (ran.code, ran.out) == (0, comment(ALL, run_url=None))
    assert not ran.out.isascii()


def test_a_result_may_come_from_another_command(saved):
    content = (saved(ALL) / "result.json").read_bytes()
    done = subprocess.run([*COMMAND, "report", "-"], input=content, env=environment(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().startswith("✗ FAIL  slow")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "result.json: cannot read the result: No such file or directory"),
        ("{", "result.json: this is not a readable result: it is not JSON"),
        ("", "result.json: this is not a readable result: it is not JSON"),
        (
            ALL.to_json().replace('"fail"', '"pass"', 1),
            "result.json: this is not a readable result: its verdict, pass",
        ),
    ],
)
@pytest.mark.parametrize("form", ["console", "markdown"])
def test_an_invalid_result_is_refused_in_one_sentence(tmp_path, in_process, content, why, form):
    if content is not None:
        (tmp_path / "result.json").write_text(content, encoding="utf-8")
    ran = in_process("report", "result.json", "--format", form, cwd=tmp_path)
    assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
    assert ran.err.startswith(f"energygate: {why}")
