"""A project in which every workload is broken in a different way."""

from __future__ import annotations

from commands import FIXTURES

CALLABLES = """
import os
import signal
import subprocess
import sys
import time


def raises():
    served = [0]

    def request():
        served[0] += 1
        if served[0] == 57:
            raise ValueError("the cache is cold")
        return 1

    return request


def returns_nothing():
    return lambda: None


def quits():
    return lambda: sys.exit(0)


def dies():
    return lambda: os._exit(7)


def is_killed():
    return lambda: os.kill(os.getpid(), signal.SIGKILL)


def forks():
    return lambda: os.fork() + 1


def hangs():
    return lambda: time.sleep(600)


def shouts():
    def request():
        print("x" * 3_000_000)
        os.write(1, b"y" * 1000)
        return 1

    return request


def makes_nothing():
    return None


def needs_arguments(weights):
    return weights
"""

MODEL = {"onnx": "models/model.onnx"}

WORKLOADS = {
    "raises": {"python": "broken_callables:raises"},
    "returns nothing": {"python": "broken_callables:returns_nothing"},
    "quits": {"python": "broken_callables:quits"},
    "dies": {"python": "broken_callables:dies"},
    "is killed": {"python": "broken_callables:is_killed"},
    "forks": {"python": "broken_callables:forks"},
    "hangs": {"python": "broken_callables:hangs"},
    "makes nothing": {"python": "broken_callables:makes_nothing"},
    "needs arguments": {"python": "broken_callables:needs_arguments"},
    "no module": {"python": "nowhere:factory"},
    "no factory": {"python": "broken_callables:factory"},
    "text": {"onnx": "models/text.onnx"},
    "truncated": {"onnx": "models/truncated.onnx"},
    "unknown operator": {"onnx": "models/operator.onnx"},
    "wrong provider": {**MODEL, "provider": "cuda"},
    "wrong name": {**MODEL, "inputs": "data/name.npz"},
    "wrong type": {**MODEL, "inputs": "data/type.npz"},
    "wrong shape": {**MODEL, "inputs": "data/shape.npz"},
    "no archive": {**MODEL, "inputs": "data/text.npz"},
    "no labels": {**MODEL, "inputs": "data/good.npz", "labels": "answers"},
}
"""Every one of them has to end as a measurement error of its own."""

SENTENCES = {
    "raises": ("request 57", "ValueError: the cache is cold"),
    "returns nothing": ("returned nothing",),
    "quits": ("sys.exit",),
    "dies": ("exit code 7",),
    "is killed": ("SIGKILL", "out-of-memory"),
    "forks": ("fork",),
    "hangs": ("after 5 s", "killed", "time_limit"),
    "makes nothing": ("broken_callables:makes_nothing", "nothing"),
    "needs arguments": ("needs_arguments", "weights"),
    "no module": ("nowhere",),
    "no factory": ("broken_callables:factory",),
    "text": ("text.onnx",),
    "truncated": ("truncated.onnx",),
    "unknown operator": ("operator.onnx", "Frobnicate"),
    "wrong provider": ("CUDAExecutionProvider", "CPUExecutionProvider"),
    "wrong name": ("'picture'", "'image'"),
    "wrong type": ("float64", "float32"),
    "wrong shape": ("'image'", "9, 9]", "8, 8]"),
    "no archive": ("text.npz",),
    "no labels": ("'answers'", "good.npz"),
}
"""Words without which the sentence does not say what happened and where."""


def build(directory):
    """Write the project's files."""
    import numpy as np
    import onnx

    (directory / "broken_callables.py").write_text(CALLABLES, encoding="utf-8")
    models, data = directory / "models", directory / "data"
    models.mkdir()
    data.mkdir()
    models.joinpath("model.onnx").write_bytes((FIXTURES / "models/digits-mlp.onnx").read_bytes())
    models.joinpath("text.onnx").write_text("these are no weights\n", encoding="utf-8")
    whole = (FIXTURES / "models/digits-cnn.onnx").read_bytes()
    models.joinpath("truncated.onnx").write_bytes(whole[: len(whole) // 2])
    onnx.save(model("Frobnicate", domain="acme"), models / "operator.onnx")
    image = np.zeros((4, 1, 8, 8), np.float32)
    np.savez(data / "good.npz", image=image)
    np.savez(data / "name.npz", picture=image)
    np.savez(data / "type.npz", image=image.astype(np.float64))
    np.savez(data / "shape.npz", image=np.zeros((4, 1, 9, 9), np.float32))
    data.joinpath("text.npz").write_text("not an archive", encoding="utf-8")


def model(operator, *, domain="", name="x"):
    """Return a model of one operator on four floats."""
    from onnx import TensorProto, helper

    values = [helper.make_tensor_value_info(one, TensorProto.FLOAT, ["batch", 4]) for one in (name, "y")]
    graph = helper.make_graph([helper.make_node(operator, [name], ["y"], domain=domain)], "one", values[:1], values[1:])
    opsets = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)
