"""How much production serves, by the hour, and what it keeps up for that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, model_validator

from energygate.policy.families import Family
from energygate.policy.fields import MAX_INT, Of, Section, positive, validation_error
from energygate.policy.units import Quantity  # noqa: TC001 - pydantic reads annotations at run time

if TYPE_CHECKING:
    from collections.abc import Iterator

HOURS_A_DAY = 24

MAX_REQUESTS = 1e15
"""Requests in a day or an hour; more than anybody serves, and little enough to compute with."""


class Traffic(Section):
    """How much production serves, and what it keeps up for that."""

    requests_per_day: float | None = Field(
        default=None,
        gt=0,
        le=MAX_REQUESTS,
        description="Requests that production serves in a day, evenly. This, or requests_per_hour.",
    )
    requests_per_hour: tuple[Annotated[float, Field(ge=0, le=MAX_REQUESTS)], ...] | None = Field(
        default=None,
        description="Requests in each hour of a day, 24 numbers: for traffic that comes in bursts.",
    )
    warm_replicas: int = Field(
        default=0,
        ge=0,
        le=MAX_INT,
        description="Replicas that are kept running whether or not requests arrive.",
    )
    max_replicas: int | None = Field(
        default=None, ge=1, le=MAX_INT, description="Replicas at most; default: as many as it takes."
    )
    scale_to_zero_after: Annotated[Quantity, Of(Family.TIME), AfterValidator(positive)] | None = Field(
        default=None,
        description="How long the last replica waits for another request before it is shut down; default: never.",
        examples=["5 min"],
    )
    model_downloads_per_month: float = Field(
        default=0.0,
        ge=0,
        le=MAX_REQUESTS,
        description="How often the model is downloaded in a month, where it runs on others' devices.",
    )

    @property
    def hourly(self) -> tuple[float, ...]:
        """Requests in each of the 24 hours of a day."""
        if self.requests_per_hour is not None:
            return self.requests_per_hour
        return ((self.requests_per_day or 0.0) / HOURS_A_DAY,) * HOURS_A_DAY

    @property
    def daily(self) -> float:
        """Requests in a day."""
        return sum(self.requests_per_hour or ()) or self.requests_per_day or 0.0

    @model_validator(mode="after")
    def _consistent(self) -> Traffic:
        error = validation_error("Traffic", self._mistakes())
        if error:
            raise error
        return self

    def _mistakes(self) -> Iterator[tuple[tuple[str, ...], str]]:
        hours = self.requests_per_hour
        if self.requests_per_day is None and hours is None:
            yield (), "needs requests_per_day, or requests_per_hour with 24 numbers"
        elif self.requests_per_day is not None and hours is not None:
            yield ("requests_per_hour",), "requests_per_day is given too; keep one of them"
        elif hours is not None and len(hours) != HOURS_A_DAY:
            yield (
                ("requests_per_hour",),
                f"needs a number for each of the 24 hours of a day, not {len(hours)}",
            )
        elif hours is not None and not any(hours):
            yield ("requests_per_hour",), "serves no requests in any hour; remove traffic where there is none"
        if self.max_replicas is not None and self.max_replicas < self.warm_replicas:
            sentence = f"{self.max_replicas} is less than the {self.warm_replicas} that are kept warm"
            yield ("max_replicas",), sentence
        if self.scale_to_zero_after is not None and self.warm_replicas:
            sentence = "with warm_replicas the pool is never scaled to zero; remove one of the two"
            yield ("scale_to_zero_after",), sentence
