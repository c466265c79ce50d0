"""`energygate matrix`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from energygate.cli.shared_options import base_options, policy_option, workloads_argument

if TYPE_CHECKING:
    from energygate.result.result import Result
    from energygate.run.shards import WholeRun

HELP = """Print GitHub's matrix for a policy: which job measures what, and on which runner.

The output is one line of JSON for `strategy.matrix`. Each job runs
`energygate check --leg` with its workloads, and `energygate merge` joins their
results. Give --base as in the jobs, to include workloads that head removed. The
same options give the same jobs, so outside of GitHub each job may plan for
itself, and take its share with --job.

A workload runs where its `runs_on:` says. With a base, base's policy decides
that: a workload that head adds gets the runner it asks for only where base's
policy names that runner too, and --runner otherwise. So a pull request cannot
send code to a runner that its base does not use.

\b
Exit codes:
  0  the matrix is printed
  2  usage or policy error
"""


@click.command(help=HELP, short_help="Distribute the policy's workloads among the jobs of a matrix.")
@workloads_argument
@policy_option
@base_options
@click.option(
    "--shards",
    metavar="N",
    type=int,
    help="Maximum number of jobs.  [default: one for each workload, up to 20]",
)
@click.option(
    "--past",
    metavar="RESULT",
    multiple=True,
    help="An earlier result, or a directory of them: jobs then take about the same time. May be repeated.",
)
@click.option(
    "--runner",
    metavar="LABEL",
    multiple=True,
    help="Runner of workloads without one; repeated, all the labels it must have.  [default: ubuntu-latest]",
)
@click.option(
    "--job",
    metavar="N",
    type=click.IntRange(min=1),
    help="Print only this job's workloads, one a line; the first job is 1.",
)
def matrix(
    policy: str,
    shards: int | None,
    past: tuple[str, ...],
    runner: tuple[str, ...],
    job: int | None,
    **options: Any,  # noqa: ANN401 - workloads and base, as `read_run` takes them
) -> None:
    """Run `energygate matrix`."""
    import json

    from energygate.run.matrix import DEFAULT_RUNNER
    from energygate.run.matrix import matrix as as_matrix
    from energygate.run.shards import plan_for

    run = read_run(policy, **options)
    for note in run.notes:
        click.echo(f"energygate: {note}", err=True)
    planned = plan_for(
        run,
        count=shards,
        runner=(runner[0] if len(runner) == 1 else runner) or DEFAULT_RUNNER,
        past=[result for one in past for result in _earlier(one)],
    )
    if job is None:
        click.echo(json.dumps(as_matrix(planned)))
    else:
        click.echo("".join(f"{name}\n" for one in planned[job - 1 : job] for name in one.workloads), nl=False)


def read_run(policy: str, **options: Any) -> WholeRun:  # noqa: ANN401 - those of `whole_run`
    """Read a policy, and the run that it and the options describe."""
    from pathlib import Path

    from energygate.policy import load_policy
    from energygate.run.shards import whole_run

    path = Path(policy).absolute()  # symbolic links are kept: they must not choose which policy is base's
    return whole_run(load_policy(policy), path.parent, path.name, **options)


def _earlier(path: str) -> list[Result]:
    """Read results of earlier runs; without them jobs are less balanced, which is no reason to fail."""
    from energygate.errors import MeasurementError
    from energygate.result.files import read_results

    try:
        return [leg.result for leg in read_results([path])]
    except MeasurementError as error:
        click.echo(f"energygate: {error}; jobs are planned without it", err=True)
        return []
