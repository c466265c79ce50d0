"""`uses:`: composite actions run from their folder, published ones are simulated."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from github_simulator.runner import artifacts, caches, checkout, setup_actions
from github_simulator.runner.contexts import github_context
from github_simulator.runner.expression_values import Known, to_text
from github_simulator.runner.expressions import interpolate_text
from github_simulator.runner.job_state import Frame, JobState
from github_simulator.runner.log import Log
from github_simulator.runner.records import StepRun
from github_simulator.runner.simulated_actions import ActionFailed, SimulatedAction, Use
from github_simulator.runner.workflow_files import Action, Input, Step, read_action
from github_simulator.runner.yaml_reading import DocumentError

if TYPE_CHECKING:
    from pathlib import Path

    from github_simulator.runner.running_step import RunningStep

RunSteps: TypeAlias = Callable[[Iterable[Step], JobState, Frame], list[StepRun]]

KNOWN = {**checkout.ACTIONS, **caches.ACTIONS, **artifacts.ACTIONS, **setup_actions.ACTIONS}
"""By `owner/name` or `owner/name/path`."""

_PUBLISHED = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?P<path>(?:/[\w.-]+)*)@(?P<version>[\w./-]+)")


@dataclass(frozen=True, kw_only=True)
class Found:
    """A composite action.

    Attributes:
        folder: Where it lies.
        repository: The files of its repository, where `$/` leads in it; `None` for that of the workflow.
        name: That repository, `owner/name`; empty for an action that is not named by it.
        version: What stands behind the `@`.
    """

    folder: Path
    repository: Path | None
    name: str = ""
    version: str = ""

    @functools.cached_property
    def action(self) -> Action:
        """What it is."""
        path = self.folder / "action.yml"
        path = path if path.is_file() else self.folder / "action.yaml"
        return read_action(path.read_text("utf-8"), str(path))


def use_action(running: RunningStep, run_steps: RunSteps) -> bool:
    """Do what an action does; tell whether it succeeded.

    Raises:
        DocumentError: For an action that this runner does not know, and for inputs that the action has not.
        ExpressionError: As expressions do.
    """
    found = _resolved(running.step, running.job, running.frame)
    if isinstance(found, SimulatedAction):
        wanted = {
            name: Input(default=default, required=name in found.required) for name, default in found.inputs.items()
        }
        return _stand_in(running, found, _inputs(running, wanted))
    frame = Frame(
        place="action step",
        contexts=running.job.contexts.having(inputs=Known("inputs", _inputs(running, found.action.inputs))),
        github={
            **running.github,
            "action_path": str(found.folder),
            "action_repository": found.name,
            "action_ref": found.version,
        },
        variables=running.handed_down,
        action_path=found.folder,
        repository=found.repository,
    )
    running.record.steps = run_steps(found.action.steps, running.job, frame)
    github = github_context({**running.job.github, **frame.github})
    moment = {**running.moment(), "github": github, "steps": frame.steps.context()}
    seen = frame.contexts.scope("action output", **moment)
    values = {name: interpolate_text(to_text(text), seen) for name, text in found.action.outputs.items()}
    running.record.outputs = values
    return frame.status == "success"


def declared_outputs(step: Step, job: JobState, frame: Frame) -> tuple[str, ...]:
    """Name the outputs that a step's action has; of an action in the checkout that is not there yet, none."""
    if str(step.uses).startswith("./") and not _is_local(step, job):
        return ()
    found = _resolved(step, job, frame)
    return found.outputs if isinstance(found, SimulatedAction) else tuple(found.action.outputs)


def run_afterwards(job: JobState) -> list[StepRun]:
    """Do what actions left for the end of the job, the last first."""
    records = []
    for title, only_after_success, do, use in reversed(job.afterwards):
        record = StepRun(name=f"Post {title}", uses=title)
        if not only_after_success or job.status == "success":
            use.log = Log(masks=job.masks)
            record.outcome = record.conclusion = "success" if _done(do, use) else "failure"
            record.log, record.annotations = use.log.text, use.log.annotations
            if record.conclusion == "failure" and job.status == "success":
                job.status = "failure"
        records.append(record)
    return records


def _stand_in(running: RunningStep, action: SimulatedAction, inputs: Mapping[str, str]) -> bool:
    job = running.job
    use = Use(
        inputs=inputs,
        github=job.github,
        environment=running.environment({}),
        workspace=job.workspace,
        run=job.run,
        log=running.log,
        around=job.around,
    )
    done = _done(action.do, use)
    undeclared = set(use.outputs) - set(action.outputs)
    if undeclared:
        raise AssertionError(f"{running.step.uses} does not declare {', '.join(sorted(undeclared))}")
    running.record.outputs |= use.outputs
    job.variables |= use.exported
    job.paths[:0] = reversed(use.paths)
    job.afterwards += [(running.record.name, after_success, later, use) for later, after_success in use.afterwards]
    return done


def _done(do: Callable[[Use], None], use: Use) -> bool:
    try:
        do(use)
    except ActionFailed as error:
        use.log.complain(str(error))
        return False
    return True


def _inputs(running: RunningStep, wanted: Mapping[str, Input]) -> dict[str, str]:
    uses = running.step.uses
    given = {name.lower(): running.text(value) for name, value in running.step.inputs.items()}
    unknown = sorted(set(given) - {name.lower() for name in wanted})
    if unknown:
        raise DocumentError(f"{uses} has no input {', '.join(unknown)}; it has {', '.join(wanted) or 'none'}")
    missing = [name for name, one in wanted.items() if one.required and not given.get(name.lower()) and not one.default]
    if missing:
        raise DocumentError(f"{uses} needs {', '.join(missing)}")
    context = github_context({**running.job.github, **running.github})
    scope = running.job.contexts.scope("action input", **{**running.moment(), "github": context})
    # An input that is given and empty is empty: the default is for those not given.
    return {
        name: given[name.lower()] if name.lower() in given else interpolate_text(to_text(one.default), scope)
        for name, one in wanted.items()
    }


def _resolved(step: Step, job: JobState, frame: Frame) -> SimulatedAction | Found:
    name = str(step.uses)
    if name.startswith("$/"):
        repository = frame.repository or _at_the_workflows_commit(job)
        return Found(folder=repository / name[2:], repository=repository)
    if name.startswith("./"):
        folder = (job.workspace / name).resolve()
        if not _is_local(step, job):
            raise DocumentError(f"{step.title}: can't find action.yml under {folder}; was it checked out first?")
        return Found(folder=folder, repository=frame.repository)
    match = _PUBLISHED.fullmatch(name)
    if match is None:
        raise DocumentError(f"{name}: none of owner/name@version, ./path and $/path")
    if match["repository"] + match["path"] in KNOWN:
        return KNOWN[match["repository"] + match["path"]]
    if match["repository"] not in job.actions:
        raise DocumentError(f"{name}: this runner does not know it; it knows {', '.join([*KNOWN, *job.actions])}")
    repository = job.actions[match["repository"]]
    folder = repository / match["path"].lstrip("/")
    return Found(folder=folder, repository=repository, name=match["repository"], version=match["version"])


def _at_the_workflows_commit(job: JobState) -> Path:
    """Return the repository's files at the commit whose workflow runs, as the runner fetches them: no git there."""
    name, sha = str(job.github["repository"]), str(job.github["workflow_sha"])
    folder = job.around.machine.root / "work" / "_actions" / name / sha
    if not folder.is_dir():
        folder.mkdir(parents=True)
        for path, content in job.around.repositories[name].files(sha).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    return folder


def _is_local(step: Step, job: JobState) -> bool:
    return any((job.workspace / str(step.uses) / name).is_file() for name in ("action.yml", "action.yaml"))
