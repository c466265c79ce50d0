"""What exporters read: the policy, the latest result, and the limits that follow from both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.errors import PolicyError
from energygate.policy import METRICS

if TYPE_CHECKING:
    from energygate.policy import Policy
    from energygate.result.result import MetricResult, Result, WorkloadResult


@dataclass(frozen=True, kw_only=True)
class RuntimeLimit:
    """One limit as a number, for a running system.

    Attributes:
        workload: The workload's name.
        metric: The metric's name.
        value: In the metric's canonical unit (energy: kWh at the facility, time: s, size: B, ratio: fraction).
        source: Where the policy has it, such as `energygate.yml:12`.
        described: The limit in words, such as `0.2 Wh`, or what it was calculated from.
        level: `error` or `warn`.
        relative: Whether it counts from a measurement: of a service, or of a model without its server.
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
        policy: It knows the lines of its keys.
        result: Of `energygate check`; `None` without one.
    """

    policy: Policy
    result: Result | None = None

    def workload_result(self, workload: str) -> WorkloadResult | None:
        """Return a workload of the latest result; `None` where the result lacks it."""
        known = () if self.result is None else self.result.workloads
        return next((one for one in known if one.name == workload), None)

    def measured(self, workload: str, metric: str) -> MetricResult | None:
        """Return a metric of the latest result; `None` where the result lacks it."""
        found = self.workload_result(workload)
        return None if found is None else found.metrics.get(metric)

    def limit(self, workload: str, metric: str) -> RuntimeLimit | None:
        """Return the limit at run time: the absolute one, or what a relative one allows over the latest result.

        A relative limit counts from the worse end of that result's interval: from its middle, a service that is exactly
        as measured could be over a narrow limit half of the time. As in CI, `min_delta` wins where it allows more.

        Returns:
            `None` without a limit, with one that is off, and with a relative one where there is no result.
        """
        budget = self.policy.workloads[workload].budgets.get(metric)
        if budget is None or budget.level == "off":
            return None
        lower = METRICS[metric].better == "lower"
        key, relative_key = ("max", "max_increase") if lower else ("min", "max_decrease")
        absolute, relative = getattr(budget, key), getattr(budget, relative_key)
        measured = self.measured(workload, metric)
        if absolute is not None:
            value, described = absolute.value, absolute.text
        elif relative is not None and measured is not None:
            end = measured.head_high if lower else measured.head_low
            start = measured.head if end is None else end
            change, text, key = start * relative.value, relative.text, relative_key
            if budget.min_delta is not None and budget.min_delta.value > change:
                change, text, key = budget.min_delta.value, budget.min_delta.text, "min_delta"
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
            source=self.policy.where("workloads", workload, "budgets", metric, key),
            described=described,
            level=budget.level,
            relative=absolute is None,
        )

    def needed_limit(self, workload: str, *metrics: str, exporter: str) -> RuntimeLimit:
        """Return `limit` for an exporter that needs one.

        Args:
            workload: Its name.
            metrics: The first of these that has a limit.
            exporter: The exporter, for the message.

        Raises:
            PolicyError: There is none. The message asks for the smallest change: a number for a relative limit, else to
                switch one on, else to write one.
        """
        for metric in metrics:
            found = self.limit(workload, metric)
            if found is not None:
                return found
        budgets = self.policy.workloads[workload].budgets
        there = sorted((one for one in metrics if one in budgets), key=lambda one: budgets[one].level == "off")
        metric = next(iter(there), metrics[0])
        key = f"workloads.{workload}.budgets.{metric}"
        why = f"{exporter} is made from it"
        if not there:
            remedy = f"Write {key}"
        elif budgets[metric].level == "off":
            remedy = f"Make {key} warn or error"
        else:
            better = "hand over the latest result with --result" if self.result is None else "a result that measured it"
            remedy, why = f"Give it an absolute one, or {better}", f"{exporter} needs a number"
        if len(self.policy.workloads) > 1:
            remedy += ", or name the workloads to export"
        raise PolicyError(
            f"workload {workload!r} has no limit on {METRICS[metric].label} that a running system could check",
            where=self.policy.where("workloads", workload, "budgets"),
            hint=f"{remedy}, for {why}",
        )
