"""A throw-away repository on the stand-in of GitHub, what happens in it, and the runs that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.caches import CacheStore
from harness.documents import Workflow, read_workflow
from harness.git_host import git_host
from harness.happenings import WORKFLOWS, Happenings
from harness.known import Surroundings
from harness.machine import Machine
from harness.platform import Platform
from harness.records import JobRun, Run
from harness.runner import Runner
from harness.triggers import starts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fake_github import FakeGitHub

    from harness.occasions import Occasion


class Scenario(Happenings):
    """One repository with its forks, and a runner for its workflows.

        scenario = Scenario(tmp_path, github, actions={"energygate/energygate": ROOT})
        scenario.commit({".github/workflows/energy.yml": RECIPE, "energygate.yml": POLICY})
        pull = scenario.pull_request({"model.onnx": slower}, fork="mallory/shop")
        (measured,) = scenario.run_workflow(scenario.opened(pull))
        (told,) = scenario.run_workflow(scenario.ran(measured))
        assert told.job("report").step("energygate").outputs["verdict"] == "fail"

    Args:
        folder: An empty one: git's repositories, caches, and the machine that jobs run on.
        github: The stand-in, serving.
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
        self._occasions: dict[int, Occasion] = {}
        self._numbers: dict[str, int] = {}
        platform = Platform(github=github)
        around = Surroundings(
            machine=self.machine,
            platform=platform,
            repositories=self.gits,
            caches=self.caches,
            git_url=git_host().site(folder / "git", platform.may_contents),
        )
        self._runner = Runner(
            around=around, actions=actions or {}, secrets=secrets or {}, variables=variables or {}
        )

    def run_workflow(self, occasion: Occasion, *, cancel_at: str | None = None) -> list[Run]:
        """Run every workflow that an event starts, in the order of their files' names.

        Args:
            occasion: The event.
            cancel_at: The name or id of the step at which somebody cancels the runs.

        Raises:
            ExpressionError: For an expression that GitHub would refuse or take for an empty text.
            DocumentError: For what this runner does not know.
        """
        runs = []
        for workflow in self._workflows(occasion):
            if starts(workflow, occasion):
                run = self._new_run(workflow, occasion)
                self._occasions[run.id] = occasion
                runs.append(self._runner.run(workflow, occasion, run, cancel_at=cancel_at))
                self._notice_pushes()
        return runs

    def run_again(self, run: Run, *, failed_only: bool = False, by: str = "maintainer") -> Run:
        """Run a run again as its next attempt: the same event, the same commits, the same rights.

        Args:
            run: The attempt before.
            failed_only: Keep jobs that succeeded, unless they need one that is run again.
            by: Who wants it.
        """
        occasion = self._occasions[run.id]
        (workflow,) = [one for one in self._workflows(occasion) if one.path == run.path]
        again = self._record(
            workflow, occasion, id_=run.id, number=run.number, attempt=run.attempt + 1, by=by
        )
        kept = _kept(workflow, run) if failed_only else {}
        self._runner.run(workflow, occasion, again, kept=kept)
        self._notice_pushes()
        return again

    def workflow(self, occasion: Occasion, file: str) -> Workflow:
        """Return a workflow as it is for an event, by its file's name.

        Raises:
            KeyError: When there is none.
        """
        for workflow in self._workflows(occasion):
            if workflow.path == WORKFLOWS + file:
                return workflow
        raise KeyError(file)

    def _workflows(self, occasion: Occasion) -> list[Workflow]:
        files = self.git.files(occasion.workflow_sha)
        names = [name for name in files if name.startswith(WORKFLOWS) and name.endswith((".yml", ".yaml"))]
        if occasion.name == "workflow_dispatch":
            names = [name for name in names if name == occasion.payload["workflow"]]
        return [
            read_workflow(files[name].decode(), name)
            for name in sorted(names)
            if "/" not in name.removeprefix(WORKFLOWS)
        ]

    def _new_run(self, workflow: Workflow, occasion: Occasion) -> Run:
        self._numbers[workflow.path] = number = self._numbers.get(workflow.path, 0) + 1
        id_ = self.github.next_id()
        return self._record(workflow, occasion, id_=id_, number=number, attempt=1, by=occasion.actor)

    def _record(
        self, workflow: Workflow, occasion: Occasion, *, id_: int, number: int, attempt: int, by: str
    ) -> Run:
        own = occasion.name in {"workflow_run", "schedule"}  # such a run is shown at the default branch
        return Run(
            id=id_,
            number=number,
            attempt=attempt,
            name=workflow.name,
            path=workflow.path,
            event=occasion.name,
            actor=occasion.actor,
            triggering_actor=by,
            head_sha=occasion.sha if own else occasion.head_sha,
            head_branch=self.default_branch if own else occasion.head_branch,
            head_repository=self.name if own else occasion.head_repository,
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
