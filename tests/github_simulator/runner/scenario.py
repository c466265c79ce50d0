"""A scenario: a repository on the simulated GitHub, its events, and the workflow runs that they start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from github_simulator.runner.caches import CacheStore
from github_simulator.runner.git_host import git_host
from github_simulator.runner.github_service import GitHubService
from github_simulator.runner.machine import Machine
from github_simulator.runner.records import JobRun, Run
from github_simulator.runner.simulated_actions import Surroundings
from github_simulator.runner.simulated_repository import WORKFLOWS, SimulatedRepository
from github_simulator.runner.triggers import starts
from github_simulator.runner.workflow_files import Workflow, read_workflow
from github_simulator.runner.workflow_run import Runner

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from github_simulator.api.fake_github import FakeGitHub
    from github_simulator.runner.events import Event


class Scenario(SimulatedRepository):
    """One repository with its forks, and a runner for its workflows.

        scenario = Scenario(tmp_path, github, actions={"energygate/energygate": ROOT})
        scenario.commit({".github/workflows/energy.yml": RECIPE, "energygate.yml": POLICY})
        pull = scenario.pull_request({"model.onnx": slower}, fork="mallory/shop")
        (measured,) = scenario.run_workflow(scenario.opened(pull))
        (run,) = scenario.run_workflow(scenario.ran(measured))
        assert run.job("report").step("energygate").outputs["verdict"] == "fail"

    Args:
        folder: An empty one: git's repositories, caches, and the machine that jobs run on.
        github: The simulated GitHub, serving.
        name: The repository, `owner/name`.
        actions: Folders of actions that are not on GitHub, by `owner/name`.
        secrets: The repository's.
        variables: The repository's, for `vars`.
        machine: Another machine than a bare one below `folder`.
        caches: Another store of caches than an empty one below `folder`.
        private: Whether strangers see it.
    """

    def __init__(
        self,
        folder: Path,
        github: FakeGitHub,
        *,
        name: str = "octo/shop",
        actions: Mapping[str, Path] | None = None,
        secrets: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        machine: Machine | None = None,
        caches: CacheStore | None = None,
        private: bool = False,
    ) -> None:
        super().__init__(folder / "git", github, name=name, private=private)
        self.caches = caches or CacheStore(folder=folder / "caches")
        self.machine = machine or Machine(root=folder / "runner")
        self._events: dict[int, Event] = {}
        self._numbers: dict[str, int] = {}
        platform = GitHubService(github=github)
        around = Surroundings(
            machine=self.machine,
            platform=platform,
            repositories=self.gits,
            caches=self.caches,
            git_url=git_host().site(folder / "git", platform.may_contents),
        )
        self._runner = Runner(around=around, actions=actions or {}, secrets=secrets or {}, variables=variables or {})

    def run_workflow(self, event: Event, *, cancel_at: str | None = None) -> list[Run]:
        """Run every workflow that an event starts, in the order of their files' names.

        Args:
            event: The event.
            cancel_at: The name or id of the step at which somebody cancels the runs.

        Raises:
            ExpressionError: For an expression that GitHub would refuse or take for an empty text.
            DocumentError: For what this runner does not know.
        """
        runs = []
        for workflow in self._workflows(event):
            if starts(workflow, event):
                run = self._new_run(workflow, event)
                self._events[run.id] = event
                runs.append(self._runner.run(workflow, event, run, cancel_at=cancel_at))
                self._notice_pushes()
        return runs

    def run_again(self, run: Run, *, failed_only: bool = False, by: str = "maintainer") -> Run:
        """Run a run again as its next attempt: the same event, the same commits, the same rights.

        Args:
            run: The attempt before.
            failed_only: Keep jobs that succeeded, unless they need one that is run again.
            by: Who wants it.
        """
        event = self._events[run.id]
        (workflow,) = [one for one in self._workflows(event) if one.path == run.path]
        again = self._record(workflow, event, id_=run.id, number=run.number, attempt=run.attempt + 1, by=by)
        kept = _kept(workflow, run) if failed_only else {}
        self._runner.run(workflow, event, again, kept=kept)
        self._notice_pushes()
        return again

    def workflow(self, event: Event, file: str) -> Workflow:
        """Return a workflow as it is for an event, by its file's name.

        Raises:
            KeyError: When there is none.
        """
        for workflow in self._workflows(event):
            if workflow.path == WORKFLOWS + file:
                return workflow
        raise KeyError(file)

    def _workflows(self, event: Event) -> list[Workflow]:
        files = self.git.files(event.workflow_sha)
        names = [name for name in files if name.startswith(WORKFLOWS) and name.endswith((".yml", ".yaml"))]
        if event.name == "workflow_dispatch":
            names = [name for name in names if name == event.payload["workflow"]]
        return [
            read_workflow(files[name].decode(), name)
            for name in sorted(names)
            if "/" not in name.removeprefix(WORKFLOWS)
        ]

    def _new_run(self, workflow: Workflow, event: Event) -> Run:
        self._numbers[workflow.path] = number = self._numbers.get(workflow.path, 0) + 1
        id_ = self.github.next_id()
        return self._record(workflow, event, id_=id_, number=number, attempt=1, by=event.actor)

    def _record(self, workflow: Workflow, event: Event, *, id_: int, number: int, attempt: int, by: str) -> Run:
        own = event.name in {"workflow_run", "schedule"}  # such a run is shown at the default branch
        return Run(
            id=id_,
            number=number,
            attempt=attempt,
            name=workflow.name,
            path=workflow.path,
            event=event.name,
            actor=event.actor,
            triggering_actor=by,
            head_sha=event.sha if own else event.head_sha,
            head_branch=self.default_branch if own else event.head_branch,
            head_repository=self.name if own else event.head_repository,
        )


def _kept(workflow: Workflow, run: Run) -> dict[str, list[JobRun]]:
    """Return the jobs that running the failed ones again leaves alone."""
    again = {job.id for job in run.jobs if job.result != "success"}
    while more := {job.id for job in workflow.jobs.values() if set(job.needs) & again} - again:
        again |= more
    failed = {job.id for job in run.jobs if job.result != "success"}
    kept: dict[str, list[JobRun]] = {}
    for job in run.jobs:
        # Of a matrix, the legs that succeeded stay.
        if job.result == "success" and (job.id not in again or job.id in failed):
            kept.setdefault(job.id, []).append(job)
    return kept
