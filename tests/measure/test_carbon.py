"""Carbon intensities come from codecarbon's tables, and what they do not have is an error, not a guess."""

from __future__ import annotations

import csv
from importlib import resources

import pytest
from codecarbon.input import DataSource

from energygate.errors import PolicyError
from energygate.measure.carbon import carbon_intensity_g_per_kwh

COUNTRIES = DataSource().get_global_energy_mix_data()
TABLE = resources.files("energygate.measure") / "data" / "cloud_regions.csv"
REGIONS = list(csv.DictReader(TABLE.read_text("utf-8").splitlines()))


@pytest.mark.parametrize("country", ["DEU", "FRA", "USA", "POL"])
def test_a_country_has_the_intensity_of_its_mix(country):
    expected = COUNTRIES[country]["carbon_intensity"]
    assert carbon_intensity_g_per_kwh(country=country) == pytest.approx(expected)


def test_the_unit_is_grams_per_kwh():
    """Between Norway's water and Poland's coal."""
    assert 10 < carbon_intensity_g_per_kwh(country="NOR") < 100
    assert 500 < carbon_intensity_g_per_kwh(country="POL") < 1000


def test_google_cloud_has_figures_of_its_own():
    table = DataSource().get_cloud_emissions_data()
    impact = table[(table["provider"] == "gcp") & (table["region"] == "europe-west3")]["impact"].item()
    found = carbon_intensity_g_per_kwh(cloud="gcp/europe-west3")
    assert found == impact
    assert found != carbon_intensity_g_per_kwh(country="DEU")


@pytest.mark.parametrize(
    ("cloud", "country"),
    [("aws/eu-central-1", "DEU"), ("azure/francecentral", "FRA"), ("aws/us-east-1", "USA")],
)
def test_elsewhere_a_region_stands_for_its_country(cloud, country):
    assert carbon_intensity_g_per_kwh(cloud=cloud) == carbon_intensity_g_per_kwh(country=country)


def test_a_cloud_region_wins_over_a_country():
    assert carbon_intensity_g_per_kwh(country="POL", cloud="aws/eu-north-1") == carbon_intensity_g_per_kwh(
        country="SWE"
    )


def test_every_region_of_the_table_leads_to_a_figure():
    assert [row["region"] for row in REGIONS if row["country"] not in COUNTRIES] == []
    assert len({row["region"] for row in REGIONS}) == len(REGIONS)


@pytest.mark.parametrize("country", ["XXX", "deu", "Germany", "", None])
def test_an_unknown_country_is_an_error(country):
    with pytest.raises(PolicyError, match="no carbon intensity for the country") as caught:
        carbon_intensity_g_per_kwh(country=country)
    assert caught.value.exit_code == 2
    assert "intensity" in caught.value.hint


@pytest.mark.parametrize(
    ("cloud", "hint"),
    [
        ("aws/eu-centrall-1", "Did you mean 'aws/eu-central-1'?"),
        ("gcp/europe-west33", "Did you mean 'gcp/europe-west3"),
        ("ibm/qqqq", "Give `intensity` instead"),
        ("gcp/", "Give `intensity` instead"),
    ],
)
def test_an_unknown_region_is_an_error_that_guesses(cloud, hint):
    with pytest.raises(PolicyError, match="no carbon intensity is known for the cloud region") as caught:
        carbon_intensity_g_per_kwh(cloud=cloud)
    assert caught.value.hint.startswith(hint)
