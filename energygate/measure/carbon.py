"""Carbon intensity of a country's grid or of a cloud region, from a table in the package."""

from __future__ import annotations

import csv
from importlib import resources
from typing import TYPE_CHECKING

from energygate.errors import PolicyError
from energygate.text import suggestion

if TYPE_CHECKING:
    from energygate.policy import Policy


def site_carbon_g_per_kwh(policy: Policy) -> float | None:
    """Return the carbon intensity of a policy's site in gCO2e/kWh; `None` where the policy has none.

    Raises:
        PolicyError: When there is no figure for its country or cloud region.
    """
    carbon = policy.site.carbon
    if carbon is None:
        return None
    if carbon.intensity is not None:
        return carbon.intensity.value
    try:
        return carbon_intensity_g_per_kwh(country=carbon.country, cloud=carbon.cloud)
    except PolicyError as error:
        raise PolicyError(error.what, where=policy.where("site", "carbon"), hint=error.hint) from None


def carbon_intensity_g_per_kwh(*, country: str | None = None, cloud: str | None = None) -> float:
    """Return a carbon intensity in gCO2e/kWh.

    The table (`data/carbon_intensity.csv`, codecarbon's figures) has regions of Google Cloud only; for the other
    clouds a region stands for the grid of the country it is in (`data/cloud_regions.csv`).

    Args:
        country: Three-letter ISO code, such as `DEU`.
        cloud: Provider and region, such as `aws/eu-central-1`; takes precedence over `country`.

    Raises:
        PolicyError: When there is no figure for it.
    """
    figures = {place: float(figure) for place, figure in _rows("carbon_intensity.csv")}
    if cloud is not None:
        if cloud in figures:
            return figures[cloud]
        country_of = dict(_rows("cloud_regions.csv"))
        if cloud not in country_of:
            known = [*country_of, *(place for place in figures if "/" in place)]
            hint = suggestion(cloud, known, otherwise="Give `intensity` instead")
            raise PolicyError(f"no carbon intensity is known for the cloud region {cloud!r}", hint=hint)
        country = country_of[cloud]
    if country is None or "/" in country or country not in figures:
        raise PolicyError(
            f"no carbon intensity is known for the country {country!r}",
            hint="Use its three-letter ISO code, such as DEU, or give `intensity`",
        )
    return figures[country]


def _rows(name: str) -> list[tuple[str, str]]:
    """Return the rows of a table of two columns, without its header and its comments."""
    table = resources.files("energygate.measure") / "data" / name
    with table.open(encoding="utf-8") as lines:
        rows = csv.reader(line for line in lines if not line.startswith("#"))
        return [(place, value) for place, value in rows][1:]
