"""Rows for a trend: whole numbers with their units, and a row even for a workload without numbers."""

from __future__ import annotations

import csv

import builders

from energygate.report.csv_text import COLUMNS, csv_text


def rows(*workloads, **fields):
    first, *others = csv.reader(csv_text(builders.result(*workloads, **fields)).splitlines(keepends=True))
    assert first == list(COLUMNS)
    return [dict(zip(COLUMNS, one, strict=True)) for one in others]


def test_a_number_keeps_its_digits_and_its_unit():
    metric = builders.metric_result(head=1.234567890123e-9, low=1.2e-9, high=1.3e-9)
    (row,) = rows(builders.workload_result(metrics={"energy_per_request": metric}), head_commit="c" * 40)
    assert row == {
        "created": "2026-03-01T12:00:00+00:00",
        "commit": "c" * 40,
        "workload": "digits-cnn",
        "metric": "energy_per_request",
        "value": "1.234567890123e-09",
        "low": "1.2e-09",
        "high": "1.3e-09",
        "unit": "kWh",
        "verdict": "pass",
        "method": "estimated",
        "machine": "AMD EPYC 7763 64-Core Processor",
        "energygate": "0.1.0",
    }


def test_a_failed_workload_has_a_row_with_its_error():
    (row,) = rows(builders.failed_workload_result())
    assert (row["verdict"], row["metric"], row["value"], row["commit"]) == ("error", "", "", "")


def test_any_name_stays_in_its_column():
    (row,) = rows(builders.workload_result('a, "b"'))
    assert row["workload"] == 'a, "b"'
