"""Rewrite the package's table of grid carbon intensities from the data of the installed codecarbon.

    uv run python bench/carbon_intensity.py

Run it when a new codecarbon has new figures; `tests/measure/test_carbon.py` fails then.
"""

from __future__ import annotations

import csv
import io
import shutil
from importlib import metadata
from pathlib import Path

from codecarbon.input import DataSource

DATA = Path(__file__).resolve().parents[1] / "energygate" / "measure" / "data"
TABLE = DATA / "carbon_intensity.csv"
LICENSE = DATA / "carbon_intensity.LICENSE"

NOTE = """\
# Carbon intensity of electricity in gCO2e/kWh: countries by ISO code, Google Cloud's regions as gcp/REGION.
# From codecarbon {version} (MIT, see carbon_intensity.LICENSE), which has the countries from Our World in Data
# (ourworldindata.org, CC BY 4.0) and the regions from Google (cloud.google.com/sustainability/region-carbon).
# Written by bench/carbon_intensity.py.
"""


def figures() -> dict[str, float]:
    """Return codecarbon's figures by place, sorted, without regions for which it has none."""
    source = DataSource()
    countries = source.get_global_energy_mix_data()
    regions = source.get_cloud_emissions_data()
    found = {place: float(mix["carbon_intensity"]) for place, mix in countries.items()}
    for provider, region, impact in zip(regions["provider"], regions["region"], regions["impact"], strict=True):
        if impact > 0:
            found[f"{provider}/{region}"] = float(impact)
    return dict(sorted(found.items()))


def main() -> None:
    """Write the table, and codecarbon's licence beside it."""
    codecarbon = metadata.distribution("codecarbon")
    table = io.StringIO()
    table.write(NOTE.format(version=codecarbon.version))
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["place", "g_per_kwh"])
    writer.writerows(figures().items())
    TABLE.write_text(table.getvalue(), encoding="utf-8")
    [license_file] = [file for file in codecarbon.files or () if file.name == "LICENSE"]
    shutil.copyfile(str(license_file.locate()), LICENSE)
    print(f"{TABLE.name}: {len(figures())} places")


if __name__ == "__main__":
    main()
