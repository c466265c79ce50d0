"""The job's outputs and exit code. Pure functions of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.action.inputs import Mode
from energygate.gate import exit_code
from energygate.report.headline import headline
from energygate.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from energygate.action.inputs import Inputs
    from energygate.result.result import Result

MAX_SENTENCE = 300
"""Characters of a sentence in an output."""

USAGE = 2
"""Exit code of a mistake in the workflow or the policy."""


def job_code(code: int, inputs: Inputs) -> int:
    """Return the job's exit code: under `mode: report` no verdict fails it, a mistake still does."""
    return 0 if inputs.mode is Mode.REPORT and code != USAGE else code


def result_code(result: Result, inputs: Inputs) -> int:
    """Return the job's exit code for a result."""
    return job_code(exit_code(result.verdict, strict=inputs.strict), inputs)


def one_line(text: str) -> str:
    """Return a sentence fit for an output: later steps may print it, and it must not be a command to the runner."""
    shown = printable(" ".join(text.split()), max_length=MAX_SENTENCE)
    return shown.replace("::", ": :").replace("##[", "## [")


def energy_change(result: Result) -> float | None:
    """Return the greatest change of the energy per request, as a fraction: 0.05 is +5 %.

    Returns:
        The worst of all workloads: the largest rise, or the smallest fall where all fell. `None` where none was
        compared; a change between numbers that must not be compared does not count.
    """
    return max(
        (
            metric.change.estimate
            for workload in result.workloads
            if (metric := workload.metrics.get("energy_per_request")) is not None
            and metric.change is not None
            and metric.incomparable is None
        ),
        default=None,
    )


def outputs_of(result: Result) -> Mapping[str, str]:
    """Return the action's outputs, as texts."""
    change = energy_change(result)
    return {
        "verdict": result.verdict.value,
        "summary": one_line(headline(result)),
        "policy-changed": "true" if result.policy_changed else "false",
        "energy-change": "" if change is None else f"{change:.6g}",
    }
