"""Rows of tables: what stands in one agrees with itself, in every format."""

from __future__ import annotations

import io
import re

import pytest
from builders import exact_metric_result, finding_result, metric_result, result, workload_result
from hypothesis import assume, given
from hypothesis import strategies as st
from rich.console import Console

from energygate.action.annotations import annotations_of
from energygate.gate import Verdict
from energygate.pytest_plugin.failure_text import failure
from energygate.report.console import print_report
from energygate.report.markdown import comment
from energygate.report.phrases import metric_rows, numbers, total_words
from energygate.report.safe_markdown import NO_BREAK_SPACE, WORD_JOINER
from energygate.result.result import BaseResult, Change

MINUS = "\N{MINUS SIGN}"
NUMBER = r"[\d,.]+(?:e[+-]?\d+)?"
ROW = re.compile(rf"({NUMBER}) → ({NUMBER}) \S+ .*?([+{MINUS}]?{NUMBER}) %")
BASE = BaseResult(ref="main", commit=None)


def changed(change, *, head=1.92e-9, base=1.5e-9, total=None, verdict=Verdict.PASS, **fields):
    finding = finding_result(verdict, kind="max_increase", limit=0.05, limit_text="5 %")
    update = {"base": base, "change": interval(*change), "total": total and interval(*total)}
    return metric_result(finding, head=head, **fields).model_copy(update=update)


def interval(estimate, low, high):
    return Change(estimate=estimate, low=low, high=high)


def workload(metric, name="w"):
    return workload_result(name, metrics={"energy_per_request": metric}, state="compared")


def printed(outcome):
    """Return a result in every format, without markup."""
    log = io.StringIO()
    print_report(outcome, Console(file=log, width=200), quiet=False, result_path=None)
    yield log.getvalue()
    body = comment(outcome, run_url=None).replace(NO_BREAK_SPACE, " ").replace(WORD_JOINER, "")
    yield re.sub("<[^>]*>", "", re.sub("<br>| [|] ", " ", body))
    yield "\n".join(one.message for one in annotations_of(outcome, policy=None, path="energygate.yml"))
    yield failure(outcome, None)


def number(text):
    return float(text.replace(",", "").replace(MINUS, "-"))


def half_a_digit(text):
    digits = text.lstrip(f"+{MINUS}").replace(",", "")
    mantissa, _, exponent = digits.partition("e")
    return 0.5 * 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2])) * (1 + 1e-9)


sizes = st.floats(1e-12, 1e3)
ratios = st.floats(-0.98, 30.0)


@given(head=sizes, base=sizes, estimate=ratios, total=st.none() | ratios)
def test_a_reader_who_divides_the_values_gets_the_change(head, base, estimate, total):
    """Whatever was measured: up to half of the last digit of each of the three numbers."""
    totals = None if total is None else (total, total - 1e-4, total + 1e-4)
    metric = changed(
        (estimate, estimate - 1e-4, estimate + 1e-4), head=head, base=base, total=totals, verdict=Verdict.FAIL
    )
    for text in printed(result(workload(metric), base=BASE)):
        before, after, change = ROW.search(text).groups()
        assume(number(before) > half_a_digit(before))
        least, most = (
            (number(after) + sign * half_a_digit(after)) / (number(before) - sign * half_a_digit(before)) - 1
            for sign in (-1, 1)
        )
        slack = half_a_digit(change) / 100 + 1e-9
        assert least - slack <= number(change) / 100 <= most + slack


def test_base_is_what_head_would_be_without_the_change():
    """A median over blocks and means over launches differ, within their error."""
    assert numbers(changed((-0.0003, -0.028, 0.028), head=3.34e-12, base=3.39e-12)).value == "3.34 → 3.34 nWh"


@pytest.mark.parametrize(
    ("change", "head", "value"),
    [
        (77_661.0, 1.78e-6, "22.9 nWh → 1.78 mWh"),
        (-0.9999, 2.4e-9, "24.0 mWh → 2.40 µWh"),
        (50.0, 5.1e-8, "1.00 → 51.0 µWh"),
    ],
)
def test_values_that_are_far_apart_have_a_unit_each(change, head, value):
    assert numbers(changed((change, change, change), head=head)).value == value


def test_amounts_of_money_keep_the_sites_currency():
    """A limit in another one is not converted."""
    limit = finding_result(Verdict.PASS, limit=1e-3, limit_text="0.001 USD")
    cost = changed((0.02, 0.01, 0.03), head=5.1e-3, unit="EUR").model_copy(update={"findings": (limit,)})
    (row,) = metric_rows([workload_result("w", metrics={"cost_per_request": cost})])
    assert row.numbers.value == "0.00500 → 0.00510 EUR"


def test_sums_that_differ_from_typical_requests_are_shown_with_words_for_these():
    metric = changed((-0.951, -0.96, -0.94), total=(-0.78, -0.82, -0.72), head=5.3e-9, base=24.1e-9)
    shown = numbers(metric)
    assert (shown.value, shown.change, shown.change_interval) == (
        "24.1 → 5.30 µWh",
        f"{MINUS}78.0 %",
        f"{MINUS}82.0 to {MINUS}72.0 %",
    )
    words = (
        f"typical requests {MINUS}95.1 % ({MINUS}96.0 to {MINUS}94.0 %), all together {MINUS}78.0 %: "
        "a few expensive ones weigh more than before"
    )
    assert total_words(metric) == words
    console, markdown, *_ = printed(result(workload(metric), base=BASE))
    assert f"     {words}\n" in console
    assert words[1:] in markdown


@pytest.mark.parametrize(
    ("total", "differs"),
    [
        ((0.12, 0.10, 0.14), True),
        ((0.0, -0.01, 0.01), True),
        ((0.06, 0.045, 0.08), False),  # the intervals overlap
        ((0.1, None, None), False),
        ((0.1, 0.09, None), True),
        ((0.5, -0.9, 2.0), True),  # base's value would be half again as large as it was measured
        ((0.5, None, None), True),
        (None, False),
    ],
)
def test_sums_differ_where_the_intervals_do_not_overlap_and_where_values_would(total, differs):
    metric = changed((0.04, 0.03, 0.05), total=total)
    assert metric.differs_in_total is differs
    assert bool(total_words(metric)) is differs
    assert metric.shown_change == (metric.total if differs else metric.change)


@pytest.mark.parametrize(
    ("change", "verdict", "text"),
    [
        ((0.257, None, None), Verdict.INCONCLUSIVE, None),
        ((0.257, -0.997, 1170.0), Verdict.INCONCLUSIVE, None),
        ((0.257, -0.5, 3.0), Verdict.INCONCLUSIVE, f"{MINUS}50.0 to +300 %"),
        ((9.0, 4.0, 60.0), Verdict.INCONCLUSIVE, "+400 to +6,000 %"),  # it did rise
        ((0.0, -0.9, 0.04), Verdict.PASS, f"{MINUS}90.0 to +4.0 %"),  # that was enough to decide
        ((0.0, None, 0.04), Verdict.PASS, "up to +4.0 %"),
        ((0.3, 0.06, None), Verdict.FAIL, "from +6.0 %"),
        ((0.3, -0.1, None), Verdict.INCONCLUSIVE, None),
        ((0.3, 0.3, 0.3), Verdict.FAIL, ""),
    ],
)
def test_an_interval_is_numbers_where_they_say_something(change, verdict, text):
    assert numbers(changed(change, verdict=verdict)).change_interval == text


@pytest.mark.parametrize(
    ("low", "high", "verdict", "text"),
    [
        (0.2e-9, 19e-9, Verdict.INCONCLUSIVE, None),
        (0.2e-9, 1.99e-9, Verdict.INCONCLUSIVE, "0.200 to 1.99 µWh"),
        (0.01e-9, 1.99e-9, Verdict.PASS, "0.0100 to 1.99 µWh"),
        (None, 1.99e-9, Verdict.PASS, "up to 1.99 µWh"),
        (None, None, Verdict.INCONCLUSIVE, None),
    ],
)
def test_so_is_that_of_a_value(low, high, verdict, text):
    assert numbers(metric_result(finding_result(verdict), head=1.9e-9, low=low, high=high)).head_interval == text


def test_after_one_launch_tables_say_that_intervals_are_not_known_yet():
    metric = changed((0.257, None, None), verdict=Verdict.INCONCLUSIVE, low=None, high=None)
    console, markdown, *_ = printed(result(workload(metric), base=BASE))
    assert "+25.7 %  not known yet  at most +5 %" in console
    assert "+25.7 % not known yet ❓ +5 %" in markdown


def energies(*rows):
    return [
        row.numbers.value
        for row in metric_rows(
            workload(metric_result(finding_result(Verdict.PASS, limit_text=limit), head=head), str(name))
            for name, (head, limit) in enumerate(rows)
        )
    ]


@pytest.mark.parametrize(
    ("rows", "values"),
    [
        ([(27e-12, "45 nWh"), (3.3e-12, "5 nWh")], ["27.0 nWh", "3.30 nWh"]),
        ([(0.84e-6, "0.5 mWh"), (12e-6, "0.1 Wh")], ["0.840 mWh", "12.0 mWh"]),  # the unit of the first limit
        ([(1.92e-9, "0.2 Wh"), (0.21e-9, "0.2 Wh")], ["1.92 µWh", "0.210 µWh"]),  # limits that are far away
        ([(1.92e-9, "0.2 Wh"), (3.3e-12, "0.2 Wh")], ["1.92 µWh", "3.30 nWh"]),  # no unit suits both
        ([(1.92e-9, "3 µWh"), (0.4, "0.5 kWh"), (0.21e-9, "9 Wh")], ["1.92 µWh", "0.400 kWh", "0.210 µWh"]),
        ([(1.92e-9, "a forged text"), (0.21e-9, "")], ["1.92 µWh", "0.210 µWh"]),
    ],
)
def test_a_metric_has_one_unit_down_the_column(rows, values):
    assert energies(*rows) == values


@pytest.mark.parametrize(
    ("base", "head", "text"),
    [
        (0.983, 0.989, "+0.6 points"),
        (0.9781, 0.9782, "+0.01 points"),
        (0.98, 0.98, "="),
        (0.98, 0.98 * (1 + 1e-15), "="),
    ],
)
def test_shares_change_by_the_difference_of_the_two_values(base, head, text):
    change = Change(estimate=head / base - 1, low=head / base - 1, high=head / base - 1)
    metric = exact_metric_result(head, "ratio").model_copy(update={"base": base, "change": change})
    assert numbers(metric).change == text


def test_a_reason_that_several_rows_share_is_given_once():
    open_limit = finding_result(Verdict.INCONCLUSIVE, reason="too few launches for an interval")
    unknown = metric_result(open_limit, low=None, high=None)
    two = [workload_result(name, metrics={"energy_per_request": unknown}) for name in "ab"]
    console, alone = (next(printed(one)) for one in (result(*two), result(two[0])))
    assert "max 2 µWh\n     2 rows: too few launches for an interval\n\n" in console
    assert "max 2 µWh\n     too few launches for an interval\n\n" in alone
    assert console.count("too few launches for an interval\n") == 1


def test_the_interval_of_sums_is_not_what_the_verdict_rests_on():
    metric = changed((-0.899, -0.96, -0.72), total=(-0.483, -0.98, 0.44), head=7.6e-9, base=14.5e-9)
    shown = numbers(metric)
    assert (shown.value, shown.change, shown.change_interval) == ("14.7 → 7.60 µWh", f"{MINUS}48.3 %", None)
    assert total_words(metric).startswith(
        f"typical requests {MINUS}89.9 % ({MINUS}96.0 to {MINUS}72.0 %), all together"
    )
