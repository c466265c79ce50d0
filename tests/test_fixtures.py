"""The committed models and data are what fixtures/README.md says: accurate, self-contained, small."""

from __future__ import annotations

import json
import re
import runpy
from math import prod
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

FIXTURES = Path(__file__).parent.parent / "fixtures"
MIN_ACCURACY = {"digits-mlp": 0.95, "digits-cnn": 0.97, "digits-cnn-fat": 0.97, "digits-cnn-heavy": 0.97}
models = pytest.mark.parametrize("name", MIN_ACCURACY)


def path_of(name):
    return FIXTURES / "models" / f"{name}.onnx"


def logits_of(name, image):
    session = ort.InferenceSession(path_of(name), providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"image": image})
    return logits


def accuracy_of(name, digits):
    return np.mean(logits_of(name, digits["image"]).argmax(axis=1) == digits["label"])


def shape_of(value):
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]


def multiply_adds_of(name):
    """Count the multiply-adds of one request in convolutions and linear layers."""
    graph = onnx.shape_inference.infer_shapes(onnx.load(path_of(name)), data_prop=True).graph
    shapes = {value.name: shape_of(value) for value in [*graph.value_info, *graph.output]}
    weights = {weight.name: weight.dims for weight in graph.initializer}
    return sum(
        prod(shapes[node.output[0]][1:]) * prod(weights[node.input[1]][1:])
        for node in graph.node
        if node.op_type in {"Conv", "Gemm"}
    )


@pytest.fixture(scope="module")
def digits():
    with np.load(FIXTURES / "data" / "digits.npz") as archive:
        return dict(archive)


def test_the_folder_holds_these_models_and_no_others():
    assert {path.stem for path in (FIXTURES / "models").iterdir()} == set(MIN_ACCURACY)


def test_data_is_the_test_split_scaled_to_one(digits):
    assert set(digits) == {"image", "label"}
    assert (digits["image"].shape, digits["image"].dtype) == ((360, 1, 8, 8), np.float32)
    assert (digits["label"].shape, digits["label"].dtype) == ((360,), np.int64)
    assert (digits["image"].min(), digits["image"].max()) == (0.0, 1.0)
    # Stratified: ten classes of about 178 images in 1,797 leave 35 to 37 of each among 360.
    assert set(np.bincount(digits["label"])) <= {35, 36, 37}
    assert len(np.bincount(digits["label"])) == 10


@models
def test_accuracy_reaches_what_the_recipe_demands(name, digits):
    assert accuracy_of(name, digits) >= MIN_ACCURACY[name]


@pytest.mark.parametrize("variant", ["digits-cnn-fat", "digits-cnn-heavy"])
def test_a_costlier_variant_is_as_accurate_as_the_cnn(variant, digits):
    assert accuracy_of(variant, digits) == pytest.approx(accuracy_of("digits-cnn", digits), abs=0.01)


@pytest.mark.parametrize(
    ("variant", "lowest", "highest"),
    [("digits-cnn", 1, 1), ("digits-cnn-fat", 1.25, 1.45), ("digits-cnn-heavy", 25, 40)],
)
def test_a_variant_does_more_arithmetic_by_the_factor_it_stands_for(variant, lowest, highest):
    assert lowest <= multiply_adds_of(variant) / multiply_adds_of("digits-cnn") <= highest


def test_multiply_adds_agree_with_the_layer_sizes():
    assert multiply_adds_of("digits-mlp") == 64 * 64 + 64 * 10


def test_the_fat_variant_keeps_an_operator_that_the_cnn_lacks():
    operators = {name: {node.op_type for node in onnx.load(path_of(name)).graph.node} for name in MIN_ACCURACY}
    assert operators["digits-cnn-fat"] - operators["digits-cnn"] == {"BatchNormalization"}


@models
def test_batch_dimension_is_symbolic(name):
    graph = onnx.load(path_of(name)).graph
    signature = {value.name: shape_of(value) for value in [*graph.input, *graph.output]}
    assert signature == {"image": ["batch", 1, 8, 8], "logits": ["batch", 10]}
    assert {value.type.tensor_type.elem_type for value in graph.input} == {onnx.TensorProto.FLOAT}


@models
def test_an_answer_does_not_depend_on_the_batch_around_it(name, digits):
    image = digits["image"][:7]
    one_by_one = np.concatenate([logits_of(name, image[row : row + 1]) for row in range(len(image))])
    np.testing.assert_allclose(one_by_one, logits_of(name, image), rtol=1e-3, atol=1e-3)


@models
def test_opset_is_one_that_every_supported_runtime_knows(name):
    model = onnx.load(path_of(name))
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]
    # onnxruntime 1.20, the oldest supported, reads IR versions up to 10.
    assert model.ir_version <= 10


@models
def test_model_is_one_file(name):
    model = onnx.load(path_of(name), load_external_data=False)
    assert model.graph.initializer
    assert {weight.data_location for weight in model.graph.initializer} == {onnx.TensorProto.DEFAULT}


@models
def test_model_carries_nothing_of_the_machine_that_built_it(name):
    model = onnx.load(path_of(name))
    assert not any(part.doc_string for part in [model, model.graph, *model.graph.node])
    assert not any(part.metadata_props for part in [model, model.graph, *model.graph.node])
    assert not re.search(rb"/home/|/root/|/tmp/|/Users/|-packages/|\w{3}\.py\b", path_of(name).read_bytes())


def test_all_files_together_stay_under_two_megabytes():
    files = [path for path in FIXTURES.rglob("*") if path.suffix in {".onnx", ".npz"}]
    assert len(files) == 5
    assert sum(path.stat().st_size for path in files) < 2_000_000


@pytest.mark.parametrize(("factory", "milliseconds"), [("spin_1ms", 1), ("spin_4ms", 4), ("spin_8ms", 8)])
def test_a_spin_burns_at_least_its_cpu_time(factory, milliseconds):
    callables = runpy.run_path(str(FIXTURES / "callables.py"))
    clock_ns = callables["time"].process_time_ns
    request = callables[factory]()
    start_ns = clock_ns()
    assert request() == callables["ANSWER"]
    assert clock_ns() - start_ns >= milliseconds * 1_000_000


def test_a_spin_stops_at_the_first_tick_that_reaches_its_duration():
    ticks = iter(range(0, 10_000_000, 100_000))  # one reading every 0.1 ms
    request = runpy.run_path(str(FIXTURES / "callables.py"))["spin"](2.0, clock_ns=lambda: next(ticks))
    request()
    assert next(ticks) == 2_100_000


def test_bodies_are_the_first_images_exactly(digits):
    lines = (FIXTURES / "data" / "digits.jsonl").read_text("utf-8").splitlines()
    images = np.array([json.loads(line)["image"] for line in lines], dtype=np.float32)
    assert images.shape == (100, 8, 8)
    assert np.array_equal(images, digits["image"][:100, 0])
