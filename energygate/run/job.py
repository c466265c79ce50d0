"""One workload's way through a comparison."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from energygate.errors import EnergygateError
from energygate.gate import Verdict
from energygate.run.build import failed_workload, unmeasured_workload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from energygate.measure.launch import Launch, PairedLaunch
    from energygate.result.result import WorkloadResult
    from energygate.run.pairing import Pairing
    from energygate.run.subject import Subject


class Job:
    """A workload's way through the run: what it is, what is measured of it, and what came out."""

    def __init__(self, pairing: Pairing, number: int, scratch: Path) -> None:
        self.pairing = pairing
        self.number = number
        self.scratch = scratch / str(number)
        self.scratch.mkdir()
        self.subject: Subject[Launch] | Subject[PairedLaunch] | None = None
        self.result: WorkloadResult | None = None
        self.seconds = 0.0

    @property
    def is_open(self) -> bool:
        """Whether more time could decide it."""
        return self.result is None and self.subject is not None and self.subject.is_open

    @contextlib.contextmanager
    def accounted(self) -> Iterator[None]:
        """Count the time, and turn trouble into the workload's result."""
        started = time.perf_counter()
        try:
            yield
        except EnergygateError as error:
            pairing = self.pairing
            self.result = failed_workload(
                pairing.name, pairing.workload, error, state=pairing.state, base_name=pairing.base_name
            )
        finally:
            self.seconds += time.perf_counter() - started


def unchanged(pairing: Pairing) -> WorkloadResult:
    """The result of a workload that is the same on both sides."""
    if pairing.state == "renamed":
        note = f"renamed from {pairing.base_name}, identical to base, not measured"
        return unmeasured(pairing, Verdict.PASS, note)
    return unmeasured(replace(pairing, state="unchanged"), Verdict.PASS, "identical to base, not measured")


def unmeasured(pairing: Pairing, verdict: Verdict, note: str) -> WorkloadResult:
    """The result of a workload that is not measured."""
    return unmeasured_workload(
        pairing.name,
        pairing.workload,
        verdict=verdict,
        state=pairing.state,
        note=note,
        base_name=pairing.base_name,
    )
