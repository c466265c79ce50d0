"""How a check is run, and the observer of its progress."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from energygate.errors import COMMAND_LINE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.errors import OptionNames
    from energygate.gate import Evidence
    from energygate.measure.campaign import Progress
    from energygate.result.result import WorkloadResult


class Observer:
    """Observes the progress of a check; this one does nothing."""

    def waiting(self, reason: str) -> None:
        """Do what is needed when this process has to wait; `reason` names the process that it waits for."""

    def step(self, what: str) -> contextlib.AbstractContextManager[None]:  # noqa: ARG002 - for those who show it
        """Return a context for a step of the preparation that may take long, such as `setting up base`."""
        return contextlib.nullcontext()

    def started(self, name: str, *, number: int, count: int) -> None:
        """Do what is needed before a workload is measured, the `number`th of `count`, or measured for more time."""

    def launched(self, name: str, progress: Progress, evidence: Evidence | None) -> None:
        """Do what is needed after each launch; `evidence` is that of the energy per request so far."""

    def finished(self, result: WorkloadResult) -> None:
        """Do what is needed when a workload has been judged."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a check is run.

    Attributes:
        workloads: Names of the workloads to check; all by default.
        time_limit_s: Measuring time per workload; the policy's by default.
        total_time_limit_s: Measuring time of all workloads together, with a base; by default the sum of their limits.
        patience_s: Maximum time for a workload, preparation included; no limit by default.
        python: Head's interpreter; the policy's by default.
        base_python: Base's interpreter; head's by default.
        setup: A command that prepares a side's environment; by default the policy's with a base, none without.
        leg: Whether other jobs measure the policy's other workloads: the error is shared with them.
        observer: Called as the check progresses.
        pytest_options: Options of the pytest that measures its own tests; see `Serving`.
        option_names: What the messages in a result call these options.
    """

    workloads: Sequence[str] = ()
    time_limit_s: float | None = None
    total_time_limit_s: float | None = None
    patience_s: float = math.inf
    python: str | None = None
    base_python: str | None = None
    setup: str | None = None
    leg: bool = False
    observer: Observer = field(default_factory=Observer)
    pytest_options: tuple[str, ...] = ()
    option_names: OptionNames = COMMAND_LINE
