"""Records of a run, its jobs and their steps, for tests to inspect."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A message that GitHub shows beside the run.

    Attributes:
        level: `error`, `warning` or `notice`.
        message: What it says, unescaped and masked.
        properties: `title`, `file`, `line`, `endLine`, `col`, `endColumn`, those that were given.
    """

    level: str
    message: str
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class StepRun:
    """One step as it went.

    Attributes:
        name: As GitHub shows it.
        id: Its `id`; empty when it has none.
        uses: The action; `None` for a `run:`.
        outcome: `success`, `failure`, `cancelled` or `skipped`, before `continue-on-error`.
        conclusion: The same after it.
        exit_code: Of the shell; `None` for actions, and when it did not run.
        log: What it said, masked, commands included.
        outputs: What it handed to later steps.
        annotations: Those GitHub keeps: ten of each level.
        hidden: How many annotations GitHub dropped.
        summary: Its Markdown, masked; empty when there is none or it was too long.
        steps: Of a composite action: its steps.
    """

    name: str
    id: str = ""
    uses: str | None = None
    outcome: str = "skipped"
    conclusion: str = "skipped"
    exit_code: int | None = None
    log: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    annotations: list[Annotation] = field(default_factory=list)
    hidden: int = 0
    summary: str = ""
    steps: list[StepRun] = field(default_factory=list)

    def step(self, name_or_id: str) -> StepRun:
        """Find one of a composite action's steps.

        Raises:
            KeyError: When there is none of that name or id.
        """
        return _find(self.steps, name_or_id)

    def within(self) -> Iterator[StepRun]:
        """Yield this step and those of the composite action it is, in order."""
        yield self
        for step in self.steps:
            yield from step.within()


@dataclass(kw_only=True)
class JobRun:
    """One job as it went; of a matrix, one leg.

    Attributes:
        id: Its key under `jobs`.
        name: As GitHub shows it, which is what a required check names.
        matrix: This leg's values.
        runs_on: Labels of the runner asked for.
        environment: The deployment environment it would wait for; `None` for none.
        permissions: Scope to `read` or `write`: the rights its token had.
        result: `success`, `failure`, `cancelled` or `skipped`.
        forgiven: It failed, and its `continue-on-error` makes that a success for the run and for jobs that need it.
        steps: Those of the workflow file, then what actions do when the job ends.
        outputs: What jobs that need it see.
    """

    id: str
    name: str
    matrix: dict[str, Any] = field(default_factory=dict)
    runs_on: list[str] = field(default_factory=list)
    environment: str | None = None
    permissions: dict[str, str] = field(default_factory=dict)
    result: str = "skipped"
    forgiven: bool = False
    steps: list[StepRun] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)

    def step(self, name_or_id: str) -> StepRun:
        """Find a step.

        Raises:
            KeyError: When there is none of that name or id.
        """
        return _find(self.steps, name_or_id)

    @property
    def every_step(self) -> list[StepRun]:
        """All steps, those of composite actions behind the step that uses the action."""
        return [inner for step in self.steps for inner in step.within()]

    @property
    def log(self) -> str:
        """What all steps said."""
        return "".join(step.log for step in self.every_step)

    @property
    def annotations(self) -> list[Annotation]:
        """Those of all steps."""
        return [one for step in self.every_step for one in step.annotations]

    @property
    def summary(self) -> str:
        """The Markdown of all steps, as GitHub joins it on the run's page."""
        return "\n".join(step.summary for step in self.every_step if step.summary)


@dataclass(kw_only=True)
class Run:
    """One run of one workflow.

    Attributes:
        id: Greater for later runs.
        number: From 1, per workflow.
        attempt: From 1.
        name: The workflow's.
        path: Its file.
        event: What started it.
        actor: Who did, which decides its rights.
        triggering_actor: Who started this attempt.
        head_sha: The commit GitHub shows the run at: of a pull request, the last proposed.
        head_branch: The branch of that commit.
        head_repository: Where that commit is from, `owner/name`.
        conclusion: `success`, `failure`, `cancelled` or `skipped`.
        jobs: In the order they ran; a job that was skipped is among them.
    """

    id: int
    number: int
    attempt: int
    name: str
    path: str
    event: str
    actor: str
    triggering_actor: str
    head_sha: str
    head_branch: str
    head_repository: str
    conclusion: str = "success"
    jobs: list[JobRun] = field(default_factory=list)

    def job(self, name_or_id: str) -> JobRun:
        """Find a job by its key, or a leg of a matrix by its name.

        Raises:
            KeyError: When there is none, or several legs.
        """
        found = [job for job in self.jobs if job.name == name_or_id]
        found = found or [job for job in self.jobs if job.id == name_or_id]
        if len(found) != 1:
            raise KeyError(f"{name_or_id}: {len(found)} of {[job.name for job in self.jobs]}")
        return found[0]

    def legs(self, job_id: str) -> list[JobRun]:
        """List the legs of a job."""
        return [job for job in self.jobs if job.id == job_id]

    @property
    def log(self) -> str:
        """What all jobs said."""
        return "".join(job.log for job in self.jobs)


def _find(steps: list[StepRun], name_or_id: str) -> StepRun:
    for step in steps:
        if name_or_id in {step.id, step.name}:
            return step
    raise KeyError(f"{name_or_id}: there are {[step.id or step.name for step in steps]}")
