"""Inputs synthesised from a signature run in onnxruntime, and are the same for the same seed."""

from __future__ import annotations

import os
import shutil

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper
from parallel import repeated
from sample_models import external, identities, model, tensor

from energygate.workloads.protocol import Tensor
from energygate.workloads.synthetic_inputs import DISTINCT_CALLS, MAX_BYTES, synthesise

ELEMENTS = {
    "FLOAT16": np.float16,
    "FLOAT": np.float32,
    "DOUBLE": np.float64,
    **{name.upper(): np.dtype(name).type for name in ("int8", "int16", "int32", "int64")},
    **{name.upper(): np.dtype(name).type for name in ("uint8", "uint16", "uint32", "uint64")},
    "BOOL": np.bool_,
    "STRING": np.str_,
}
LARGE_BYTES = 2_100_000_000
LARGE_MODEL_NEEDS = 5 * 1024**3


def node(name="x", shape=("batch", 3), element="tensor(float)"):
    return Tensor(name=name, type=element, shape=tuple(shape))


def made(*signature, shapes=None, batch_size=1, seed=1):
    return synthesise(signature, shapes=shapes or {}, batch_size=batch_size, seed=seed, label="workload 'w'")


def call_shapes(*signature, **options):
    return {name: values.shape[1:] for name, values in made(*signature, **options).items()}


def served(serving, onnx_file, content, path, **workload):
    """Serve a model on made-up inputs, and give its answers."""
    onnx_file(content)
    with serving(onnx="model.onnx", **workload).open(()) as ready:
        assert ready.worker.run(2 * ready.distinct_calls).failed == ()
        ready.worker.outputs(path, count=ready.distinct_calls)
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


# --- Through a real model ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [("batch", 3), (2, 3), ()], ids=["batch", "fixed", "scalar"])
def test_every_element_type_reaches_the_model_as_it_is(serving, onnx_file, tmp_path, shape):
    everything = model(
        [helper.make_node("Identity", [f"{name}_in"], [name]) for name in ELEMENTS],
        [tensor(f"{name}_in", shape, getattr(TensorProto, name)) for name in ELEMENTS],
        [tensor(name, shape, getattr(TensorProto, name)) for name in ELEMENTS],
    )
    batch_size = 2 if "batch" in shape else 1
    answers = served(serving, onnx_file, everything, tmp_path / "out.npz", batch_size=batch_size)
    assert {name: values.dtype.type for name, values in answers.items()} == ELEMENTS
    one_call = (2, 3) if shape else ()
    assert {values.shape for values in answers.values()} == {(DISTINCT_CALLS, *one_call)}
    assert all(len(np.unique(values)) > 1 for values in answers.values())


def test_inputs_may_have_any_name(serving, onnx_file, tmp_path):
    names = ["x", "file", "allow_pickle", "self", "serving_default/image:0", "x.npy", "é"]
    answers = served(serving, onnx_file, identities(**dict.fromkeys(names, (3,))), tmp_path / "out.npz")
    assert list(answers) == [f"{name}_out" for name in names]


@pytest.mark.parametrize(
    ("inputs", "workload", "shapes"),
    [
        ({"x": (4, 3)}, {}, {"x": (4, 3)}),
        *repeated(({"x": (8, 8)}, {"batch_size": 1}, {"x": (8, 8)})),  # no batch dimension at all
        ({"x": ("batch", 3)}, {"batch_size": 5}, {"x": (5, 3)}),
        *repeated(
            ({"x": ("batch", 3)}, {"shapes": {"batch": 2}}, {"x": (2, 3)}),
            ({"x": ("batch", "seq")}, {"shapes": {"batch": 1, "seq": 128}}, {"x": (1, 128)}),
        ),
        ({"x": (None, 3)}, {"batch_size": 5}, {"x": (5, 3)}),
        ({"x": (None, None, 3)}, {"shapes": {"x": [2, 7, 3]}}, {"x": (2, 7, 3)}),
        *repeated(({"x": ("n", "n")}, {"batch_size": 3}, {"x": (3, 3)})),
        (
            {"ids": ("batch", "seq"), "mask": ("batch", "seq"), "state": (1, "batch", 2)},
            {"batch_size": 4, "shapes": {"seq": 6}},
            {"ids": (4, 6), "mask": (4, 6), "state": (1, 4, 2)},
        ),
        ({"x": ("batch", 3), "scale": ()}, {"batch_size": 4}, {"x": (4, 3), "scale": ()}),
        *repeated(
            ({"x": ("batch", 3), "k": (1,)}, {"batch_size": 4}, {"x": (4, 3), "k": (1,)}),
            ({"x": ("batch", 0)}, {}, {"x": (1, 0)}),
        ),
    ],
)
def test_shapes(serving, onnx_file, tmp_path, *, inputs, workload, shapes):
    answers = served(serving, onnx_file, identities(**inputs), tmp_path / "out.npz", **workload)
    assert {name: values.shape[1:] for name, values in answers.items()} == {
        f"{name}_out": shape for name, shape in shapes.items()
    }


def test_a_model_without_inputs(serving, onnx_file, tmp_path):
    constant = model([helper.make_node("Constant", [], ["y"], value_float=2.5)], [], [tensor("y", ())])
    assert served(serving, onnx_file, constant, tmp_path / "out.npz") == {"y": [2.5]}


def test_a_sequence_cannot_be_made_up(serving, onnx_file, trouble):
    count = helper.make_node("SequenceLength", ["x"], ["y"])
    sequence = helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, ["n"])
    onnx_file(model([count], [sequence], [tensor("y", (), TensorProto.INT64)]))
    with (
        trouble("input 'x' is a seq(tensor(float)), which cannot be generated", "python:"),
        serving(onnx="model.onnx").open(()),
    ):
        pass


def test_a_model_beyond_two_gigabytes(serving, onnx_file, checkout, tmp_path):
    if shutil.disk_usage(tmp_path).free < LARGE_MODEL_NEEDS:
        pytest.skip("needs disk space for a file of 2 GB, should it not stay sparse")
    if psutil.virtual_memory().available < LARGE_MODEL_NEEDS:
        pytest.skip("needs memory for a model of 2 GB")
    with checkout.joinpath("weights.bin").open("wb") as weights:
        os.truncate(weights.fileno(), LARGE_BYTES)
    rows = LARGE_BYTES // 4 // 1000
    content = model(
        [helper.make_node("Gather", ["w", "x"], ["y"])],
        [tensor("x", ("batch",), TensorProto.INT64)],
        [tensor("y", ("batch", 1000))],
        initializers=[external("w", [rows, 1000], "weights.bin")],
    )
    (answers,) = served(serving, onnx_file, content, tmp_path / "out.npz").values()
    assert answers.shape == (DISTINCT_CALLS, 1, 1000)
    assert not answers.any()


# --- Values ------------------------------------------------------------------------------------------------

ELEMENT_NAMES = st.sampled_from(["float16", "float", "double", "int8", "int64", "uint8", "uint64", "bool", "string"])
SIGNATURES = st.lists(
    st.builds(
        lambda element, shape: (f"tensor({element})", shape),
        ELEMENT_NAMES,
        st.lists(st.one_of(st.integers(0, 4), st.just("batch")), max_size=3),
    ),
    min_size=1,
    max_size=3,
).map(lambda specs: [node(f"x{i}", shape, element) for i, (element, shape) in enumerate(specs)])


@given(signature=SIGNATURES, seed=st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_arrays(signature, seed):
    once, again = (made(*signature, seed=seed, shapes=None) if _sized(signature) else {} for _ in range(2))
    assert list(once) == list(again)
    for name, values in once.items():
        assert values.dtype == again[name].dtype
        assert np.array_equal(values, again[name])


def _sized(signature):
    """Whether every symbolic dimension has a size: `batch` has one where it leads an input."""
    symbolic = any("batch" in one.shape for one in signature)
    return not symbolic or any(one.shape[:1] == ("batch",) for one in signature)


@pytest.mark.parametrize("element", ["float16", "float", "int64", "bool", "string"])
def test_another_seed_gives_other_arrays(element):
    one, other = (made(node("x", (8, 8), f"tensor({element})"), seed=seed)["x"] for seed in (1, 2))
    assert not np.array_equal(one, other)


def test_values_are_what_models_take():
    arrays = made(node("image", (100,)), node("ids", (100,), "tensor(int64)"), node("mask", (100,), "tensor(bool)"))
    assert arrays["image"].min() >= 0
    assert arrays["image"].max() <= 1
    assert arrays["image"].std() == pytest.approx(12**-0.5, rel=0.1)
    assert set(np.unique(arrays["ids"])) == {0, 1}
    assert set(np.unique(arrays["mask"])) == {False, True}


def test_calls_differ_from_each_other():
    (values,) = made(node("x", (4, 4))).values()
    assert len(np.unique(values.reshape(DISTINCT_CALLS, -1), axis=0)) == DISTINCT_CALLS


@pytest.mark.parametrize(
    ("rows", "calls"),
    [(1, DISTINCT_CALLS), (MAX_BYTES // 8 // 1024 // 2, 2), (MAX_BYTES // 8 // 1024 + 1, 1)],
)
def test_large_inputs_make_fewer_calls(rows, calls):
    signature = [node("x", (rows, 1024), "tensor(uint8)"), node("y", (3,))]
    assert {len(values) for values in made(*signature).values()} == {calls}


# --- Shapes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ({}, (2, 3)),
        ({"batch": 7}, (7, 3)),
        ({"x": (9, 3)}, (9, 3)),
        ({"x": (9, 3), "batch": 7}, (9, 3)),  # the input's own shape is the more exact wish
    ],
)
def test_the_most_exact_shape_wins(shapes, expected):
    assert call_shapes(node("x"), shapes=shapes, batch_size=2) == {"x": expected}


def test_one_number_is_the_shape_of_an_input_with_one_dimension():
    assert call_shapes(node("x", (None,)), shapes={"x": 5}) == {"x": (5,)}


def test_a_name_shared_by_an_input_and_a_dimension_is_read_by_its_value():
    signature = node("seq", ("batch", "seq"))
    assert call_shapes(signature, shapes={"seq": 5}) == {"seq": (1, 5)}
    assert call_shapes(signature, shapes={"seq": (2, 6)}) == {"seq": (2, 6)}


@pytest.mark.parametrize(
    ("signature", "shapes", "words"),
    [
        (node(), {"bacth": 1}, ["`shapes` names 'bacth'", "The model has 'batch', 'x'"]),
        (node("x", ()), {"n": 1}, ["`shapes` names 'n'", "The model has 'x'"]),
        (
            node("x", ("batch", "seq")),
            {},
            ["'x' has shape ['batch', 'seq']", "dimension 1", "shapes: {seq: 128}"],
        ),
        (node("x", (None, None, 3)), {}, ["the size of dimension 1 is unknown", "shapes: {x: […, …, 3]}"]),
        (node(), {"x": (1, 4)}, ["sets input 'x' to shape [1, 4]; the model's is ['batch', 3]"]),
        (node(), {"x": (1, 3, 1)}, ["sets input 'x' to shape [1, 3, 1]"]),
        (node(), {"x": 3}, ["sets input 'x' to shape [3]"]),
        (node(), {"batch": (3,)}, ["sets dimension 'batch' to the list [3]; it needs one number"]),
        (node("x", ("batch", "seq")), {"seq": 2**31 - 1}, ["would take 17 GB"]),
        (node("x", ("a", "b")), {"a": 2**31 - 1, "b": 2**31 - 1}, ["would take"]),
        (node("x", (1,), "tensor(bfloat16)"), {}, ["input 'x' is a tensor(bfloat16)"]),
        (node("x", (), "optional(tensor(float))"), {}, ["optional(tensor(float))", "`python:`"]),
    ],
)
def test_shapes_that_do_not_fit(trouble, signature, shapes, words):
    with trouble(*words):
        made(signature, shapes=shapes)
