"""What a request costs in production: the laws of each term, and one site worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.footprint import (
    DAYS_A_MONTH,
    NoFootprint,
    Production,
    RequestDemand,
    footprint,
    monthly_egress_cost,
    production_of,
)
from energygate.policy import Site, Traffic

KWH = 3.6e6
PLAIN = Production(traffic=Traffic(requests_per_day=200_000), pue=1.25)
FULL = replace(
    PLAIN,
    carbon_g_per_kwh=380.0,
    price_per_kwh=0.25,
    water_l_per_kwh=1.8,
    price_per_gb=0.09,
    replica_price_per_h=0.34,
    embodied_g_per_s=0.002,
    training_kwh_per_request=1e-7,
)
REQUEST = RequestDemand(active_joules=0.05, service_s=0.004, cold_start_joules=3.0, cold_start_s=2.0)

requests = st.builds(
    RequestDemand,
    active_joules=st.floats(1e-9, 1e4),
    service_s=st.floats(1e-6, 10.0),
    cold_start_joules=st.floats(0, 1e3),
    cold_start_s=st.floats(0, 100),
    egress_bytes=st.floats(0, 1e9),
)
traffics = st.builds(Traffic, requests_per_day=st.floats(1, 1e9), warm_replicas=st.integers(0, 50)) | st.builds(
    lambda daily, after: Traffic(requests_per_day=daily, scale_to_zero_after=f"{after} s"),
    st.floats(1, 1e9),
    st.floats(0.1, 1e5),
)
sites = st.builds(lambda traffic, pue: replace(FULL, traffic=traffic, pue=pue), traffics, st.floats(1.0, 3.0))
idles = st.floats(0, 1000)


def at(warm):
    return Traffic(requests_per_day=200_000, warm_replicas=warm)


@given(requests, sites, idles)
def test_effective_energy_is_never_below_that_of_the_requests(request_, site, idle_watts):
    found = footprint(request_, site, idle_watts=idle_watts)
    assert found.effective_kwh >= request_.active_joules / KWH * site.pue * (1 - 1e-12)


@given(requests, sites, idles)
def test_a_month_is_its_requests(request_, site, idle_watts):
    found = footprint(request_, site, idle_watts=idle_watts)
    monthly_requests = site.traffic.daily * DAYS_A_MONTH
    assert found.monthly_electricity == pytest.approx(found.effective_kwh * monthly_requests * 0.25)


@given(requests, sites, idles)
def test_pue_multiplies_energy_exactly_once_and_not_replicas(request_, site, idle_watts):
    alone = footprint(request_, replace(site, pue=1.0), idle_watts=idle_watts)
    found = footprint(request_, site, idle_watts=idle_watts)
    assert found.effective_kwh == pytest.approx(alone.effective_kwh * site.pue)
    assert found.monthly_replicas == alone.monthly_replicas


@given(requests, st.integers(0, 50), st.integers(1, 50), idles)
def test_more_warm_replicas_never_cost_less(request_, warm, more, idle_watts):
    few = footprint(request_, replace(FULL, traffic=at(warm)), idle_watts=idle_watts)
    many = footprint(request_, replace(FULL, traffic=at(warm + more)), idle_watts=idle_watts)
    for name in ("effective_kwh", "monthly_cost", "sci_g"):
        assert getattr(many, name) >= getattr(few, name) * (1 - 1e-12)


@given(requests, sites, idles)
def test_sci_is_its_formula(request_, site, idle_watts):
    """((E * I) + M) per R, with training's share in E, over a month's requests."""
    found = footprint(request_, site, idle_watts=idle_watts)
    up_s = found.pool.replica_seconds + found.pool.cold_starts * request_.cold_start_s
    monthly = (found.effective_kwh + 1e-7) * site.monthly_requests * 380 + up_s * DAYS_A_MONTH * 0.002
    assert found.sci_g == pytest.approx(monthly / site.monthly_requests)


def test_one_site_by_hand():
    """Two warm replicas of 10 W for 200 000 requests of 0.05 J: 0.05 J + 10 W * 2 * 86 400 s / 200 000 = 8.69 J."""
    found = footprint(REQUEST, replace(FULL, traffic=at(2)), idle_watts=10.0)
    assert found.active_it_kwh * KWH == pytest.approx(0.05)
    assert found.idle_it_kwh * KWH == pytest.approx(8.64)
    assert found.effective_kwh * KWH == pytest.approx(8.69 * 1.25)
    assert found.monthly_replicas == pytest.approx(2 * 24 * 30.4375 * 0.34)
    assert found.monthly_cost == found.monthly_electricity + found.monthly_replicas
    assert found.pool.cold_starts == 0


def test_cold_starts_cost_their_energy_and_their_time():
    rare = replace(FULL, traffic=Traffic(requests_per_day=1, scale_to_zero_after="1 ms"))
    found = footprint(REQUEST, rare, idle_watts=0.0)
    assert found.cold_start_it_kwh * KWH == pytest.approx(3.0, rel=1e-6)
    assert found.monthly_replicas == pytest.approx((2.0 + 0.004) / 3600 * 30.4375 * 0.34, rel=1e-3)


def test_the_policys_idle_power_takes_precedence_over_the_machines():
    assert footprint(REQUEST, replace(PLAIN, idle_watts=12.0), idle_watts=3.0).idle_watts == 12.0
    assert footprint(REQUEST, PLAIN, idle_watts=3.0).idle_watts == 3.0
    with pytest.raises(NoFootprint, match=r"idle power is unknown; give site\.replica\.idle_power"):
        footprint(REQUEST, PLAIN, idle_watts=None)


def test_without_a_price_the_cost_is_unknown_and_not_zero():
    found = footprint(REQUEST, PLAIN, idle_watts=3.0)
    assert (found.sci_g, found.monthly_cost) == (None, None)
    rented = footprint(REQUEST, replace(PLAIN, replica_price_per_h=1.0), idle_watts=3.0)
    assert rented.monthly_cost == rented.monthly_replicas


def test_outgoing_traffic_is_priced_by_the_gigabyte():
    site = replace(FULL, traffic=Traffic(requests_per_day=1000, model_downloads_per_month=30_000), price_per_gb=0.1)
    cost = monthly_egress_cost(site, egress_bytes=1e6, download_bytes=5e6)
    assert cost == pytest.approx((1000 * 30.4375 * 1e6 + 30_000 * 5e6) / 1e9 * 0.1)
    assert monthly_egress_cost(site, egress_bytes=1e6, download_bytes=None) is None
    assert monthly_egress_cost(site, egress_bytes=None, download_bytes=5e6) is None
    assert monthly_egress_cost(replace(site, price_per_gb=None), egress_bytes=1, download_bytes=1) is None
    found = footprint(replace(REQUEST, egress_bytes=1e6, download_bytes=5e6), site, idle_watts=1.0)
    assert found.monthly_egress == cost
    assert found.monthly_cost == pytest.approx(found.monthly_electricity + found.monthly_replicas + cost)


def test_a_policys_site_in_numbers():
    site = Site.model_validate(
        {
            "pue": 1.5,
            "electricity_price": "250 USD/MWh",
            "water": "1.8 L/kWh",
            "egress_price": "90 USD/TB",
            "replica": {
                "idle_power": "12 W",
                "price": "0.34 USD/h",
                "embodied_carbon": {"total": "1200 kgCO2e", "lifetime": "35040 h", "share": "25 %"},
            },
            "traffic": {"requests_per_day": 10},
            "training": {"energy": "120 kWh", "lifetime_requests": 1e9},
        }
    )
    assert production_of(site, carbon_g_per_kwh=380.0) == Production(
        traffic=site.traffic,
        pue=1.5,
        idle_watts=12.0,
        carbon_g_per_kwh=380.0,
        price_per_kwh=0.25,
        water_l_per_kwh=1.8,
        price_per_gb=0.09,
        replica_price_per_h=0.34,
        embodied_g_per_s=1_200_000 * 0.25 / (35_040 * 3600),
        training_kwh_per_request=1.2e-7,
    )
    assert production_of(Site(), carbon_g_per_kwh=380.0) is None


def test_missing_terms_of_a_site_add_nothing():
    found = footprint(REQUEST, replace(PLAIN, carbon_g_per_kwh=380.0), idle_watts=1.0)
    assert (found.embodied_g, found.service_s) == (None, REQUEST.service_s)
    assert found.sci_g == pytest.approx(found.effective_kwh * 380.0)


def test_embodied_carbon_is_of_the_whole_server_unless_a_share_is_given():
    traffic = {"requests_per_day": 1000}
    carbon = {"total": "1000 kgCO2e", "lifetime": "1000 h"}
    for share, factor in (({}, 1.0), ({"share": "25 %"}, 0.25)):
        site = Site(traffic=traffic, replica={"embodied_carbon": {**carbon, **share}})
        found = production_of(site, carbon_g_per_kwh=None)
        assert found.embodied_g_per_s == pytest.approx(factor * 1e6 / 3.6e6)


def test_downloads_of_unknown_size_that_never_happen_cost_nothing():
    site = replace(FULL, traffic=Traffic(requests_per_day=1000))
    cost = monthly_egress_cost(site, egress_bytes=1e6, download_bytes=None)
    assert cost == pytest.approx(1000 * DAYS_A_MONTH * 1e6 / 1e9 * 0.09)
