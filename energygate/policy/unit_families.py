"""Families of units, and the exact size of each unit in the family's canonical unit."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Family(str, Enum):
    """A kind of quantity; families never mix."""

    ENERGY = "energy"
    CARBON = "carbon"
    TIME = "time"
    SIZE = "size"
    RATIO = "ratio"
    POWER = "power"
    RATE = "rate"
    INTENSITY = "intensity"
    PRICE = "price"
    MONEY = "money"
    RENT = "rent"
    EGRESS_PRICE = "egress price"
    WATER = "water"
    WATER_USE = "water use"


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """The units of one family."""

    noun: str
    """Its name in error messages."""
    canonical: str
    """The unit of `Quantity.value`; for money and prices the part after the currency: `/kWh` of `USD/kWh`."""
    units: Mapping[str, Fraction]
    """Normalised spelling (micro as `u`) to the size in the canonical unit; empty for money and prices."""
    shown: str
    """The units that messages list; the first one is the example."""
    per: Mapping[str, Fraction] = field(default_factory=dict)
    """For money and prices: what may follow the currency, to the size in the canonical unit; else empty."""


_PREFIXES = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 10**3),
    "": Fraction(1),
    "k": Fraction(10**3),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
    "T": Fraction(10**12),
}
JOULES_PER_KWH = 3_600_000
PER_ENERGY = {"/Wh": Fraction(1000), "/kWh": Fraction(1), "/MWh": Fraction(1, 1000)}


def _prefixed(prefixes: str, symbol: str, size: Fraction) -> dict[str, Fraction]:
    """Return `symbol` with each of the `prefixes` (`-` is none), and its size."""
    return {f"{p.strip('-')}{symbol}": _PREFIXES[p.strip("-")] * size for p in prefixes}


_MASSES = {**_prefixed("num-k", "g", Fraction(1)), "t": Fraction(10**6)}
_LITRES = _prefixed("um-k", "L", Fraction(1))
_BYTES = {
    **_prefixed("-kMGT", "B", Fraction(1)),
    **{f"{prefix}iB": Fraction(1024**power) for power, prefix in enumerate("KMG", start=1)},
}
_GB = _BYTES["GB"]

FAMILIES: Mapping[Family, Facts] = {
    Family.ENERGY: Facts(
        noun="energy",
        canonical="kWh",
        units={
            **_prefixed("num-kM", "Wh", Fraction(1, 1000)),
            **_prefixed("um-kM", "J", Fraction(1, JOULES_PER_KWH)),
        },
        shown="Wh, nWh, µWh, mWh, kWh, MWh, µJ, mJ, J, kJ, MJ",
    ),
    Family.CARBON: Facts(
        noun="carbon",
        canonical="gCO2e",
        units={f"{mass}CO2e": size for mass, size in _MASSES.items()},
        shown="gCO2e, ngCO2e, µgCO2e, mgCO2e, kgCO2e, tCO2e",
    ),
    Family.TIME: Facts(
        noun="time",
        canonical="s",
        units={**_prefixed("num-", "s", Fraction(1)), "min": Fraction(60), "h": Fraction(3600)},
        shown="ms, ns, µs, s, min, h",
    ),
    Family.SIZE: Facts(
        noun="size",
        canonical="B",
        units=_BYTES,
        shown="MB, B, kB, GB, TB, KiB, MiB, GiB",
    ),
    Family.RATIO: Facts(noun="a percentage", canonical="ratio", units={"%": Fraction(1, 100)}, shown="%"),
    Family.POWER: Facts(noun="power", canonical="W", units=_prefixed("um-k", "W", Fraction(1)), shown="W, µW, mW, kW"),
    Family.RATE: Facts(
        noun="a rate of requests",
        canonical="req/s",
        units={"req/s": Fraction(1), "req/min": Fraction(1, 60), "req/h": Fraction(1, 3600)},
        shown="req/s, req/min, req/h",
    ),
    Family.INTENSITY: Facts(
        noun="a carbon intensity",
        canonical="gCO2e/kWh",
        units={
            f"{mass}{gas}{per}": size * share
            for mass, size in _MASSES.items()
            for gas in ("", "CO2e")
            for per, share in PER_ENERGY.items()
        },
        shown="g/kWh, kg/kWh, kg/MWh, gCO2e/kWh, kgCO2e/kWh",
    ),
    Family.PRICE: Facts(
        noun="a price of electricity",
        canonical="/kWh",
        units={},
        shown="USD/kWh, EUR/kWh, USD/MWh",
        per=PER_ENERGY,
    ),
    Family.MONEY: Facts(noun="money", canonical="", units={}, shown="USD, EUR, GBP", per={"": Fraction(1)}),
    Family.RENT: Facts(
        noun="a price of time",
        canonical="/h",
        units={},
        shown="USD/h, EUR/h, USD/s",
        per={"/s": Fraction(3600), "/min": Fraction(60), "/h": Fraction(1)},
    ),
    Family.EGRESS_PRICE: Facts(
        noun="a price of data",
        canonical="/GB",
        units={},
        shown="USD/GB, EUR/GB, USD/GiB",
        per={f"/{unit}": _GB / size for unit, size in _BYTES.items() if unit != "B"},
    ),
    Family.WATER: Facts(
        noun="water", canonical="L", units={**_LITRES, "m3": Fraction(1000)}, shown="L, µL, mL, kL, m3"
    ),
    Family.WATER_USE: Facts(
        noun="a water usage effectiveness",
        canonical="L/kWh",
        units={
            f"{volume}{per}": size * share
            for volume, size in {"mL": _LITRES["mL"], "L": _LITRES["L"]}.items()
            for per, share in PER_ENERGY.items()
        },
        shown="L/kWh, mL/kWh, L/MWh",
    ),
}
