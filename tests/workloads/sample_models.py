"""Small ONNX models, made when they are needed."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

OPSET = 17
IR_VERSION = 8


def model(nodes, inputs, outputs, *, initializers=(), domains=()):
    """One graph as a model that every supported onnxruntime reads."""
    graph = helper.make_graph(nodes, "graph", inputs, outputs, list(initializers))
    opsets = [helper.make_opsetid("", OPSET), *(helper.make_opsetid(name, 1) for name in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def tensor(name, shape=("batch", 3), element=TensorProto.FLOAT):
    """An input or output."""
    return helper.make_tensor_value_info(name, element, shape)


def identity(shape=("batch", 3), element=TensorProto.FLOAT, *, name="x", answer="y"):
    """Answers what it is asked."""
    nodes = [helper.make_node("Identity", [name], [answer])]
    return model(nodes, [tensor(name, shape, element)], [tensor(answer, shape, element)])


def identities(**shapes):
    """Several float inputs, each given back as `<name>_out`."""
    return model(
        [helper.make_node("Identity", [name], [f"{name}_out"]) for name in shapes],
        [tensor(name, shape) for name, shape in shapes.items()],
        [tensor(f"{name}_out", shape) for name, shape in shapes.items()],
    )


def external(name, shape, location, *, length=None):
    """A float initialiser whose values lie in another file."""
    values = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
    values.data_location = TensorProto.EXTERNAL
    entries = {"location": location, "offset": "0", "length": str(length or 4 * int(np.prod(shape)))}
    for key, value in entries.items():
        values.external_data.add(key=key, value=value)
    return values


def with_external_weight(location="weights.bin", *, size=3):
    """Adds an initialiser from another file to its input."""
    return model(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [tensor("x", ("batch", size))],
        [tensor("y", ("batch", size))],
        initializers=[external("w", [size], location)],
    )
