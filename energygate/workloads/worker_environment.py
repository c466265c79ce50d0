"""What a worker's environment says: as many threads as are measured, and nobody who watches or reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""What numerical libraries read at import to size their thread pools."""

MEASURING = {"ENERGYGATE_MEASURING": "1"}
"""Told to whatever is measured: an energygate inside of it must not wait for this one to end."""

NO_TELEMETRY = {"ORT_DISABLE_TELEMETRY": "1"}
"""onnxruntime keeps a device id and a database for telemetry from its import on unless told not to."""

WATCHERS = ("COV_CORE_", "COVERAGE_PROCESS_", "PYTEST_XDIST_", "PYTEST_CURRENT_TEST")
"""How variables begin by which a test session around this one would measure coverage in a worker, or claim it."""


def worker_environment(around: Mapping[str, str], *, threads: int) -> dict[str, str]:
    """The environment of a worker.

    Args:
        around: That of this process.
        threads: How many threads numerical libraries may use.
    """
    kept = {name: value for name, value in around.items() if not name.startswith(WATCHERS)}
    return kept | NO_TELEMETRY | MEASURING | dict.fromkeys(THREAD_VARIABLES, str(threads))
