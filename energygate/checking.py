"""`check`: measure the workloads of a policy, judge them, and say so in a result."""

from __future__ import annotations

import difflib
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from energygate import __version__
from energygate.engine.alone import head_alone
from energygate.engine.shared import Observer, Run, place, shared_confidence, site_factors
from energygate.errors import EnergygateError, PolicyError, UsageError
from energygate.gate import worst
from energygate.measure.machine import describe_machine
from energygate.report.build import failed_workload, machine_result, site_result
from energygate.report.result import Result
from energygate.workloads.serving import Serving, Side

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from energygate.policy import Policy
    from energygate.report.result import WorkloadResult


def check(
    policy: Policy,
    directory: Path,
    *,
    workloads: Sequence[str] = (),
    time_limit_s: float | None = None,
    observer: Observer | None = None,
) -> Result:
    """Measure workloads of a policy on this machine and judge them by its absolute budgets.

    Args:
        policy: The policy.
        directory: The checkout: what the policy's paths are relative to, and where workers run.
        workloads: Names of the workloads to check; all of them by default.
        time_limit_s: Measuring time per workload; the policy's by default.
        observer: Is told of progress.

    Returns:
        The result. A workload that could not be measured is an error in it, not an exception.

    Raises:
        UsageError: When the policy has no workload of a given name.
        PolicyError: When the site's carbon intensity is unknown, or a model's file does not exist.
    """
    started = time.perf_counter()
    names = _chosen(policy, workloads)
    machine = describe_machine()
    run = Run(
        policy=policy,
        machine=machine,
        factors=site_factors(policy),
        confidence=shared_confidence((policy.workloads[name] for name in names), machine, relative=False),
        relative=False,
        time_limit_s=time_limit_s or policy.measurement.time_limit.value,
        observer=observer or Observer(),
    )
    with tempfile.TemporaryDirectory(prefix="energygate-") as scratch:
        servings = [_serving(name, run, directory, Path(scratch) / str(i)) for i, name in enumerate(names)]
        for serving in servings:
            _check_files(serving, policy)  # the policy's mistakes are told before anything is measured
        results = tuple(_measured(serving, run, i, len(names)) for i, serving in enumerate(servings, 1))
    return Result(
        energygate_version=__version__,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        seconds=time.perf_counter() - started,
        policy=policy.source,
        seed=policy.measurement.seed,
        verdict=worst(result.verdict for result in results),
        machine=machine_result(machine),
        site=site_result(policy.site, run.factors),
        workloads=results,
    )


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


def _serving(name: str, run: Run, directory: Path, scratch: Path) -> Serving:
    scratch.mkdir()
    workload, measurement = run.policy.workloads[name], run.policy.measurement
    python = str(directory / measurement.python) if measurement.python else sys.executable
    return Serving(
        name=name,
        workload=workload,
        side=Side(name="head", directory=directory, python=python),
        seed=measurement.seed if workload.seed is None else workload.seed,
        timeout_s=run.time_limit_s,
        scratch=scratch,
        inputs_directory=directory,
    )


def _check_files(serving: Serving, policy: Policy) -> None:
    try:
        serving.check_files()
    except PolicyError as error:
        where = place(policy, ("workloads", serving.name))
        raise PolicyError(f"{error.where}: {error.what}", where=where, hint=error.hint) from None


def _chosen(policy: Policy, names: Iterable[str]) -> list[str]:
    chosen = list(dict.fromkeys(names)) or list(policy.workloads)
    for name in chosen:
        if name not in policy.workloads:
            near = difflib.get_close_matches(name, policy.workloads, n=1)
            raise UsageError(
                f"the policy has no workload {name!r}",
                where=policy.source,
                hint=f"Did you mean {near[0]!r}?"
                if near
                else f"It has {', '.join(map(repr, policy.workloads))}",
            )
    return chosen
