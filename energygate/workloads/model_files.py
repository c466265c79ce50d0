"""The files of an ONNX model, external data included, and their sizes."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from energygate.errors import MeasurementError
from energygate.extras import require
from energygate.repository.lfs import is_pointer

if TYPE_CHECKING:
    from pathlib import Path

GZIP_LEVEL = 6
CHUNK_BYTES = 1 << 20


def model_size_bytes(path: Path, *, label: str) -> int:
    """Return the size of an ONNX model, external data included, in bytes.

    Raises:
        MeasurementError: When the file is not an ONNX model, or external data is missing.
    """
    return sum(file.stat().st_size for file in model_files(path, label=label))


def model_download_bytes(path: Path, *, label: str) -> int:
    """Return the download size of an ONNX model in bytes: each file gzipped, external data included.

    This is what a web server sends to an edge device; zlib's level 6 is the default of servers and `gzip`.

    Raises:
        MeasurementError: When the file is not an ONNX model, or external data is missing.
    """
    return sum(map(_gzipped_bytes, model_files(path, label=label)))


def _gzipped_bytes(path: Path) -> int:
    deflater = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)  # 16: gzip's header and trailer
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            size += len(deflater.compress(chunk))
    return size + len(deflater.flush())


def model_files(path: Path, *, label: str) -> list[Path]:
    """Return the model's file, then every external data file of its tensors, each once, by name.

    Raises:
        MeasurementError: When the file is not an ONNX model, or external data is missing.
    """
    model = read_model(path, label=label)
    from onnx.external_data_helper import ExternalDataInfo, _get_all_tensors, uses_external_data

    names = {ExternalDataInfo(tensor).location for tensor in _get_all_tensors(model) if uses_external_data(tensor)}
    missing = sorted(name for name in names if not (path.parent / name).is_file())
    if missing:
        raise MeasurementError(f"{path.name} refers to {missing[0]}, which does not exist", where=label)
    # `w.bin` and `./w.bin` are one file.
    return [path, *sorted({(path.parent / name).resolve() for name in names})]


def read_model(path: Path, *, label: str) -> Any:  # noqa: ANN401 - onnx ships no types
    """Read an ONNX model without its external data.

    Raises:
        UsageError: When onnx is not installed.
        MeasurementError: When the file is not an ONNX model.
    """
    require("onnxruntime", purpose="reading an ONNX model")
    import onnx

    if is_pointer(path):
        raise MeasurementError(
            f"{path.name} is a Git LFS pointer, not the model itself",
            where=label,
            hint="Check out with LFS, for example `lfs: true` of actions/checkout",
        )
    try:
        return onnx.load(path, load_external_data=False)
    except Exception as error:  # noqa: BLE001 - protobuf raises different types from version to version
        raise MeasurementError(f"{path.name} is not a readable ONNX model: {error}", where=label) from None
