"""One budget: the limits on one metric."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationInfo, WithJsonSchema, field_serializer, field_validator

from energygate.policy.fields import Section, to_quantity
from energygate.policy.metrics import METRICS, RELATIVE, Metric
from energygate.policy.unit_families import Family
from energygate.policy.units import Quantity
from energygate.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Level = Literal["off", "warn", "error"]
# A text in the policy. Its form depends on the metric, so `schema` writes that part of the published schema.
Limit = Annotated[Quantity, WithJsonSchema({"type": "string"})]
LIMITS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"lower": ("max", "max_increase"), "higher": ("min", "max_decrease")}
)
"""Absolute and relative limit, by whether a lower or a higher metric is better."""


class Budget(Section):
    """The limits on one metric; a value equal to a limit is within it.

    Example:
        >>> Budget(metric="energy_per_request", max="0.2 Wh", max_increase="5 %").max.value
        0.0002
    """

    metric: str = Field(exclude=True, description="The metric's name: in a policy, the key of the budget.")
    max: Limit | None = Field(default=None, description="Maximum of the metric; where lower is better.")
    min: Limit | None = Field(default=None, description="Minimum of the metric; where higher is better.")
    max_increase: Limit | None = Field(
        default=None,
        description="Maximum increase against base, in percent; where lower is better.",
    )
    max_decrease: Limit | None = Field(
        default=None,
        description="Maximum decrease against base, in percent; where higher is better.",
    )
    min_delta: Limit | None = Field(
        default=None,
        description="Smaller changes against base, in the metric's unit, are within the budget.",
    )
    level: Level = Field(
        default="error",
        description="What breaking the budget does: fail the check (error), show a warning (warn), nothing (off).",
    )

    @property
    def about(self) -> Metric:
        """The metric that the budget limits."""
        return METRICS[self.metric]

    @field_validator("metric")
    @classmethod
    def _known(cls, metric: str) -> str:
        if metric not in METRICS:
            raise ValueError(unknown_metric(metric))
        return metric

    @field_validator("max", "min", "max_increase", "max_decrease", "min_delta", mode="before")
    @classmethod
    def _of_the_metrics_family(cls, raw: object, info: ValidationInfo) -> Quantity | None:
        metric = METRICS.get(info.data.get("metric", ""))
        if raw is None or metric is None:  # an unknown metric is reported by its own validator
            return None
        return to_quantity(raw, Family.RATIO if info.field_name in RELATIVE else metric.family)

    @field_serializer("max", "min", "max_increase", "max_decrease", "min_delta")
    @staticmethod
    def _as_written(limit: Quantity | None) -> str | None:
        return None if limit is None else limit.text

    def _mistakes(self) -> Iterator[tuple[tuple[str, ...], str]]:
        better = self.about.better
        fitting, wrong = LIMITS[better], LIMITS["higher" if better == "lower" else "lower"]
        absolute, relative = fitting
        for instead, key in zip(fitting, wrong, strict=True):
            if getattr(self, key) is not None:
                yield (key,), f"{better} is better for {self.metric}; use {instead} instead"
        if all(getattr(self, key) is None for key in (*fitting, *wrong)):
            yield (), f"the budget has no limit; give {absolute} or {relative}"
        elif self.min_delta is not None and self.max_increase is None and self.max_decrease is None:
            yield ("min_delta",), f"only works with {relative}; give {relative} too, or remove it"
        for key in ("min", "max_decrease"):
            limit: Quantity | None = getattr(self, key)
            if limit is not None and limit.family is Family.RATIO and limit.value > 1:
                yield (key,), f"{limit} is out of range; the maximum is 100 %"


def budget_input(metric: str, raw: object) -> object:
    """Prepare the value of `metric` in a policy's `budgets` for validation as a `Budget`.

    A bare text is short for the metric's absolute limit: `model_size: 10 MB` for `model_size: {max: 10 MB}`.
    """
    if isinstance(raw, (str, int, float, Quantity)):
        known = METRICS.get(metric)
        absolute, _ = LIMITS[known.better if known else "lower"]
        return {"metric": metric, absolute: raw}
    if isinstance(raw, dict):
        return {**raw, "metric": metric}
    return raw


def unknown_metric(metric: str) -> str:
    """Return the sentence about a metric that does not exist."""
    guess = did_you_mean(metric, METRICS, otherwise=f"metrics are {', '.join(METRICS)}")
    return f"unknown metric '{metric}'; {guess}"
