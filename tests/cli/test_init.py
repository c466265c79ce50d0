"""`init`: from a directory of models to a policy that passes."""

from __future__ import annotations

import shutil

import broken_project
import numpy as np
import onnx
import pytest
from builders import exact_metric_result, metric_result, result, workload_result
from commands import FIXTURES, by_name, read_result
from commands import in_process as energygate

from energygate.policy import load_policy, parse_policy
from energygate.run.init import FoundModel, bare_policy, draft_policy, find_models


@pytest.fixture(scope="session")
def drafted(tmp_path_factory):
    """A project that `init` was run in, checked afterwards against the policy that it wrote."""
    directory = tmp_path_factory.mktemp("drafted")
    for place in ("models", ".hidden", "my env", "data"):
        (directory / place).mkdir()
    (directory / "my env" / "pyvenv.cfg").write_text("", encoding="utf-8")
    digits = directory / "models" / 'digits "v2".onnx'
    shutil.copyfile(FIXTURES / "models/digits-mlp.onnx", digits)
    shutil.copyfile(FIXTURES / "data/digits.npz", directory / "data/digits.npz")
    shutil.copyfile(digits, directory / ".hidden/copy.onnx")
    shutil.copyfile(digits, directory / "my env/copy.onnx")
    (directory / "models/broken.onnx").write_text("these are no weights\n", encoding="utf-8")
    written = energygate("init", cwd=directory, launches=2)
    checked = energygate("check", "--json", "result.json", cwd=directory, launches=2)
    return directory, written, checked


def test_it_says_what_it_wrote_and_what_it_could_not_measure(drafted):
    _, written, _ = drafted
    assert written.code == 0, written.said
    assert written.out.splitlines() == [
        "Wrote energygate.yml with 1 of 2 models measured.",
        "Next: energygate check",
    ]
    (trouble,) = written.err.splitlines()
    assert trouble.startswith("energygate: broken could not be measured and is commented out there: ")


def test_the_policy_lists_working_models_and_comments_out_broken_ones(drafted):
    directory, _, _ = drafted
    policy = load_policy(directory / "energygate.yml")
    assert list(policy.workloads) == ['digits "v2"']
    workload = policy.workloads['digits "v2"']
    assert (workload.onnx, workload.inputs, workload.labels) == (
        'models/digits "v2".onnx',
        "data/digits.npz",
        "label",
    )
    text = (directory / "energygate.yml").read_text("utf-8")
    assert "  # could not be measured: " in text
    assert "  #   onnx: models/broken.onnx" in text


@pytest.mark.parametrize(
    ("accuracy", "line"),
    [
        (0.985, "accuracy: {min: 97.5 %}  # measured 98.5 %"),
        (0.01, "# accuracy is 1.00 %, too low for a limit: do the labels belong to this model?"),
    ],
)
def test_no_limit_is_written_that_nothing_breaks(accuracy, line):
    metrics = {
        "energy_per_request": metric_result(),
        "latency_p95": metric_result(unit="s"),
        "model_size": exact_metric_result(1e6, "B"),
        "accuracy": exact_metric_result(accuracy, "ratio"),
    }
    model = FoundModel(name="w", model="w.onnx", inputs="w.npz", labels="label")
    drafted = draft_policy([model], result(workload_result("w", metrics=metrics)))
    assert drafted.splitlines()[-1] == f"      {line}"
    assert parse_policy(drafted, "energygate.yml").workloads["w"].budgets


def test_each_limit_is_one_and_a_half_times_the_measurement(drafted):
    directory, _, _ = drafted
    budgets = load_policy(directory / "energygate.yml").workloads['digits "v2"'].budgets
    size = (FIXTURES / "models/digits-mlp.onnx").stat().st_size
    assert set(budgets) == {"energy_per_request", "latency_p95", "model_size", "accuracy"}
    assert budgets["model_size"].max.value == pytest.approx(1.5 * size, rel=0.05)  # to two digits
    assert budgets["accuracy"].min.value == pytest.approx(0.98, abs=0.015)


def test_check_accepts_the_policy_and_judges_every_budget(drafted):
    directory, _, checked = drafted
    assert checked.code in {0, 1}, checked.said  # the machine's speed may have changed in between
    (workload,) = by_name(read_result(directory / "result.json")).values()
    assert workload["error"] is None
    judged = {name: one["findings"][0]["verdict"] for name, one in workload["metrics"].items() if one["findings"]}
    assert set(judged) == {"energy_per_request", "latency_p95", "model_size", "accuracy"}
    assert (judged["model_size"], judged["accuracy"]) == ("pass", "pass")


def test_a_policy_that_exists_is_not_overwritten(tmp_path, in_process):
    (tmp_path / "energygate.yml").write_text("mine", encoding="utf-8")
    (tmp_path / "model.onnx").write_text("", encoding="utf-8")
    ran = in_process("init", cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "energygate: energygate.yml exists. Give --force to overwrite it\n"
    assert (tmp_path / "energygate.yml").read_text("utf-8") == "mine"


def test_a_project_without_models_gets_advice(tmp_path, in_process):
    ran = in_process("init", cwd=tmp_path)
    assert (ran.code, ran.out, list(tmp_path.iterdir())) == (2, "", [])
    (sentence,) = ran.err.splitlines()
    assert sentence.startswith(f"energygate: there is no .onnx file below {tmp_path}. ")


def test_a_directory_that_does_not_exist_is_named_before_anything_is_measured(tmp_path, in_process):
    ran = in_process("init", "--policy", "gone/energygate.yml", cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert "cannot write gone/energygate.yml: there is no directory" in ran.err


def test_if_every_model_is_broken_no_policy_is_written(tmp_path, in_process):
    (tmp_path / "a.onnx").write_text("these are no weights\n", encoding="utf-8")
    ran = in_process("init", "--force", cwd=tmp_path)
    assert (ran.code, ran.out) == (3, "")
    sentence, reason = ran.err.splitlines()
    assert sentence == "energygate: no model could be measured, so energygate.yml is not written"
    assert reason.startswith("  | a: ")
    assert not (tmp_path / "energygate.yml").exists()


NAMES = (
    "null",
    "no",
    "1.5",
    "- x",
    "é",
    "a: b",
    "#c",
    "'q'",
    '"d"',
    " blank ",
    "x" * 120,
    "{m}",
    "~",
    "@ml",
    "a\\b",
)


def test_any_file_name_survives_a_round_trip_through_the_policy(tmp_path):
    for name in NAMES:
        onnx.save(broken_project.model("Relu"), tmp_path / f"{name}.onnx")
    (tmp_path / "line\nbreak.onnx").write_text("", encoding="utf-8")  # no policy can name it
    policy = parse_policy(bare_policy(find_models(tmp_path)))
    assert {workload.onnx for workload in policy.workloads.values()} == {f"{name}.onnx" for name in NAMES}
    assert {"null", "no", "1.5", "blank"} <= set(policy.workloads)


def test_models_with_the_same_name_are_distinguished_by_their_paths(tmp_path):
    for place in ("a/model", "b/model", "b/other"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        onnx.save(broken_project.model("Relu"), tmp_path / f"{place}.onnx")
    assert [one.name for one in find_models(tmp_path)] == ["a/model", "b/model", "other"]


@pytest.mark.parametrize(
    ("arrays", "labels"),
    [
        ({"x": np.zeros((3, 4), np.float32)}, None),
        ({"x": np.zeros((3, 4), np.float32), "answer": np.zeros(3, np.int64)}, "answer"),
    ],
)
def test_inputs_are_matched_by_name_and_the_remaining_array_is_the_labels(tmp_path, arrays, labels):
    onnx.save(broken_project.model("Relu"), tmp_path / "model.onnx")
    np.savez(tmp_path / "other.npz", y=np.zeros(1))
    np.savez(tmp_path / "z.npz", **arrays)
    (one,) = find_models(tmp_path)
    assert (one.inputs, one.labels) == ("z.npz", labels)


@pytest.mark.parametrize("arrays", [{"y": np.zeros(1)}, {"x": np.zeros(1), "a": np.zeros(1), "b": np.zeros(1)}])
def test_inputs_that_do_not_fit_the_model_are_not_used(tmp_path, arrays):
    onnx.save(broken_project.model("Relu"), tmp_path / "model.onnx")
    np.savez(tmp_path / "z.npz", **arrays)
    (one,) = find_models(tmp_path)
    assert (one.inputs, one.labels) == (None, None)
