"""Reading the result that a command tells: a file, or standard input."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from energygate.result.files import read_result_file
from energygate.result.reading import MAX_BYTES, read_result

if TYPE_CHECKING:
    from energygate.result.result import Result

STANDARD_INPUT = "-"


def result_from(source: str) -> Result:
    """Read the result of a file, or of standard input.

    Raises:
        MeasurementError: It cannot be read, or is no result.
    """
    if source != STANDARD_INPUT:
        return read_result_file(source)
    return read_result(sys.stdin.buffer.read(MAX_BYTES + 1), name="standard input")
