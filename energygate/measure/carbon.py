"""Carbon intensity of a country's grid or of a cloud region, from codecarbon's tables."""

from __future__ import annotations

import csv
import difflib
from importlib import resources

from energygate.errors import PolicyError


def carbon_intensity_g_per_kwh(*, country: str | None = None, cloud: str | None = None) -> float:
    """Look up a carbon intensity in gCO2e/kWh.

    codecarbon has figures per region for Google Cloud only; for the other clouds a region stands for the grid
    of the country it is in (`data/cloud_regions.csv`).

    Args:
        country: Three-letter ISO code, such as `DEU`.
        cloud: Provider and region, such as `aws/eu-central-1`; wins over `country`.

    Raises:
        PolicyError: When there is no figure for it.
    """
    if cloud is not None:
        regional, country = _cloud(cloud)
        if regional is not None:
            return regional
    from codecarbon.core.emissions import Emissions
    from codecarbon.core.units import Energy
    from codecarbon.external.geography import GeoMetadata
    from codecarbon.input import DataSource

    source = DataSource()  # type: ignore[no-untyped-call]
    if country is None or country not in source.get_global_energy_mix_data():
        raise PolicyError(
            f"codecarbon knows no carbon intensity for the country {country!r}",
            hint="Use its three-letter ISO code, such as DEU, or give `intensity`",
        )
    one_kwh = Energy.from_energy(1.0)
    return (
        float(Emissions(source).get_country_emissions(one_kwh, GeoMetadata(country_iso_code=country))) * 1000
    )


def _cloud(cloud: str) -> tuple[float | None, str | None]:
    """The intensity of the region itself, or else the country it is in."""
    provider = cloud.partition("/")[0]
    regions = _country_by_region()
    if provider == "gcp":
        from codecarbon.input import DataSource

        table = DataSource().get_cloud_emissions_data()  # type: ignore[no-untyped-call]
        impacts = {
            f"gcp/{name}": impact for name, impact in zip(table["region"], table["impact"], strict=True)
        }
        if impacts.get(cloud, 0) > 0:
            return float(impacts[cloud]), None
        regions = dict.fromkeys(impacts, "")
    if cloud not in regions:
        near = difflib.get_close_matches(cloud, regions, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "Give `intensity` instead"
        raise PolicyError(f"no carbon intensity is known for the cloud region {cloud!r}", hint=hint)
    return None, regions[cloud]


def _country_by_region() -> dict[str, str]:
    table = resources.files("energygate.measure") / "data" / "cloud_regions.csv"
    with table.open(encoding="utf-8") as lines:
        return {row["region"]: row["country"] for row in csv.DictReader(lines)}
