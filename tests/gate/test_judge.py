"""What is allowed: every limit against every place its estimate can lie, with levels and waivers."""

from __future__ import annotations

import itertools
import math
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.gate import Estimate, Evidence, Verdict, exit_code, judge, settled, without_unseen, worst
from energygate.policy import Budget, Waiver

TODAY = date(2026, 3, 1)
METRIC_OF = {
    "max": "energy_per_request",
    "max_increase": "energy_per_request",
    "min": "throughput",
    "max_decrease": "throughput",
}
UNKNOWN = Estimate(value=10.0, low=-math.inf, high=math.inf)


def budget(kind, text, *, level="error"):
    return Budget(metric=METRIC_OF[kind], level=level, **{kind: text})


def evidence(kind, estimate):
    """Put an estimate where a limit of this kind looks, and one that fails it where it must not look."""
    metric = METRIC_OF[kind]
    if kind in {"max", "min"}:
        awful = Estimate.exact(9.0 if kind == "max" else -9.0)
        return {metric: Evidence(metric=metric, head=estimate, base=awful, change=awful)}
    awful = Estimate.exact(1e9 if kind == "max_increase" else -1e9)
    return {metric: Evidence(metric=metric, head=awful, base=awful, change=estimate)}


def waiver(expires, *, metric="energy_per_request"):
    return Waiver(workload="digits-cnn", metric=metric, reason="a new backbone", owner="@ml", expires=expires)


def ruling(budgets, facts, *, relative=True, waivers=()):
    (finding,) = judge({one.metric: one for one in budgets}, facts, relative=relative, waivers=waivers, today=TODAY)
    return finding


@pytest.mark.parametrize("kind", ["max_increase", "max_decrease"])
@pytest.mark.parametrize("change", [-0.9, 0.0, 0.9])
def test_unlike_numbers_are_never_compared(kind, change):
    metric = METRIC_OF[kind]
    exact = Estimate.exact(1.0)
    facts = {
        metric: Evidence(
            metric=metric,
            head=exact,
            base=exact,
            change=Estimate.exact(change),
            incomparable="one is a guess",
        )
    }
    finding = ruling([budget(kind, "5 %")], facts)
    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "one is a guess")


def dear(low, high=math.inf):
    """Typical requests that changed by nothing, and sums that changed by this."""
    exact = Estimate.exact(1.0)
    return {
        "energy_per_request": Evidence(
            metric="energy_per_request",
            head=exact,
            base=exact,
            change=Estimate.exact(0.0),
            total=Estimate(value=max(low, 0.1), low=low, high=high),
        )
    }


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.06, 0.2, Verdict.FAIL),
        (0.05, 0.2, Verdict.PASS),  # the truth may be the limit itself
        (-0.5, 0.9, Verdict.PASS),
        (-math.inf, math.inf, Verdict.PASS),  # nothing is known of it
        (-0.1, 0.12, Verdict.INCONCLUSIVE),  # it has risen by at least 8 %, at the error of a pass
    ],
)
def test_a_few_dear_requests_break_a_limit_that_typical_ones_keep(low, high, verdict):
    finding = ruling([budget("max_increase", "5 %")], dear(low, high))
    assert finding.verdict is verdict
    assert (finding.reason is None) == (verdict is Verdict.PASS)


def test_a_waiver_covers_dear_requests_too():
    days = timedelta(days=1)
    found = ruling([budget("max_increase", "5 %")], dear(0.06, 0.2), waivers=[waiver(TODAY + days)])
    assert found.verdict is Verdict.WAIVED


def test_dear_requests_are_explained():
    finding = ruling([budget("max_increase", "5 %")], dear(0.064, 0.2))
    assert finding.reason == "the total rose by at least 6.4 %, driven by a few expensive requests"


def test_unlike_numbers_are_still_held_against_absolute_limits():
    over = Estimate.exact(9.0)
    facts = {"energy_per_request": Evidence(metric="energy_per_request", head=over, incomparable="a guess")}
    assert ruling([budget("max", "1 kWh")], facts).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (8.0, 9.0, Verdict.PASS),
        (8.0, 10.0, Verdict.PASS),  # equal to the limit is within it
        (10.0, 10.0, Verdict.PASS),
        (8.0, math.nextafter(10.0, 11.0), Verdict.INCONCLUSIVE),
        (9.0, 11.0, Verdict.INCONCLUSIVE),
        (10.0, 11.0, Verdict.INCONCLUSIVE),  # the truth may be the limit itself
        (math.nextafter(10.0, 11.0), 11.0, Verdict.FAIL),
        (11.0, 12.0, Verdict.FAIL),
    ],
)
def test_a_maximum(low, high, verdict):
    estimate = Estimate(value=(low + high) / 2, low=low, high=high)
    finding = ruling([budget("max", "10 kWh")], evidence("max", estimate), relative=False)
    assert (finding.verdict, finding.reason, finding.judged) == (verdict, None, estimate)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (11.0, 12.0, Verdict.PASS),
        (10.0, 12.0, Verdict.PASS),
        (10.0, 10.0, Verdict.PASS),
        (math.nextafter(10.0, 9.0), 12.0, Verdict.INCONCLUSIVE),
        (9.0, 11.0, Verdict.INCONCLUSIVE),
        (9.0, 10.0, Verdict.INCONCLUSIVE),
        (9.0, math.nextafter(10.0, 9.0), Verdict.FAIL),
        (8.0, 9.0, Verdict.FAIL),
    ],
)
def test_a_minimum(low, high, verdict):
    estimate = Estimate(value=(low + high) / 2, low=low, high=high)
    finding = ruling([budget("min", "10 req/s")], evidence("min", estimate), relative=False)
    assert (finding.verdict, finding.reason, finding.judged) == (verdict, None, estimate)


@pytest.mark.parametrize(
    ("kind", "low", "high", "verdict"),
    [
        ("max_increase", -0.2, -0.1, Verdict.PASS),
        ("max_increase", 0.01, 0.05, Verdict.PASS),
        ("max_increase", 0.05, 0.06, Verdict.INCONCLUSIVE),
        ("max_increase", 0.04, 0.06, Verdict.INCONCLUSIVE),
        ("max_increase", 0.051, 0.06, Verdict.FAIL),
        ("max_decrease", 0.1, 0.2, Verdict.PASS),
        ("max_decrease", -0.05, -0.01, Verdict.PASS),
        ("max_decrease", -0.06, -0.05, Verdict.INCONCLUSIVE),
        ("max_decrease", -0.06, -0.04, Verdict.INCONCLUSIVE),
        ("max_decrease", -0.06, -0.051, Verdict.FAIL),
    ],
)
def test_a_change(kind, low, high, verdict):
    estimate = Estimate(value=(low + high) / 2, low=low, high=high)
    finding = ruling([budget(kind, "5 %")], evidence(kind, estimate))
    assert (finding.verdict, finding.judged) == (verdict, estimate)
    assert (finding.limit, finding.limit_text) == (0.05, "5 %")


@pytest.mark.parametrize(
    ("kind", "text", "change"),
    [
        ("max", "10 kWh", UNKNOWN),
        ("min", "10 req/s", UNKNOWN),
        ("max_increase", "5 %", Estimate(value=0.01, low=-math.inf, high=math.inf)),
        ("max_decrease", "5 %", Estimate(value=0.01, low=-math.inf, high=math.inf)),
    ],
)
def test_too_little_evidence_decides_nothing(kind, text, change):
    finding = ruling([budget(kind, text)], evidence(kind, change))
    assert (finding.verdict, finding.reason) == (
        Verdict.INCONCLUSIVE,
        "too few launches for an interval",
    )


def test_a_number_that_is_none_never_passes():
    nan = Estimate(value=math.nan, low=math.nan, high=math.nan)
    for kind, text in (("max", "10 kWh"), ("min", "10 req/s")):
        assert ruling([budget(kind, text)], evidence(kind, nan)).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("level", ["error", "warn"])
@pytest.mark.parametrize("waivers", [(), (waiver(date.max),)])
def test_a_metric_that_was_not_measured_is_an_error_that_nothing_softens(level, waivers):
    finding = ruling([budget("max", "10 kWh", level=level)], {}, waivers=waivers)
    assert (finding.verdict, finding.judged) == (Verdict.ERROR, None)
    assert finding.reason == "this metric was not measured"


def test_nothing_else_that_is_known_makes_up_for_a_missing_change():
    """Neither sums that are shown to be over, which a waiver would accept, nor sides that are unlike."""
    exact = Estimate.exact(1.0)
    for more in ({"total": Estimate(value=0.3, low=0.2, high=0.4)}, {"incomparable": "one is a guess"}):
        facts = {"energy_per_request": Evidence(metric="energy_per_request", head=exact, base=exact, **more)}
        finding = ruling([budget("max_increase", "5 %")], facts, waivers=[waiver(TODAY)])
        assert finding.verdict is Verdict.ERROR


def test_a_change_that_was_not_measured_is_an_error():
    facts = {"energy_per_request": Evidence(metric="energy_per_request", head=Estimate.exact(1.0))}
    assert ruling([budget("max_increase", "5 %")], facts).verdict is Verdict.ERROR


KNOWN, NOTHING = Estimate(value=0.0, low=-0.1, high=0.2), Estimate(value=0.0, low=-math.inf, high=math.inf)
HALF = Estimate(value=0.0, low=-math.inf, high=0.2)


@pytest.mark.parametrize(
    ("energy", "throughput", "verdicts"),
    [
        (NOTHING, NOTHING, {Verdict.ERROR}),
        (NOTHING, KNOWN, {Verdict.INCONCLUSIVE}),
        (HALF, NOTHING, {Verdict.INCONCLUSIVE}),
        (KNOWN, KNOWN, {Verdict.INCONCLUSIVE}),
    ],
)
def test_without_any_interval_nothing_was_judged(energy, throughput, verdicts):
    budgets = {METRIC_OF[kind]: budget(kind, "5 %") for kind in ("max_increase", "max_decrease")}
    facts = evidence("max_increase", energy) | evidence("max_decrease", throughput)
    findings = settled(judge(budgets, facts, relative=True, today=TODAY))
    assert {finding.verdict for finding in findings} == verdicts


def test_what_was_judged_exactly_stays_where_nothing_else_was():
    budgets = {
        "energy_per_request": budget("max_increase", "5 %"),
        "model_size": Budget(metric="model_size", max="1 MB"),
    }
    facts = evidence("max_increase", NOTHING) | {"model_size": Evidence.exact("model_size", head=10.0)}
    findings = settled(judge(budgets, facts, relative=True, today=TODAY))
    assert [finding.verdict for finding in findings] == [Verdict.ERROR, Verdict.PASS]
    assert settled(findings[1:]) == findings[1:]


WAIVERS = {
    "none": (),
    "lasting": (waiver(TODAY + timedelta(days=1)),),
    "on its last day": (waiver(TODAY),),
    "expired": (waiver(TODAY - timedelta(days=1)),),
    "for another metric": (waiver(date.max, metric="latency_p95"),),
}


@pytest.mark.parametrize(
    ("level", "waived", "verdict", "reason"),
    [
        ("error", "none", Verdict.FAIL, None),
        ("error", "for another metric", Verdict.FAIL, None),
        ("error", "lasting", Verdict.WAIVED, "waived until 2026-03-02 by @ml: a new backbone"),
        ("error", "on its last day", Verdict.WAIVED, "waived until 2026-03-01 by @ml: a new backbone"),
        ("error", "expired", Verdict.FAIL, "the waiver by @ml expired on 2026-02-28"),
        ("warn", "none", Verdict.WARN, None),
        ("warn", "lasting", Verdict.WAIVED, "waived until 2026-03-02 by @ml: a new backbone"),
        ("warn", "expired", Verdict.WARN, "the waiver by @ml expired on 2026-02-28"),
    ],
)
def test_what_an_excess_comes_to(level, waived, verdict, reason):
    facts = evidence("max", Estimate.exact(11.0))
    finding = ruling([budget("max", "10 kWh", level=level)], facts, waivers=WAIVERS[waived])
    assert (finding.verdict, finding.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("estimate", "verdict"), [(Estimate.exact(9.0), Verdict.PASS), (UNKNOWN, Verdict.INCONCLUSIVE)]
)
@pytest.mark.parametrize("level", ["error", "warn"])
@pytest.mark.parametrize("waived", WAIVERS)
def test_levels_and_waivers_touch_nothing_but_an_excess(estimate, verdict, level, waived):
    one = budget("max", "10 kWh", level=level)
    assert ruling([one], evidence("max", estimate), waivers=WAIVERS[waived]).verdict is verdict


@pytest.mark.parametrize(
    ("level", "relative", "kinds"),
    [
        ("error", False, ["max"]),
        ("error", True, ["max", "max_increase"]),
        ("warn", True, ["max", "max_increase"]),
        ("off", True, []),
    ],
)
def test_which_limits_are_judged(level, relative, kinds):
    both = Budget(metric="energy_per_request", max="10 kWh", max_increase="5 %", level=level)
    estimate = Estimate.exact(0.0)
    facts = {"energy_per_request": Evidence(metric="energy_per_request", head=estimate, change=estimate)}
    findings = judge({"energy_per_request": both}, facts, relative=relative, today=TODAY)
    assert [finding.kind for finding in findings] == kinds


@pytest.mark.parametrize(
    ("base", "change", "verdict"),
    [
        (100.0, 0.05, Verdict.PASS),
        (100.0, 0.06, Verdict.FAIL),  # 5 % of 100 is more than 2: the relative limit counts
        (10.0, 0.2, Verdict.PASS),  # 2 of 10 is more than 5 %: the floor counts, and equal is within it
        (10.0, 0.21, Verdict.FAIL),
    ],
)
def test_a_change_smaller_than_min_delta_breaks_nothing(base, change, verdict):
    one = Budget(metric="energy_per_request", max_increase="5 %", min_delta="2 kWh")
    facts = {
        "energy_per_request": Evidence(
            metric="energy_per_request",
            head=Estimate.exact(base * (1 + change)),
            base=Estimate.exact(base),
            change=Estimate.exact(change),
        )
    }
    finding = ruling([one], facts)
    assert finding.verdict is verdict
    assert (finding.limit, finding.limit_text) == (0.05, "5 %")
    assert finding.applied == max(0.05, 2 / base)  # what more launches would have to decide about


def test_min_delta_leaves_the_absolute_limit():
    one = Budget(metric="energy_per_request", max="10 kWh", max_increase="5 %", min_delta="100 kWh")
    findings = judge(
        {"energy_per_request": one},
        {
            "energy_per_request": Evidence(
                metric="energy_per_request",
                head=Estimate.exact(11.0),
                base=Estimate.exact(10.0),
                change=Estimate.exact(0.1),
            )
        },
        relative=True,
        today=TODAY,
    )
    assert [finding.verdict for finding in findings] == [Verdict.FAIL, Verdict.PASS]


def test_limits_are_quoted_as_the_policy_writes_them_and_compared_in_canonical_units():
    finding = ruling([budget("max", "0.2 Wh")], evidence("max", Estimate.exact(2e-4)))
    assert (finding.limit, finding.limit_text, finding.verdict) == (2e-4, "0.2 Wh", Verdict.PASS)


@given(
    limit=st.integers(0, 50),
    ends=st.lists(st.floats(0, 100), min_size=2, max_size=2).map(sorted),
    wider=st.floats(0, 10),
)
def test_less_certainty_never_changes_a_verdict_to_its_opposite(limit, ends, wider):
    low, high = ends
    sure = Estimate(value=low, low=low, high=high)
    unsure = Estimate(value=low, low=max(0.0, low - wider), high=high + wider)
    one = budget("max", f"{limit} kWh")
    verdicts = {ruling([one], evidence("max", estimate)).verdict for estimate in (sure, unsure)}
    assert verdicts != {Verdict.PASS, Verdict.FAIL}


LIGHTEST_FIRST = [
    Verdict.PASS,
    Verdict.WAIVED,
    Verdict.WARN,
    Verdict.INCONCLUSIVE,
    Verdict.FAIL,
    Verdict.ERROR,
]


@pytest.mark.parametrize(("lighter", "heavier"), [*itertools.combinations(LIGHTEST_FIRST, 2)])
def test_the_heavier_verdict_counts(lighter, heavier):
    assert worst([lighter, heavier]) is worst([heavier, lighter]) is heavier


def test_no_findings_at_all_pass():
    assert worst([]) is Verdict.PASS
    assert worst(iter(Verdict)) is Verdict.ERROR


@pytest.mark.parametrize(
    ("verdict", "lenient", "strict"),
    [
        (Verdict.PASS, 0, 0),
        (Verdict.WAIVED, 0, 0),
        (Verdict.WARN, 0, 0),
        (Verdict.INCONCLUSIVE, 0, 4),
        (Verdict.FAIL, 1, 1),
        (Verdict.ERROR, 3, 3),
    ],
)
def test_exit_codes(verdict, lenient, strict):
    assert (exit_code(verdict, strict=False), exit_code(verdict, strict=True)) == (lenient, strict)


def test_every_verdict_is_in_the_tables_above():
    assert set(LIGHTEST_FIRST) == set(Verdict)


def test_a_finding_names_its_metric_and_what_compares_is_judged_only_against_a_base():
    budgets = {
        "output_agreement": Budget(metric="output_agreement", min="99 %"),
        "throughput": Budget(metric="throughput", min="1 req/s"),
    }
    facts = {name: Evidence(metric=name, head=Estimate.exact(1.0)) for name in budgets}
    for relative, names in ((True, ["output_agreement", "throughput"]), (False, ["throughput"])):
        found = judge(budgets, facts, relative=relative, today=TODAY)
        assert [one.metric for one in found] == names


def test_min_delta_needs_a_base_that_is_more_than_nothing():
    tight = Budget(metric="energy_per_request", max_increase="5 %", min_delta="1 kWh")
    head = Estimate.exact(1.0)
    for base in (None, Estimate.exact(0.0)):
        facts = {"energy_per_request": Evidence(metric="energy_per_request", head=head, base=base, change=head)}
        assert ruling([tight], facts).applied == 0.05
    assert ruling([tight], {}).applied == 0.05


@pytest.mark.parametrize(
    ("measured", "total", "held"),
    [
        (12, 20, True),
        (19, 20, True),
        (20, 20, False),
        (59, 10_000, True),
        (60, 10_000, False),
        (0, 0, False),
        (1, 1, False),
    ],
)
def test_nothing_passes_before_enough_inputs_were_measured(measured, total, held):
    budgets = {
        "energy_per_request": budget("max_increase", "5 %"),
        "model_size": Budget(metric="model_size", max="1 MB"),
    }
    facts = evidence("max_increase", Estimate(value=0.0, low=-0.01, high=0.01))
    facts |= {"model_size": Evidence.exact("model_size", head=10.0)}
    findings = judge(budgets, facts, relative=True, today=TODAY)
    energy, size = without_unseen(findings, measured=measured, total=total)
    assert size.verdict is Verdict.PASS
    assert energy.verdict is (Verdict.INCONCLUSIVE if held else Verdict.PASS)
    assert energy.reason == (f"only {measured} of {total:,} inputs were measured" if held else None)


@pytest.mark.parametrize("change", [0.2, 0.05])
def test_what_is_over_its_limit_or_open_stays_so_however_few_inputs_were_measured(change):
    facts = evidence("max_increase", Estimate(value=change, low=change - 0.01, high=change + 0.01))
    findings = judge({"energy_per_request": budget("max_increase", "5 %")}, facts, relative=True, today=TODAY)
    assert without_unseen(findings, measured=1, total=20) == findings
