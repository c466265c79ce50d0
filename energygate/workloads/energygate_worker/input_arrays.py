"""Read the arrays of an .npz file and cut them into the inputs of single calls."""

from __future__ import annotations

from .errors import WorkloadError, message_of

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

_NUMPY_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(bool)": "bool",
    "tensor(string)": "str",
}
_NUMPY_TYPES.update({"tensor(%s)" % name: name for name in ("int8", "int16", "int32", "int64")})
_NUMPY_TYPES.update({"tensor(u%s)" % name: "u" + name for name in ("int8", "int16", "int32", "int64")})


def read_arrays(path: str, leave_out: list[str]) -> dict[str, Any]:
    """Read the arrays of an .npz file, without those in `leave_out`."""
    import zipfile

    import numpy

    if not zipfile.is_zipfile(path):
        raise WorkloadError("%s is not an .npz file" % path)
    arrays = {}
    with numpy.load(path, allow_pickle=False) as archive:
        for name in archive.files:
            if name in leave_out:
                continue
            try:
                arrays[name] = archive[name]
            except Exception as error:
                reason = "it contains Python objects" if "allow_pickle" in str(error) else message_of(error)
                raise WorkloadError("cannot read array %r in %s: %s" % (name, path, reason)) from None
            if not isinstance(arrays[name], numpy.ndarray):
                raise WorkloadError("%r in %s is not an array" % (name, path))
    return arrays


def save_arrays(path: Any, arrays: dict[str, Any]) -> None:
    """Write an .npz file; `numpy.savez` would take an array named `file` for its own argument."""
    import zipfile

    import numpy

    with zipfile.ZipFile(path, "w") as archive:
        for name, values in arrays.items():
            with archive.open(name + ".npy", "w", force_zip64=True) as entry:
                numpy.lib.format.write_array(entry, values, allow_pickle=False)


def requests_of(arrays: dict[str, Any], signature: Any, batch_size: int) -> list[dict[str, Any]]:
    """Cut named arrays into the inputs of one call each.

    An array of its input's rank is cut along its first axis, `batch_size` rows per call (or as many as a fixed first
    dimension requires); an array with one axis more contains one call's input per entry. Arrays that make just one call
    are passed to every call.

    With a batch size above 1 some input must have that many rows: energy is divided by it.
    """
    cuts = {name: _cut(name, values, signature, batch_size) for name, values in arrays.items()}
    count = max(len(cut) for cut in cuts.values())
    uneven = sorted(name for name, cut in cuts.items() if len(cut) not in (1, count))
    if uneven:
        raise WorkloadError(
            "the inputs contain different numbers of requests: "
            + ", ".join("%s has %d" % (name, len(cut)) for name, cut in sorted(cuts.items()))
        )
    rows = {name: cut[0].shape[:1] for name, cut in cuts.items()}
    if signature is not None and batch_size != 1 and (batch_size,) not in rows.values():
        have = ", ".join("%d of %r" % (*row, name) for name, row in rows.items() if row)
        raise WorkloadError("batch_size is %d, but a call takes %s" % (batch_size, have or "no rows"))
    return [{name: cut[index if len(cut) == count else 0] for name, cut in cuts.items()} for index in range(count)]


def _cut(name: str, values: Any, signature: Any, batch_size: int) -> list[Any]:
    shape = None if signature is None else signature[name]["shape"]
    if shape is None or values.ndim == len(shape):
        if values.ndim == 0:
            return [values]
        first = shape[0] if shape and isinstance(shape[0], int) else batch_size
        pieces = [values[start : start + first] for start in range(0, len(values) - first + 1, first)]
        if not pieces:
            raise WorkloadError("input %r has %d rows; one call needs %d" % (name, len(values), first))
    elif values.ndim == len(shape) + 1 and len(values):
        pieces = [values[index, ...] for index in range(len(values))]  # `...` keeps scalars arrays
    else:
        raise WorkloadError("input %r has shape %s; the model takes %s" % (name, list(values.shape), shape))
    if shape is not None:
        got = list(pieces[0].shape)
        if any(isinstance(expected, int) and expected != actual for expected, actual in zip(shape, got)):
            raise WorkloadError("input %r has shape %s per call; the model takes %s" % (name, got, shape))
    return pieces


def checked(arrays: dict[str, Any], signature: Any) -> dict[str, Any]:
    """Return the arrays as the model's inputs; raise if names or element types differ."""
    if set(arrays) != set(signature):
        raise WorkloadError(
            "the model takes inputs %s; the file has %s"
            % (", ".join(map(repr, signature)) or "none", ", ".join(map(repr, sorted(arrays))) or "none")
        )
    for name, values in arrays.items():
        expected = _NUMPY_TYPES.get(signature[name]["type"])
        if expected is None:
            raise WorkloadError("input %r is a %s, which no array can contain" % (name, signature[name]["type"]))
        if expected == "str" and values.dtype.kind in "US":
            arrays[name] = values.astype(object)  # the type that onnxruntime expects for strings
        elif expected == "str" or values.dtype != expected:
            raise WorkloadError("input %r is %s; the model takes %s" % (name, values.dtype, expected))
    return arrays
