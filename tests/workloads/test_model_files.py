"""The size of a model: its file, and each file with its tensors, once."""

from __future__ import annotations

import gzip
import tracemalloc

import numpy as np
import pytest
from onnx import TensorProto, helper
from sample_models import external, identity, model, tensor, with_external_weight

from energygate.workloads.model_files import CHUNK_BYTES, model_download_bytes, model_size_bytes


@pytest.fixture
def weigh(checkout):
    """Writes a model and files beside it, and weighs them; the model's own size is subtracted."""

    def write(content, **files):
        path = checkout / "model.onnx"
        data = content if isinstance(content, bytes) else content.SerializeToString()
        path.write_bytes(data)
        for name, size in files.items():
            checkout.joinpath(f"{name}.bin").write_bytes(bytes(size))
        return model_size_bytes(path, label="workload 'w'") - len(data)

    return write


def with_weights(*locations):
    """A sum of its input and one weight per location."""
    names = [f"w{index}" for index in range(len(locations))]
    return model(
        [helper.make_node("Sum", ["x", *names], ["y"])],
        [tensor("x")],
        [tensor("y")],
        initializers=[external(name, [3], where) for name, where in zip(names, locations, strict=True)],
    )


def with_branch_weights(then_location, else_location):
    """An `If` whose branches hold initialisers of their own."""

    def branch(name, location):
        return helper.make_graph(
            [helper.make_node("Identity", [f"{name}_w"], [f"{name}_y"])],
            name,
            [],
            [tensor(f"{name}_y", (3,))],
            [external(f"{name}_w", [3], location)],
        )

    chosen = helper.make_node(
        "If",
        ["x"],
        ["y"],
        then_branch=branch("then", then_location),
        else_branch=branch("else", else_location),
    )
    return model([chosen], [tensor("x", (), TensorProto.BOOL)], [tensor("y", (3,))])


def with_constant(location):
    """A `Constant` node with external data: a tensor that is an attribute, not an initialiser."""
    constant = helper.make_node("Constant", [], ["y"], value=external("value", [3], location))
    return model([constant], [], [tensor("y", (3,))])


@pytest.mark.parametrize(
    ("content", "files", "extra"),
    [
        (identity(), {}, 0),
        (identity(), {"unrelated": 50}, 0),
        (with_weights("a.bin"), {"a": 12}, 12),
        (with_weights("a.bin"), {"a": 500}, 500),  # the whole file is shipped, used or not
        (with_weights("a.bin", "b.bin"), {"a": 12, "b": 20}, 32),
        (with_weights("a.bin", "a.bin"), {"a": 24}, 24),
        (with_weights("a.bin", "./a.bin"), {"a": 24}, 24),
        (with_branch_weights("a.bin", "b.bin"), {"a": 12, "b": 20}, 32),
        (with_constant("a.bin"), {"a": 12}, 12),
    ],
)
def test_size(weigh, content, files, extra):
    assert weigh(content, **files) == extra


def test_a_download_is_each_file_gzipped(checkout):
    noise = np.random.default_rng(1).bytes(2 * CHUNK_BYTES + 7)
    files = {
        "model.onnx": with_weights("a.bin", "b.bin", "a.bin").SerializeToString(),
        "a.bin": bytes(3 * CHUNK_BYTES) + noise,
        "b.bin": b"",
        "unrelated.bin": noise,
    }
    for name, content in files.items():
        checkout.joinpath(name).write_bytes(content)
    tracemalloc.start()
    size = model_download_bytes(checkout / "model.onnx", label="w")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    shipped = [gzip.compress(files[name], compresslevel=6) for name in ("model.onnx", "a.bin", "b.bin")]
    assert size == sum(map(len, shipped))
    assert len(noise) < size < len(noise) * 1.01
    assert peak < len(files["a.bin"])  # block by block


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"this is not a model\n" * 9, ["model.onnx is not a readable ONNX model"]),
        (identity().SerializeToString()[:-20], ["model.onnx is not a readable ONNX model"]),
        (with_external_weight("gone.bin"), ["model.onnx refers to gone.bin, which does not exist"]),
        (with_branch_weights("gone.bin", "gone.bin"), ["model.onnx refers to gone.bin"]),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 7\n" % (b"0" * 64),
            ["model.onnx is a Git LFS pointer, not the model itself", "lfs: true"],
        ),
    ],
    ids=["text", "truncated", "external data gone", "external data of a branch gone", "lfs pointer"],
)
def test_incomplete_models_have_no_size(weigh, trouble, content, words):
    with trouble(*words):
        weigh(content)
