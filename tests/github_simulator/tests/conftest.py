"""Temporary repositories on the simulated GitHub, whose workflows run here."""

from __future__ import annotations

import textwrap

import pytest
from github_simulator.runner.scenario import Scenario


@pytest.fixture
def repository(github, tmp_path):
    """Makes scenarios; by default one workflow file, `check.yml`."""

    def make(workflow=None, *, files=None, **more):
        scenario = Scenario(tmp_path, github, **more)
        written = {} if workflow is None else {".github/workflows/check.yml": textwrap.dedent(workflow)}
        scenario.commit({"README.md": "shop\n", **written, **(files or {})})
        return scenario

    return make


@pytest.fixture
def run_steps(repository):
    """Runs steps, given as the YAML below `steps:`, in one job of one dispatched workflow; returns the job."""

    def run(steps, *, above="", files=None, cancel_at=None, **more):
        indented = textwrap.indent(textwrap.dedent(steps).strip("\n"), " " * 6)
        head = textwrap.indent(textwrap.dedent(above).strip("\n"), " " * 4)
        workflow = f"on: workflow_dispatch\njobs:\n  job:\n    runs-on: ubuntu-latest\n{head}\n    steps:\n{indented}\n"
        scenario = repository(workflow, files=files, **more)
        (done,) = scenario.run_workflow(scenario.dispatched("check.yml"), cancel_at=cancel_at)
        return done.job("job")

    return run
