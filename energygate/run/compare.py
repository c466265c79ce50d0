"""`check --base`: measure base beside head, and judge what changed."""

from __future__ import annotations

import math
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.errors import NothingThere, UsageError
from energygate.gate import Verdict
from energygate.measure.machine import describe_machine
from energygate.measure.machine_lock import turn
from energygate.policy.policy_diff import policy_changes
from energygate.repository.setup_command import run_setup
from energygate.result.result import BaseResult, WorkloadResult
from energygate.run.alone import head_alone
from energygate.run.base import base_from_directory, base_from_git
from energygate.run.check import assemble, check, chosen, side_of
from energygate.run.compared import base_beside_head
from energygate.run.job import Job, unchanged, unmeasured
from energygate.run.pairing import pair_workloads
from energygate.run.shared import Observer, Run, require_measuring, shared_confidence, site_factors
from energygate.workloads.serving import Serving, refuse_one_port
from energygate.workloads.unchanged import same_environment, same_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.measure.launch import Launch, PairedLaunch
    from energygate.policy import Policy, Workload
    from energygate.policy.model import Comparison
    from energygate.result.result import Result
    from energygate.run.base import Base
    from energygate.run.pairing import Pairing
    from energygate.run.subject import Subject
    from energygate.workloads.serving import Side


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a check is run.

    Attributes:
        workloads: Names of the workloads to check; all by default.
        base: Compare with the merge base of HEAD and this ref; `None` for no git.
        base_dir: Compare with this directory; `None` for none.
        time_limit_s: Measuring time per workload; the policy's by default.
        total_time_limit_s: Measuring time of all workloads together; their sum by default.
        patience_s: Time until a workload ends, preparing included; what that takes beyond the limit by default.
        python: Head's interpreter; the policy's by default.
        base_python: Base's interpreter; the policy's by default.
        setup: A command that makes a side's environment; with a base, the policy's by default.
        leg: Whether other jobs measure the other workloads: the error is shared with them.
        observer: Is told of progress.
        pytest_options: Of the pytest that measures its own tests; see `Serving`.
    """

    workloads: Sequence[str] = ()
    base: str | None = None
    base_dir: str | None = None
    time_limit_s: float | None = None
    total_time_limit_s: float | None = None
    patience_s: float = math.inf
    python: str | None = None
    base_python: str | None = None
    setup: str | None = None
    leg: bool = False
    observer: Observer | None = None
    pytest_options: tuple[str, ...] = ()


def check_or_compare(policy: Policy, directory: Path, policy_file: str, options: Options) -> Result:
    """Check head alone, or beside the base that the options name.

    Args:
        policy: Head's policy.
        directory: Head's checkout: where its policy is.
        policy_file: The policy's name in it.
        options: How.

    Raises:
        UsageError: When both kinds of base are named, or base cannot be found.
        PolicyError: When a policy makes no sense.
        MeasurementError: When the setup of a side fails.
    """
    if options.base is not None and options.base_dir is not None:
        raise UsageError("--base and --base-dir exclude each other")
    if options.base is None and options.base_dir is None:
        for option, given in (
            ("--base-python", options.base_python),
            ("--total-time-limit", options.total_time_limit_s),
        ):
            if given is not None:
                raise UsageError(f"{option} needs a base", hint="Give --base or --base-dir")
    if options.base is not None:
        opened = base_from_git(options.base, directory, policy_file)
    elif options.base_dir is not None:
        opened = base_from_directory(Path(options.base_dir).resolve(), directory, policy_file)
    else:
        return check(
            policy,
            directory,
            workloads=options.workloads,
            time_limit_s=options.time_limit_s,
            python=options.python,
            setup=options.setup,
            leg=options.leg,
            observer=options.observer,
        )
    with opened as base:
        return compare(policy, directory, base, options)


def compare(head_policy: Policy, directory: Path, base: Base, options: Options) -> Result:
    """Measure the workloads of a policy on both sides and judge them by base's budgets.

    Args:
        head_policy: Head's policy; it decides only where base has none.
        directory: Head's checkout: where its policy is.
        base: What to compare with.
        options: How.

    Returns:
        The result. A workload that could not be measured is an error in it, not an exception.

    Raises:
        UsageError: When no policy has a workload of a given name, or a package for measuring is missing.
        PolicyError: When base's policy makes no sense.
        MeasurementError: When the setup of a side fails.
    """
    return _Comparison(head_policy, directory, base, options).result()


def removed(pairing: Pairing, base: Base, rules: Comparison) -> WorkloadResult:
    """The result of a workload that only base has."""
    note = f"removed; base {base.name} had it"
    if rules.removed == "fail":
        return unmeasured(pairing, Verdict.FAIL, f"{note}, and base's policy wants it kept")
    return unmeasured(pairing, Verdict.PASS, note)


class _Comparison:
    """One run of `check --base`."""

    def __init__(self, head_policy: Policy, directory: Path, base: Base, options: Options) -> None:
        self._started = time.perf_counter()
        self._base = base
        self._policy_file = head_policy.source
        base_policy = base.policy()
        policy = base_policy or head_policy
        self._base_decides = base_policy is not None
        differs = base_policy is not None and base_policy != head_policy
        self._changes = policy_changes(policy, head_policy) if differs else None
        self._notes = () if base_policy else (f"base {base.name} has no policy; head's decides",)
        pairings = pair_workloads(policy.workloads, head_policy.workloads)
        names = chosen([one.name for one in pairings], options.workloads, source=policy.source)
        self._pairings = [one for one in pairings if one.name in names]
        require_measuring(side for one in self._pairings for side in (one.base, one.head) if side is not None)
        machine = describe_machine()
        self._run = Run(
            policy=policy,
            machine=machine,
            factors=site_factors(policy),
            confidence=shared_confidence(
                (one.head for one in (pairings if options.leg else self._pairings) if one.head),
                machine,
                relative=True,
            ),
            relative=True,
            time_limit_s=options.time_limit_s or policy.measurement.time_limit.value,
            observer=options.observer or Observer(),
        )
        self._total_s = options.total_time_limit_s
        self._patience_s = options.patience_s
        self._pytest_options = options.pytest_options
        self._setup = options.setup or policy.measurement.setup
        python = policy.measurement.python
        self._head_side = side_of("head", directory, options.python or python)
        self._base_side = side_of("base", base.directory, options.base_python or options.python or python)
        self._same_python = options.base_python in {None, options.python or python}

    def result(self) -> Result:
        is_same = self._same_python and not self._base.changed(())
        results = [unchanged(one) for one in self._pairings] if is_same else self._measured()
        return assemble(
            self._run,
            results,
            started=self._started,
            base=BaseResult(ref=self._base.ref, commit=self._base.commit.sha if self._base.commit else None),
            directory=self._head_side.directory,
            policy_file=self._policy_file,
            changes=self._changes,
            notes=self._notes,
        )

    def _measured(self) -> list[WorkloadResult]:
        with turn(self._run.observer.waiting), tempfile.TemporaryDirectory(prefix="energygate-") as scratch:
            self._set_up()
            jobs = [Job(one, number, Path(scratch)) for number, one in enumerate(self._pairings)]
            for job in jobs:
                self._first_turn(job, count=len(jobs))
            self._second_turns(jobs)
            return [self._finished(job) for job in jobs]

    def _set_up(self) -> None:
        if self._setup is not None:
            for side in (self._base_side, self._head_side):
                run_setup(self._setup, side.directory, label=side.name)

    def _first_turn(self, job: Job, *, count: int) -> None:
        """Prepare a workload and measure it for its share of the time."""
        name = job.pairing.name
        self._run.observer.started(
            name, number=job.number + 1, count=count, time_limit_s=self._run.time_limit_s
        )
        started = time.perf_counter()
        with job.accounted():
            prepared = self._prepared(job)
            if isinstance(prepared, WorkloadResult):
                job.result = prepared
            else:
                job.subject = prepared
                left_s = self._patience_s - (time.perf_counter() - started)
                prepared.measure(min(self._share_s(count), left_s))
        if job.result is not None:
            self._run.observer.finished(job.result)

    def _share_s(self, count: int) -> float:
        return min(self._run.time_limit_s, (self._total_s or math.inf) / count)

    def _second_turns(self, jobs: list[Job]) -> None:
        """Spend what decided workloads left over on those that are still open."""
        total_s = self._total_s or self._run.time_limit_s * len(jobs)
        open_jobs = [job for job in jobs if job.is_open]
        for position, job in enumerate(open_jobs):
            left_s = total_s - sum(one.seconds for one in jobs)
            with job.accounted():
                if job.subject is not None:
                    job.subject.measure(left_s / (len(open_jobs) - position))

    def _finished(self, job: Job) -> WorkloadResult:
        if job.result is None and job.subject is not None:
            job.result = job.subject.result(seconds=job.seconds)
            self._run.observer.finished(job.result)
        assert job.result is not None  # noqa: S101 - a job without a subject has failed with a result
        return job.result

    def _prepared(self, job: Job) -> WorkloadResult | Subject[Launch] | Subject[PairedLaunch]:
        pairing = job.pairing = self._with_base(job.pairing)
        rules = self._run.policy.comparison
        if pairing.head is None:
            return removed(pairing, self._base, rules)
        head = self._serving(job, pairing.head, self._head_side)
        if pairing.base is None:
            if rules.added == "fail":
                return unmeasured(pairing, Verdict.FAIL, "added, which base's policy does not allow")
            head.check_files()
            return head_alone(head, replace(self._run, relative=False), state="added")
        base = self._serving(job, pairing.base, self._base_side)
        base.check_files()
        head.check_files()
        refuse_one_port(base, head)
        if self._is_same(base, head):
            return unchanged(pairing)
        try:
            return base_beside_head(
                base,
                head,
                self._run_of(pairing),
                state=pairing.state,
                base_name=pairing.base_name,
                notes=pairing.notes,
            )
        except NothingThere as error:
            if self._base_decides or error.where != base.label:
                raise
            job.pairing = pairing.added()  # only by head's policy has base such a test
            return self._prepared(job)

    def _with_base(self, pairing: Pairing) -> Pairing:
        """The pairing, without a base that only head's policy takes for one: its model is not there yet."""
        model = pairing.base.onnx if pairing.base else None
        if self._base_decides or model is None or (self._base_side.directory / model).exists():
            return pairing
        return pairing.added()

    def _run_of(self, pairing: Pairing) -> Run:
        """The run, in which waivers follow a workload that was renamed."""
        policy = self._run.policy
        waivers = tuple(
            one.model_copy(update={"workload": pairing.name}) if one.workload == pairing.base_name else one
            for one in policy.waivers
        )
        return replace(self._run, policy=policy.model_copy(update={"waivers": waivers}))

    def _is_same(self, base: Serving, head: Serving) -> bool:
        """Whether there is nothing to measure: the same model or files, inputs, settings and environment."""
        if not same_environment(base.side, head.side) or not same_model(base, head):
            return False
        return head.workload.onnx is not None or not self._base.changed(head.workload.paths)

    def _serving(self, job: Job, workload: Workload, side: Side) -> Serving:
        both = job.pairing.base is not None and job.pairing.head is not None
        other = self._base_side if side is self._head_side else self._head_side
        deciding = self._base_side if self._base_decides else self._head_side
        return Serving(
            name=job.pairing.name,
            workload=workload,
            side=side,
            seed=self._run.policy.measurement.seed if workload.seed is None else workload.seed,
            timeout_s=self._run.time_limit_s,
            scratch=job.scratch,
            inputs_directory=deciding.directory if both else side.directory,
            other_directory=other.directory,
            pytest_options=self._pytest_options,
        )
