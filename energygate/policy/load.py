"""How requests arrive: the `load` of a workload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, field_validator

from energygate.policy.fields import Of, Section
from energygate.policy.unit_families import Family
from energygate.policy.units import Quantity  # noqa: TC001 - pydantic reads annotations at run time

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CONCURRENCY = 1024
"""Clients of one process. Each is a thread; far fewer keep all CPUs busy."""

MAX_RATE = 100_000
"""Requests per second; above that, one Python process cannot keep the arrivals apart."""


class Load(Section):
    """How requests arrive: in a policy `closed`, or a mapping of these keys."""

    rate: Annotated[Quantity, Of(Family.RATE)] | None = Field(
        default=None,
        description="Mean rate of Poisson arrivals, independent of whether earlier requests are answered.",
        examples=["50 req/s"],
    )
    concurrency: int = Field(
        default=1,
        ge=1,
        le=MAX_CONCURRENCY,
        description="Requests in flight at most; without a rate, the number of clients that each ask back to back.",
        examples=[4],
    )

    @field_validator("rate")
    @classmethod
    def _sensible(cls, rate: Quantity | None) -> Quantity | None:
        if rate is not None and not 0 < rate.value <= MAX_RATE:
            raise ValueError(f"{rate} is out of range; a rate is above 0 and at most {MAX_RATE} req/s")
        return rate

    def _mistakes(self) -> Iterator[tuple[tuple[str, ...], str]]:
        if not self.model_fields_set & {"rate", "concurrency"}:
            yield (), "has no keys; write closed, {rate: 50 req/s} or {concurrency: 4}"

    @property
    def kind(self) -> Literal["closed", "concurrent", "rate"]:
        """One client, several clients, or arrivals independent of the answers."""
        if self.rate is not None:
            return "rate"
        return "concurrent" if self.concurrency > 1 else "closed"

    def __str__(self) -> str:
        if self.rate is None:
            return "closed" if self.concurrency == 1 else f"{self.concurrency} at once"
        return str(self.rate) + (f", {self.concurrency} at once" if self.concurrency > 1 else "")


CLOSED = Load(concurrency=1)


def load_input(raw: Any) -> Any:  # noqa: ANN401 - whatever the file holds; pydantic judges it next
    """Read the short form `closed`; anything else is a mapping for `Load`.

    Raises:
        ValueError: It is neither.
    """
    if raw == "closed":
        return CLOSED
    if isinstance(raw, (dict, Load)):
        return raw
    raise ValueError(f"needs closed, {{rate: 50 req/s}} or {{concurrency: 4}}, not {raw!r}")
