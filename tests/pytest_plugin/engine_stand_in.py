"""An engine whose every test needs 0.4 mWh (0.38 to 0.42), so that limits decide the outcomes."""

from __future__ import annotations

import time
from typing import ClassVar

from builders import failed_workload_result, finding_result, metric_result, provenance, result, workload_result

from energygate.errors import MeasurementError
from energygate.gate import Verdict
from energygate.pytest_plugin.engine import Engine

HEAD, LOW, HIGH = 4.0e-7, 3.8e-7, 4.2e-7
"""kWh."""


class StandIn(Engine):
    """The engine with its policies, its base and its joining of results, all but the measuring."""

    broken: ClassVar = set()
    """Tests that have broken it once."""

    def measure(self, target):
        if "breaks_the_meter" in target.node_id:
            raise MeasurementError("the meter is gone", hint="Look for it")
        if "breaks_it_once" in target.node_id and target.node_id not in self.broken:
            self.broken.add(target.node_id)
            raise MeasurementError("the meter is gone for a moment")
        if "takes_four_seconds" in target.node_id:
            time.sleep(4)
        if "interrupts" in target.node_id:
            raise KeyboardInterrupt
        policy = self.builder.policy(target)
        self.policies |= dict.fromkeys(policy.workloads, policy)
        ((name, workload),) = policy.workloads.items()
        if "kills_the_worker" in target.node_id:
            return result(failed_workload_result(name, message="the worker died", detail="last words"))
        if "judges_nothing" in target.node_id:
            failed = failed_workload_result(name, message="nothing was judged: too few launches")
            return result(failed.model_copy(update={"provenance": provenance(), "seconds_to_decide": 20.0}))
        budget = workload.budgets.get("energy_per_request")
        findings = [] if budget is None or budget.max is None else [judged_by(budget)]
        note = f"time limit {policy.measurement.time_limit}, PUE {policy.site.pue:g}"
        notes = (note, *self.builder.notes(target, policy))
        metric = metric_result(*findings, head=HEAD, low=LOW, high=HIGH)
        measured = workload_result(name, kind="pytest", metrics={"energy_per_request": metric}, notes=notes)
        return result(measured, pue=policy.site.pue)


def judged_by(budget):
    limit = budget.max.value
    verdict = Verdict.PASS if limit >= HIGH else Verdict.FAIL if limit <= LOW else Verdict.INCONCLUSIVE
    if verdict is Verdict.FAIL and budget.level == "warn":
        verdict = Verdict.WARN
    return finding_result(verdict, limit=limit, limit_text=budget.max.text)
