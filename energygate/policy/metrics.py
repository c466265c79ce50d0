"""The metrics a budget can name, in the order reports show them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from energygate.policy.unit_families import FAMILIES, Family

if TYPE_CHECKING:
    from collections.abc import Mapping

LimitKind = Literal["max", "min", "max_increase", "max_decrease"]
ABSOLUTE: tuple[LimitKind, ...] = ("max", "min")
RELATIVE: tuple[LimitKind, ...] = ("max_increase", "max_decrease")
"""Limits on a metric's value, and on its change against base."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A quantity of a workload that a budget can limit."""

    name: str
    """The key in budgets and in `result.json`."""
    family: Family
    description: str
    """One sentence without its final full stop."""
    better: Literal["lower", "higher"] = "lower"
    exact: bool = False
    """Whether it has no sampling noise: measured once, it needs no interval."""
    compares: bool = False
    """Whether it compares head with base, so that it cannot be measured without a base."""

    @property
    def label(self) -> str:
        """The name in running text: `energy per request`."""
        return self.name.replace("_", " ")

    @property
    def unit(self) -> str:
        """The canonical unit; `money` for a cost, whose currency is that of the site's prices."""
        return FAMILIES[self.family].canonical or "money"


_ALL = (
    Metric(
        name="energy_per_request",
        family=Family.ENERGY,
        description="Energy of one request at the facility: the machine's energy times the site's PUE",
    ),
    Metric(
        name="carbon_per_request",
        family=Family.CARBON,
        description="Energy per request times the site's carbon intensity",
    ),
    Metric(
        name="cost_per_request",
        family=Family.MONEY,
        description="Energy per request times the site's electricity price",
    ),
    Metric(
        name="energy_per_unit",
        family=Family.ENERGY,
        description="Energy divided by what the requests yielded, such as tokens; the workload's units name it",
    ),
    Metric(
        name="effective_energy_per_request",
        family=Family.ENERGY,
        description="All energy of the pool of replicas at the site's traffic, by request: idle power and PUE included",
    ),
    Metric(
        name="monthly_energy",
        family=Family.ENERGY,
        description="Energy of the pool of replicas at the facility in a month of the site's traffic",
    ),
    Metric(
        name="monthly_cost",
        family=Family.MONEY,
        description="Cost of electricity, replicas and data sent in a month of traffic, where the site has prices",
    ),
    Metric(
        name="monthly_carbon",
        family=Family.CARBON,
        description="Monthly energy times the site's carbon intensity",
    ),
    Metric(
        name="monthly_water",
        family=Family.WATER,
        description="Water in a month of the site's traffic: the machines' energy times the site's WUE",
    ),
    Metric(
        name="sci",
        family=Family.CARBON,
        description="Software carbon intensity (ISO/IEC 21031) by request: energy and hardware of the pool, training",
    ),
    Metric(name="latency_p50", family=Family.TIME, description="Time that half of the requests stay within"),
    Metric(name="latency_p95", family=Family.TIME, description="Time that 95 % of the requests stay within"),
    Metric(name="latency_p99", family=Family.TIME, description="Time that 99 % of the requests stay within"),
    Metric(
        name="ttft_p50",
        family=Family.TIME,
        description="Time to the first piece of a streamed answer that half of the requests stay within",
    ),
    Metric(
        name="ttft_p95",
        family=Family.TIME,
        description="Time to the first piece of a streamed answer that 95 % of the requests stay within",
    ),
    Metric(name="throughput", family=Family.RATE, better="higher", description="Requests served per second"),
    Metric(
        name="cold_start",
        family=Family.TIME,
        description="Time from starting the process until it is ready to serve",
    ),
    Metric(
        name="cold_start_energy",
        family=Family.ENERGY,
        description="Energy from starting the process until it is ready to serve, PUE included",
    ),
    Metric(
        name="model_size",
        family=Family.SIZE,
        description="Bytes of the model's files, external data included",
        exact=True,
    ),
    Metric(name="request_size", family=Family.SIZE, description="Bytes that one request takes", exact=True),
    Metric(name="response_size", family=Family.SIZE, description="Bytes that one answer takes", exact=True),
    Metric(
        name="egress_per_request",
        family=Family.SIZE,
        description="Bytes that leave the site with one request",
        exact=True,
    ),
    Metric(
        name="model_download_size",
        family=Family.SIZE,
        description="Bytes of one download of the model",
        exact=True,
    ),
    Metric(
        name="monthly_egress_cost",
        family=Family.MONEY,
        description="Cost of data that leaves the site in a month of its traffic, model downloads included",
        exact=True,
    ),
    Metric(name="peak_memory", family=Family.SIZE, description="Highest resident memory of the worker"),
    Metric(
        name="accuracy",
        family=Family.RATIO,
        better="higher",
        description="Share of the labelled inputs answered correctly",
        exact=True,
    ),
    Metric(
        name="output_agreement",
        family=Family.RATIO,
        better="higher",
        description="Share of head's answers that agree with base's on the same inputs",
        exact=True,
        compares=True,
    ),
    Metric(
        name="success_rate",
        family=Family.RATIO,
        better="higher",
        description="Share of the requests answered without an error",
        exact=True,
    ),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
"""Every metric by its name, in display order."""
