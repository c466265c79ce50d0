"""Carbon intensities are codecarbon's figures, and a place that has none is an error, not a guess."""

from __future__ import annotations

import csv
import runpy
from importlib import resources
from pathlib import Path

import pytest

from energygate.errors import PolicyError
from energygate.measure.carbon import carbon_intensity_g_per_kwh

TABLE = resources.files("energygate.measure") / "data" / "cloud_regions.csv"
REGIONS = list(csv.DictReader(TABLE.read_text("utf-8").splitlines()))


def test_the_table_is_what_the_installed_codecarbon_has():
    """When this is red, run bench/carbon_intensity.py."""
    script = runpy.run_path(str(Path(__file__).parents[2] / "bench" / "carbon_intensity.py"))
    figures = {
        place: carbon_intensity_g_per_kwh(**({"cloud": place} if "/" in place else {"country": place}))
        for place in script["figures"]()
    }
    assert figures == script["figures"]()
    rows = [line for line in script["TABLE"].read_text("utf-8").splitlines() if not line.startswith("#")]
    assert len(rows) == 1 + len(figures)


def test_the_unit_is_grams_per_kwh():
    """Between Norway's water and Poland's coal."""
    assert 10 < carbon_intensity_g_per_kwh(country="NOR") < 100
    assert 500 < carbon_intensity_g_per_kwh(country="POL") < 1000


def test_google_cloud_regions_have_their_own_figures():
    assert carbon_intensity_g_per_kwh(cloud="gcp/europe-west3") == 345
    assert carbon_intensity_g_per_kwh(country="DEU") != 345


@pytest.mark.parametrize(
    ("cloud", "country"),
    [("aws/eu-central-1", "DEU"), ("azure/francecentral", "FRA"), ("aws/us-east-1", "USA")],
)
def test_other_cloud_regions_use_their_countrys_figure(cloud, country):
    assert carbon_intensity_g_per_kwh(cloud=cloud) == carbon_intensity_g_per_kwh(country=country)


def test_a_cloud_region_takes_precedence_over_a_country():
    assert carbon_intensity_g_per_kwh(country="POL", cloud="aws/eu-north-1") == carbon_intensity_g_per_kwh(
        country="SWE"
    )


def test_every_region_of_the_table_leads_to_a_figure():
    from codecarbon.input import DataSource

    countries = DataSource().get_global_energy_mix_data()
    assert [row["region"] for row in REGIONS if row["country"] not in countries] == []
    assert len({row["region"] for row in REGIONS}) == len(REGIONS)


@pytest.mark.parametrize("country", ["XXX", "deu", "Germany", "", None])
def test_an_unknown_country_is_an_error(country):
    with pytest.raises(PolicyError, match="no carbon intensity is known for the country") as caught:
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
