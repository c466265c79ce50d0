"""`check`: measure the workloads of a policy, judge them, and say so in a result."""

from __future__ import annotations

import difflib
import os
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.errors import EnergygateError, PolicyError, UsageError
from energygate.gate import worst
from energygate.measure.machine import describe_machine
from energygate.measure.machine_lock import turn
from energygate.policy.policy_diff import policy_digest
from energygate.repository.repository import Repository
from energygate.repository.setup_command import run_setup
from energygate.result.result import Result
from energygate.result.site_result import site_result
from energygate.run.alone import head_alone
from energygate.run.build import failed_workload
from energygate.run.provenance import machine_result
from energygate.run.shared import Observer, Run, require_measuring, shared_confidence, site_factors
from energygate.version import __version__
from energygate.workloads.serving import Serving, Side

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from energygate.policy import Policy
    from energygate.result.result import BaseResult, WorkloadResult


def check(  # noqa: PLR0913 - the options of the command
    policy: Policy,
    directory: Path,
    *,
    workloads: Sequence[str] = (),
    time_limit_s: float | None = None,
    python: str | None = None,
    setup: str | None = None,
    leg: bool = False,
    observer: Observer | None = None,
    pytest_options: tuple[str, ...] = (),
) -> Result:
    """Measure workloads of a policy on this machine and judge them by its absolute budgets.

    Args:
        policy: The policy.
        directory: The checkout: what the policy's paths are relative to, and where workers run.
        workloads: Names of the workloads to check; all of them by default.
        time_limit_s: Measuring time per workload; the policy's by default.
        python: The interpreter to measure with; the policy's by default.
        setup: A command that makes the environment first; none by default.
        leg: Whether other jobs measure the other workloads: the error is shared with them.
        observer: Is told of progress.
        pytest_options: Of the pytest that measures its own tests; see `Serving`.

    Returns:
        The result. A workload that could not be measured is an error in it, not an exception.

    Raises:
        UsageError: When the policy has no workload of a given name, or a package for measuring is missing.
        PolicyError: When the site's carbon intensity is unknown, or a model's file does not exist.
        MeasurementError: When the setup fails.
    """
    started = time.perf_counter()
    names = chosen(policy.workloads, workloads, source=policy.source)
    require_measuring(policy.workloads[name] for name in names)
    machine = describe_machine()
    run = Run(
        policy=policy,
        machine=machine,
        factors=site_factors(policy),
        confidence=shared_confidence(
            (policy.workloads[name] for name in (policy.workloads if leg else names)), machine, relative=False
        ),
        relative=False,
        time_limit_s=time_limit_s or policy.measurement.time_limit.value,
        observer=observer or Observer(),
    )
    with tempfile.TemporaryDirectory(prefix="energygate-") as scratch:
        servings = [
            _serving(name, run, directory, Path(scratch) / str(i), python, pytest_options)
            for i, name in enumerate(names)
        ]
        for serving in servings:
            _check_files(serving, policy)  # the policy's mistakes are told before anything is measured
        with turn(run.observer.waiting):
            if setup is not None:
                run_setup(setup, directory, label="head")
            results = [_measured(serving, run, i, len(names)) for i, serving in enumerate(servings, 1)]
    return assemble(run, results, started=started, directory=directory, policy_file=policy.source)


def assemble(  # noqa: PLR0913 - what a result says besides its workloads
    run: Run,
    results: Sequence[WorkloadResult],
    *,
    started: float,
    directory: Path,
    policy_file: str,
    base: BaseResult | None = None,
    changes: tuple[str, ...] | None = None,
    notes: tuple[str, ...] = (),
) -> Result:
    """Put the parts of a result together.

    Args:
        run: The run.
        results: Its workloads.
        started: What `time.perf_counter` said at the start.
        directory: Head's checkout.
        policy_file: The policy as people name it, whichever side's decided.
        base: What it was compared with.
        changes: What head changes of the policy; `None` when it changes nothing.
        notes: What a reader should know of the whole run.
    """
    return Result(
        energygate_version=__version__,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        seconds=time.perf_counter() - started,
        policy=policy_file,
        seed=run.policy.measurement.seed,
        verdict=worst(result.verdict for result in results),
        base=base,
        head_commit=_head_commit(directory),
        policy_changed=changes is not None,
        policy_changes=changes or (),
        policy_digest=policy_digest(run.policy),
        notes=notes,
        machine=machine_result(run.machine),
        site=site_result(run.policy.site, run.factors.carbon_g_per_kwh),
        workloads=tuple(results),
    )


def _head_commit(directory: Path) -> str | None:
    """The commit that is checked out; `None` outside of git, and before the first one."""
    try:
        commit = Repository.find(directory).head()
    except EnergygateError:
        return None
    return None if commit is None else commit.sha


def _measured(serving: Serving, run: Run, number: int, count: int) -> WorkloadResult:
    started = time.perf_counter()
    run.observer.started(serving.name, number=number, count=count, time_limit_s=run.time_limit_s)
    try:
        subject = head_alone(serving, run)
        subject.measure(run.time_limit_s)
        result = subject.result(seconds=time.perf_counter() - started)
    except EnergygateError as error:
        result = failed_workload(serving.name, serving.workload, error)
    run.observer.finished(result)
    return result


def _serving(  # noqa: PLR0913, PLR0917 - what a serving is made of
    name: str, run: Run, directory: Path, scratch: Path, python: str | None, pytest_options: tuple[str, ...]
) -> Serving:
    scratch.mkdir()
    workload, measurement = run.policy.workloads[name], run.policy.measurement
    return Serving(
        name=name,
        workload=workload,
        side=side_of("head", directory, python or measurement.python),
        seed=measurement.seed if workload.seed is None else workload.seed,
        timeout_s=run.time_limit_s,
        scratch=scratch,
        inputs_directory=directory,
        pytest_options=pytest_options,
    )


def _check_files(serving: Serving, policy: Policy) -> None:
    try:
        serving.check_files()
    except PolicyError as error:
        line = policy.line(("workloads", serving.name))
        what = f"{error.where}: {error.what}"
        raise PolicyError(what, where=policy.source, line=line, hint=error.hint) from None


def chosen(known: Iterable[str], names: Iterable[str], *, source: str) -> list[str]:
    """The workloads that were asked for, each once; all of them when none was.

    Raises:
        UsageError: When one is unknown.
    """
    known = list(known)
    wanted = list(dict.fromkeys(names)) or known
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"It has {', '.join(map(repr, known))}"
            raise UsageError(f"the policy has no workload {name!r}", where=source, hint=hint)
    return wanted


def side_of(name: str, directory: Path, python: str | None) -> Side:
    """A side with its interpreter: a relative path is the side's own, a bare name or an absolute path is shared."""
    if python is None:
        return Side(name=name, directory=directory, python=sys.executable)
    is_own = ("/" in python or os.sep in python) and not Path(python).is_absolute()
    return Side(name=name, directory=directory, python=str(directory / python) if is_own else python)
