"""Which results have changes that a reviewer should see: a truth table."""

from __future__ import annotations

import pytest
from builders import failed_workload_result, finding_result, judged, metric_result, result, workload_result

from energygate.forge.comment import has_changes
from energygate.gate import Verdict
from energygate.result.result import Change


def moved(estimate, low, high, *findings, **fields):
    change = None if estimate is None else Change(estimate=estimate, low=low, high=high)
    return metric_result(*findings).model_copy(update={"base": 1.9e-9, "change": change, **fields})


def compared(name="digits-cnn", *, state="compared", **metrics):
    return workload_result(name, metrics=metrics, state=state)


PASSED = finding_result(Verdict.PASS, kind="max_increase", limit=0.5, limit_text="50 %")
STEADY = compared(energy_per_request=moved(0.0, -0.01, 0.01, PASSED))


def exactly(head, base, *findings):
    """An exact metric whose base was zero, so that there is no relative change."""
    return moved(None, None, None, *findings, head=head, head_low=head, head_high=head, base=base)


def as_state(state):
    return STEADY.model_copy(update={"state": state, "base_name": "old" if state == "renamed" else None})


@pytest.mark.parametrize(
    ("outcome", "changed"),
    [
        (result(STEADY), False),
        (result(judged(Verdict.PASS)), False),
        *((result(judged(one)), True) for one in (Verdict.WAIVED, Verdict.WARN, Verdict.INCONCLUSIVE, Verdict.FAIL)),
        (result(failed_workload_result()), True),
        (result(STEADY, failed_workload_result("x")), True),
        (result(STEADY, policy_changed=True), True),
        (result(STEADY, notes=("a note",)), False),
        *((result(STEADY, as_state(one)), True) for one in ("added", "removed", "renamed")),
        *((result(STEADY, as_state(one)), False) for one in ("compared", "unchanged", "head only")),
        (result(compared(energy_per_request=moved(0.02, 0.01, 0.03, PASSED))), True),
        (result(compared(energy_per_request=moved(-0.02, -0.03, -0.01, PASSED))), True),
        (result(compared(energy_per_request=moved(0.02, 0.0, 0.03, PASSED))), False),
        (result(compared(energy_per_request=moved(0.02, -1.0, None, PASSED))), False),
        (result(compared(energy_per_request=moved(0.02, 0.01, 0.03))), False),  # nobody has a budget for it
        (result(compared(latency_p95=moved(0.02, 0.01, 0.03, PASSED))), True),
        (result(compared(success_rate=exactly(1.0, 0.0, PASSED))), True),
        (result(compared(success_rate=exactly(0.0, 0.0, PASSED))), False),
        (result(compared(energy_per_request=moved(None, None, None, PASSED))), False),
    ],
)
def test_what_a_reviewer_should_see(outcome, changed):
    assert has_changes(outcome) is changed
