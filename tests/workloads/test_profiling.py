"""onnxruntime's profiler on real models: a fast one is profiled no longer than it is measured."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

from energygate.workloads.operators import MAX_CALLS, operator_changes

DIGITS = Path(__file__).parents[2] / "fixtures"


def test_a_fast_model_is_called_no_more_often_than_needed(serving, checkout, tmp_path):
    for name in ("mlp", "cnn"):
        shutil.copy(DIGITS / "models" / f"digits-{name}.onnx", checkout)
    head = serving(onnx="digits-cnn.onnx")
    base = serving(onnx="digits-mlp.onnx")
    base = replace(base, side=replace(head.side, name="base"))
    changes = operator_changes(base, head, ())
    assert [one.is_new for one in changes if one.operator == "Conv"] == [True]
    written = [*tmp_path.glob("profile-*.json")]  # of two within a second the later one is left
    assert len(written) >= 2
    for path in written:
        calls = [event for event in json.loads(path.read_text("utf-8")) if event["name"] == "model_run"]
        assert 0 < len(calls) <= MAX_CALLS
