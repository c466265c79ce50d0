"""PromQL: rates over the live metrics as expressions, with the policy's names quoted."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from energygate.policy import JOULES_PER_KWH
from energygate.production import metric_names

if TYPE_CHECKING:
    from collections.abc import Mapping

HOURS_PER_MONTH = 730.5
"""Of 365.25/12 days."""

_PER_REPLICA = "job, instance"
"""What tells one scraped process from another; PUE is a gauge of each."""


def quoted(text: str) -> str:
    """Return any text as a string of PromQL."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def matching(labels: Mapping[str, str]) -> str:
    """Return a selector of series by labels, such as `{workload="digits-cnn"}`; empty without labels."""
    if not labels:
        return ""
    return "{" + ", ".join(f"{name}={quoted(value)}" for name, value in labels.items()) + "}"


def number(value: float) -> str:
    """Return a float in PromQL, to 15 digits, without the rounding errors of unit conversion."""
    return repr(float(f"{value:.15g}"))


def joules(kwh: float) -> float:
    """Return energy in joules, to 15 digits: 1 J that was read as kWh is 1 J again."""
    return float(f"{Decimal(repr(kwh)) * JOULES_PER_KWH:.15g}")


class Live:
    """Expressions over what Recorders expose, all by workload.

    PUE is taken from the same window as the energy, so that a replica that has ended keeps its energy in the window
    for as long as it keeps its requests there.

    Args:
        labels: Only series with these labels, such as `{"namespace": "production"}`.
        workloads: A matcher of workloads, such as `workload=~"$workload"`; empty for all.
    """

    def __init__(self, labels: Mapping[str, str] | None = None, workloads: str = "") -> None:
        self._labels = dict(labels or {})
        self._workloads = workloads
        self._only = self._and_workloads(matching(self._labels))
        self._service = matching(self._labels)

    def series(self, name: str, **labels: str) -> str:
        """Select one metric's series, exposed or recorded, of all workloads."""
        return name + matching({**self._labels, **labels})

    def chosen(self, name: str) -> str:
        """Select one metric's series of the chosen workloads, exposed or recorded."""
        return name + self._only

    def energy(self, window: str, function: str = "rate") -> str:
        """Return facility watts of requests (with `increase`: joules)."""
        return self._at_facility(f"{function}({metric_names.ENERGY}{self._only}[{window}])", window)

    def all_energy(self, window: str, function: str = "rate") -> str:
        """Return facility watts of requests and of idling (with `increase`: joules)."""
        both = (
            f"({function}({metric_names.ENERGY}{self._only}[{window}]) "
            f"+ {function}({metric_names.IDLE_ENERGY}{self._only}[{window}]))"
        )
        return self._at_facility(both, window)

    def requests(self, window: str) -> str:
        """Return requests per second; no sample without requests, so that nothing is divided by zero."""
        return f"sum by (workload) (rate({metric_names.REQUESTS}{self._only}[{window}])) > 0"

    def energy_per_request(self, window: str) -> str:
        """Return facility joules per request."""
        return f"{self.energy(window)}\n/ ({self.requests(window)})"

    def effective_energy_per_request(self, window: str) -> str:
        """Return facility joules per request, idling included."""
        return f"{self.all_energy(window)}\n/ ({self.requests(window)})"

    def energy_per_unit(self, window: str) -> str:
        """Return facility joules per unit, by workload and unit."""
        units = f"(sum by (workload, unit) (rate({metric_names.UNITS}{self._only}[{window}])) > 0)"
        return f"{self.energy(window)}\n/ on (workload) group_right () {units}"

    def response_size(self, window: str) -> str:
        """Return bytes per answer."""
        sent = f"sum by (workload) (rate({metric_names.RESPONSE_BYTES}{self._only}[{window}]))"
        return f"{sent}\n/ ({self.requests(window)})"

    def latency(self, quantile: float, window: str) -> str:
        """Return a quantile of the duration, interpolated in the histogram's buckets."""
        buckets = f"sum by (workload, le) (rate({metric_names.DURATION}_bucket{self._only}[{window}]))"
        return f"histogram_quantile({quantile}, {buckets}) >= 0"  # without requests it is NaN

    def beyond_histogram(self, quantile: float, window: str, **labels: str) -> str:
        """Return the requests within the histogram's last bound, where that is below the quantile; else no sample."""
        bucket = f"{metric_names.DURATION}_bucket"
        total = self.series(bucket, le="+Inf", **labels)
        bounded = self.series(bucket, **labels)[:-1] + ', le!="+Inf"}'
        return (
            f"(\n  max by (workload) (sum by (workload, le) (rate({bounded}[{window}])))\n"
            f"  < {quantile} * sum by (workload) (rate({total}[{window}]))\n)"
        )

    def error_ratio(self, window: str) -> str:
        """Return the share of the requests that failed."""
        failed = metric_names.REQUESTS + self._and_workloads(matching({**self._labels, "outcome": "error"}))
        return (
            f"(\n  sum by (workload) (rate({failed}[{window}]))\n"
            f"  or 0 * sum by (workload) (rate({metric_names.REQUESTS}{self._only}[{window}]))\n)\n"
            f"/ ({self.requests(window)})"
        )

    def pue(self) -> str:
        """Return the highest PUE of a workload's replicas."""
        return f"max by (workload) (\n  {self.replica_pue()}\n)"

    def replica_pue(self, **labels: str) -> str:
        """Return the PUE of each replica, by workload."""
        energy = self.series(metric_names.ENERGY, **labels) if labels else metric_names.ENERGY + self._only
        factor = f"max by ({_PER_REPLICA}) ({metric_names.PUE}{self._service})"
        return f"0 * {energy}\n  + on ({_PER_REPLICA}) group_left () {factor}"

    def _at_facility(self, it: str, window: str) -> str:
        factor = f"max by ({_PER_REPLICA}) (last_over_time({metric_names.PUE}{self._service}[{window}]))"
        return f"sum by (workload) (\n  {it}\n  * on ({_PER_REPLICA}) group_left () {factor}\n)"

    def _and_workloads(self, selector: str) -> str:
        if not self._workloads:
            return selector
        return "{" + ", ".join(one for one in (selector.strip("{}"), self._workloads) if one) + "}"
