"""How to measure: the `measurement` of a policy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from energygate.policy.fields import MAX_INT, Of, Section, Text
from energygate.policy.unit_families import Family
from energygate.policy.units import Quantity, parse_quantity

_DAY_SECONDS = 86_400
_MAX_CPU_WATTS = 100
"""More than one logical CPU of any processor draws; a larger number is probably that of a whole chip."""


class PowerModel(Section):
    """The team's own watts of one logical CPU, for estimates."""

    idle: Annotated[Quantity, Of(Family.POWER)] = Field(
        description="Power of one idle logical CPU: its share of the machine's.", examples=["0.6 W"]
    )
    full: Annotated[Quantity, Of(Family.POWER)] = Field(
        description="Power of one fully busy logical CPU: its share of the machine's.", examples=["3.1 W"]
    )
    source: Text = Field(
        description="Where the watts come from; shown beside every number made with them.",
        examples=["wall meter, 2026-10"],
    )

    @model_validator(mode="after")
    def _in_order(self) -> PowerModel:
        if not 0 <= self.idle.value <= self.full.value or not 0 < self.full.value <= _MAX_CPU_WATTS:
            raise ValueError(
                f"{self.idle} idle and {self.full} at full load cannot be one logical CPU; idle is at most full, "
                f"and full at most {_MAX_CPU_WATTS} W"
            )
        return self


class Measurement(Section):
    """How to measure."""

    time_limit: Annotated[Quantity, Of(Family.TIME)] = Field(
        default_factory=lambda: parse_quantity("60 s", Family.TIME),
        description="Maximum measuring time per workload; more time gives narrower intervals. At most 24 h.",
        examples=["60 s", "5 min"],
        json_schema_extra={"default": "60 s"},
    )
    require: Literal["any", "measured"] = Field(
        default="any",
        description="measured refuses estimates: without an energy counter the check is an error.",
    )
    power_model: PowerModel | None = Field(
        default=None,
        description="Watts per logical CPU where there is no counter; default: a table by CPU model.",
        examples=[{"idle": "0.6 W", "full": "3.1 W", "source": "wall meter, 2026-10"}],
    )
    python: Text | None = Field(
        default=None,
        description="Interpreter that runs the workloads; default: the one that runs energygate.",
        examples=[".venv/bin/python"],
    )
    setup: Text | None = Field(
        default=None,
        description="Command that prepares a side's environment, run in its checkout first; only with a base.",
        examples=["uv sync"],
    )
    seed: int = Field(default=0, ge=0, le=MAX_INT, description="Seed of everything random: order, synthesised inputs.")

    @field_validator("time_limit")
    @classmethod
    def _sensible(cls, limit: Quantity) -> Quantity:
        if not 0 < limit.value <= _DAY_SECONDS:
            raise ValueError(f"{limit} is out of range; a time limit is more than 0 s and at most 24 h")
        return limit
