"""A result as rows of CSV, for a trend over many runs: one row per workload and metric."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.result.result import Result

COLUMNS = (
    "created",
    "commit",
    "workload",
    "metric",
    "value",
    "low",
    "high",
    "unit",
    "verdict",
    "method",
    "machine",
    "energygate",
)
"""Times are in UTC; `low` and `high` are the ends of head's interval, empty where there is none."""


def csv_text(result: Result) -> str:
    """Write a result as CSV with a line of headings (RFC 4180).

    A number keeps all its digits, in the unit beside it. A workload without numbers has one row that says what became
    of it, so that a gap in a trend explains itself.
    """
    lines: list[str] = []
    writer = csv.writer(_Lines(lines))
    writer.writerow(COLUMNS)
    writer.writerows(_rows(result))
    return "".join(lines)


def _rows(result: Result) -> Iterator[tuple[object, ...]]:
    for workload in result.workloads:
        start = (result.created, result.head_commit, workload.name)
        end = (workload.verdict.value, workload.method, result.machine.cpu_model, result.energygate_version)
        if not workload.metrics:
            yield (*start, None, None, None, None, None, *end)
        for name, metric in workload.metrics.items():
            yield (*start, name, metric.head, metric.head_low, metric.head_high, metric.unit, *end)


class _Lines:
    """What `csv` writes to."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def write(self, line: str) -> None:
        self._lines.append(line)
