"""The cost of a year at the site's traffic: from effective energy where it is known, with its assumptions."""

from __future__ import annotations

import io

import pytest
from builders import exact_metric_result, judged, metric_result, result, workload_result
from rich.console import Console

from energygate.gate import Verdict
from energygate.policy import Carbon
from energygate.report.at_traffic import assumptions, per_year, split
from energygate.report.console import print_report
from energygate.report.markdown import comment
from energygate.result.contradictions import contradiction
from energygate.result.result import Change
from energygate.result.site_result import (
    FootprintResult,
    ReplicaResult,
    SiteResult,
    TrafficResult,
    carbon_source,
)

MONTH = 1e6 * 365.25 / 12


def traffic(**fields):
    defaults = {
        "requests_per_hour": (1e6 / 24,) * 24,
        "warm_replicas": 2,
        "max_replicas": None,
        "scale_to_zero_after_s": None,
        "model_downloads_per_month": 0.0,
    }
    return TrafficResult(**{**defaults, **fields})


def site(**fields):
    defaults = {
        "pue": 1.25,
        "carbon_g_per_kwh": 400.0,
        "carbon_source": "DEU",
        "electricity_price": "0.3 EUR/kWh",
        "requests_per_day": 1e6,
        "traffic": traffic(),
    }
    return SiteResult(**{**defaults, **fields})


def footprint(**fields):
    defaults = {
        "service_s": 0.004,
        "idle_watts": 1.78,
        "idle_source": "estimated",
        "replica_seconds_per_day": 172_800.0,
        "cold_starts_per_day": 0.0,
        "active_it_kwh_per_request": 2e-8,
        "idle_it_kwh_per_request": 6e-8,
        "cold_start_it_kwh_per_request": 0.0,
        "training_kwh_per_request": None,
        "embodied_g_per_request": None,
        "monthly_requests": MONTH,
        "monthly_electricity": None,
        "monthly_replicas": None,
        "monthly_egress": None,
    }
    return FootprintResult(**{**defaults, **fields})


def moved(base, head, unit="kWh", low=0.05, high=0.2, **fields):
    change = Change(estimate=head / base - 1, low=low, high=high)
    return exact_metric_result(head, unit).model_copy(update={"base": base, "change": change, **fields})


def workload(name="cnn", **metrics):
    plain = {"energy_per_request": moved(2e-8, 3e-8), "effective_energy_per_request": moved(1e-7, 1.2e-7)}
    return workload_result(name, metrics={**plain, **metrics}, footprint=footprint())


def test_effective_energy_comes_before_that_of_requests():
    assert per_year(workload(), site()) == "+7.3 kWh, +2.9 kg CO₂e, +2.2 EUR"
    only = workload_result(metrics={"energy_per_request": moved(2e-8, 3e-8)})
    assert per_year(only, site()) == "+3.7 kWh, +1.5 kg CO₂e, +1.1 EUR"


def test_replicas_and_water_count_where_they_are_known():
    one = workload(monthly_cost=moved(100.0, 110.0, "EUR"), monthly_water=moved(20.0, 19.5, "L"))
    assert per_year(one, site()) == "+7.3 kWh, +2.9 kg CO₂e, +120 EUR, \N{MINUS SIGN}6.0 L"


def test_an_unchanged_value_has_no_sign():
    one = workload(monthly_cost=moved(100.0, 100.0, "EUR"))
    assert per_year(one, site()) == "+7.3 kWh, +2.9 kg CO₂e, 0 EUR"


@pytest.mark.parametrize(
    ("effective", "site_fields"),
    [
        (moved(1e-7, 1.001e-7, low=-0.01, high=0.01), {}),
        (moved(1e-7, 1.2e-7, incomparable="two cards"), {}),
        (moved(1e-7, 1.2e-7), {"requests_per_day": None, "traffic": None}),
    ],
)
def test_assumptions_are_only_listed_for_what_is_shown(effective, site_fields):
    assert per_year(workload(effective_energy_per_request=effective), site(**site_fields)) == ""


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        ({}, "2 warm replicas, 1.78 W (estimated) each when idle"),
        ({"traffic": traffic(warm_replicas=1)}, "1 warm replica, 1.78 W (estimated) each when idle"),
        (
            {"traffic": traffic(warm_replicas=0)},
            "replicas only while busy, 1.78 W (estimated) each when idle",
        ),
        (
            {"traffic": traffic(warm_replicas=0, scale_to_zero_after_s=300.0)},
            "replicas scaled to zero after 300 s, 1.78 W (estimated) each when idle",
        ),
        (
            {
                "replica": ReplicaResult(
                    idle_watts=None,
                    price="0.34 EUR/h",
                    embodied_g=None,
                    embodied_lifetime_s=None,
                    embodied_share=None,
                )
            },
            "2 warm replicas at 0.34 EUR/h, 1.78 W (estimated) each when idle",
        ),
    ],
)
def test_the_assumptions_of_a_year(terms, text):
    said = assumptions(site(**terms), [workload()])
    assert said == f"1,000,000 requests a day, {text}, PUE 1.25, 400 g CO₂e/kWh in DEU"


def test_the_source_of_the_idle_power():
    policy = workload("b").model_copy(update={"footprint": footprint(idle_watts=12.0, idle_source="policy")})
    assert "1.78 W (estimated) or 12.0 W (as the policy says) each when idle" in assumptions(
        site(), [workload(), policy]
    )
    assert "replica" not in assumptions(site(), [judged(Verdict.PASS)])


def test_a_carbon_intensity_of_the_policy_names_no_country():
    said = assumptions(site(carbon_source=carbon_source(Carbon(intensity="400 gCO2e/kWh"))), [workload()])
    assert said.endswith("PUE 1.25, 400 g CO₂e/kWh as the policy says")


def test_the_parts_of_effective_energy():
    assert split(workload()) == "effective energy per request 120 µWh: 25 % requests, 75 % idle replicas"
    whole = footprint(cold_start_it_kwh_per_request=2e-8, training_kwh_per_request=1e-7)
    assert split(workload().model_copy(update={"footprint": whole})) == (
        "effective energy per request 120 µWh: 20 % requests, 60 % idle replicas, 20 % cold starts; "
        "training's share, in sci only: 100 µWh"
    )
    assert split(judged(Verdict.PASS)) == ""


def shown(outcome):
    file = io.StringIO()
    print_report(outcome, Console(file=file, width=160), quiet=False, result_path=None)
    return file.getvalue()


def test_the_console_shows_a_year_and_its_assumptions_once():
    text = shown(result(workload("a"), workload("b"), site=site()))
    assert text.count("7.3 kWh, +2.9 kg CO₂e, +2.2 EUR a year at your traffic\n") == 2
    assert text.count("Your traffic: 1,000,000 requests a day, 2 warm replicas, 1.78 W (estimated) each when idle") == 1
    assert "a: effective energy per request 120 µWh: 25 % requests, 75 % idle replicas\n" in text


def test_numbers_that_must_not_be_added_up_are_noted_once():
    """Each workload's year is that of all of the site's traffic: added up they would count it twice."""
    text = shown(result(workload("a"), workload("b"), site=site()))
    assert text.count("in DEU; each workload as if it served all of the traffic\n") == 1
    body = comment(result(workload("a"), workload("b"), site=site()), run_url=None)
    assert body.count("in DEU; each workload as if it served all of the traffic.\n") == 1


def test_a_single_workload_has_no_total():
    same = workload("b", effective_energy_per_request=moved(1e-7, 1.001e-7, low=-0.01, high=0.01))
    alone = result(workload("a"), same, site=site())
    assert "all of the traffic" not in shown(alone)
    assert "all of the traffic" not in comment(alone, run_url=None)


def test_codecarbons_figure_is_marked_as_without_pue():
    said = "alone would have said 71.0 µWh per request"
    outcome = result(workload(), site=site())
    assert f"{said}, without PUE\n" in shown(outcome)
    assert f"{said}, without PUE.\n" in comment(outcome, run_url=None)
    plain = result(workload(), site=site(pue=1.0))
    assert f"{said}\n" in shown(plain)
    assert f"{said}.\n" in comment(plain, run_url=None)


def test_without_traffic_the_console_says_nothing_of_it():
    assert "traffic" not in shown(result(judged(Verdict.PASS)))


def test_the_comment_has_one_line_about_traffic_and_folds_the_rest():
    body = comment(result(workload(), site=site()), run_url=None)
    assert body.count("At your traffic") == 1
    assert (
        "<b>At your traffic</b>: +7.3 kWh, +2.9 kg CO₂e, +2.2 EUR a year "
        "(1,000,000 requests a day, 2 warm replicas, 1.78 W (estimated) each when idle, PUE 1.25, "
        "400 g CO₂e/kWh in DEU).\n"
    ) in body
    assert "- `cnn`: effective energy per request 120 µWh: 25 % requests, 75 % idle replicas.\n" in body


@pytest.mark.parametrize(
    ("outcome", "wrong"),
    [
        (
            result(workload().model_copy(update={"footprint": footprint(idle_watts=-1.0)}), site=site()),
            "workload 'cnn' has a negative number in its footprint",
        ),
        (
            result(judged(Verdict.PASS), site=site(requests_per_day=0.0)),
            "its site's requests per day are not greater than zero",
        ),
        (
            result(judged(Verdict.PASS), site=site(traffic=traffic(warm_replicas=-1))),
            "its site's traffic has a negative number",
        ),
        (
            result(
                judged(Verdict.PASS),
                site=site(traffic=traffic(requests_per_hour=(*(1.0,) * 23, -1.0))),
            ),
            "its site's traffic has a negative number",
        ),
        (result(judged(Verdict.PASS), site=site()), None),
    ],
)
def test_contradictory_numbers_are_refused(outcome, wrong):
    assert contradiction(outcome) == wrong


def test_no_text_of_a_result_has_control_characters():
    hostile = site(carbon_source="x\x1b[2J", traffic=None, electricity_price=None)
    assert "x\\x1b[2J" in assumptions(hostile, [])


def test_a_workload_without_a_change_still_has_a_cost_per_year():
    alone = workload_result(metrics={"effective_energy_per_request": metric_result(head=1e-7, low=1e-7, high=1e-7)})
    assert per_year(alone, site()) == "37 kWh, 15 kg CO₂e, 11 EUR"
