"""A result as CSV, for a trend over many runs: one row per workload and metric."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.result.result import Result

_START = ("created", "commit", "workload")
_METRIC = ("metric", "value", "low", "high", "unit")
_END = ("verdict", "method", "machine", "energygate")
COLUMNS = (*_START, *_METRIC, *_END)
"""Times are in UTC; `low` and `high` are the ends of head's interval, empty where there is none."""


def csv_text(result: Result) -> str:
    """Write a result as CSV with a line of headings (RFC 4180).

    A number keeps all its digits, in the unit beside it. A workload without numbers has one row with its verdict,
    so that a gap in a trend explains itself.
    """
    lines = _Lines()
    writer = csv.writer(lines)
    writer.writerow(COLUMNS)
    writer.writerows(_rows(result))
    return "".join(lines)


def _rows(result: Result) -> Iterator[tuple[object, ...]]:
    for workload in result.workloads:
        start = (result.created, result.head_commit, workload.name)
        end = (workload.verdict.value, workload.method, result.machine.cpu_model, result.energygate_version)
        if not workload.metrics:
            yield (*start, *[None] * len(_METRIC), *end)
        for name, metric in workload.metrics.items():
            yield (*start, name, metric.head, metric.head_low, metric.head_high, metric.unit, *end)


class _Lines(list[str]):
    """Lines that `csv` writes."""

    write = list.append
