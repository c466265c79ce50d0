"""`energygate init`."""

from __future__ import annotations

import click

from energygate.cli.shared_options import POLICY_FILE, Time
from energygate.errors import MeasurementError, UsageError


@click.command()
@click.option("--policy", metavar="FILE", default=POLICY_FILE, show_default=True, help="The policy file to write.")
@click.option("--force", is_flag=True, help="Overwrite a policy that exists.")
@click.option(
    "--time-limit",
    "time_limit_s",
    metavar="TIME",
    type=Time(),
    default="20 s",
    show_default=True,
    help="Measuring time per model.",
)
def init(policy: str, force: bool, time_limit_s: float) -> None:
    """Write a policy for the models found here.

    Finds the .onnx files below the policy's directory, measures each once, and writes budgets 50 % above what it
    measured: room for a slow day, none for a model twice as heavy.
    """
    from pathlib import Path

    path = Path(policy)
    if path.exists() and not force:
        raise UsageError(f"{policy} exists", hint="Give --force to overwrite it")
    directory = path.resolve().parent
    if not directory.is_dir():
        raise UsageError(f"cannot write {policy}: there is no directory {directory}")

    from energygate.cli.progress import LiveProgress
    from energygate.policy import parse_policy
    from energygate.run.check import check
    from energygate.run.init import bare_policy, draft_policy, find_models
    from energygate.run.options import Options
    from energygate.version import page_url

    models = find_models(directory)
    if not models:
        raise UsageError(
            f"there is no .onnx file below {directory}",
            hint=f"For a Python model write the policy by hand: {page_url('policy.md')} begins with an example",
        )
    with LiveProgress(shown=True) as observer:
        result = check(
            parse_policy(bare_policy(models), policy),
            directory,
            Options(time_limit_s=time_limit_s, observer=observer),
        )
    broken = [(one.name, one.error.message) for one in result.workloads if one.error is not None]
    if len(broken) == len(models):
        raise MeasurementError(
            f"no model could be measured, so {policy} is not written",
            detail="\n".join(f"{name}: {message}" for name, message in broken),
        )
    try:
        path.write_text(draft_policy(models, result), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {policy}: {error.strerror}") from None
    click.echo(f"Wrote {policy} with {len(models) - len(broken)} of {len(models)} models measured.")
    for name, message in broken:
        click.echo(f"energygate: {name} could not be measured and is commented out there: {message}", err=True)
    click.echo("Next: energygate check")
