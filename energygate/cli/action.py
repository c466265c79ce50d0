"""`energygate action`: what the steps of `action.yml` run; hidden from people."""

from __future__ import annotations

import os
import sys

import click

RUNNER_FILES = ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
"""Files by which a step talks to its runner: a workload that knew them could set the next step's environment."""


@click.group(hidden=True)
def action() -> None:
    """The steps of `action.yml`."""


@action.command()
def measure() -> None:
    """Measure, without a token, and leave the result to `report`."""
    from energygate.action.measure_step import MeasureStep
    from energygate.cli.progress import check_with_progress
    from energygate.cli.results import report as show

    environ = dict(os.environ)
    for name in RUNNER_FILES:
        os.environ.pop(name, None)
    MeasureStep(environ=environ, check=check_with_progress, show=show, log=sys.stdout).run()


@action.command()
def report() -> None:
    """Report what was measured, with the token; nothing of the pull request runs here."""
    from pathlib import Path

    import requests

    from energygate.action.handover import Handover
    from energygate.action.inputs import Inputs
    from energygate.action.report_step import ReportStep
    from energygate.action.second_stage import SecondStage
    from energygate.forge.github.client import GitHubClient
    from energygate.forge.github.events import read_event

    api_url = os.environ.get("GITHUB_API_URL", "")
    token = os.environ.pop("ENERGYGATE_TOKEN", "").strip()
    step = ReportStep(
        environ=os.environ,
        inputs=Inputs.from_environ(os.environ),
        event=read_event(os.environ),
        handover=Handover(directory=Path(os.environ["ENERGYGATE_DIRECTORY"])),
        client=lambda: GitHubClient(session=requests.Session(), api_url=api_url, token=token),
        log=sys.stdout,
    )
    if step.event.first_stage is not None:
        SecondStage(step=step, first=step.event.first_stage).run()
    else:
        step.run()
