"""`check`: measure the workloads of a policy, beside a base if there is one, and judge them."""

from __future__ import annotations

import contextlib
import math
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.errors import EnergygateError, PolicyError, TargetMissing
from energygate.gate import Verdict, worst
from energygate.measure.machine import describe_machine
from energygate.measure.machine_lock import machine_lock
from energygate.policy.policy_diff import policy_changes, policy_digest
from energygate.repository.repository import Repository
from energygate.repository.setup_command import run_setup
from energygate.result.rejudging import ADDITION_NOT_ALLOWED, REMOVAL_NOT_ALLOWED
from energygate.result.result import Result, WorkloadResult
from energygate.result.site_result import site_result
from energygate.run.context import RunContext, require_measuring, shared_confidence, side_of, site_factors
from energygate.run.pairing import pair_workloads, select
from energygate.run.prepare import prepare
from energygate.run.result_parts import failed_workload, unmeasured_workload
from energygate.version import __version__
from energygate.workloads.serving import Serving, refuse_one_port
from energygate.workloads.unchanged import same_environment, same_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from energygate.policy import Policy, Workload
    from energygate.run.base import CheckedOutBase
    from energygate.run.options import Options
    from energygate.run.pairing import Pairing
    from energygate.run.subject import Subject
    from energygate.workloads.serving import Side


def check(policy: Policy, directory: Path, options: Options, *, base: CheckedOutBase | None = None) -> Result:
    """Measure the workloads of a policy on this machine and judge them.

    Without a base the absolute budgets of the policy decide. With one, workloads are measured on both sides, and all
    budgets of base's policy decide.

    Args:
        policy: Head's policy.
        directory: Head's checkout: what the policy's paths are relative to, and where workers run.
        options: How to run it.
        base: What to compare with; `None` for nothing.

    Returns:
        The result. A workload that could not be measured is an error in it, not an exception.

    Raises:
        UsageError: When the policy has no workload of a given name, or a package is missing.
        PolicyError: When the site's carbon intensity is unknown or, without a base, a file does not exist.
        MeasurementError: When the setup of a side fails.
    """
    return _Check(policy, directory, options, base).result()


@dataclass(kw_only=True)
class _Job:
    """A workload and how far the check of it has come."""

    pairing: Pairing
    number: int
    scratch: Path
    subject: Subject | None = None
    result: WorkloadResult | None = None
    seconds: float = 0.0


class _Check:
    """One run of `check`."""

    def __init__(self, head_policy: Policy, directory: Path, options: Options, base: CheckedOutBase | None) -> None:
        self._started = time.perf_counter()
        self._head_policy = head_policy
        self._options = options
        self._base = base
        base_policy = None if base is None else base.policy
        policy = base_policy or head_policy
        self._base_decides = base_policy is not None
        pairings = pair_workloads(None if base is None else policy.workloads, head_policy.workloads)
        self._pairings = select(pairings, options.workloads, source=policy.source)
        require_measuring(side for one in self._pairings for side in (one.base, one.head) if side)
        machine = describe_machine()
        sharing = pairings if options.leg else self._pairings
        self._context = RunContext(
            policy=policy,
            machine=machine,
            factors=site_factors(policy),
            confidence=shared_confidence((one.head for one in sharing if one.head), machine, relative=base is not None),
            time_limit_s=options.time_limit_s or policy.measurement.time_limit.value,
            observer=options.observer,
        )
        python = options.python or policy.measurement.python
        self._head_side = side_of("head", directory, python)
        self._base_side = None
        if base is not None:
            self._base_side = side_of("base", base.directory, options.base_python or python)
        self._same_python = options.base_python in {None, python}

    def result(self) -> Result:
        policy, head_policy, base = self._context.policy, self._head_policy, self._base
        results = self._results()
        has_changed = self._base_decides and policy != head_policy
        notes = []
        if base is not None and base.policy is None:
            notes.append(f"base {base.name} has no policy; head's decides")
        return Result(
            energygate_version=__version__,
            created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            seconds=time.perf_counter() - self._started,
            policy=head_policy.source,
            seed=policy.measurement.seed,
            verdict=worst(result.verdict for result in results),
            base=None if base is None else base.result,
            head_commit=_head_commit(self._head_side.directory),
            policy_changed=has_changed,
            policy_changes=policy_changes(policy, head_policy) if has_changed else (),
            policy_digest=policy_digest(policy),
            notes=tuple(notes),
            machine=self._context.machine,
            site=site_result(policy.site, self._context.factors.carbon_g_per_kwh),
            workloads=tuple(results),
        )

    def _results(self) -> list[WorkloadResult]:
        base = self._base
        if base is not None:
            if not any(one.head for one in self._pairings):
                return [self._removed(one, base) for one in self._pairings]
            if self._same_python and not base.changed(()):
                return [_unchanged(one) for one in self._pairings]
        with tempfile.TemporaryDirectory(prefix="energygate-") as scratch:
            jobs = []
            for number, pairing in enumerate(self._pairings, 1):
                jobs.append(_Job(pairing=pairing, number=number, scratch=Path(scratch) / str(number)))
                jobs[-1].scratch.mkdir()
            if base is None:
                for job in jobs:
                    self._check_files(job)
            with machine_lock(self._context.observer.waiting):
                self._set_up()
                for job in jobs:
                    self._measure_first(job, count=len(jobs))
                self._measure_undecided(jobs)
            return [job.result for job in jobs if job.result is not None]

    def _check_files(self, job: _Job) -> None:
        """Report a mistake in the policy by its line, before anything is measured."""
        try:
            self._serving(job, job.pairing.workload, self._head_side).check_files()
        except PolicyError as error:
            policy, what = self._context.policy, f"{error.where}: {error.what}"
            line = policy.line(("workloads", job.pairing.name))
            raise PolicyError(what, where=policy.source, line=line, hint=error.hint) from None

    def _set_up(self) -> None:
        setup = self._options.setup
        if self._base_side is not None:
            setup = setup or self._context.policy.measurement.setup
        for side in (self._base_side, self._head_side):
            if setup is not None and side is not None:
                with self._context.observer.step(f"setting up {side.name}"):
                    run_setup(setup, side.directory, label=side.name)

    @contextlib.contextmanager
    def _timed(self, job: _Job) -> Iterator[None]:
        """Count the time that a workload takes, and turn an error into its result."""
        started = time.perf_counter()
        try:
            yield
        except EnergygateError as error:
            error.option_names = self._options.option_names
            job.result = failed_workload(job.pairing, error)
        finally:
            job.seconds += time.perf_counter() - started

    def _measure_first(self, job: _Job, *, count: int) -> None:
        """Prepare a workload and measure it for its share of the time."""
        limit_s = self._context.time_limit_s
        self._context.observer.started(job.pairing.name, number=job.number, count=count)
        with self._timed(job):
            started = time.perf_counter()
            prepared = self._prepared(job)
            if isinstance(prepared, WorkloadResult):
                job.result = prepared
            else:
                job.subject = prepared
                share_s = min(limit_s, (self._options.total_time_limit_s or math.inf) / count)
                left_s = self._options.patience_s - (time.perf_counter() - started)
                prepared.measure(min(share_s, left_s))
        if self._base is None or job.result is not None or (job.subject and not job.subject.is_open):
            self._finish(job)

    def _measure_undecided(self, jobs: Sequence[_Job]) -> None:
        """Measure workloads that are still open for the time that decided ones have left."""
        total_s = self._options.total_time_limit_s or self._context.time_limit_s * len(jobs)
        open_jobs = [job for job in jobs if job.result is None]
        for position, job in enumerate(open_jobs):
            self._context.observer.started(job.pairing.name, number=job.number, count=len(jobs))
            left_s = total_s - sum(one.seconds for one in jobs)
            with self._timed(job):
                if job.subject is not None:
                    job.subject.measure(left_s / (len(open_jobs) - position))
            self._finish(job)

    def _finish(self, job: _Job) -> None:
        if job.result is None and job.subject is not None:
            with self._timed(job):
                job.result = job.subject.result(seconds=job.seconds)
        if job.result is not None:
            self._context.observer.finished(job.result)

    def _prepared(self, job: _Job) -> WorkloadResult | Subject:
        pairing = job.pairing = self._without_missing_base(job.pairing)
        rules = self._context.policy.comparison
        if pairing.head is None:
            assert self._base is not None  # noqa: S101 - what head lacks is base's
            return self._removed(pairing, self._base)
        head = self._serving(job, pairing.head, self._head_side)
        if pairing.base is None or self._base_side is None:
            if pairing.state == "added" and rules.added == "fail":
                return unmeasured_workload(pairing, Verdict.FAIL, ADDITION_NOT_ALLOWED)
            head.check_files()
            return prepare(pairing, head, self._context)
        base = self._serving(job, pairing.base, self._base_side)
        base.check_files()
        head.check_files()
        refuse_one_port(base, head)
        if self._is_same(base, head):
            return _unchanged(pairing)
        try:
            return prepare(pairing, head, self._context, base=base)
        except TargetMissing as error:
            if self._base_decides or error.where != base.label:
                raise
            job.pairing = pairing.added()  # base had such a test only according to head's policy
            return self._prepared(job)

    def _without_missing_base(self, pairing: Pairing) -> Pairing:
        """Return the pairing without its base if only head's policy claims one and its model does not exist there."""
        model = pairing.base.onnx if pairing.base else None
        if self._base is None or self._base_decides or model is None or (self._base.directory / model).exists():
            return pairing
        return pairing.added()

    def _is_same(self, base: Serving, head: Serving) -> bool:
        """Return whether there is nothing to measure: the same model or files, inputs, settings and environment."""
        if not same_environment(base.side, head.side) or not same_model(base, head):
            return False
        if head.workload.onnx is not None or self._base is None:
            return True
        return not self._base.changed(head.workload.paths)

    def _serving(self, job: _Job, workload: Workload, side: Side) -> Serving:
        base_side = self._base_side or self._head_side
        both = job.pairing.base is not None and job.pairing.head is not None
        deciding = base_side if self._base_decides else self._head_side
        other = base_side if side is self._head_side else self._head_side
        return Serving(
            name=job.pairing.name,
            workload=workload,
            side=side,
            seed=self._context.policy.measurement.seed if workload.seed is None else workload.seed,
            timeout_s=self._context.time_limit_s,
            scratch=job.scratch,
            inputs_directory=deciding.directory if both else side.directory,
            other_directory=None if self._base is None else other.directory,
            pytest_options=self._options.pytest_options,
        )

    def _removed(self, pairing: Pairing, base: CheckedOutBase) -> WorkloadResult:
        where = f"it exists at base {base.name}"
        if self._context.policy.comparison.removed == "fail":
            return unmeasured_workload(pairing, Verdict.FAIL, f"{REMOVAL_NOT_ALLOWED}; {where}")
        return unmeasured_workload(pairing, Verdict.PASS, f"removed; {where}")


def _unchanged(pairing: Pairing) -> WorkloadResult:
    note = "identical to base, not measured"
    if pairing.state == "renamed":
        return unmeasured_workload(pairing, Verdict.PASS, f"renamed from {pairing.base_name}, {note}")
    return unmeasured_workload(replace(pairing, state="unchanged"), Verdict.PASS, note)


def _head_commit(directory: Path) -> str | None:
    """Return the commit that is checked out; `None` outside of git, and before the first one."""
    try:
        commit = Repository.find(directory).head()
    except EnergygateError:
        return None
    return None if commit is None else commit.sha
