"""`energygate matrix` prints GitHub's matrix, and notes what it ignores."""

from __future__ import annotations

import json

import pytest
from builders import provenance, result, workload_result
from commands import write_policy


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with four workloads, one of which needs a runner of its own."""
    directory = tmp_path_factory.mktemp("project")
    workloads = {name: {"onnx": f"{name}.onnx"} for name in ("a", "b", "c d", "gpu")}
    workloads["gpu"]["runs_on"] = ["self-hosted", "gpu"]
    write_policy(directory, workloads)
    (directory / "base").mkdir()
    write_policy(directory / "base", {name: one for name, one in workloads.items() if name != "gpu"})
    measured = {"a": 10, "b": 10, "c d": 30}
    past = result(*(workload_result(name, provenance=provenance(seconds=one)) for name, one in measured.items()))
    (directory / "past.json").write_text(past.to_json(), encoding="utf-8")
    (directory / "broken.json").write_text("{}", encoding="utf-8")
    return directory


def jobs(ran):
    assert ran.code == 0, ran.said
    assert ran.out.count("\n") == 1
    assert ran.out.isascii()
    return [(one["runs-on"], json.loads(one["workloads"])) for one in json.loads(ran.out)["include"]]


def test_each_workload_is_a_job_on_one_line_of_json(project, in_process):
    ran = in_process("matrix", cwd=project)
    assert jobs(ran) == [
        ("ubuntu-latest", ["a"]),
        ("ubuntu-latest", ["b"]),
        ("ubuntu-latest", ["c d"]),
        (["self-hosted", "gpu"], ["gpu"]),
    ]
    assert ran.err == ""


def test_jobs_are_balanced_by_the_times_of_the_last_run(project, in_process):
    ran = in_process("matrix", "--shards", "3", "--past", "past.json", "--runner", "large", cwd=project)
    assert jobs(ran) == [("large", ["a", "b"]), ("large", ["c d"]), (["self-hosted", "gpu"], ["gpu"])]


def test_an_unreadable_past_result_is_a_warning(project, in_process):
    arguments = ("--shards", "3", "--past", "gone.json", "--past", "broken.json", "--past", "past.json")
    ran = in_process("matrix", *arguments, "a", "b", "c d", cwd=project)
    assert len(jobs(ran)) == 3
    first, second = ran.err.splitlines()
    assert first.startswith("energygate: gone.json: cannot read the result: No such file")
    assert second.startswith("energygate: broken.json: this is not a readable result: ")


def test_a_runner_that_base_does_not_use_is_refused_with_a_note(project, in_process):
    ran = in_process("matrix", "--base-dir", "base", "--runner", "self-hosted", "--runner", "small", cwd=project)
    assert jobs(ran)[-1] == (["self-hosted", "small"], ["gpu"])
    assert ran.err == (
        "energygate: workload 'gpu' asks for the runner self-hosted, gpu, which base's policy does not use: "
        "it gets the default runner\n"
    )


def test_a_job_that_plans_for_itself_takes_its_share_or_nothing(project, in_process):
    def share(number):
        return in_process("matrix", "--shards", "3", "--past", "past.json", "--job", number, cwd=project)

    shares = [share(number) for number in (1, 2, 3, 4)]
    assert [(ran.code, ran.out, ran.err) for ran in shares] == [
        (0, "a\nb\n", ""),
        (0, "c d\n", ""),
        (0, "gpu\n", ""),
        (0, "", ""),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--shards", "1"), ("2 kinds of runners", "at least 2")),
        (("--shards", "0"), ("0 jobs", "1 to 256")),
        (("--job", "0"), ("--job", "x>=1")),
        (("--shards", "many"), ("--shards", "many")),
        (("gpuu",), ("energygate.yml", "'gpuu'", "'gpu'")),
        (("--policy", "gone.yml"), ("gone.yml", "no such policy")),
        (("--base", "main", "--base-dir", "base"), ("--base and --base-dir", "exclude")),
    ],
)
def test_a_mistake_is_refused_with_what_is_valid(project, in_process, arguments, words):
    ran = in_process("matrix", *arguments, cwd=project)
    assert (ran.code, ran.out) == (2, "")
    assert [word for word in words if word not in ran.err] == [], ran.err
