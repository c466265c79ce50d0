"""`result.json` is written whole or not at all, and no temporary file is left."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from builders import judged, result
from commands import GENEROUS_S

from energygate.cli.results import write_result
from energygate.gate import Verdict

RESULT = result(judged(Verdict.FAIL))


def test_the_file_is_the_result_with_permissions_by_umask(tmp_path):
    before = os.umask(0o022)
    try:
        path = tmp_path / "result.json"
        assert write_result(RESULT, str(path)) == str(path)
    finally:
        os.umask(before)
    assert path.read_text("utf-8") == RESULT.to_json()
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_never_sees_half_a_file(tmp_path):
    path = tmp_path / "result.json"
    long = result(*(judged(Verdict.PASS, name=f"workload {number}") for number in range(300)))
    write_result(long, str(path))
    seen, done, begun = set(), threading.Event(), threading.Event()

    def read():
        while not done.is_set():
            seen.add(path.read_text("utf-8"))
            begun.set()

    reader = threading.Thread(target=read)
    reader.start()
    begun.wait(GENEROUS_S)
    for _ in range(60):
        write_result(long, str(path))
    done.set()
    reader.join()
    assert seen == {long.to_json()}


def test_a_symbolic_link_stays_a_link(tmp_path):
    (tmp_path / "real.json").write_text("old", encoding="utf-8")
    (tmp_path / "link.json").symlink_to("real.json")
    write_result(RESULT, str(tmp_path / "link.json"))
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_text("utf-8"))["verdict"] == "fail"


def test_missing_directories_are_created(tmp_path):
    path = tmp_path / "legs" / "1" / "result.json"
    assert write_result(RESULT, str(path)) == str(path)
    assert path.read_text("utf-8") == RESULT.to_json()


@pytest.mark.parametrize("place", ["file/result.json", "file/on/result.json", "directory", "/proc/result.json"])
def test_an_unwritable_file_is_one_warning_and_leaves_nothing_behind(tmp_path, place, capsys):
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "directory").mkdir()
    before = sorted(tmp_path.rglob("*"))
    path = str(Path(tmp_path, place))
    assert write_result(RESULT, path) is None
    said = capsys.readouterr().err
    assert said.startswith(f"energygate: cannot write the result to {path}: ")
    assert said.endswith("; the verdict stands\n")
    assert said.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_an_interruption_during_the_replacement_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    path.write_text("old", encoding="utf-8")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_result(RESULT, str(path))
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text("utf-8") == "old"
