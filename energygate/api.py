"""`energygate check` from Python."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.errors import EnergygateError, OptionNames, UsageError
from energygate.policy import load_policy
from energygate.run.base import check_out_base
from energygate.run.check import check as run_check
from energygate.run.options import Options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.policy import Policy
    from energygate.result.result import Result

ARGUMENTS = OptionNames(
    base="base",
    base_dir="base_dir",
    without_base="check without a base",
    without_git="compare two directories with base_dir",
)
"""What messages call the arguments of `check`; the time limit is also the policy's."""


def check(  # noqa: PLR0913 - the options of the command
    policy: Policy | str | os.PathLike[str],
    *,
    directory: str | os.PathLike[str] | None = None,
    workloads: Sequence[str] = (),
    base: str | None = None,
    base_dir: str | os.PathLike[str] | None = None,
    time_limit_s: float | None = None,
) -> Result:
    """Measure a policy's workloads on this machine and judge them; takes up to a minute per workload.

    With a base, workloads are measured there as well, and the limits on change are judged by base's policy.

    Args:
        policy: A policy, or the path of one.
        directory: What the policy's paths are relative to, and where workers run; by default the directory of
            the policy's file, or the current one for a policy that was made in memory.
        workloads: Names of the workloads to check; all of them by default.
        base: Compare with the merge base of HEAD and this git ref, such as `origin/main`.
        base_dir: Compare with this directory, without git.
        time_limit_s: Measuring time per workload in seconds; the policy's by default.

    Returns:
        The result: the content of `result.json`. A workload that could not be measured is an error in it
        (`Verdict.ERROR`), not an exception.

    Raises:
        PolicyError: When the policy is invalid, or names files or places that do not exist.
        UsageError: When the policy has no workload of a given name, base cannot be found, or the time limit is
            not positive.
        MeasurementError: When the setup of a side fails.

    Example:
        >>> result = energygate.check("energygate.yml", workloads=["digits-cnn"], time_limit_s=20)
        >>> result.verdict
        <Verdict.PASS: 'pass'>
        >>> result.workloads[0].metrics["energy_per_request"].head  # kWh, PUE included
        3.1e-11
    """
    if time_limit_s is not None and not 0 < time_limit_s < math.inf:
        raise UsageError(f"time_limit_s must be a positive number of seconds, not {time_limit_s}")
    policy_file = "energygate.yml"
    if isinstance(policy, (str, os.PathLike)):
        policy_file = Path(policy).name
        directory = Path(policy).parent if directory is None else directory
        policy = load_policy(policy)
    head = Path.cwd() if directory is None else Path(directory).absolute()
    base_path = None if base_dir is None else os.fspath(base_dir)
    options = Options(workloads=workloads, time_limit_s=time_limit_s, option_names=ARGUMENTS)
    try:
        with check_out_base(head, policy_file, ref=base, base_dir=base_path) as opened:
            return run_check(policy, head, options, base=opened)
    except EnergygateError as error:
        error.option_names = ARGUMENTS
        raise
