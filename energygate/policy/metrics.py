"""The metrics a budget can name, in the order reports show them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from energygate.policy.families import FAMILIES, Family

if TYPE_CHECKING:
    from collections.abc import Mapping

LimitKind = Literal["max", "min", "max_increase", "max_decrease"]
ABSOLUTE: tuple[LimitKind, ...] = ("max", "min")
RELATIVE: tuple[LimitKind, ...] = ("max_increase", "max_decrease")
"""Limits on a metric's value, and on its change against base."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A named quantity that one measurement of a workload yields."""

    name: str
    """The key in budgets and in `result.json`."""
    family: Family
    better: Literal["lower", "higher"]
    label: str
    """For people, in running text: `energy per request`."""
    description: str
    """One sentence without its final full stop."""
    exact: bool = False
    """Whether it has no sampling noise: measured once, it needs no interval."""
    compares: bool = False
    """Whether it is a comparison of head with base, so that it takes a base to measure it at all."""

    @property
    def unit(self) -> str:
        """The canonical unit; `money` for a cost, whose currency is that of the site's prices."""
        return FAMILIES[self.family].canonical or "money"


_ALL = (
    Metric(
        name="energy_per_request",
        family=Family.ENERGY,
        better="lower",
        label="energy per request",
        description="Energy of one request at the facility: the machine's energy times the site's PUE",
    ),
    Metric(
        name="carbon_per_request",
        family=Family.CARBON,
        better="lower",
        label="carbon per request",
        description="Energy per request times the site's carbon intensity",
    ),
    Metric(
        name="cost_per_request",
        family=Family.MONEY,
        better="lower",
        label="cost per request",
        description="Energy per request times the site's electricity price",
    ),
    Metric(
        name="energy_per_unit",
        family=Family.ENERGY,
        better="lower",
        label="energy per unit",
        description="Energy divided by what the requests yielded, such as tokens; the workload's units name it",
    ),
    Metric(
        name="effective_energy_per_request",
        family=Family.ENERGY,
        better="lower",
        label="effective energy per request",
        description="All energy of the pool of replicas at the site's traffic, by request: idle power and PUE included",
    ),
    Metric(
        name="monthly_energy",
        family=Family.ENERGY,
        better="lower",
        label="monthly energy",
        description="Energy of the pool of replicas at the facility in a month of the site's traffic",
    ),
    Metric(
        name="monthly_cost",
        family=Family.MONEY,
        better="lower",
        label="monthly cost",
        description="Cost of electricity, replicas and data sent in a month of traffic, where the site has prices",
    ),
    Metric(
        name="monthly_carbon",
        family=Family.CARBON,
        better="lower",
        label="monthly carbon",
        description="Monthly energy times the site's carbon intensity",
    ),
    Metric(
        name="monthly_water",
        family=Family.WATER,
        better="lower",
        label="monthly water",
        description="Water in a month of the site's traffic: the machines' energy times the site's WUE",
    ),
    Metric(
        name="sci",
        family=Family.CARBON,
        better="lower",
        label="sci",
        description="Software carbon intensity (ISO/IEC 21031) by request: energy and hardware of the pool, training",
    ),
    Metric(
        name="latency_p50",
        family=Family.TIME,
        better="lower",
        label="latency p50",
        description="Time that half of the requests stay within",
    ),
    Metric(
        name="latency_p95",
        family=Family.TIME,
        better="lower",
        label="latency p95",
        description="Time that 95 % of the requests stay within",
    ),
    Metric(
        name="latency_p99",
        family=Family.TIME,
        better="lower",
        label="latency p99",
        description="Time that 99 % of the requests stay within",
    ),
    Metric(
        name="ttft_p50",
        family=Family.TIME,
        better="lower",
        label="ttft p50",
        description="Time to the first piece of a streamed answer that half of the requests stay within",
    ),
    Metric(
        name="ttft_p95",
        family=Family.TIME,
        better="lower",
        label="ttft p95",
        description="Time to the first piece of a streamed answer that 95 % of the requests stay within",
    ),
    Metric(
        name="throughput",
        family=Family.RATE,
        better="higher",
        label="throughput",
        description="Requests served per second",
    ),
    Metric(
        name="cold_start",
        family=Family.TIME,
        better="lower",
        label="cold start",
        description="Time from starting the process until it is ready to serve",
    ),
    Metric(
        name="cold_start_energy",
        family=Family.ENERGY,
        better="lower",
        label="cold start energy",
        description="Energy from starting the process until it is ready to serve, PUE included",
    ),
    Metric(
        name="model_size",
        family=Family.SIZE,
        better="lower",
        label="model size",
        description="Bytes of the model's files, external data included",
        exact=True,
    ),
    Metric(
        name="request_size",
        family=Family.SIZE,
        better="lower",
        label="request size",
        description="Bytes that one request takes",
        exact=True,
    ),
    Metric(
        name="response_size",
        family=Family.SIZE,
        better="lower",
        label="response size",
        description="Bytes that one answer takes",
        exact=True,
    ),
    Metric(
        name="egress_per_request",
        family=Family.SIZE,
        better="lower",
        label="egress per request",
        description="Bytes that leave the site with one request",
        exact=True,
    ),
    Metric(
        name="model_download_size",
        family=Family.SIZE,
        better="lower",
        label="model download size",
        description="Bytes of one download of the model",
        exact=True,
    ),
    Metric(
        name="monthly_egress_cost",
        family=Family.MONEY,
        better="lower",
        label="monthly egress cost",
        description="Cost of data that leaves the site in a month of its traffic, model downloads included",
        exact=True,
    ),
    Metric(
        name="peak_memory",
        family=Family.SIZE,
        better="lower",
        label="peak memory",
        description="Highest resident memory of the worker",
    ),
    Metric(
        name="accuracy",
        family=Family.RATIO,
        better="higher",
        label="accuracy",
        description="Share of the labelled inputs answered rightly",
        exact=True,
    ),
    Metric(
        name="output_agreement",
        family=Family.RATIO,
        better="higher",
        label="output agreement",
        description="Share of head's answers that agree with base's on the same inputs",
        exact=True,
        compares=True,
    ),
    Metric(
        name="success_rate",
        family=Family.RATIO,
        better="higher",
        label="success rate",
        description="Share of the requests answered without an error",
        exact=True,
    ),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
"""Every metric by its name, in display order."""
