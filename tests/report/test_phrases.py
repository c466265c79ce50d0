"""The sentences of a report, word for word."""

from __future__ import annotations

import pytest
from builders import (
    exact_metric_result,
    failed_workload_result,
    finding_result,
    judged,
    metric_result,
    provenance,
    result,
    workload_result,
)
from hypothesis import given
from hypothesis import strategies as st

from energygate.gate import Verdict
from energygate.policy import parse_quantity
from energygate.policy.unit_families import Family
from energygate.report.console import console_rows
from energygate.report.explanations import effort, interval_words, source
from energygate.report.headline import headline
from energygate.report.phrases import (
    MARKS,
    ORDER,
    detail_lines,
    label_of,
    limit_text,
    numbers,
)

MINUS = "\N{MINUS SIGN}"


def with_metric(name, metric, *more):
    return workload_result(metrics={name: metric, **dict(more)})


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        (Verdict.PASS, "1 budget of 1 workload kept"),
        (
            Verdict.WAIVED,
            "digits-cnn: energy per request is 1.92 µWh, 20 % over the limit of 1.6 µWh, waived",
        ),
        (Verdict.WARN, "digits-cnn: energy per request is 1.92 µWh, 20 % over the limit of 1.6 µWh"),
        (
            Verdict.INCONCLUSIVE,
            (
                "digits-cnn: energy per request is 1.92 µWh (1.80 to 2.05 µWh), "
                "too close to the limit of 1.6 µWh to tell"
            ),
        ),
        (Verdict.FAIL, "digits-cnn: energy per request is 1.92 µWh, 20 % over the limit of 1.6 µWh"),
    ],
)
def test_the_headline_of_a_verdict(verdict, text):
    assert headline(result(judged(verdict, limit=1.6e-9, limit_text="1.6 µWh"))) == text


@pytest.mark.parametrize(
    ("limit", "much"),
    [
        (1.9e-9, "1.1 % over the limit of L"),
        (0.97e-9, "98 % over the limit of L"),
        (0.96e-9, "2.0 times the limit of L"),
        (0.02e-9, "96 times the limit of L"),
        (0.0, "over max L"),  # nothing is a multiple of zero
    ],
)
def test_how_far_over_a_limit(limit, much):
    text = headline(result(judged(Verdict.FAIL, limit=limit, limit_text="L")))
    assert text == f"digits-cnn: energy per request is 1.92 µWh, {much}"


@pytest.mark.parametrize(
    ("workload", "text"),
    [
        (
            with_metric(
                "accuracy",
                exact_metric_result(
                    0.962, "ratio", finding_result(Verdict.FAIL, kind="min", limit=0.97, limit_text="97 %")
                ),
            ),
            "digits-cnn: accuracy is 96.2 %, below the limit of 97 %",
        ),
        (
            with_metric(
                "energy_per_request",
                metric_result(
                    finding_result(Verdict.INCONCLUSIVE, limit_text="2 µWh", reason="too few launches for an interval"),
                    low=None,
                    high=None,
                ),
            ),
            (
                "digits-cnn: energy per request is 1.92 µWh, not yet compared with the limit of 2 µWh: "
                "too few launches for an interval"
            ),
        ),
    ],
    ids=["a minimum", "no interval yet"],
)
def test_the_headline_of_other_limits(workload, text):
    assert headline(result(workload)) == text


@pytest.mark.parametrize(
    ("workloads", "text"),
    [
        ([judged(Verdict.PASS), judged(Verdict.PASS, name="other")], "2 budgets of 2 workloads kept"),
        ([workload_result()], "1 workload measured, no budgets"),
        ([workload_result(), workload_result("other")], "2 workloads measured, no budgets"),
        ([failed_workload_result()], "digits-cnn could not be judged: the worker died"),
        (
            [failed_workload_result(), failed_workload_result("other"), judged(Verdict.FAIL, name="third")],
            "digits-cnn could not be judged (and 1 more workload): the worker died",
        ),
        (
            [judged(Verdict.PASS, name="fine"), judged(Verdict.FAIL, limit=1.6e-9, limit_text="1.6 µWh")],
            "digits-cnn: energy per request is 1.92 µWh, 20 % over the limit of 1.6 µWh",
        ),
        (
            [judged(Verdict.FAIL, name=name, limit=1.6e-9, limit_text="1.6 µWh") for name in ("one", "two", "three")],
            "one: energy per request is 1.92 µWh, 20 % over the limit of 1.6 µWh; 2 more budgets broken",
        ),
    ],
)
def test_the_headline_of_several_workloads(workloads, text):
    assert headline(result(*workloads)) == text


def test_rows_are_sorted_by_severity():
    verdicts = [Verdict.PASS, Verdict.WAIVED, Verdict.INCONCLUSIVE, Verdict.WARN, Verdict.FAIL]
    found = console_rows(result(workload_result("unjudged"), *(judged(one, name=one.value) for one in verdicts)))
    assert [row.workload for row, _ in found] == [
        "fail",
        "warn",
        "inconclusive",
        "waived",
        "pass",
        "unjudged",
    ]


def test_rows_of_one_verdict_keep_the_policys_order():
    found = console_rows(result(*(judged(Verdict.PASS, name=name) for name in ("b", "a", "c"))))
    assert [row.workload for row, _ in found] == ["b", "a", "c"]


def test_every_verdict_has_a_rank_and_a_mark():
    assert set(ORDER) == set(MARKS) == set(Verdict)
    assert all(len(mark) == 1 for mark in MARKS.values())


def test_a_row_has_the_limit_beside_the_value():
    ((row, finding),) = console_rows(result(judged(Verdict.WARN, reason="because")))
    assert (row.verdict, row.workload, row.label) == (Verdict.WARN, "digits-cnn", "energy per request")
    assert (row.numbers.value, row.numbers.interval(finding.kind)) == ("1.92 µWh", "1.80 to 2.05 µWh")
    assert (limit_text(finding), finding.reason) == ("max 2 µWh", "because")


def test_a_workload_without_budgets_shows_its_energy():
    metrics = {"energy_per_request": metric_result(), "model_size": exact_metric_result(1e6, "B")}
    ((row, finding),) = console_rows(result(workload_result(metrics=metrics)))
    assert (row.verdict, row.label, finding) == (None, "energy per request", None)


def test_metrics_without_findings_have_no_row_if_others_have_one():
    metrics = {
        "energy_per_request": metric_result(),
        "model_size": exact_metric_result(1e6, "B", finding_result(Verdict.PASS, limit_text="2 MB")),
    }
    ((row, finding),) = console_rows(result(workload_result(metrics=metrics)))
    assert (row.label, row.numbers.value, row.numbers.interval(finding.kind)) == (
        "model size",
        "1.00 MB",
        "",
    )


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        (metric_result(head=1.92e-9, low=1.71e-9, high=2.1e-9), "1.71 to 2.10 µWh"),
        (metric_result(head=0.9e-9, low=0.5e-9, high=1.5e-9), "500 to 1,500 nWh"),  # in nWh, as the value is
        (metric_result(head=1.1e-9, low=0.5e-9, high=1.5e-9), "0.500 to 1.50 µWh"),
        (metric_result(unit="s", head=0.0031, low=0.003, high=0.0032), "3.00 to 3.20 ms"),
        (exact_metric_result(1e6, "B"), ""),
        (metric_result(low=None, high=None), None),
        (metric_result(low=0.0, high=None), None),
    ],
)
def test_an_interval_is_in_the_unit_of_its_value(metric, text):
    assert numbers(metric).head_interval == text


def test_base_head_and_the_interval_share_one_unit():
    """Head alone would be shown in nWh."""
    metric = metric_result(head=0.9e-9, low=0.85e-9, high=0.95e-9).model_copy(update={"base": 1.9e-9})
    assert numbers(metric).value == "1.90 → 0.900 µWh"
    assert numbers(metric).head_interval == "0.850 to 0.950 µWh"


@given(head=st.floats(1e-12, 1e3), share=st.floats(0.01, 0.8))
def test_a_formatted_interval_contains_its_value(head, share):
    metric = metric_result(head=head, low=head * (1 - share), high=head * (1 + share))
    shown = numbers(metric)
    ends = shown.head_interval.removesuffix(f" {shown.unit}").split(" to ")
    low, value, high = (
        parse_quantity(f"{number.replace(',', '')} {shown.unit}", Family.ENERGY).value
        for number in (ends[0], shown.head, ends[1])
    )
    assert low <= value <= high


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("max", "max 5 %"),
        ("min", "min 5 %"),
        ("max_increase", "at most +5 %"),
        ("max_decrease", f"at most {MINUS}5 %"),
    ],
)
def test_limits_in_words(kind, text):
    assert limit_text(finding_result(Verdict.PASS, kind=kind, limit=0.05, limit_text="5 %")) == text


def test_how_it_was_measured_and_how_far_to_trust_it():
    assert source(workload_result()) == (
        "Estimated: power model row AMD EPYC 3rd generation, 2.02 W per vCPU at full load "
        "(Cloud Carbon Footprint coefficients 2023-05, Azure); absolute energy ± 30 %."
    )
    assert interval_words([workload_result(), workload_result()]) == [
        (
            "Intervals contain the true number, whenever measuring stopped: at most 5 % of runs fail, and 5 % of "
            "limits pass, by mistake. Those of values allow for this machine's drift of ± 10 %."
        )
    ]
    assert source(workload_result(method="measured")).startswith("Measured: ")
    assert source(failed_workload_result()) == ""
    assert interval_words([failed_workload_result()]) == []


def test_effort_lists_launches_and_codecarbons_own_figure():
    assert effort(workload_result(), pue=1.0) == (
        "6 launches, 12,000 requests, 9.8 s; codecarbon 3.3.2 alone would have said 71.0 µWh per request"
    )
    one = provenance(launches=provenance().launches[:1], requests=1, seconds=0.04, codecarbon_kwh_per_request=None)
    assert effort(workload_result(provenance=one), pue=1.25) == "1 launch, 1 request, 0.0 s"
    assert effort(failed_workload_result(), pue=1.0) == ""


def test_effort_names_the_load_unless_it_is_closed():
    assert "12,000 requests (50 req/s), 9.8 s" in effort(
        workload_result(provenance=provenance(load="50 req/s")), pue=1.0
    )


def test_a_unit_is_named_where_energy_is_divided_by_it():
    tokens = workload_result(provenance=provenance(unit="tokens"))
    assert label_of("energy_per_unit", tokens) == "energy per unit (tokens)"
    assert label_of("energy_per_request", tokens) == "energy per request"


def test_a_shown_traceback_leaves_out_our_own_frames():
    detail = (
        "Traceback (most recent call last):\n"
        '  File "/x/energygate/workloads/energygate_worker/server.py", line 10, in run\n'
        "    answer = self.call(request)\n"
        '  File "serving.py", line 3, in serve\n'
        "    return 1 / 0\n"
        "ZeroDivisionError: division by zero"
    )
    assert detail_lines(detail) == [
        '  File "serving.py", line 3, in serve',
        "    return 1 / 0",
        "ZeroDivisionError: division by zero",
    ]
    assert detail_lines('  File "C:\\energygate\\workloads\\energygate_worker\\server.py", line 1\n    x') == []
    assert detail_lines("") == []
