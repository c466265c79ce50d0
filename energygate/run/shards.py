"""One run spread over many jobs: what it is about, which job measures what and where, and all of it joined again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.policy import parse_policy
from energygate.policy.policy_diff import policy_digest
from energygate.repository.repository import Repository
from energygate.result.files import called
from energygate.result.merging import merge_results
from energygate.result.result import BaseResult
from energygate.run.base import policy_at, policy_text
from energygate.run.check import chosen
from energygate.run.matrix import DEFAULT_RUNNER, past_seconds, plan
from energygate.run.pairing import pair_workloads
from energygate.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from energygate.policy import Policy, Workload
    from energygate.result.files import Leg
    from energygate.result.result import Result
    from energygate.run.matrix import Runner, Shard
    from energygate.run.pairing import Pairing

USUAL_JOBS = 20
"""Jobs when nobody says how many: what GitHub runs at once for a free account
(https://docs.github.com/en/actions/reference/limits); more would wait for each other, and each has to be set up."""

_LONGEST_QUOTE = 60


@dataclass(frozen=True, kw_only=True)
class WholeRun:
    """What a run is about, before it is shared out and after.

    Attributes:
        names: Its workloads in the order to report them, those that head removed among them.
        runs_on: The runner of each that has one of its own.
        digest: Of the policy that decides.
        base: What head is compared with; `None` when head is measured alone.
        notes: Runners that head asked for and does not get.
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
    """Find out which workloads a run has and where each may run; nothing is checked out for it.

    With a base its policy names the runners too: a workload that base knows runs where base says, and one that head
    adds runs on a runner of its own only where base's policy has that runner for some workload. A pull request can
    thus send no code to a runner that base does not use.

    Args:
        policy: Head's policy.
        directory: Head's checkout: where its policy is.
        policy_file: The policy's name in it.
        base: Compare with the merge base of HEAD and this ref; `None` for no git.
        base_dir: Compare with this directory; `None` for none.
        workloads: Names of the workloads that the run is about; all by default.

    Raises:
        UsageError: When both kinds of base are named, base cannot be found, or no policy has a workload of a name.
        PolicyError: When base's policy makes no sense.
    """
    if base is not None and base_dir is not None:
        raise UsageError("--base and --base-dir exclude each other")
    if base is None and base_dir is None:
        names = chosen(policy.workloads, workloads, source=policy.source)
        runners = {name: _runner(policy.workloads[name]) for name in names}
        return WholeRun(names=tuple(names), runs_on=_without_none(runners), digest=policy_digest(policy))
    if base is not None:
        compared, base_policy = _from_git(base, directory, policy_file)
    else:
        compared, base_policy = _from_directory(Path(base_dir or "").resolve(), policy_file)
    deciding = base_policy or policy
    pairings = pair_workloads(deciding.workloads, policy.workloads)
    names = chosen([one.name for one in pairings], workloads, source=deciding.source)
    pairings = [one for one in pairings if one.name in names]
    known = {_runner(one) for one in base_policy.workloads.values()} if base_policy else set()
    runners = {one.name: _allowed(one, known) for one in pairings}
    return WholeRun(
        names=tuple(runners),
        runs_on=_without_none(runners),
        digest=policy_digest(deciding),
        base=compared,
        notes=tuple(_refused_runners(pairings, runners)),
    )


def plan_for(
    run: WholeRun,
    *,
    count: int | None = None,
    runner: Runner = DEFAULT_RUNNER,
    past: Iterable[Result] = (),
) -> tuple[Shard, ...]:
    """Share out a run among jobs that take about as long as each other.

    Args:
        run: What it is about.
        count: The most jobs; by default one for each workload, up to 20, or as many as there are kinds of runners.
        runner: The runner of workloads that have none of their own.
        past: Earlier results; how long a workload took is taken from the latest that measured it.

    Raises:
        UsageError: When `count` is too small for so many kinds of runners, or more than GitHub takes.
    """
    if count is None:
        kinds = {run.runs_on.get(name, runner) for name in run.names}
        count = max(len(kinds), min(len(run.names), USUAL_JOBS))
    seconds: dict[str, float] = {}
    for result in sorted(past, key=lambda one: one.created):  # all UTC and of one form
        seconds.update(past_seconds(result))
    return plan(run.names, count=count, runs_on=run.runs_on, default_runner=runner, past=seconds)


def join(run: WholeRun, legs: Sequence[Leg]) -> Result:
    """Join what the jobs of a run left into one result; a workload that none of them measured is an error in it.

    Args:
        run: What it was about, as the job that joins sees it: legs may leave out what they like, not this.
        legs: What the jobs left.

    Raises:
        UsageError: When the results do not belong together, or not to this run.
    """
    for leg in legs:
        _refuse_other_base(run, leg)
        if leg.result.policy_digest not in {None, run.digest}:
            raise UsageError(
                "this result was judged by another policy than the one here",
                where=called(leg.name),
                hint="Name the policy of its run, and check out the same commit in all jobs",
            )
    try:
        return merge_results([leg.result for leg in legs], expected=run.names)
    except UsageError as error:
        files = [f"result {number}: {called(leg.name)}" for number, leg in enumerate(legs, 1)]
        raise UsageError(error.what, where=error.where, hint=error.hint, detail="\n".join(files)) from None


def _refuse_other_base(run: WholeRun, leg: Leg) -> None:
    """Without the base that legs were compared with nobody knows which workloads head has removed."""
    where = called(leg.name)
    ours, theirs = run.base, leg.result.base
    if ours is None and theirs is not None:
        raise UsageError(
            "this result compares with a base, and none is named here",
            where=where,
            hint="Give the same --base or --base-dir as its job was given",
        )
    if ours is not None and theirs is None:
        raise UsageError(
            "this result compares with no base, and one is named here",
            where=where,
            hint="Give its job the same --base or --base-dir, or none here",
        )
    if ours is not None and theirs is not None and ours.commit != theirs.commit:
        raise UsageError(
            f"this result compares with {_commit(theirs)}, and here base is {_commit(ours)}",
            where=where,
            hint="Check out the same commit, and give the same base, in all jobs",
        )


def _commit(base: BaseResult) -> str:
    return base.commit[:7] if base.commit else "a directory"


def _from_git(ref: str, directory: Path, policy_file: str) -> tuple[BaseResult, Policy | None]:
    repository = Repository.find(directory)
    commit = repository.merge_base(ref)
    content = policy_at(repository, commit, ref, directory / policy_file)
    name = f"{policy_file} at {commit.short}"
    return BaseResult(ref=ref, commit=commit.sha), _policy(content, name)


def _from_directory(base: Path, policy_file: str) -> tuple[BaseResult, Policy | None]:
    if not base.is_dir():
        raise UsageError(f"--base-dir names {base}, which is not a directory")
    path = base / policy_file
    content = path.read_bytes() if path.is_file() else None
    return BaseResult(ref=str(base), commit=None), _policy(content, f"{policy_file} in {base}")


def _policy(content: bytes | None, name: str) -> Policy | None:
    return None if content is None else parse_policy(policy_text(content, name), name)


def _runner(workload: Workload) -> Runner | None:
    """The runner that a workload asks for: one label as a text, so that jobs that need the same one are alike."""
    labels = workload.runs_on
    if labels is None:
        return None
    return labels[0] if len(labels) == 1 else labels


def _allowed(pairing: Pairing, known: set[Runner | None]) -> Runner | None:
    """What the pairing asks for, base's settings where base has it, if base's policy has such a runner."""
    asked = _runner(pairing.workload)
    return asked if asked in known else None


def _refused_runners(pairings: Sequence[Pairing], runners: Mapping[str, Runner | None]) -> Iterator[str]:
    for pairing in pairings:
        asked = _runner(pairing.workload)
        if asked is not None and runners[pairing.name] is None:
            labels = asked if isinstance(asked, str) else ", ".join(asked)
            yield (
                f"workload {printable(repr(pairing.name), max_length=_LONGEST_QUOTE)} asks for the runner "
                f"{printable(labels, max_length=_LONGEST_QUOTE)}, which base's policy names nowhere: it does not get it"
            )


def _without_none(runners: Mapping[str, Runner | None]) -> dict[str, Runner]:
    return {name: runner for name, runner in runners.items() if runner is not None}
