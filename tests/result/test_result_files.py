"""Finding and reading the results of jobs: all of them, nothing else, within bounds."""

from __future__ import annotations

import os

import pytest
from builders import judged, result

from energygate.errors import MeasurementError
from energygate.gate import Verdict
from energygate.result.files import MAX_JOBS, read_result_file, read_results
from energygate.result.reading import MAX_BYTES


def text(name="w", notes=()):
    return result(judged(Verdict.PASS, name=name), notes=notes).to_json()


@pytest.fixture
def artifacts(tmp_path):
    """Write results as artifacts are downloaded: one directory for each."""

    def make(*names):
        for name in names:
            place = tmp_path / f"energygate-leg-{name}"
            place.mkdir()
            (place / "result.json").write_text(text(name), encoding="utf-8")
        return tmp_path

    return make


def names_of(legs):
    return [leg.result.workloads[0].name for leg in legs]


def test_results_in_subdirectories_are_found(artifacts):
    root = artifacts("b", "a", "c")
    (root / "energygate-leg-a" / "other.json").write_text("{}", encoding="utf-8")
    legs = read_results([str(root)])
    assert names_of(legs) == ["a", "b", "c"]
    assert legs[0].name == str(root / "energygate-leg-a" / "result.json")


def test_files_and_directories_come_in_the_order_they_are_named(artifacts, tmp_path):
    root = artifacts("a", "b")
    first = tmp_path / "anything.txt"
    first.write_text(text("first"), encoding="utf-8")
    assert names_of(read_results([str(first), str(root / "energygate-leg-b"), str(root)])) == [
        "first",
        "b",
        "a",
    ]


def test_links_in_a_directory_are_not_followed(artifacts, tmp_path_factory):
    """An artifact may contain links to any file of the machine that downloads it."""
    root, outside = artifacts("a"), tmp_path_factory.mktemp("outside")
    (outside / "result.json").write_text(text("stolen"), encoding="utf-8")
    (root / "linked").symlink_to(outside, target_is_directory=True)
    (root / "file").mkdir()
    (root / "file" / "result.json").symlink_to(outside / "result.json")
    assert names_of(read_results([str(root)])) == ["a"]


def test_pipes_and_directories_are_not_read(artifacts):
    root = artifacts("a")
    (root / "pipe").mkdir()
    os.mkfifo(root / "pipe" / "result.json")
    (root / "directory" / "result.json").mkdir(parents=True)
    assert names_of(read_results([str(root)])) == ["a"]


def test_no_results_is_an_error(tmp_path):
    with pytest.raises(MeasurementError, match=r"there is no result\.json below .*All jobs failed"):
        read_results([str(tmp_path)])


def test_more_results_than_possible_jobs_are_not_read(tmp_path):
    for number in range(MAX_JOBS + 1):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "result.json").write_text("no result", encoding="utf-8")
    with pytest.raises(MeasurementError, match="there are 257 results, but a matrix has at most 256 jobs"):
        read_results([str(tmp_path)])


def test_results_that_are_too_large_together_are_refused(tmp_path):
    # Spaces at the end are JSON too: each file is within its own limit.
    content = text().encode().ljust(MAX_BYTES)
    for number in range(3):
        (tmp_path / f"{number}.json").write_bytes(content)
    with pytest.raises(MeasurementError, match="over 40 MB in total"):
        read_results([str(tmp_path / f"{number}.json") for number in range(3)])


def test_a_broken_result_is_named(artifacts):
    root = artifacts("a", "b")
    (root / "energygate-leg-b" / "result.json").write_text("{", encoding="utf-8")
    with pytest.raises(MeasurementError, match=r"energygate-leg-b/result\.json: this is not a readable result"):
        read_results([str(root / "energygate-leg-a"), str(root / "energygate-leg-b" / ".." / "energygate-leg-b")])


def test_an_unreadable_result_says_why(tmp_path):
    with pytest.raises(MeasurementError, match=r"gone\.json: cannot read the result: No such file"):
        read_result_file(str(tmp_path / "gone.json"))
    with pytest.raises(MeasurementError, match="cannot read the result: Is a directory"):
        read_result_file(str(tmp_path))


def test_an_endless_file_is_read_to_its_limit_only():
    with pytest.raises(MeasurementError, match="/dev/zero: this is not a readable result: it has over 20 MB"):
        read_result_file("/dev/zero")
