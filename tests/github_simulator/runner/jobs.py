"""One job of a run: its name, permissions, environment, token and steps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from github_simulator.runner.contexts import Contexts, github_context
from github_simulator.runner.expression_syntax import ExpressionError
from github_simulator.runner.expression_values import Known, to_text
from github_simulator.runner.expressions import Scope, interpolate_all, interpolate_text
from github_simulator.runner.job_state import Frame, JobState
from github_simulator.runner.machine import Processes
from github_simulator.runner.records import JobRun, Run
from github_simulator.runner.steps import run_steps
from github_simulator.runner.uses import run_afterwards
from github_simulator.runner.yaml_reading import DocumentError

if TYPE_CHECKING:
    from pathlib import Path

    from github_simulator.runner.events import Event
    from github_simulator.runner.matrix import Leg
    from github_simulator.runner.simulated_actions import Surroundings
    from github_simulator.runner.workflow_files import Job, Workflow

DEFAULT_PERMISSIONS = {"contents": "read", "packages": "read"}
"""Where a workflow says nothing: what GitHub gives by default since 2023."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What all jobs of a run share.

    Attributes:
        github: The `github` context's values that are the same for all of them.
        contexts: `github`, `vars`, `inputs`, and `secrets` without the token.
        secrets: What the log must not show.
        actions: Folders of actions that are not on GitHub, by `owner/name`.
        cancel_at: The step at which somebody cancels the run; `None` for nobody does.
    """

    workflow: Workflow
    event: Event
    run: Run
    around: Surroundings
    github: Mapping[str, Any]
    contexts: Contexts
    secrets: Mapping[str, str] = field(default_factory=dict)
    actions: Mapping[str, Path] = field(default_factory=dict)
    cancel_at: str | None = None


def rights_of(workflow: Workflow, job: Job, event: Event) -> dict[str, str]:
    """Return what the token of a job may do; where code is a stranger's, it reads at most."""
    asked = job.permissions if job.permissions is not None else workflow.permissions
    rights = dict(DEFAULT_PERMISSIONS if asked is None else asked)
    if event.untrusted:
        rights = {scope: "read" for scope in rights if scope != "id-token"}
    return rights


def leg_contexts(setting: Setting, job: Job, needs: Known, leg: Leg, names: Iterable[str]) -> Contexts:
    """Return the contexts of one leg, before it has a machine.

    Args:
        setting: What all jobs share.
        job: The job.
        needs: The `needs` context.
        leg: Its values.
        names: Of all values that any leg of the job has.
    """
    others = [name for name in names if name not in leg.values]
    return setting.contexts.having(
        needs=needs,
        matrix=Known(f"the matrix of {job.id}", leg.values, others),
        strategy=Known("strategy", leg.strategy),
        github=github_context({**setting.github, "job": job.id}),
    )


def job_record(job: Job, leg: Leg, scope: Scope, setting: Setting) -> JobRun:
    """Return the record of a leg that has not run, its name and runner evaluated."""
    in_name = "${{" in (job.name or "") and "matrix." in (job.name or "")
    name = interpolate_text(job.name, scope) if job.name else job.id
    environment = interpolate_all(job.environment, scope)
    interpolate_all(job.concurrency, scope)  # kept to find what is misspelt in it
    return JobRun(
        id=job.id,
        name=name if in_name else name + leg.suffix,
        matrix=dict(leg.values),
        runs_on=_labels(interpolate_all(job.runs_on, scope), job),
        environment=environment["name"] if isinstance(environment, dict) else environment,
        permissions=rights_of(setting.workflow, job, setting.event),
    )


def run_job(setting: Setting, job: Job, record: JobRun, contexts: Contexts) -> None:
    """Run one leg on a machine of its own; its record says how it went.

    Raises:
        ExpressionError: For an expression that GitHub would refuse or take for an empty text.
        DocumentError: For what this runner does not know.
    """
    around, repository = setting.around, setting.event.repository
    around.machine.prepare(repository, self_hosted=_self_hosted(record))
    token = around.platform.issue_token(repository, record.permissions)
    state = _state(setting, job, record, contexts, token)
    frame = Frame(place="step", contexts=state.contexts)
    try:
        record.steps = run_steps(job.steps, state, frame)
        record.outputs = _outputs(job, state, frame)
        record.steps += run_afterwards(state)
    except (ExpressionError, DocumentError) as error:
        raise type(error)(f"{setting.workflow.path}: job {job.id}: {error}") from None
    finally:
        state.processes.end()
        around.platform.revoke_token(token)
    record.result = state.status


def _state(setting: Setting, job: Job, record: JobRun, contexts: Contexts, token: str) -> JobState:
    machine = setting.around.machine
    workspace = machine.workspace(setting.event.repository)
    event_file = machine.temp / "_github_workflow" / "event.json"
    event_file.parent.mkdir(parents=True)
    event_file.write_text(json.dumps(setting.event.payload, indent=2), "utf-8")
    github = {
        **setting.github,
        "job": job.id,
        "token": token,
        "workspace": str(workspace),
        "event_path": str(event_file),
    }
    environment = machine.environment(self_hosted=_self_hosted(record))
    full = Contexts(
        values={
            **contexts.values,
            "github": github_context(github),
            "secrets": {**setting.secrets, "GITHUB_TOKEN": token},
            "runner": Known("runner", _runner(environment), ("debug",)),
        },
        workspace=workspace,
    )
    state = JobState(
        record=record,
        run=setting.run,
        around=setting.around,
        github=github,
        contexts=full,
        environment=environment,
        workspace=workspace,
        processes=Processes(log_folder=machine.logs),
        defaults={},
        actions=setting.actions,
        cancel_at=setting.cancel_at,
    )
    for secret in (token, *setting.secrets.values()):
        state.masks.add(secret)
    state.variables |= _texts(setting.workflow.env, full.scope("workflow env"))
    state.variables |= _texts(job.env, full.scope("job env"))
    scope = full.scope("job defaults", env=dict(state.variables))
    state.defaults = {**_texts(setting.workflow.defaults, scope), **_texts(job.defaults, scope)}
    return state


def _self_hosted(record: JobRun) -> bool:
    return "self-hosted" in record.runs_on


def _runner(environment: Mapping[str, str]) -> dict[str, str]:
    names = ("name", "os", "arch", "temp", "tool_cache", "environment")
    return {name: environment[f"RUNNER_{name.upper()}"] for name in names}


def _outputs(job: Job, state: JobState, frame: Frame) -> dict[str, str]:
    """Evaluate a job's outputs; one that has something secret in it GitHub leaves out."""
    moment = {
        "env": dict(state.variables),
        "steps": frame.steps.context(),
        "job": Known("job", {"status": state.status}, ("container", "services")),
    }
    scope = state.contexts.scope("job outputs", **moment)
    values = {name: interpolate_text(to_text(text), scope) for name, text in job.outputs.items()}
    return {name: value for name, value in values.items() if not state.masks.touches(value)}


def _texts(given: object, scope: Scope) -> dict[str, str]:
    value = interpolate_all(given, scope)
    return {name: to_text(one) for name, one in (value or {}).items()}


def _labels(given: object, job: Job) -> list[str]:
    labels = given.get("labels", []) if isinstance(given, Mapping) else given
    found = [labels] if isinstance(labels, str) else list(labels) if isinstance(labels, list) else []
    if not found or not all(isinstance(label, str) and label for label in found):
        raise DocumentError(f"{job.id}: runs-on is {given!r}, which is no label")
    return found
