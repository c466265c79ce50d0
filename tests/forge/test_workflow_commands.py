"""Workflow commands in a step's log, read back as the runner reads them."""

from __future__ import annotations

import io
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.forge.github.workflow_commands import (
    MAX_ANNOTATIONS,
    Annotation,
    Level,
    annotation_lines,
    commands_stopped,
)


def as_the_runner_reads(line):
    """Read one line by the runner's rules: level, properties and message, each unescaped."""
    found = re.fullmatch(r"::(?P<level>[a-z-]+)(?: (?P<properties>[^\r\n]*?))?::(?P<message>[^\r\n]*)", line)
    properties = dict(one.split("=", 1) for one in (found["properties"] or "").split(",") if one)

    def plain(text):
        for mark, meant in {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}.items():
            text = text.replace(mark, meant)
        return text

    return found["level"], {key: plain(value) for key, value in properties.items()}, plain(found["message"])


def commands_heeded(log):
    """Return the commands that a runner heeds in a log: none between stop-commands and its word."""
    heeded, stopped = [], None
    for line in log.splitlines():
        if stopped is not None:
            stopped = None if line.strip() == f"::{stopped}::" else stopped
        elif line.startswith("::stop-commands::"):
            stopped = line.removeprefix("::stop-commands::")
        elif line.startswith("::"):
            heeded.append(line)
    return heeded


@pytest.mark.parametrize(
    ("annotation", "line"),
    [
        (Annotation(level=Level.ERROR, message="too much"), "::error::too much"),
        (
            Annotation(level=Level.WARNING, message="a\nb", file="m/a.onnx", line=3, title="x: y, z"),
            "::warning file=m/a.onnx,line=3,title=x%3A y%2C z::a%0Ab",
        ),
        (
            Annotation(level=Level.NOTICE, message="+5 %: a, b\r\n::error::x"),
            "::notice::+5 %25: a, b%0D%0A::error::x",
        ),
        (Annotation(level=Level.ERROR, message="%0A"), "::error::%250A"),
    ],
)
def test_how_an_annotation_is_written(annotation, line):
    assert str(annotation) == line


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"))


@given(st.sampled_from(Level), TEXT, TEXT, TEXT.filter(bool), st.integers(1, 9999))
def test_any_annotation_is_one_line_that_the_runner_reads_back(level, message, title, file, line):
    written = str(Annotation(level=level, message=message, title=title, file=file, line=line))
    assert len(written.splitlines()) == 1
    expected = {"file": file, "line": str(line), "title": title}
    assert as_the_runner_reads(written) == (level.value, expected, message)


def test_omitted_annotations_are_counted():
    many = [Annotation(level=Level.ERROR, message=str(number)) for number in range(MAX_ANNOTATIONS + 5)]
    few = [Annotation(level=Level.WARNING, message=str(number)) for number in range(MAX_ANNOTATIONS)]
    lines = annotation_lines([*few, *many])
    assert lines[: MAX_ANNOTATIONS - 1] == [f"::error::{number}" for number in range(MAX_ANNOTATIONS - 1)]
    assert lines[MAX_ANNOTATIONS - 1].startswith("::error::6 more")
    assert lines[MAX_ANNOTATIONS:] == [str(one) for one in few]


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_output_of_a_child_is_not_interpreted_and_later_commands_are(ending):
    log = io.StringIO()
    log.write("half a line")
    with commands_stopped(log):
        log.write(f"::error::forged\n::add-mask::a\n::stop-commands::x\n::x::\n::error::forged again{ending}")
    log.write("::notice::ours\n")
    assert commands_heeded(log.getvalue()) == ["::notice::ours"]


def test_output_of_a_real_child_lies_between_stop_and_resume(tmp_path):
    path = tmp_path / "log"
    with path.open("w", encoding="utf-8") as log:
        log.write("::notice::before\n")
        with commands_stopped(log):
            subprocess.run([sys.executable, "-c", "print('::error::forged', end='')"], stdout=log, check=True)
        log.write("::notice::after\n")
    assert commands_heeded(path.read_text("utf-8")) == ["::notice::before", "::notice::after"]


def test_commands_are_resumed_after_an_exception():
    log = io.StringIO()

    def trouble():
        with commands_stopped(log):
            log.write("::error::forged\n")
            raise KeyError

    with pytest.raises(KeyError):
        trouble()
    log.write("::error::ours\n")
    assert commands_heeded(log.getvalue()) == ["::error::ours"]


def test_the_delimiter_is_random():
    words = set()
    for _ in range(20):
        log = io.StringIO()
        with commands_stopped(log):
            pass
        (word,) = re.findall(r"::stop-commands::([0-9a-f]{32})\n", log.getvalue())
        words.add(word)
    assert len(words) == 20
