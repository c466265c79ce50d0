"""Generate inputs from a model's signature, the same for the same seed on every machine and side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

from energygate.errors import MeasurementError
from energygate.text import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from energygate.workloads.protocol import Tensor

Dimension: TypeAlias = "int | str | None"
"""One dimension of a signature: its size, its name, or neither."""

FLOATS = {"tensor(float16)": "float16", "tensor(float)": "float32", "tensor(double)": "float64"}
INTEGERS = {f"tensor({sign}int{bits})": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}

DISTINCT_CALLS = 8
"""Number of different calls: enough that no runtime can live off one cached answer."""

MAX_BYTES = 64 * 1024 * 1024
"""Above this size fewer calls are generated, so that large inputs do not fill the memory."""

MAX_CALL_BYTES = 4 * 1024 * 1024 * 1024
"""Above this size an input is a mistake in `shapes`: generating it would exhaust the memory."""


def synthesise(
    signature: Sequence[Tensor],
    *,
    shapes: Mapping[str, int | tuple[int, ...]],
    batch_size: int,
    seed: int,
    label: str,
) -> dict[str, np.ndarray[Any, Any]]:
    """Generate inputs for several distinct calls: one array per input, stacked along a new first axis.

    Floats are drawn from [0, 1), as normalised images are; booleans are fair coins; strings are short words.
    Integers are 0 or 1: most often they are token ids, masks or categories, and every vocabulary has those values.
    A model that needs other values needs real inputs.

    Args:
        signature: The model's inputs.
        shapes: Sizes of symbolic dimensions by name, or whole shapes by the input's name.
        batch_size: Size of a symbolic first dimension that `shapes` does not name.
        seed: Seed of the values.
        label: What error messages call the workload.

    Raises:
        MeasurementError: When a dimension has no size, or an input is not a tensor that can be generated.
    """
    import numpy as np

    full_shapes, sizes = _split_shapes(signature, shapes, label)
    # The first axis is the batch, and so is any other axis of that name: a recurrent state is [1, batch, 64].
    sizes = {node.shape[0]: batch_size for node in signature if node.shape} | sizes
    generator = np.random.Generator(np.random.PCG64(seed))
    shapes_by_input = {
        node.name: full_shapes.get(node.name)
        or tuple(_size(node, axis, sizes, label) for axis in range(len(node.shape)))
        for node in signature
    }
    for name, shape in shapes_by_input.items():
        size_bytes = 8 * math.prod(shape)
        if size_bytes > MAX_CALL_BYTES:
            raise MeasurementError(
                f"input {quote(name)} with shape {list(shape)} would take {size_bytes / 1e9:.0f} GB",
                where=label,
                hint="Set smaller `shapes`",
            )
    largest = max((8 * math.prod(shape) for shape in shapes_by_input.values()), default=1)
    count = max(1, min(DISTINCT_CALLS, MAX_BYTES // max(1, largest)))
    return {node.name: _values(node, (count, *shapes_by_input[node.name]), generator, label) for node in signature}


def _split_shapes(
    signature: Sequence[Tensor], shapes: Mapping[str, int | tuple[int, ...]], label: str
) -> tuple[dict[str, tuple[int, ...]], dict[Dimension, int]]:
    """Split `shapes` into whole shapes of inputs and sizes of dimensions."""
    nodes = {node.name: node for node in signature}
    dimensions = {size for node in signature for size in node.shape if isinstance(size, str)}
    full_shapes: dict[str, tuple[int, ...]] = {}
    sizes: dict[Dimension, int] = {}
    for name, given in shapes.items():
        if name not in nodes and name not in dimensions:
            raise MeasurementError(
                f"`shapes` names {quote(name)}, which is neither an input nor a dimension of the model",
                where=label,
                hint=f"The model has {', '.join(map(quote, sorted(dimensions | set(nodes)))) or 'none'}",
            )
        if isinstance(given, int) and name in dimensions:
            sizes[name] = given
        elif name in nodes:
            full_shapes[name] = _full_shape(nodes[name], (given,) if isinstance(given, int) else given, label)
        else:
            raise MeasurementError(
                f"`shapes` sets dimension {quote(name)} to the list {list(given)}; it needs one number",  # type: ignore[arg-type]
                where=label,
            )
    return full_shapes, sizes


def _full_shape(node: Tensor, shape: tuple[int, ...], label: str) -> tuple[int, ...]:
    fits = len(shape) == len(node.shape) and all(
        not isinstance(expected, int) or expected == actual for expected, actual in zip(node.shape, shape, strict=True)
    )
    if not fits:
        raise MeasurementError(
            f"`shapes` sets input {quote(node.name)} to shape {list(shape)}; the model's is {list(node.shape)}",
            where=label,
        )
    return shape


def _size(node: Tensor, axis: int, sizes: Mapping[Dimension, int], label: str) -> int:
    size = node.shape[axis]
    if isinstance(size, int):
        return size
    if size in sizes and (size is not None or axis == 0):
        return sizes[size]
    if size is None:
        example = "[" + ", ".join(str(one) if isinstance(one, int) else "…" for one in node.shape) + "]"
    else:
        example = "128"
    raise MeasurementError(
        f"input {quote(node.name)} has shape {list(node.shape)}, and the size of dimension {axis} is unknown",
        where=label,
        hint=f"Add `shapes: {{{size or node.name}: {example}}}` to the workload, or set its `inputs`",
    )


def _values(node: Tensor, shape: tuple[int, ...], generator: np.random.Generator, label: str) -> np.ndarray[Any, Any]:
    if node.type in FLOATS:
        return generator.random(shape).astype(FLOATS[node.type])
    if node.type in INTEGERS:
        return generator.integers(0, 2, shape).astype(INTEGERS[node.type])
    if node.type == "tensor(bool)":
        return generator.integers(0, 2, shape).astype(bool)
    if node.type == "tensor(string)":
        return generator.integers(0, 1000, shape).astype("U")
    raise MeasurementError(
        f"input {quote(node.name)} is a {node.type}, which cannot be generated from the signature",
        where=label,
        hint="Wrap the model in a `python:` workload that builds this input",
    )
