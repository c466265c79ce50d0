"""Where production runs and how much it serves: valid sites, and the message of every mistake."""

from __future__ import annotations

import pytest
from test_policy_schema import _valid

from energygate.errors import PolicyError
from energygate.policy import METRICS, parse_policy
from energygate.policy.site import AT_TRAFFIC

FULL = """version: 1
site:
  pue: 1.25
  carbon: {country: DEU}
  electricity_price: 0.25 USD/kWh
  water: 1.8 L/kWh
  egress_price: 0.09 USD/GB
  replica:
    idle_power: 12 W
    price: 0.34 USD/h
    embodied_carbon: {total: 1200 kgCO2e, lifetime: 35040 h, share: 25 %}
  traffic: {requests_per_day: 200000, warm_replicas: 2, max_replicas: 8, model_downloads_per_month: 30000}
  training: {energy: 120 kWh, lifetime_requests: 1.0e9}
workloads:
  w:
    onnx: m
    budgets:
      monthly_cost: {max: 300 USD, max_increase: 5 %}
"""
PROFILE = f"requests_per_hour: [{', '.join(['0'] * 23)}, 7]"
DAILY = "requests_per_day: 200000"


def parses(text):
    try:
        parse_policy(text)
    except PolicyError:
        return False
    return True


def sentence(text):
    with pytest.raises(PolicyError) as caught:
        parse_policy(text)
    return str(caught.value)


def test_a_complete_site_is_read():
    site = parse_policy(FULL).site
    assert (site.water.value, site.egress_price.value, site.replica.price.value) == (1.8, 0.09, 0.34)
    assert site.replica.embodied_carbon.lifetime.value == 4 * 8760 * 3600
    assert site.traffic.hourly == (200_000 / 24,) * 24
    assert (site.traffic.daily, site.traffic.max_replicas) == (200_000, 8)
    assert site.training.lifetime_requests == 1e9


def test_a_profile_by_the_hour():
    traffic = parse_policy(FULL.replace(DAILY, PROFILE)).site.traffic
    assert (traffic.daily, traffic.hourly[23], traffic.requests_per_day) == (7.0, 7.0, None)


@pytest.mark.parametrize(
    ("good", "other"),
    [
        (DAILY, PROFILE),
        ("warm_replicas: 2", "scale_to_zero_after: 5 min"),
        ("share: 25 %", "share: 100 %"),
        (", share: 25 %", ""),
        ("1.8 L/kWh", "1800 mL / kWh"),
        ("0.09 USD/GB", "90 USD/TB"),
        ("    idle_power: 12 W\n", ""),
        ("monthly_cost: {max: 300 USD, max_increase: 5 %}", "monthly_water: 1 m3"),
    ],
)
def test_parser_and_schema_both_accept(good, other):
    assert good in FULL
    text = FULL.replace(good, other, 1)
    assert (_valid(text), parses(text)) == (True, True)


@pytest.mark.parametrize(
    ("good", "bad", "line", "said"),
    [
        (DAILY, "requests_per_day: 0", 12, "site.traffic.requests_per_day: needs a number above 0, not '0'"),
        (DAILY, "requests_per_day: 1e16", 12, "needs a number up to 1,000,000,000,000,000, not '1e16'"),
        (f"{DAILY}, ", "", 12, "site.traffic: needs requests_per_day, or requests_per_hour with 24 numbers"),
        (
            DAILY,
            f"{DAILY}, {PROFILE}",
            12,
            "site.traffic.requests_per_hour: requests_per_day is given too; keep one of them",
        ),
        (
            DAILY,
            "requests_per_hour: [1, 2, 3]",
            12,
            "site.traffic.requests_per_hour: needs 24 numbers, one per hour of a day, not 3",
        ),
        (
            DAILY,
            PROFILE.replace("7", "0"),
            12,
            "site.traffic.requests_per_hour: has no requests in any hour; remove traffic if there is none",
        ),
        (DAILY, PROFILE.replace("7", "-7"), 12, "requests_per_hour.23: needs a number from 0 up, not '-7'"),
        (
            "share: 25 %",
            "share: 101 %",
            11,
            "101 % is out of range; a share is more than 0 % and at most 100 %",
        ),
        ("share: 25 %", "share: 0 %", 11, "0 % is out of range; a share is more than 0 % and at most 100 %"),
        (
            "lifetime: 35040 h",
            "lifetime: 0 h",
            11,
            "0 h must be greater than zero; give a value, or remove the key",
        ),
        ("lifetime_requests: 1.0e9", "lifetime_requests: 0", 13, "needs a number above 0, not '0'"),
        ("max_replicas: 8", "max_replicas: 1", 12, "max_replicas: 1 is less than warm_replicas, 2"),
        (
            "max_replicas: 8",
            "scale_to_zero_after: 5 min",
            12,
            "scale_to_zero_after: with warm_replicas the pool is never scaled to zero; remove one of the two",
        ),
        (
            "0.09 USD/GB",
            "0.09 EUR/GB",
            7,
            "site.egress_price: 0.09 EUR/GB is not in the currency of site.electricity_price, USD; use one for all",
        ),
        ("0.34 USD/h", "0.34 CHF/h", 10, "site.replica.price: 0.34 CHF/h is not in the currency of"),
        ("300 USD", "300 EUR", 18, "300 EUR is not in the currency of site.electricity_price, USD"),
        ("12 W", "12 Wh", 9, "12 Wh is energy, but power is needed here"),
        ("0.09 USD/GB", "0.09 USD/kWh", 7, "is a price of electricity, but a price of data is needed here"),
        (
            "warm_replicas: 2",
            "warm_replica: 2",
            12,
            "unknown key 'warm_replica' in site.traffic; did you mean",
        ),
        ("country: DEU", "country: deu", 4, "'deu' is not an ISO 3166 code of three capital letters"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_line(good, bad, line, said):
    assert good in FULL
    found = sentence(FULL.replace(good, bad, 1))
    assert found.startswith(f"energygate.yml:{line}: ")
    assert said in found
    assert "\n" not in found


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (f"{DAILY}, ", ""),
        (DAILY, f"{DAILY}, {PROFILE}"),
        (DAILY, "requests_per_hour: [1, 2, 3]"),
        (DAILY, PROFILE.replace("7", "0")),
        ("max_replicas: 8", "max_replicas: 0"),
        ("0.34 USD/h", "0.34 USD"),
        ("lifetime: 35040 h, ", ""),
    ],
)
def test_parser_and_schema_both_refuse(good, bad):
    assert good in FULL
    text = FULL.replace(good, bad, 1)
    assert (_valid(text), parses(text)) == (False, False)


NEEDS = {
    "effective_energy_per_request: 1 Wh": "needs site.traffic, for example {requests_per_day: 200000}",
    "monthly_energy: 1 kWh": "needs site.traffic, for example {requests_per_day: 200000}",
    "monthly_cost: 1 USD": "needs site.traffic, for example {requests_per_day: 200000} "
    "and site.electricity_price, for example 0.25 USD/kWh",
    "monthly_carbon: 1 kgCO2e": "needs site.traffic, for example {requests_per_day: 200000} "
    "and site.carbon, for example {country: DEU}",
    "monthly_water: 1 L": "needs site.traffic, for example {requests_per_day: 200000} "
    "and site.water, for example 1.8 L/kWh",
    "sci: 1 gCO2e": "needs site.traffic, for example {requests_per_day: 200000} "
    "and site.carbon, for example {country: DEU}",
    "monthly_egress_cost: 1 USD": "needs site.traffic, for example {requests_per_day: 200000} "
    "and site.egress_price, for example 0.09 USD/GB",
}


@pytest.mark.parametrize("budget", NEEDS)
def test_a_budget_needs_the_terms_of_its_metric(budget):
    text = f"version: 1\nworkloads:\n  w:\n    onnx: m\n    budgets:\n      {budget}\n"
    name = budget.partition(":")[0]
    assert sentence(text) == f"energygate.yml:6: budgets.{name} of workload 'w': {NEEDS[budget]}"


def test_every_metric_at_traffic_needs_traffic():
    assert {budget.partition(":")[0] for budget in NEEDS} == AT_TRAFFIC <= METRICS.keys()


def test_replicas_alone_make_a_monthly_cost_in_their_currency():
    text = "version: 1\nsite: {replica: {price: 1 EUR/h}, traffic: {requests_per_day: 1}}\n"
    text += "workloads: {w: {onnx: m, budgets: {monthly_cost: 1 EUR}}}"
    assert parse_policy(text).site.currency == "EUR"
    assert "1 USD is not in the currency of site.replica.price, EUR" in sentence(text.replace("1 EUR}", "1 USD}"))
