"""What exporters are made from: the policy, its lines, the latest result, and the limits that follow from both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.errors import PolicyError
from energygate.policy import METRICS

if TYPE_CHECKING:
    from energygate.policy import Policy
    from energygate.result.result import MetricResult, Result


@dataclass(frozen=True, kw_only=True)
class RuntimeLimit:
    """One limit as a running system can hold it: a number.

    Attributes:
        workload: The workload's name.
        metric: The metric's name.
        value: In the metric's canonical unit (energy: kWh at the facility, time: s, size: B, ratio: fraction).
        source: Where it is written, such as `energygate.yml:12`.
        described: The limit in words, such as `0.2 Wh`, or what it was worked out from.
        level: `error` or `warn`.
        relative: Whether it counts from a measurement, so that it is as much of a service as that one was.
    """

    workload: str
    metric: str
    value: float
    source: str
    described: str
    level: str
    relative: bool = False


@dataclass(frozen=True, kw_only=True)
class Source:
    """The policy, and the latest result where there is one.

    Attributes:
        policy: Its `source` and `line` say where keys stand.
        result: Of `energygate check`; `None` without one.
    """

    policy: Policy
    result: Result | None = None

    def measured(self, workload: str, metric: str) -> MetricResult | None:
        """What the latest result says of a metric; `None` where it says nothing."""
        if self.result is None:
            return None
        found = next((one for one in self.result.workloads if one.name == workload), None)
        return None if found is None else found.metrics.get(metric)

    def limit(self, workload: str, metric: str) -> RuntimeLimit | None:
        """The limit that holds at run time: the absolute one, or what a relative one allows over the latest result.

        What a relative limit counts from is the worse end of that result's interval, where it has one: nearer to it, a
        service that is exactly as measured would be over its limit as often as not. Where `min_delta` is more than the
        relative limit allows, it holds here as it does in CI.

        Returns:
            The limit; `None` where the policy has none, switches it off, or has a relative one and there is no result.
        """
        budget = self.policy.workloads[workload].budgets.get(metric)
        if budget is None or budget.level == "off":
            return None
        lower = METRICS[metric].better == "lower"
        key, relative_key = ("max", "max_increase") if lower else ("min", "max_decrease")
        absolute, relative = getattr(budget, key), getattr(budget, relative_key)
        measured = self.measured(workload, metric)
        path = ("workloads", workload, "budgets", metric)
        if absolute is not None:
            value, described, where = absolute.value, absolute.text, self.policy.where(*path, key)
        elif relative is not None and measured is not None:
            end = measured.head_high if lower else measured.head_low
            start = measured.head if end is None else end
            change, text, where = (
                start * relative.value,
                relative.text,
                self.policy.where(*path, relative_key),
            )
            if budget.min_delta is not None and budget.min_delta.value > change:
                change, text = budget.min_delta.value, budget.min_delta.text
                where = self.policy.where(*path, "min_delta")
            value = start + change if lower else start - change
            beyond, which = ("over", "upper") if lower else ("under", "lower")
            of = "" if start == measured.head else f"the {which} end of "
            described = f"{text} {beyond} {of}the latest result"
        else:
            return None
        return RuntimeLimit(
            workload=workload,
            metric=metric,
            value=value,
            source=where,
            described=described,
            level=budget.level,
            relative=absolute is None,
        )

    def needed_limit(self, workload: str, *metrics: str, exporter: str) -> RuntimeLimit:
        """The same as `limit`, where an exporter cannot do without.

        Args:
            workload: Its name.
            metrics: Any of these will do, the first one with a limit before the others.
            exporter: The kind that cannot.

        Raises:
            PolicyError: When there is none. It asks for what takes least: a number for a limit that is there, else to
                switch one on, else to write the first one.
        """
        for metric in metrics:
            found = self.limit(workload, metric)
            if found is not None:
                return found
        budgets = self.policy.workloads[workload].budgets
        there = sorted(
            (one for one in metrics if one in budgets), key=lambda one: budgets[one].level == "off"
        )
        metric = next(iter(there), metrics[0])
        key = f"workloads.{workload}.budgets.{metric}"
        why = f"{exporter} is made from it"
        if not there:
            remedy = f"Write {key}"
        elif budgets[metric].level == "off":
            remedy = f"Make {key} warn or error"
        else:
            better = (
                "hand over the latest result with --result"
                if self.result is None
                else "a result that measured it"
            )
            remedy, why = f"Give it an absolute one, or {better}", f"{exporter} needs a number"
        if len(self.policy.workloads) > 1:
            remedy += ", or name the workloads to export"
        raise PolicyError(
            f"workload {workload!r} has no limit on {METRICS[metric].label} that a running system could hold",
            where=self.policy.where("workloads", workload, "budgets"),
            hint=f"{remedy}, for {why}",
        )
