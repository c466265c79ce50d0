"""Inputs made up from a model's signature, the same for the same seed on every machine and side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from energygate.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from energygate.workloads.process import Tensor

FLOATS = {"tensor(float16)": "float16", "tensor(float)": "float32", "tensor(double)": "float64"}
INTEGERS = {f"tensor({name})": name for name in ("int8", "int16", "int32", "int64")}
UNSIGNED = {f"tensor({name})": name for name in ("uint8", "uint16", "uint32", "uint64")}

DISTINCT_CALLS = 8
"""How many different calls are made up: enough that no runtime can live off one cached answer."""

BYTES_LIMIT = 64 * 1024 * 1024
"""Beyond this size made-up calls are fewer, so that large inputs do not fill the memory."""


def synthesise(
    signature: Sequence[Tensor],
    *,
    shapes: Mapping[str, int | tuple[int, ...]],
    batch_size: int,
    seed: int,
    label: str,
) -> dict[str, np.ndarray[Any, Any]]:
    """Make up inputs for several distinct calls: one array per input, stacked along a new first axis.

    Floats are drawn from [0, 1), as normalised images are; booleans are fair coins; strings are short words.
    Integers are 0 or 1: they are most often token ids, masks or categories, and no model of any vocabulary
    refuses those. A team that serves other values gives real inputs.

    Args:
        signature: The model's inputs.
        shapes: Sizes of symbolic dimensions by name, or whole shapes by the input's name.
        batch_size: Size of a symbolic first dimension that `shapes` does not name.
        seed: Seed of the values.
        label: What error messages call the workload.

    Raises:
        MeasurementError: When a dimension has no size, or an input is not a tensor that can be made up.
    """
    import numpy as np

    known = {node.name for node in signature} | {
        size for node in signature for size in node.shape if isinstance(size, str)
    }
    unknown = sorted(set(shapes) - known)
    if unknown:
        raise MeasurementError(
            f"`shapes` names {unknown[0]!r}, which is neither an input nor a dimension of the model",
            where=label,
            hint=f"The model has {', '.join(map(repr, sorted(known)))}",
        )
    generator = np.random.Generator(np.random.PCG64(seed))
    sizes = {node.name: _shape(node, shapes, batch_size, label) for node in signature}
    largest = max((8 * int(np.prod(shape)) for shape in sizes.values()), default=1)
    count = max(1, min(DISTINCT_CALLS, BYTES_LIMIT // max(1, largest)))
    return {node.name: _values(node, (count, *sizes[node.name]), generator, label) for node in signature}


def _shape(
    node: Tensor, shapes: Mapping[str, int | tuple[int, ...]], batch_size: int, label: str
) -> tuple[int, ...]:
    whole = shapes.get(node.name)
    if isinstance(whole, tuple):
        fits = len(whole) == len(node.shape) and all(
            not isinstance(want, int) or want == have for want, have in zip(node.shape, whole, strict=True)
        )
        if not fits:
            raise MeasurementError(
                f"`shapes` gives input {node.name!r} the shape {list(whole)}; it is {list(node.shape)}",
                where=label,
            )
        return whole
    return tuple(_size(node, axis, size, shapes, batch_size, label) for axis, size in enumerate(node.shape))


def _size(  # noqa: PLR0913, PLR0917 - one dimension and all that may decide it
    node: Tensor,
    axis: int,
    size: int | str | None,
    shapes: Mapping[str, int | tuple[int, ...]],
    batch_size: int,
    label: str,
) -> int:
    if isinstance(size, int):
        return size
    given = shapes.get(size) if size is not None else None
    if isinstance(given, int):
        return given
    if axis == 0:
        return batch_size
    key = size or node.name
    example = (
        "128" if size else "[" + ", ".join(str(n) if isinstance(n, int) else "…" for n in node.shape) + "]"
    )
    raise MeasurementError(
        f"input {node.name!r} has shape {list(node.shape)}, and nothing says how large dimension {axis} is",
        where=label,
        hint=f"Add `shapes: {{{key}: {example}}}` to the workload, or give it `inputs`",
    )


def _values(
    node: Tensor, shape: tuple[int, ...], generator: np.random.Generator, label: str
) -> np.ndarray[Any, Any]:
    if node.type in FLOATS:
        return generator.random(shape).astype(FLOATS[node.type])
    integer = INTEGERS.get(node.type) or UNSIGNED.get(node.type)
    if integer:
        return generator.integers(0, 2, shape).astype(integer)
    if node.type == "tensor(bool)":
        return generator.integers(0, 2, shape).astype(bool)
    if node.type == "tensor(string)":
        return generator.integers(0, 1000, shape).astype("U")
    raise MeasurementError(
        f"input {node.name!r} is a {node.type}, which cannot be made up from the signature",
        where=label,
        hint="Wrap the model in a `python:` workload that builds this input",
    )
