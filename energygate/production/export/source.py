"""What exporters are made from: the policy, its lines, the latest result, and the limits that follow from both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.errors import PolicyError
from energygate.policy import METRICS

if TYPE_CHECKING:
    from energygate.policy import Policy, Workload
    from energygate.report.result import MetricResult, Result


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
    """

    workload: str
    metric: str
    value: float
    source: str
    described: str
    level: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """The policy, and the latest result where there is one.

    Attributes:
        policy: Its `source` and `line` say where keys stand.
        result: Of `energygate check`; `None` without one.
    """

    policy: Policy
    result: Result | None = None

    def cite(self, *path: str | int) -> str:
        """Where a key of the policy stands, such as `energygate.yml:12`."""
        line = self.policy.line(path)
        return self.policy.source if line is None else f"{self.policy.source}:{line}"

    def measured(self, workload: str, metric: str) -> MetricResult | None:
        """What the latest result says of a metric; `None` where it says nothing."""
        if self.result is None:
            return None
        found = next((one for one in self.result.workloads if one.name == workload), None)
        return None if found is None else found.metrics.get(metric)

    def limit(self, workload: str, metric: str) -> RuntimeLimit | None:
        """The limit that holds at run time: the absolute one, or what a relative one allows above the latest result.

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
            value, described, where = absolute.value, absolute.text, self.cite(*path, key)
        elif relative is not None and measured is not None:
            sign = 1 if lower else -1
            value, where = measured.head * (1 + sign * relative.value), self.cite(*path, relative_key)
            described = f"{relative.text} {'over' if lower else 'under'} the latest result"
        else:
            return None
        return RuntimeLimit(
            workload=workload,
            metric=metric,
            value=value,
            source=where,
            described=described,
            level=budget.level,
        )

    def needed_limit(self, workload: str, metric: str, *, exporter: str) -> RuntimeLimit:
        """The same as `limit`, where an exporter cannot do without.

        Raises:
            PolicyError: When there is none.
        """
        found = self.limit(workload, metric)
        if found is None:
            budget = self.policy.workloads[workload].budgets.get(metric)
            hint = (
                f"give it an absolute one, or hand over the latest result with --result, for {exporter} needs a number"
                if budget is not None and budget.level != "off"
                else f"write workloads.{workload}.budgets.{metric}, for {exporter} is made from it"
            )
            raise PolicyError(
                f"workload {workload!r} has no limit on {METRICS[metric].label} that a running system could hold",
                where=self.cite("workloads", workload, "budgets"),
                hint=hint[0].upper() + hint[1:],
            )
        return found

    def workloads(self) -> dict[str, Workload]:
        """The policy's workloads by name, in its order."""
        return dict(self.policy.workloads)
