"""The `site` of a policy: where production runs, its prices and its traffic."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from energygate.policy.fields import Of, Section, positive
from energygate.policy.metrics import METRICS
from energygate.policy.traffic import MAX_REQUESTS, Traffic
from energygate.policy.unit_families import Family
from energygate.policy.units import Quantity  # noqa: TC001 - pydantic reads annotations at run time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from energygate.policy.budget import Budget

_EXAMPLES: Mapping[str, str] = {
    "carbon": "{country: DEU}",
    "electricity_price": "0.25 USD/kWh",
    "traffic": "{requests_per_day: 200000}",
    "water": "1.8 L/kWh",
    "egress_price": "0.09 USD/GB",
}
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "carbon_per_request": ("carbon",),
    "cost_per_request": ("electricity_price",),
    "effective_energy_per_request": ("traffic",),
    "monthly_energy": ("traffic",),
    "monthly_cost": ("traffic", "electricity_price"),
    "monthly_carbon": ("traffic", "carbon"),
    "monthly_water": ("traffic", "water"),
    "sci": ("traffic", "carbon"),
    "monthly_egress_cost": ("traffic", "egress_price"),
}


def _country(text: str) -> str:
    if not re.fullmatch("[A-Z]{3}", text):
        capitals = f"; did you mean {text.upper()}?" if re.fullmatch("[A-Za-z]{3}", text) else ""
        raise ValueError(f"'{text}' is not an ISO 3166 code of three capital letters, such as DEU{capitals}")
    return text


def _cloud(text: str) -> str:
    if not re.fullmatch("[a-z]+/[a-z0-9-]+", text):
        raise ValueError(f"'{text}' is not provider/region; write for example aws/eu-central-1")
    return text


def _share(quantity: Quantity) -> Quantity:
    if not 0 < quantity.value <= 1:
        raise ValueError(f"{quantity} is out of range; a share is more than 0 % and at most 100 %")
    return quantity


def _currency(price: Quantity) -> str:
    return price.unit.partition("/")[0]


class Carbon(Section):
    """Carbon intensity of the electricity: a country, a cloud region or a number."""

    country: Annotated[str, AfterValidator(_country)] | None = Field(
        default=None,
        description="Country, as the three capital letters of ISO 3166-1; its yearly average mix is used.",
        examples=["DEU"],
        json_schema_extra={"pattern": "^[A-Z]{3}$"},
    )
    cloud: Annotated[str, AfterValidator(_cloud)] | None = Field(
        default=None,
        description="Cloud provider and region; the region's mix is used.",
        examples=["aws/eu-central-1"],
        json_schema_extra={"pattern": "^[a-z]+/[a-z0-9-]+$"},
    )
    intensity: Annotated[Quantity, Of(Family.INTENSITY)] | None = Field(
        default=None, description="Carbon per energy, if you know it.", examples=["380 g/kWh"]
    )

    def _mistakes(self) -> Iterator[tuple[tuple[str, ...], str]]:
        given = [key for key in type(self).model_fields if getattr(self, key) is not None]
        if len(given) != 1:
            yield (), f"needs exactly one of country, cloud and intensity, not {' and '.join(given) or 'none'}"


class EmbodiedCarbon(Section):
    """Embodied carbon of a replica's hardware."""

    total: Annotated[Quantity, Of(Family.CARBON)] = Field(
        description="Carbon of manufacturing the whole machine.", examples=["1200 kgCO2e"]
    )
    lifetime: Annotated[Quantity, Of(Family.TIME), AfterValidator(positive)] = Field(
        description="Time that the machine is in use.", examples=["35040 h"]
    )
    share: Annotated[Quantity, Of(Family.RATIO), AfterValidator(_share)] | None = Field(
        default=None,
        description="Share of the machine that a replica occupies; default: all of it.",
        examples=["25 %"],
    )


class Replica(Section):
    """One replica in production, where it differs from the machine that measures."""

    idle_power: Annotated[Quantity, Of(Family.POWER)] | None = Field(
        default=None,
        description="Power of an idle replica; default: that of the machine that measures.",
        examples=["12 W"],
    )
    price: Annotated[Quantity, Of(Family.RENT)] | None = Field(
        default=None, description="Price of running one replica.", examples=["0.34 USD/h"]
    )
    embodied_carbon: EmbodiedCarbon | None = Field(
        default=None, description="Embodied carbon of its hardware; counts in sci."
    )


class Training(Section):
    """Energy of training the model, spread over the requests of its lifetime."""

    energy: Annotated[Quantity, Of(Family.ENERGY)] = Field(
        description="Energy of training at the facility, its PUE included.", examples=["120 kWh"]
    )
    lifetime_requests: float = Field(
        gt=0,
        le=MAX_REQUESTS,
        description="Requests that the model serves until it is replaced.",
        examples=[1e9],
    )


class Site(Section):
    """Where production runs."""

    pue: float = Field(
        default=1.0,
        ge=1.0,
        le=3.0,
        description="Power usage effectiveness: facility energy over IT energy, 1.0 to 3.0; multiplied once.",
    )
    carbon: Carbon | None = Field(default=None, description="Carbon intensity of the electricity.")
    electricity_price: Annotated[Quantity, Of(Family.PRICE)] | None = Field(
        default=None, description="Price of electricity, in any currency.", examples=["0.25 USD/kWh"]
    )
    water: Annotated[Quantity, Of(Family.WATER_USE)] | None = Field(
        default=None,
        description="Water usage effectiveness: water over IT energy.",
        examples=["1.8 L/kWh"],
    )
    egress_price: Annotated[Quantity, Of(Family.EGRESS_PRICE)] | None = Field(
        default=None, description="Price of data that leaves the site.", examples=["0.09 USD/GB"]
    )
    replica: Replica = Field(
        default_factory=Replica, description="One replica, where it differs from the machine that measures."
    )
    traffic: Traffic | None = Field(default=None, description="Requests that production serves.")
    training: Training | None = Field(
        default=None, description="Energy of training; its carbon counts in sci, per request."
    )

    @field_validator("pue", mode="wrap")
    @classmethod
    def _pue(cls, raw: Any, validate: ValidatorFunctionWrapHandler) -> float:  # noqa: ANN401 - whatever the file holds
        try:
            return float(validate(raw))
        except ValidationError:
            given = "nothing" if raw is None else raw
            raise ValueError(f"PUE is facility energy over IT energy, from 1.0 to 3.0, not {given}") from None

    def _mistakes(self) -> Iterator[tuple[tuple[str, ...], str]]:
        for path, price in self._prices().items():
            if _currency(price) != self.currency:
                yield (
                    path,
                    f"{price} is not in the currency of {self._first_price}, {self.currency}; use one for all",
                )

    def _prices(self) -> dict[tuple[str, ...], Quantity]:
        """Return the prices that are given, by their keys below `site`."""
        prices = {
            ("electricity_price",): self.electricity_price,
            ("replica", "price"): self.replica.price,
            ("egress_price",): self.egress_price,
        }
        return {path: price for path, price in prices.items() if price}

    @property
    def _first_price(self) -> str:
        return next((f"site.{'.'.join(path)}" for path in self._prices()), "")

    @property
    def currency(self) -> str | None:
        """The currency of all prices, such as `USD`; `None` without any."""
        return next(map(_currency, self._prices().values()), None)

    def lacks(self, metric: str) -> str | None:
        """Return which keys a metric needs that are not given, as a sentence; `None` when none is missing."""
        missing = [f"site.{key}, for example {_EXAMPLES[key]}" for key in self._missing(metric)]
        return f"needs {' and '.join(missing)}" if missing else None

    def _missing(self, metric: str) -> Iterator[str]:
        for key in _NEEDED.get(metric, ()):
            rented = metric == "monthly_cost" and key == "electricity_price" and self.replica.price
            if getattr(self, key) is None and not rented:
                yield key

    def foreign_limits(self, metric: str, budget: Budget) -> Iterator[tuple[str, str]]:
        """Yield the limits of a budget that are not in the site's currency: the key, and a sentence."""
        if METRICS[metric].family is not Family.MONEY or not self.currency:
            return
        for key in ("max", "min_delta"):
            limit: Quantity | None = getattr(budget, key)
            if limit and limit.unit != self.currency:
                yield key, f"{limit} is not in the currency of {self._first_price}, {self.currency}"


AT_TRAFFIC = frozenset(metric for metric, keys in _NEEDED.items() if "traffic" in keys)
"""Metrics that need production's traffic."""
