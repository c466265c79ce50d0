"""Errors of an ONNX model and its inputs: each is one sentence with advice."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper
from parallel import repeated
from sample_models import external, identities, identity, model, tensor, with_external_weight

from energygate.workloads.protocol import WorkerStart
from energygate.workloads.worker import Worker

SERIALISED = identity(("batch", 1, 4)).SerializeToString()


def custom_operator(name="Swirl", domain="ai.example"):
    return model([helper.make_node(name, ["x"], ["y"], domain=domain)], [tensor("x")], [tensor("y")], domains=[domain])


def sequence_length():
    return model(
        [helper.make_node("SequenceLength", ["x"], ["y"])],
        [helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, ["n"])],
        [tensor("y", (), TensorProto.INT64)],
    )


# --- Models ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"this is not a model\n" * 9, ["Protobuf parsing failed"]),
        *repeated((b"", ["graph"]), (SERIALISED[: len(SERIALISED) // 2], ["model.onnx"])),
        (custom_operator(), ["ai.example:Swirl", "is not a registered function/op"]),
        *repeated((custom_operator("Swirl", ""), ["No Op registered for Swirl"])),
        (with_external_weight("gone.bin"), ["gone.bin"]),
    ],
    ids=["text", "empty", "truncated", "custom operator", "unknown operator", "external data gone"],
)
def test_a_model_that_cannot_be_loaded(worker, onnx_file, trouble, content, words):
    with trouble("onnxruntime cannot load model.onnx: ", *words) as caught:
        worker().load(**onnx_file(content), timeout_s=60)
    assert "[ONNXRuntimeError]" not in str(caught.value)


def test_external_data_that_is_cut_off(worker, onnx_file, checkout, trouble):
    checkout.joinpath("weights.bin").write_bytes(bytes(7))
    with trouble("onnxruntime cannot load model.onnx", "out of bounds"):
        worker().load(**onnx_file(with_external_weight()), timeout_s=60)


@pytest.mark.parametrize("provider", ["CUDAExecutionProvider", *repeated("NoSuchExecutionProvider")])
def test_a_missing_provider_never_falls_back_to_the_cpu(worker, onnx_file, trouble, provider):
    available = onnxruntime.get_available_providers()
    if provider in available:
        pytest.skip(f"this machine has {provider}")
    with trouble(f"has no {provider}; it has {', '.join(available)}", onnxruntime.__version__):
        worker().load(**onnx_file(identity(), provider=provider), timeout_s=60)


def test_an_environment_without_onnxruntime(worker, onnx_file, checkout, trouble):
    checkout.joinpath("onnxruntime.py").write_text("raise ImportError('left out')", encoding="utf-8")
    with trouble("cannot import onnxruntime: left out"):
        worker().load(**onnx_file(identity()), timeout_s=60)


# --- Inputs ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def picky(tmp_path_factory):
    """One worker with one model for many refusals: a refusal leaves a worker as it was."""
    directory = tmp_path_factory.mktemp("picky")
    directory.joinpath("model.onnx").write_bytes(SERIALISED)
    how = WorkerStart(label="workload 'w'", python=sys.executable, directory=directory, cpus=(), threads=1)
    spec = {"path": "model.onnx", "threads": 1, "provider": "CPUExecutionProvider", "provider_options": {}}
    with Worker(how, timeout_s=60) as started:
        started.load("onnx", spec, timeout_s=60)
        yield started
        assert started.run(1, tolerant=True).failed == (0,)  # it still serves, and was given nothing


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"image": np.zeros((2, 1, 4), "f4")}, ["takes inputs 'x'", "the file has 'image'"]),
        ({}, ["takes inputs 'x'", "the file has none"]),
        ({"x": np.zeros((2, 1, 4), "f4"), "extra": [1]}, ["takes inputs 'x'", "'extra', 'x'"]),
        ({"x": np.zeros((2, 1, 4))}, ["input 'x' is float64; the model takes float32"]),
        ({"x": np.zeros((2, 1, 4), ">f4")}, ["input 'x' is >f4; the model takes float32"]),
        ({"x": np.array([["a"]])}, ["input 'x' is <U1; the model takes float32"]),
        ({"x": np.zeros((2, 1, 5), "f4")}, ["has shape [1, 1, 5] per call", "takes ['batch', 1, 4]"]),
        ({"x": np.zeros((2, 4), "f4")}, ["input 'x' has shape [2, 4]", "takes ['batch', 1, 4]"]),
        ({"x": np.float32(1)}, ["input 'x' has shape []", "takes ['batch', 1, 4]"]),
        ({"x": np.zeros((1, 1, 1, 1, 4), "f4")}, ["input 'x' has shape [1, 1, 1, 1, 4]"]),
        ({"x": np.zeros((0, 1, 4), "f4")}, ["input 'x' has 0 rows; one call needs 1"]),
    ],
)
def test_inputs_that_are_not_the_models(picky, tmp_path, trouble, arrays, words):
    np.savez(tmp_path / "in.npz", **arrays)
    with trouble(*words):
        picky.bind(tmp_path / "in.npz", leave_out=[], batch_size=1)


def test_inputs_for_a_model_that_takes_none(loaded, onnx_file, checkout, trouble):
    constant = helper.make_node("Constant", [], ["y"], value_float=1.0)
    started = loaded(onnx_file(model([constant], [], [tensor("y", ())])))
    np.savez(checkout / "in.npz", x=[1])
    with trouble("the model takes inputs none; the file has 'x'"):
        started.bind(Path("in.npz"), leave_out=[], batch_size=1)


def test_a_sequence_input_is_refused(loaded, onnx_file, checkout, trouble):
    started = loaded(onnx_file(sequence_length()))
    np.savez(checkout / "in.npz", x=np.zeros(3, "f4"))
    with trouble("input 'x' is a seq(tensor(float)), which no array can contain"):
        started.bind(Path("in.npz"), leave_out=[], batch_size=1)


def test_uneven_counts(loaded, onnx_file, checkout, trouble):
    started = loaded(onnx_file(identities(a=("batch", 2), b=("batch", 2))))
    np.savez(checkout / "in.npz", a=np.zeros((6, 2), "f4"), b=np.zeros((4, 2), "f4"))
    with trouble("different numbers of requests: a has 3, b has 2"):
        started.bind(Path("in.npz"), leave_out=[], batch_size=2)


@pytest.mark.parametrize(
    ("shapes", "arrays", "batch_size", "calls"),
    [
        ({"x": ("batch", 3)}, {"x": (8, 3)}, 4, 2),
        ({"x": ("batch", 3)}, {"x": (3, 3)}, 4, "input 'x' has 3 rows; one call needs 4"),
        *repeated(({"x": ("batch", 3)}, {"x": (5, 4, 3)}, 4, 5)),
        ({"x": ("batch", 3)}, {"x": (5, 2, 3)}, 4, "batch_size is 4, but a call takes 2 of 'x'"),
        *repeated(
            ({"x": (4, 3)}, {"x": (8, 3)}, 4, 2),
            ({"x": (1, 3)}, {"x": (8, 3)}, 4, "batch_size is 4, but a call takes 1 of 'x'"),
        ),
        ({"x": (2, 3)}, {"x": (8, 3)}, 1, 4),  # a call is one request, however many rows it has
        *repeated(
            ({"x": (3,)}, {"x": (8, 3)}, 1, 8),
            ({"x": (3,)}, {"x": (8, 3)}, 4, "batch_size is 4, but a call takes 3 of 'x'"),
        ),
        ({"x": ()}, {"x": (8,)}, 1, 8),
        *repeated(({"x": ()}, {"x": (8,)}, 4, "batch_size is 4, but a call takes no rows")),
        # One input with the batch is enough: others are settings of the call.
        ({"x": ("batch", 3), "k": (1,)}, {"x": (8, 3), "k": (1,)}, 4, 2),
        *repeated(
            ({"x": ("batch", 3), "scale": ()}, {"x": (8, 3), "scale": ()}, 4, 2),
            ({"x": ("batch", 3), "scale": ()}, {"x": (8, 3), "scale": (2,)}, 4, 2),
        ),
        ({"x": ("batch", 3), "state": (1, "batch", 2)}, {"x": (6, 4, 3), "state": (6, 1, 4, 2)}, 4, 6),
    ],
)
def test_inputs_are_cut_into_calls_of_batch_size(
    loaded, onnx_file, checkout, trouble, *, shapes, arrays, batch_size, calls
):
    started = loaded(onnx_file(identities(**shapes)))
    np.savez(checkout / "in.npz", **{name: np.ones(shape, "f4") for name, shape in arrays.items()})
    if isinstance(calls, int):
        assert started.bind(Path("in.npz"), leave_out=[], batch_size=batch_size) == calls
        assert started.run(calls + 1).failed == ()
    else:
        with trouble(calls):
            started.bind(Path("in.npz"), leave_out=[], batch_size=batch_size)


def save_text(path):
    path.write_text("image,label\n0,1\n", encoding="utf-8")


def save_npy(path):
    np.save(path.with_suffix(".npy"), np.zeros(3))
    path.with_suffix(".npy").rename(path)


def save_truncated(path):
    np.savez(path, x=np.zeros((100, 3), "f4"))
    path.write_bytes(path.read_bytes()[:-40])


def save_corrupt(path):
    np.savez(path, x=np.zeros((100, 3), "f4"))
    content = bytearray(path.read_bytes())
    content[500] ^= 255
    path.write_bytes(content)


def save_objects(path):
    np.savez(path, x=np.array([{"a": 1}, None], dtype=object))


def save_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")


@pytest.mark.parametrize(
    ("save", "words"),
    [
        (save_text, ["in.npz is not an .npz file"]),
        (save_npy, ["in.npz is not an .npz file"]),
        (save_truncated, ["in.npz is not an .npz file"]),
        (save_corrupt, ["cannot read array 'x' in", "in.npz: ", "CRC"]),
        (save_objects, ["cannot read array 'x' in", "in.npz: it contains Python objects"]),
        (save_zip, ["'readme.txt' in", "in.npz is not an array"]),
    ],
)
def test_a_file_that_is_not_npz(picky, tmp_path, trouble, save, words):
    save(tmp_path / "in.npz")
    with trouble(*words):
        picky.bind(tmp_path / "in.npz", leave_out=[], batch_size=1)


def test_inputs_that_the_model_itself_refuses(loaded, onnx_file, checkout, trouble):
    pick = helper.make_node("Gather", ["table", "x"], ["y"])
    table = helper.make_tensor("table", TensorProto.FLOAT, [3], [1, 2, 3])
    started = loaded(
        onnx_file(model([pick], [tensor("x", ("n",), TensorProto.INT64)], [tensor("y", ("n",))], initializers=[table]))
    )
    np.savez(checkout / "in.npz", x=np.array([0, 1, 2, 3]))
    started.bind(Path("in.npz"), leave_out=[], batch_size=1)
    with trouble("request 4 raised", "idx=3") as caught:
        started.run(9)
    assert "[ONNXRuntimeError]" not in str(caught.value)


def test_an_excluded_array_is_not_read(loaded, onnx_file, checkout):
    started = loaded(onnx_file(identity()))
    np.savez(checkout / "in.npz", x=np.zeros((2, 3), "f4"), label=np.array([{}, {}], dtype=object))
    assert started.bind(Path("in.npz"), leave_out=["label"], batch_size=1) == 2


def test_external_data_in_another_directory_is_found_from_the_model(worker, onnx_file, checkout):
    checkout.joinpath("data").mkdir()
    checkout.joinpath("data", "w.bin").write_bytes(np.ones(3, "f4").tobytes())
    weight = external("w", [3], "data/w.bin")
    add = model([helper.make_node("Add", ["x", "w"], ["y"])], [tensor("x")], [tensor("y")], initializers=[weight])
    assert worker().load(**onnx_file(add), timeout_s=60).inputs is not None
