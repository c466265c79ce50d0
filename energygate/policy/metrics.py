"""The metrics a budget can name, in the order reports show them."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from energygate.policy.unit_families import FAMILIES, Family

if TYPE_CHECKING:
    from collections.abc import Mapping

LimitKind = Literal["max", "min", "max_increase", "max_decrease"]
ABSOLUTE: tuple[LimitKind, ...] = ("max", "min")
RELATIVE: tuple[LimitKind, ...] = ("max_increase", "max_decrease")
"""Limits on a metric's value, and on its change against base."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A quantity of a workload that a budget can limit."""

    name: str
    """The key in budgets and in `result.json`."""
    family: Family
    description: str
    """One sentence without its final full stop."""
    _: KW_ONLY
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
        "energy_per_request",
        Family.ENERGY,
        "Energy of one request at the facility: the machine's energy times the site's PUE",
    ),
    Metric("carbon_per_request", Family.CARBON, "Energy per request times the site's carbon intensity"),
    Metric("cost_per_request", Family.MONEY, "Energy per request times the site's electricity price"),
    Metric(
        "energy_per_unit",
        Family.ENERGY,
        "Energy divided by what the requests yielded, such as tokens; the workload's units name it",
    ),
    Metric(
        "effective_energy_per_request",
        Family.ENERGY,
        "All energy of the pool of replicas at the site's traffic, by request: idle power and PUE included",
    ),
    Metric(
        "monthly_energy",
        Family.ENERGY,
        "Energy of the pool of replicas at the facility in a month of the site's traffic",
    ),
    Metric(
        "monthly_cost",
        Family.MONEY,
        "Cost of electricity, replicas and data sent in a month of traffic, where the site has prices",
    ),
    Metric("monthly_carbon", Family.CARBON, "Monthly energy times the site's carbon intensity"),
    Metric(
        "monthly_water",
        Family.WATER,
        "Water in a month of the site's traffic: the machines' energy times the site's WUE",
    ),
    Metric(
        "sci",
        Family.CARBON,
        "Software carbon intensity (ISO/IEC 21031) by request: energy and hardware of the pool, training",
    ),
    Metric("latency_p50", Family.TIME, "Time that half of the requests stay within"),
    Metric("latency_p95", Family.TIME, "Time that 95 % of the requests stay within"),
    Metric("latency_p99", Family.TIME, "Time that 99 % of the requests stay within"),
    Metric(
        "ttft_p50", Family.TIME, "Time to the first piece of a streamed answer that half of the requests stay within"
    ),
    Metric(
        "ttft_p95", Family.TIME, "Time to the first piece of a streamed answer that 95 % of the requests stay within"
    ),
    Metric("throughput", Family.RATE, "Requests served per second", better="higher"),
    Metric("cold_start", Family.TIME, "Time from starting the process until it is ready to serve"),
    Metric(
        "cold_start_energy", Family.ENERGY, "Energy from starting the process until it is ready to serve, PUE included"
    ),
    Metric("model_size", Family.SIZE, "Bytes of the model's files, external data included", exact=True),
    Metric("request_size", Family.SIZE, "Bytes that one request takes", exact=True),
    Metric("response_size", Family.SIZE, "Bytes that one answer takes", exact=True),
    Metric("egress_per_request", Family.SIZE, "Bytes that leave the site with one request", exact=True),
    Metric("model_download_size", Family.SIZE, "Bytes of one download of the model", exact=True),
    Metric(
        "monthly_egress_cost",
        Family.MONEY,
        "Cost of data that leaves the site in a month of its traffic, model downloads included",
        exact=True,
    ),
    Metric("peak_memory", Family.SIZE, "Highest resident memory of the worker"),
    Metric("accuracy", Family.RATIO, "Share of the labelled inputs answered correctly", better="higher", exact=True),
    Metric(
        "output_agreement",
        Family.RATIO,
        "Share of head's answers that agree with base's on the same inputs",
        better="higher",
        exact=True,
        compares=True,
    ),
    Metric(
        "success_rate", Family.RATIO, "Share of the requests answered without an error", better="higher", exact=True
    ),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
"""Every metric by its name, in display order."""
