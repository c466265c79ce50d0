"""The files of a step, outputs and summary, read back as the runner reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.errors import UsageError
from energygate.forge.github.api_errors import GitHubError
from energygate.forge.github.step_files import (
    output_text,
    write_outputs,
    write_summary,
)
from energygate.report.safe_markdown import MAX_SUMMARY_BYTES


def as_the_runner_reads(text):
    """Read a file of outputs by the runner's rules: a name and a word, and lines until that word alone."""
    lines, outputs = text.split("\n"), {}
    while lines and lines != [""]:
        name, word = lines.pop(0).split("<<", 1)
        end = lines.index(word)
        outputs[name] = "\n".join(lines[:end])
        lines = lines[end + 1 :]
    return outputs


@pytest.fixture
def environ(tmp_path):
    return {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}


def read(environ, name):
    with open(environ[name], encoding="utf-8", newline="") as file:  # noqa: PTH123 - line ends as they are
        return file.read()


@given(st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,20}", fullmatch=True), st.text(), max_size=4))
def test_outputs_are_read_as_they_were_meant(outputs):
    assert as_the_runner_reads("".join(output_text(name, value) for name, value in outputs.items())) == outputs


def test_a_value_cannot_define_another_output(environ):
    forged = "pass\nENERGYGATE\nverdict=pass\nverdict<<X\npass\nX"
    write_outputs(environ, {"verdict": "fail", "detail": forged})
    assert as_the_runner_reads(read(environ, "GITHUB_OUTPUT")) == {"verdict": "fail", "detail": forged}


def test_a_value_that_contains_the_delimiter_is_refused():
    with pytest.raises(UsageError, match="detail"):
        output_text("detail", "a\nenergygate_known\nverdict<<x", token=lambda _: "known")


def test_the_delimiter_is_random():
    assert len({output_text("a", "b") for _ in range(20)}) == 20


def test_outputs_are_appended(environ):
    write_outputs(environ, {"a": "1"})
    write_outputs(environ, {"b": "é\n2", "c": ""})
    text = read(environ, "GITHUB_OUTPUT")
    assert as_the_runner_reads(text) == {"a": "1", "b": "é\n2", "c": ""}
    assert '"' not in text


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a\nb", "1a", "a<<b", "é"])
def test_an_invalid_name_writes_nothing(environ, name):
    with pytest.raises(UsageError, match="name"):
        write_outputs(environ, {"verdict": "pass", name: "x"})
    with pytest.raises(FileNotFoundError):
        read(environ, "GITHUB_OUTPUT")


def test_the_summary_is_appended(environ):
    write_summary(environ, "# one")
    write_summary(environ, "# two ❌\n")
    assert read(environ, "GITHUB_STEP_SUMMARY") == "# one\n# two ❌\n"


def test_a_summary_too_long_for_github_is_refused(environ):
    write_summary(environ, "é" * (MAX_SUMMARY_BYTES // 2 - 1) + "a")
    assert len(read(environ, "GITHUB_STEP_SUMMARY").encode()) == MAX_SUMMARY_BYTES
    with pytest.raises(GitHubError, match="1,048,576 bytes"):
        write_summary(environ, "")
    assert len(read(environ, "GITHUB_STEP_SUMMARY").encode()) == MAX_SUMMARY_BYTES


@pytest.mark.parametrize(
    ("write", "variable"),
    [
        (lambda environ: write_outputs(environ, {"a": "b"}), "GITHUB_OUTPUT"),
        (lambda environ: write_summary(environ, "x"), "GITHUB_STEP_SUMMARY"),
    ],
)
def test_outside_of_a_step_it_is_an_error(tmp_path, write, variable):
    with pytest.raises(UsageError) as caught:
        write({})
    assert caught.value.where == variable
    with pytest.raises(GitHubError) as refused:
        write({variable: str(tmp_path)})
    assert refused.value.where == variable
