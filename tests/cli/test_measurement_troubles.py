"""Whatever is wrong with a workload: one clear sentence and exit code 3, never a traceback or a pass."""

from __future__ import annotations

import json

import broken_project
import jsonschema
import pytest
from commands import by_name, write_policy


def test_the_exit_code_says_that_nothing_was_judged(all_broken):
    ran, result = all_broken
    assert (ran.code, result["verdict"], ran.err) == (3, "error", "")
    assert f"(and {len(broken_project.WORKLOADS) - 1} more workloads)" in ran.out.splitlines()[0]


def test_a_result_of_errors_follows_the_published_schema(all_broken, in_process, tmp_path):
    schema = json.loads(in_process("schema", "result", cwd=tmp_path).out)
    jsonschema.Draft202012Validator(schema).validate(all_broken[1])


@pytest.mark.parametrize("name", broken_project.WORKLOADS)
def test_each_trouble_is_an_error_of_its_workload(all_broken, name):
    workload = by_name(all_broken[1])[name]
    assert (workload["verdict"], workload["metrics"], workload["provenance"]) == ("error", {}, None)


@pytest.mark.parametrize(("name", "words"), broken_project.SENTENCES.items())
def test_its_sentence_says_what_happened_and_where(all_broken, name, words):
    message = by_name(all_broken[1])[name]["error"]["message"]
    assert [word for word in words if word not in message] == [], message
    assert "\n" not in message
    assert "Traceback" not in message


@pytest.mark.parametrize("name", broken_project.WORKLOADS)
def test_it_is_reported_once_beside_the_workloads_name(all_broken, name):
    ran, result = all_broken
    message = by_name(result)[name]["error"]["message"]
    lines = [line for line in ran.out.splitlines() if message in line and not line.startswith("  | ")]
    assert len(lines) == 1
    assert lines[0].removeprefix("✗ ERROR  ").startswith(name)


def test_a_traceback_starts_at_the_workloads_own_code(all_broken):
    ran, _ = all_broken
    assert "Traceback" not in ran.said
    assert "worker.py" not in ran.said
    assert any("broken_callables.py" in line for line in ran.out.splitlines() if line.startswith("  | "))


def test_megabytes_printed_by_a_workload_do_not_reach_the_report(all_broken):
    ran, result = all_broken
    workload = by_name(result)["shouts"]
    assert (workload["error"], workload["metrics"]["energy_per_request"]["head"] > 0) == (None, True)
    assert "xxxx" not in ran.said


@pytest.mark.parametrize(
    ("workload", "words"),
    [
        ({"onnx": "models/gone.onnx"}, ("models/gone.onnx", "does not exist")),
        ({"onnx": "models"}, ("models", "is a directory")),
        ({**broken_project.MODEL, "inputs": "data/gone.npz"}, ("data/gone.npz", "does not exist")),
    ],
)
def test_a_missing_file_is_a_policy_error_with_its_line(tmp_path, in_process, workload, words):
    broken_project.build(tmp_path)
    write_policy(tmp_path, {"fine": broken_project.MODEL, "lost": workload})
    ran = in_process("check", cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    (sentence,) = ran.err.splitlines()
    assert sentence.startswith("energygate: energygate.yml:5: workload 'lost': ")
    assert [word for word in words if word not in sentence] == []
