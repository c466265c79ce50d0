"""ONNX models on both sides: answers, accuracy, operators, and names that no shell would like."""

from __future__ import annotations

import jsonschema
import numpy as np
import onnx
import pytest
from base_projects import QUICK, Project, limit

from energygate.result.result import Result

NASTY = "-ünï \"中\" 'x'"
NASTY_PATH = f"models/{NASTY} mödel.onnx"
NASTY_BRANCH = "refs/heads/-ünï-\"中\"-'x'"

INPUTS = {"inputs": "data/digits.npz", "labels": "label"}

CALLABLE = """
import numpy


def make():
    def request(image):
        return {"logits": numpy.zeros((1, 10), "f")}

    return request
"""

RAGGED = """
import itertools
import time


def make():
    lengths = itertools.cycle([1, 2, 3])

    def request(image):
        end = time.process_time_ns() + {milliseconds} * 1e6
        while time.process_time_ns() < end:
            pass
        return [0] * next(lengths)

    return request
"""


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    project = Project(root=tmp_path_factory.mktemp("models") / "project")
    project.copy("data/digits.npz", "data/digits.npz")
    for name in ("cnn", "mlp"):
        project.copy(f"models/digits-{name}.onnx", f"models/{name}.onnx")
    project.copy("models/digits-mlp.onnx", NASTY_PATH)
    project.write("rewritten.py", CALLABLE)
    project.write("ragged.py", RAGGED.format(milliseconds=2.0))
    strict = {"output_agreement": "99.9 %", "accuracy": {"min": "97 %", "max_decrease": "1 %"}}
    workloads = {
        "cnn": {"onnx": "models/cnn.onnx", **INPUTS, "budgets": {**strict, "model_size": "10 MB"}},
        "mlp": {"onnx": "models/mlp.onnx", **INPUTS, "budgets": limit()},
        NASTY: {"onnx": NASTY_PATH, **INPUTS, "budgets": {"output_agreement": "100 %"}},
        "rewritten": {"python": "rewritten:make", "inputs": "data/images.npz"},
        "ragged": {"python": "ragged:make", "inputs": "data/images.npz"},
    }
    with np.load(project.root / "data/digits.npz") as digits:
        np.savez(project.root / "data/images.npz", image=digits["image"])
    project.policy(workloads, time_limit=QUICK)
    project.commit(branch="change")
    project.git("update-ref", NASTY_BRANCH, "main")
    project.copy("models/digits-cnn-fat.onnx", "models/cnn.onnx")
    project.write("ragged.py", RAGGED.format(milliseconds=1.9))
    exported = onnx.load(project.root / NASTY_PATH)
    exported.producer_version = "re-exported"
    onnx.save(exported, project.root / NASTY_PATH)
    project.policy({**workloads, "rewritten": {**INPUTS, "onnx": "models/mlp.onnx"}})
    # Nothing here rests on the energy, so a launch is enough.
    return project.check("--base", NASTY_BRANCH, launches=1)


def findings(workload, metric):
    return {one["kind"]: one["verdict"] for one in workload["metrics"][metric]["findings"]}


def test_different_answers_fail_under_a_limit_on_agreement(models):
    assert (models.ran.code, models.result["verdict"]) == (1, "fail")
    cnn = models.workloads["cnn"]
    assert findings(cnn, "output_agreement") == {"min": "fail"}
    assert cnn["metrics"]["output_agreement"]["head"] == pytest.approx(354 / 360)
    assert cnn["comparison"]["agreement"]["how"] == "classes"
    assert models.ran.out.startswith("✗ FAIL  cnn: output agreement is 98.3 %, below the limit of 99.9 %")


def test_exact_metrics_are_compared_without_an_interval(models):
    metrics = models.workloads["cnn"]["metrics"]
    assert findings(models.workloads["cnn"], "accuracy") == {"min": "pass", "max_decrease": "pass"}
    assert metrics["accuracy"]["base"] == pytest.approx(0.983, abs=1e-3)
    assert metrics["accuracy"]["head"] == pytest.approx(0.989, abs=1e-3)
    change = metrics["model_size"]["change"]
    assert change["low"] == change["estimate"] == change["high"] > 0


def test_the_operators_with_the_change_are_reported(models):
    comparison = models.workloads["cnn"]["comparison"]
    assert comparison["operators"][0]["operator"] == "Conv"
    assert comparison["operators"][0]["contribution"] > 0.1
    assert (comparison["base_model"]["nodes"], comparison["head_model"]["nodes"]) == (7, 9)
    (line,) = [one for one in models.ran.out.splitlines() if one.startswith("cnn: Conv +")]
    assert "98.3 % of 360 answers agree with base's; nodes 7 → 9" in line


def test_identical_models_are_not_measured(models):
    assert models.workloads["mlp"]["state"] == "unchanged"


def test_a_reserialised_model_is_measured_and_special_characters_in_names_work(models):
    nasty = models.workloads[NASTY]
    assert (nasty["state"], nasty["verdict"], nasty["error"]) == ("compared", "pass", None)
    assert nasty["comparison"]["agreement"]["share"] == 1
    assert f"{NASTY}: " in models.ran.out
    assert models.result["base"]["ref"] == NASTY_BRANCH


def test_a_callable_may_become_a_model(models):
    rewritten = models.workloads["rewritten"]
    assert (rewritten["kind"], rewritten["verdict"], rewritten["error"]) == ("onnx", "pass", None)
    assert rewritten["notes"][0] == "base runs rewritten:make, head runs models/mlp.onnx"
    assert (rewritten["comparison"]["operators"], rewritten["comparison"]["base_model"]) == ([], None)
    assert rewritten["metrics"]["model_size"]["base"] is None
    assert rewritten["comparison"]["agreement"]["share"] < 1


def test_uncollectable_answers_are_noted_without_a_budget_on_them(models):
    ragged = models.workloads["ragged"]
    assert (ragged["verdict"], ragged["error"], ragged["comparison"]["agreement"]) == ("pass", None, None)
    assert ragged["notes"][0].startswith("answers were not compared: answers differ in shape")


def test_the_result_follows_the_schema(models):
    jsonschema.validate(models.result, Result.published_schema())
