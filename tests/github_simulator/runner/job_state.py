"""The state that the steps of a job share, and the one that the steps of a composite action share."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from github_simulator.runner.contexts import Contexts, StepsSoFar
from github_simulator.runner.expression_values import to_text
from github_simulator.runner.log import Masks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from github_simulator.runner.machine import Processes
    from github_simulator.runner.records import JobRun, Run, StepRun
    from github_simulator.runner.simulated_actions import Surroundings, Use
    from github_simulator.runner.workflow_files import Step, Tree

_NO_VARIABLES = frozenset({"token", "event", "repositoryUrl", "secret_source"})
"""Of the `github` context, what no process has in its environment."""


@dataclass(kw_only=True)
class JobState:
    """One job while it runs.

    Attributes:
        github: The `github` context's values, as they are outside of actions.
        environment: What a process has before GitHub's variables and those of `env`.
        variables: `env` of workflow and job, and what steps wrote to GITHUB_ENV.
        paths: What steps put before PATH, the latest first.
        status: `success`, `failure` or `cancelled` so far.
        actions: Folders of actions that are not on GitHub, by `owner/name`.
        afterwards: What actions do when the job ends: a title, whether only after success, and the use.
        cancel_at: The name or id of the step at which somebody cancels the job; `None` for nobody does.
    """

    record: JobRun
    run: Run
    around: Surroundings
    github: dict[str, Any]
    contexts: Contexts
    environment: dict[str, str]
    workspace: Path
    processes: Processes
    defaults: Mapping[str, Tree]
    actions: Mapping[str, Path]
    cancel_at: str | None = None
    variables: dict[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    masks: Masks = field(default_factory=Masks)
    status: str = "success"
    afterwards: list[tuple[str, bool, Callable[[Use], None], Use]] = field(default_factory=list)
    counter: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def github_variables(self, more: Mapping[str, Any]) -> dict[str, str]:
        """Return the `GITHUB_*` of a process; the token is never among them."""
        values = {name: value for name, value in {**self.github, **more}.items() if name not in _NO_VARIABLES}
        return {
            "GITHUB_ACTIONS": "true",
            **{f"GITHUB_{name.upper()}": to_text(value) for name, value in values.items()},
        }


@dataclass(kw_only=True)
class Frame:
    """Steps that see each other: a job's, or those of one use of a composite action.

    Attributes:
        place: Which contexts are offered, by `contexts.OFFERED`: `step` or `action step`.
        contexts: Those besides `steps`, `env`, `job` and `github`.
        github: What the `github` context says differently in here.
        variables: The `env` of the steps around.
        status: Of an action: whether its steps so far succeeded.
        action_path: Where the action lies; `None` in a job.
        repository: The files of the action's repository, where `$/` leads; `None` in a job.
    """

    place: str
    contexts: Contexts
    github: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    steps: StepsSoFar = field(default_factory=StepsSoFar)
    status: str = "success"
    action_path: Path | None = None
    repository: Path | None = None
    names: dict[str, int] = field(default_factory=dict)

    def name_for(self, step: Step) -> str:
        """Return GITHUB_ACTION: the id, or a name made from what the step is, numbered."""
        if step.id:
            return step.id
        made = "__run" if step.uses is None else "__" + step.uses.partition("@")[0].replace("/", "_")
        self.names[made] = self.names.get(made, 0) + 1
        return made if self.names[made] == 1 else f"{made}_{self.names[made]}"

    def add(self, record: StepRun, declared: Iterable[str] | None) -> None:
        """Let later steps see one, and count its failure."""
        self.steps.add(record, declared)
        if record.conclusion == "failure":
            self.status = "failure"
