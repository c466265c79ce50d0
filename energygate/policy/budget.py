"""One budget: the limits on one metric."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from energygate.policy.fields import Section, complaints, to_quantity
from energygate.policy.metrics import METRICS, Metric
from energygate.policy.units import Family, Quantity

if TYPE_CHECKING:
    from collections.abc import Iterator

Level = Literal["off", "warn", "error"]
_LOWER_ONLY = ("max", "max_increase")
_HIGHER_ONLY = ("min", "max_decrease")
_SHARES = ("max_increase", "max_decrease")


class Budget(Section):
    """The limits on one metric; being equal to a limit is within it.

    Example:
        >>> Budget(metric="energy_per_request", max="0.2 Wh", max_increase="5 %").max.value
        0.0002
    """

    metric: str = Field(description="The metric's name; in a policy, the key that the budget stands under.")
    max: Quantity | None = Field(
        default=None, description="The most the metric may be; for metrics where lower is better."
    )
    min: Quantity | None = Field(
        default=None, description="The least the metric may be; for metrics where higher is better."
    )
    max_increase: Quantity | None = Field(
        default=None,
        description="The most the metric may grow against base, in percent; for metrics where lower is better.",
    )
    max_decrease: Quantity | None = Field(
        default=None,
        description="The most the metric may fall against base, in percent; where higher is better.",
    )
    min_delta: Quantity | None = Field(
        default=None,
        description="Changes against base smaller than this, in the metric's own unit, never break the budget.",
    )
    level: Level = Field(
        default="error",
        description="What breaking the budget does: fail the check (error), be shown (warn), nothing (off).",
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

    @field_validator("max", "min", "max_increase", "max_decrease", "min_delta", mode="plain")
    @classmethod
    def _of_the_metric_s_family(cls, raw: object, info: ValidationInfo) -> Quantity | None:
        metric = METRICS.get(info.data.get("metric", ""))
        if raw is None or metric is None:  # without a metric there is no family; the metric's mistake is told
            return None
        return to_quantity(raw, Family.RATIO if info.field_name in _SHARES else metric.family)

    @model_validator(mode="after")
    def _means_something(self) -> Budget:
        error = complaints("Budget", self._mistakes())
        if error:
            raise error
        return self

    def _mistakes(self) -> Iterator[tuple[tuple[str, ...], str]]:
        given = {key for key in (*_LOWER_ONLY, *_HIGHER_ONLY) if getattr(self, key) is not None}
        lower = self.about.better == "lower"
        for wrong, right in zip(*((_HIGHER_ONLY, _LOWER_ONLY) if lower else (_LOWER_ONLY, _HIGHER_ONLY))):
            if wrong in given:
                yield (
                    (wrong,),
                    f"{self.about.better} is better for {self.metric}; use {right} instead of {wrong}",
                )
        if not given:
            limits = "max or max_increase" if lower else "min or max_decrease"
            yield (), f"the budget has no limit; give {limits}"
        elif self.min_delta is not None and not given & set(_SHARES):
            relative = "max_increase" if lower else "max_decrease"
            yield ("min_delta",), f"min_delta only softens {relative}; give {relative} too, or remove it"
        for key in ("min", "max_decrease"):
            limit: Quantity | None = getattr(self, key)
            if limit is not None and limit.family is Family.RATIO and limit.value > 1:
                yield (
                    (key,),
                    f"{limit} can never be reached; {self.metric if key == 'min' else key} ends at 100 %",
                )


def budget_input(metric: str, raw: object) -> object:
    """Prepare what stands under `metric` in a policy's `budgets` for validation as a `Budget`.

    A bare text is short for the metric's absolute limit: `model_size: 10 MB` for `model_size: {max: 10 MB}`.
    """
    if isinstance(raw, str):
        known = METRICS.get(metric)
        return {"metric": metric, "min" if known and known.better == "higher" else "max": raw}
    if isinstance(raw, dict):
        return {**raw, "metric": metric}
    return raw


def unknown_metric(metric: str) -> str:
    """Return the sentence about a metric that does not exist."""
    near = difflib.get_close_matches(metric, METRICS, n=1)
    guess = f"did you mean '{near[0]}'?" if near else f"metrics are {', '.join(METRICS)}"
    return f"unknown metric '{metric}'; {guess}"
