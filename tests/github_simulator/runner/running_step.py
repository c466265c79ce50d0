"""One running step: the contexts of its expressions and the environment of its processes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from github_simulator.runner.contexts import github_context
from github_simulator.runner.expression_values import Known, to_text
from github_simulator.runner.expressions import interpolate, interpolate_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from github_simulator.runner.expressions import Scope
    from github_simulator.runner.job_state import Frame, JobState
    from github_simulator.runner.log import Log
    from github_simulator.runner.records import StepRun
    from github_simulator.runner.workflow_files import Step

RUNNERS_OWN = ("GITHUB_", "RUNNER_")
"""How the variables begin that neither `env` nor GITHUB_ENV changes."""


@dataclass(kw_only=True)
class RunningStep:
    """One step that goes.

    Attributes:
        github: What the `github` context says differently for it.
        env: Its own `env`, evaluated.
        record: What is kept of it.
    """

    step: Step
    job: JobState
    frame: Frame
    github: dict[str, Any]
    log: Log
    record: StepRun
    env: dict[str, str] = field(default_factory=dict)

    @property
    def handed_down(self) -> dict[str, str]:
        """The `env` that steps of the action it uses have too."""
        return {**self.frame.variables, **self.env}

    @property
    def scope(self) -> Scope:
        """What its expressions see."""
        return self.frame.contexts.scope(self.frame.place, **self.moment())

    @property
    def condition_scope(self) -> Scope:
        """What its `if:` sees: in an action, success and failure are those of the action's own steps."""
        job, in_job = self.job, self.frame.action_path is None
        own = job.status if in_job else self.frame.status
        status = {
            "success": lambda: own == "success" and job.status != "cancelled",
            "failure": lambda: own == "failure",
            "cancelled": lambda: job.status == "cancelled",
            "always": lambda: True,
        }
        return self.frame.contexts.scope("step if" if in_job else self.frame.place, status, **self.moment())

    def moment(self) -> dict[str, Any]:
        """Return the contexts that change from step to step."""
        return {
            "github": github_context({**self.job.github, **self.github}),
            "env": {**self.job.variables, **self.handed_down},
            "steps": self.frame.steps.context(),
            "job": Known("job", {"status": self.job.status}, ("container", "services", "check_run_id")),
        }

    def text(self, value: object) -> str:
        """Evaluate a scalar of YAML to a text; `true` is a text like any other."""
        return interpolate_text(to_text(value), self.scope)

    def value(self, given: object) -> object:
        """Evaluate a value of YAML that may be one `${{ }}`."""
        return interpolate(given, self.scope) if isinstance(given, str) else given

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """Return all that a process of it has; what GitHub sets stands above what steps and files set."""
        job = self.job
        variables = {**job.variables, **self.handed_down}
        return {
            **job.environment,
            **variables,
            **{name: value for name, value in job.environment.items() if name.startswith(RUNNERS_OWN)},
            **job.github_variables(self.github),
            **more,
            "PATH": ":".join([*job.paths, variables.get("PATH", job.environment["PATH"])]),
        }
