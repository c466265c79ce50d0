"""Production's traffic by the hour, and the pool of replicas that serves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from energygate.policy.fields import MAX_INT, Of, Section, positive
from energygate.policy.unit_families import Family
from energygate.policy.units import Quantity  # noqa: TC001 - pydantic reads annotations at run time

if TYPE_CHECKING:
    from collections.abc import Iterator

HOURS_A_DAY = 24

MAX_REQUESTS = 1e15
"""Requests per day or hour: more than any service gets, and safe to compute with."""


class Traffic(Section):
    """Production's requests, and the pool of replicas that serves them."""

    requests_per_day: float | None = Field(
        default=None,
        gt=0,
        le=MAX_REQUESTS,
        description="Requests per day, evenly distributed. Either this or requests_per_hour.",
    )
    requests_per_hour: tuple[Annotated[float, Field(ge=0, le=MAX_REQUESTS)], ...] | None = Field(
        default=None,
        description="Requests in each hour of a day, 24 numbers: for uneven traffic.",
    )
    warm_replicas: int = Field(
        default=0,
        ge=0,
        le=MAX_INT,
        description="Replicas that always run, with or without requests.",
    )
    max_replicas: int | None = Field(
        default=None, ge=1, le=MAX_INT, description="Maximum number of replicas; default: as many as needed."
    )
    scale_to_zero_after: Annotated[Quantity, Of(Family.TIME), AfterValidator(positive)] | None = Field(
        default=None,
        description="Idle time after which the last replica is shut down; default: never.",
        examples=["5 min"],
    )
    model_downloads_per_month: float = Field(
        default=0.0,
        ge=0,
        le=MAX_REQUESTS,
        description="Downloads of the model per month, where it runs on users' devices.",
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

    def _mistakes(self) -> Iterator[tuple[tuple[str, ...], str]]:
        hours = self.requests_per_hour
        if self.requests_per_day is None and hours is None:
            yield (), "needs requests_per_day, or requests_per_hour with 24 numbers"
        elif self.requests_per_day is not None and hours is not None:
            yield ("requests_per_hour",), "requests_per_day is given too; keep one of them"
        elif hours is not None and len(hours) != HOURS_A_DAY:
            yield ("requests_per_hour",), f"needs 24 numbers, one per hour of a day, not {len(hours)}"
        elif hours is not None and not any(hours):
            yield ("requests_per_hour",), "has no requests in any hour; remove traffic if there is none"
        if self.max_replicas is not None and self.max_replicas < self.warm_replicas:
            sentence = f"{self.max_replicas} is less than warm_replicas, {self.warm_replicas}"
            yield ("max_replicas",), sentence
        if self.scale_to_zero_after is not None and self.warm_replicas:
            sentence = "with warm_replicas the pool is never scaled to zero; remove one of the two"
            yield ("scale_to_zero_after",), sentence
