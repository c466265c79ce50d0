"""The files through which a step talks to the runner."""

from __future__ import annotations

import pytest
from github_simulator.runner.step_files import FileTrouble, StepFiles, read_pairs


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", {}),
        ("a=1\n\nb=2", {"a": "1", "b": "2"}),
        ("a=1\na=2\n", {"a": "2"}),
        ("a=b=c<<d\n", {"a": "b=c<<d"}),
        ("a=\n", {"a": ""}),
        ("a<<END\none\n\ntwo=2\nEND\nb=3\n", {"a": "one\n\ntwo=2", "b": "3"}),
        ("a<<END\nEND\n", {"a": ""}),
        ("a<<END\n END\nEND \nEND\n", {"a": " END\nEND "}),
        ("a<<x=y\nv\nx=y\n", {"a": "v"}),
        ("a=1\r\nb<<E\r\nx\r\nE\r\n", {"a": "1", "b": "x"}),
        ("a b=ü\n", {"a b": "ü"}),
    ],
)
def test_values_are_lines_or_between_delimiters(text, pairs):
    assert read_pairs(text) == pairs


@pytest.mark.parametrize(
    "text", ["plain\n", "=1\n", "<<END\nx\nEND\n", "a<<\nx\n", "a<<END\nx\n", "a<<END\nx\nEND b\n"]
)
def test_files_that_the_runner_refuses_are_refused(text):
    with pytest.raises(FileTrouble):
        read_pairs(text)


def test_paths_are_lines(tmp_path):
    files = StepFiles.made(tmp_path / "files")
    files.path("GITHUB_PATH").write_text("/a\n\n/b")
    assert files.paths() == ["/a", "/b"]


def test_node_options_are_refused(tmp_path):
    files = StepFiles.made(tmp_path / "files")
    files.path("GITHUB_ENV").write_text("Node_Options=--require evil\n")
    with pytest.raises(FileTrouble, match="NODE_OPTIONS"):
        files.exported()


@pytest.mark.parametrize(("size", "taken"), [(1024 * 1024, True), (1024 * 1024 + 1, False)])
def test_a_summary_is_accepted_whole_or_dropped(tmp_path, size, taken):
    files = StepFiles.made(tmp_path / "files")
    files.path("GITHUB_STEP_SUMMARY").write_text("x" * size)
    if taken:
        assert len(files.summary()) == size
    else:
        with pytest.raises(FileTrouble, match="1024k"):
            files.summary()
