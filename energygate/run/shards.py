"""One run spread over many jobs: its workloads, the jobs and runners that measure them, and their joined results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.policy.policy_diff import policy_digest
from energygate.result.files import short_path
from energygate.result.merging import merge_results
from energygate.run.base import find_base
from energygate.run.matrix import DEFAULT_RUNNER, past_seconds, plan
from energygate.run.pairing import pair_workloads, select
from energygate.text import printable, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from energygate.policy import Policy, Workload
    from energygate.result.files import Leg
    from energygate.result.result import BaseResult, Result
    from energygate.run.matrix import Runner, Shard

DEFAULT_JOBS = 20
"""What GitHub runs at once for a free account (https://docs.github.com/en/actions/reference/limits); more would wait
for each other, and each has to be set up."""


@dataclass(frozen=True, kw_only=True)
class WholeRun:
    """What a run is about, before it is split into jobs and after.

    Attributes:
        names: Its workloads in the order to report them, including those that head removed.
        runs_on: The runner of each workload that has one of its own.
        digest: Digest of the policy that decides.
        base: What head is compared with; `None` when head is measured alone.
        notes: The runners that head asks for and does not get.
    """

    names: tuple[str, ...]
    runs_on: Mapping[str, Runner]
    digest: str
    base: BaseResult | None = None
    notes: tuple[str, ...] = ()


def whole_run(  # noqa: PLR0913 - the options of the commands
    policy: Policy,
    directory: Path,
    policy_file: str,
    *,
    base: str | None = None,
    base_dir: str | None = None,
    workloads: Sequence[str] = (),
) -> WholeRun:
    """Return which workloads a run has and where each may run, without checking anything out.

    With a base, base's policy decides about runners: a workload that base has runs where base says, and one that head
    adds gets the runner it asks for only where base's policy names that runner too. So a pull request cannot send code
    to a runner that base does not use.

    Args:
        policy: Head's policy.
        directory: Head's checkout: where its policy is.
        policy_file: The policy's name in it.
        base: Compare with the merge base of HEAD and this ref; `None` for no git.
        base_dir: Compare with this directory; `None` for none.
        workloads: Names of the workloads that the run is about; all by default.

    Raises:
        UsageError: When both kinds of base are named, base cannot be found, or no policy has a workload of a name.
        PolicyError: When base's policy is invalid.
    """
    against = find_base(directory, policy_file, ref=base, base_dir=base_dir)
    base_policy = None if against is None else against.policy
    deciding = base_policy or policy
    pairings = pair_workloads(None if against is None else deciding.workloads, policy.workloads)
    selected = select(pairings, workloads, source=deciding.source)
    allowed = {_runner(one) for one in base_policy.workloads.values()} if base_policy else set()
    runs_on, notes = {}, []
    for pairing in selected:
        runner = _runner(pairing.workload)
        if runner is not None and (against is None or runner in allowed):
            runs_on[pairing.name] = runner
        elif runner is not None:
            labels = runner if isinstance(runner, str) else ", ".join(runner)
            notes.append(
                f"workload {quote(pairing.name)} asks for the runner {printable(labels, max_length=60)}, "
                "which base's policy does not use: it gets the default runner"
            )
    return WholeRun(
        names=tuple(one.name for one in selected),
        runs_on=runs_on,
        digest=policy_digest(deciding),
        base=None if against is None else against.result,
        notes=tuple(notes),
    )


def plan_for(
    run: WholeRun,
    *,
    count: int | None = None,
    runner: Runner = DEFAULT_RUNNER,
    past: Iterable[Result] = (),
) -> tuple[Shard, ...]:
    """Split a run into jobs that take about the same time.

    Args:
        run: The run.
        count: Maximum number of jobs; by default one for each workload, up to 20, or one for each kind of runner if
            those are more.
        runner: The runner of workloads that name none.
        past: Earlier results; how long a workload takes is read from the latest one that measured it.

    Raises:
        UsageError: When `count` is less than the number of kinds of runners, or more than GitHub allows.
    """
    if count is None:
        kinds = {run.runs_on.get(name, runner) for name in run.names}
        count = max(len(kinds), min(len(run.names), DEFAULT_JOBS))
    seconds: dict[str, float] = {}
    for result in sorted(past, key=lambda one: one.created):  # all UTC and of one form
        seconds.update(past_seconds(result))
    return plan(run.names, count=count, runs_on=run.runs_on, default_runner=runner, past=seconds)


def join(run: WholeRun, legs: Sequence[Leg]) -> Result:
    """Join the results of a run's jobs into one; a workload that none of them measured is an error in it.

    Args:
        run: The run as the joining job sees it: a leg cannot hide a workload by leaving it out.
        legs: The jobs' results.

    Raises:
        UsageError: When the results do not belong together, or to this run.
    """
    for leg in legs:
        _refuse_other_base(run, leg)
        if leg.result.policy_digest not in {None, run.digest}:
            raise UsageError(
                "this result was judged by a different policy than the one named here",
                where=short_path(leg.name),
                hint="Name the policy of its run, and check out the same commit in all jobs",
            )
    try:
        return merge_results([leg.result for leg in legs], expected=run.names)
    except UsageError as error:
        files = [f"result {number}: {short_path(leg.name)}" for number, leg in enumerate(legs, 1)]
        raise UsageError(error.what, where=error.where, hint=error.hint, detail="\n".join(files)) from None


def _refuse_other_base(run: WholeRun, leg: Leg) -> None:
    """Refuse a leg with another base: only base's policy shows which workloads head has removed."""
    where = short_path(leg.name)
    ours, theirs = run.base, leg.result.base
    if ours is None and theirs is not None:
        raise UsageError(
            "this result compares with a base, but none is named here",
            where=where,
            hint="Name the same base here as in its job",
        )
    if ours is not None and theirs is None:
        raise UsageError(
            "this result compares with no base, but one is named here",
            where=where,
            hint="Name the same base in its job, or none here",
        )
    if ours is not None and theirs is not None and ours.commit != theirs.commit:
        raise UsageError(
            f"this result compares with {_commit(theirs)}, but base is {_commit(ours)} here",
            where=where,
            hint="Check out the same commit, and give the same base, in all jobs",
        )


def _commit(base: BaseResult) -> str:
    return base.commit[:7] if base.commit else "a directory"


def _runner(workload: Workload) -> Runner | None:
    """Return the runner that a workload asks for; a single label as a string, however the policy writes it."""
    labels = workload.runs_on
    if labels is None:
        return None
    return labels[0] if len(labels) == 1 else labels
