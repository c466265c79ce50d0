"""The verdict in one line: of several causes the worst, always with its number."""

from __future__ import annotations

import pytest
from builders import exact_metric_result, finding_result, judged, metric_result, result, workload_result

from energygate.gate import Verdict
from energygate.report.headline import headline
from energygate.result.result import Change

LOW = {"limit": 1.6e-9, "limit_text": "1.6 µWh"}


def moved(estimate, verdict=Verdict.FAIL, *, name="cnn", metric="energy_per_request", reason=None, **fields):
    finding = finding_result(verdict, kind="max_increase", limit=0.05, limit_text="5 %", reason=reason)
    change = Change(estimate=estimate, low=estimate - 0.01, high=estimate + 0.01)
    found = metric_result(finding, unit="kWh" if metric.startswith("energy") else "s")
    return workload_result(
        name, metrics={metric: found.model_copy(update={"base": 1.5e-9, "change": change, **fields})}
    )


@pytest.mark.parametrize(
    ("workloads", "text"),
    [
        (
            [moved(0.2, name="a"), moved(0.9, name="b"), moved(0.3, name="c")],
            "b needs 90.0 % more energy per request (limit +5 %); 2 more budgets broken",
        ),
        (  # this is about energy
            [moved(3.0, name="a", metric="latency_p95"), moved(0.3, name="b")],
            "b needs 30.0 % more energy per request (limit +5 %); 1 more budget broken",
        ),
        ([moved(3.0, metric="latency_p95")], "cnn: latency p95 rose by 300 % (limit +5 %)"),
        (
            [judged(Verdict.FAIL, name="absolute", **LOW), moved(0.1, name="relative")],
            "absolute: energy per request is 1.92 µWh, 20 % over the limit of 1.6 µWh; 1 more budget broken",
        ),
        ([moved(0.2, Verdict.WARN)], "cnn needs 20.0 % more energy per request (warns from +5 %)"),
        ([moved(0.2, Verdict.WAIVED)], "cnn needs 20.0 % more energy per request (limit +5 %), waived"),
        (
            [moved(0.2, Verdict.WAIVED, name="a"), moved(0.3, Verdict.WAIVED, name="b")],
            "b needs 30.0 % more energy per request (limit +5 %), waived; 1 more budget waived",
        ),
        (
            [moved(0.2, Verdict.INCONCLUSIVE, reason="two GPUs", incomparable="two GPUs")],
            "cnn: energy per request is undecided, two GPUs (limit +5 %)",
        ),
        (  # typical requests keep the limit, their sum does not: then the estimate would mislead
            [moved(0.01, reason="the total rose by at least 6.4 %, driven by a few expensive requests")],
            "cnn: the total rose by at least 6.4 %, driven by a few expensive requests (limit +5 %)",
        ),
    ],
)
def test_headlines(workloads, text):
    assert headline(result(*workloads)) == text


def test_incomparable_numbers_are_not_a_saving():
    one = moved(-0.4, Verdict.PASS, incomparable="two GPUs")
    assert headline(result(one)) == "1 budget of 1 workload kept"


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (-0.02, "cnn needs 2.0 % less energy per request"),
        (
            -0.009,
            "cnn needs as much energy per request as before (\N{MINUS SIGN}1.9 to +0.10 %, limit +5 %)",
        ),  # its interval has zero
        (0.02, "cnn needs 2.0 % more energy per request (limit +5 %)"),
    ],
)
def test_only_an_interval_below_zero_is_a_saving(estimate, text):
    assert headline(result(moved(estimate, Verdict.PASS))) == text


def test_a_minimum_that_is_missed_by_more_is_worse():
    some = [
        workload_result(
            name,
            metrics={
                "accuracy": exact_metric_result(
                    value, "ratio", finding_result(Verdict.FAIL, kind="min", limit=0.97, limit_text="97 %")
                )
            },
        )
        for name, value in (("near", 0.96), ("far", 0.5), ("nothing", 0.0))
    ]
    assert headline(result(*some[:2])).startswith("far: accuracy is 50.0 %, below the limit of 97 %")
    assert headline(result(*some)).startswith("nothing: accuracy is 0 %")


def test_a_long_name_does_not_push_the_number_out():
    assert headline(result(moved(0.2, name="n" * 200))) == (
        f"{'n' * 59}… needs 20.0 % more energy per request (limit +5 %)"
    )
