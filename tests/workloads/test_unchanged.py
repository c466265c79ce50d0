"""What makes a model or an environment the same on both sides."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from energygate.policy import Workload
from energygate.workloads import unchanged
from energygate.workloads.serving import Serving, Side
from energygate.workloads.unchanged import same_environment, same_model

MODELS = Path(__file__).resolve().parents[2] / "fixtures" / "models"


def serving(directory, *, model="digits-mlp.onnx", path="model.onnx", inputs="0123", **settings):
    directory.mkdir()
    shutil.copy(MODELS / model, directory / path)
    (directory / "inputs.npz").write_text(inputs)
    return Serving(
        name="w",
        workload=Workload(onnx=path, inputs="inputs.npz", **settings),
        side=Side(name=directory.name, directory=directory, python="python"),
        seed=0,
        timeout_s=1.0,
        scratch=directory,
        inputs_directory=directory,
    )


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"path": "moved.onnx"}, True),
        ({"model": "digits-cnn.onnx"}, False),
        ({"inputs": "0124"}, False),
        ({"batch_size": 2}, False),
    ],
    ids=str,
)
def test_a_model_is_its_content_its_inputs_and_its_settings(change, same, tmp_path):
    assert same_model(serving(tmp_path / "base"), serving(tmp_path / "head", **change)) is same


@pytest.mark.parametrize(
    ("versions", "same"),
    [
        ({"base/python": "numpy 2.1", "head/python": "numpy 2.1"}, True),
        ({"base/python": "numpy 2.1", "head/python": "numpy 2.2"}, False),
    ],
)
def test_an_environment_is_the_versions_in_it(versions, same, monkeypatch, tmp_path):
    monkeypatch.setattr(unchanged, "environment", lambda side: versions[side.python])
    base, head = (Side(name=python.partition("/")[0], directory=tmp_path, python=python) for python in versions)
    assert same_environment(base, head) is same
