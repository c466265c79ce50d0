"""A worker's environment variables: as many threads as are measured, no telemetry, no coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""Variables that numerical libraries read at import to size their thread pools."""

MEASURING = {"ENERGYGATE_MEASURING": "1"}
"""Marks whatever is measured: an energygate inside it must not wait for this one to end."""

NO_TELEMETRY = {"ORT_DISABLE_TELEMETRY": "1"}
"""Without it onnxruntime creates a device id and a telemetry database on import."""

DROPPED_PREFIXES = ("COV_CORE_", "COVERAGE_PROCESS_", "PYTEST_XDIST_", "PYTEST_CURRENT_TEST")
"""Prefixes of variables with which a surrounding test session would measure coverage in a worker, or claim it."""


def worker_environment(parent: Mapping[str, str], *, threads: int) -> dict[str, str]:
    """Return the environment of a worker.

    Args:
        parent: The environment of this process.
        threads: How many threads numerical libraries may use.
    """
    kept = {name: value for name, value in parent.items() if not name.startswith(DROPPED_PREFIXES)}
    return kept | NO_TELEMETRY | MEASURING | dict.fromkeys(THREAD_VARIABLES, str(threads))
