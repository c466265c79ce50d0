"""Workflow and action files read into values; anything that this runner does not support is an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from github_simulator.runner.yaml_reading import DocumentError, read_yaml

Tree: TypeAlias = Any
"""What YAML holds, its `${{ }}` not evaluated yet."""

_WORKFLOW_KEYS = {"name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs"}
_JOB_KEYS = {
    *(
        "name",
        "needs",
        "if",
        "runs-on",
        "permissions",
        "environment",
        "env",
        "defaults",
        "outputs",
        "strategy",
    ),
    *("continue-on-error", "steps", "timeout-minutes", "concurrency"),
}
_STEP_KEYS = {
    *("name", "id", "if", "uses", "with", "run", "shell", "env", "working-directory", "continue-on-error"),
    "timeout-minutes",
}
_ACTION_KEYS = {"name", "description", "author", "branding", "inputs", "outputs", "runs"}

SCOPES = frozenset(
    {
        *("actions", "artifact-metadata", "attestations", "checks", "contents", "deployments", "discussions"),
        *("id-token", "issues", "models", "packages", "pages", "pull-requests", "repository-projects"),
        *("security-events", "statuses"),
    }
)
"""Of a job's token; `metadata` is always there to read."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: a `run` or a `uses`.

    Attributes:
        condition: Its `if`; `None` for none.
        number: From 0 among its neighbours.
    """

    number: int
    id: str = ""
    name: str | None = None
    condition: Tree = None
    uses: str | None = None
    inputs: Mapping[str, Tree] = field(default_factory=dict)
    run: str | None = None
    shell: str | None = None
    env: Tree = None
    working_directory: str | None = None
    continue_on_error: Tree = False

    @property
    def title(self) -> str:
        """What it is called where it has no name."""
        said = (self.uses if self.uses is not None else str(self.run).strip().splitlines()[0]) or ""
        return self.name if self.name is not None else f"Run {said}"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job, before its matrix is spread."""

    id: str
    name: str | None
    needs: tuple[str, ...]
    condition: Tree
    runs_on: Tree
    permissions: Mapping[str, str] | None
    environment: Tree
    env: Tree
    defaults: Mapping[str, Tree]
    outputs: Mapping[str, str]
    strategy: Tree
    concurrency: Tree
    continue_on_error: Tree
    steps: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """A workflow file.

    Attributes:
        on: Events, each with its filters.
        permissions: `None` where it says nothing of them, and the repository's default holds.
    """

    path: str
    name: str
    run_name: Tree
    concurrency: Tree
    on: Mapping[str, Mapping[str, Tree]]
    permissions: Mapping[str, str] | None
    env: Tree
    defaults: Mapping[str, Tree]
    jobs: Mapping[str, Job]


@dataclass(frozen=True, kw_only=True)
class Input:
    """An input of an action; `default` is `None` where there is none."""

    default: Tree = None
    required: bool = False


@dataclass(frozen=True, kw_only=True)
class Action:
    """A composite action.

    Attributes:
        inputs: By name.
        outputs: Names, and the text each is evaluated from.
    """

    name: str
    inputs: Mapping[str, Input]
    outputs: Mapping[str, str]
    steps: tuple[Step, ...]


def read_workflow(text: str, path: str) -> Workflow:
    """Read a workflow file.

    Raises:
        DocumentError: For what GitHub would refuse, and for what this runner does not know.
    """
    document = _mapping(read_yaml(text, path), path, _WORKFLOW_KEYS)
    jobs = _mapping(document.get("jobs"), f"{path}: jobs")
    return Workflow(
        path=path,
        name=document.get("name", path),
        run_name=document.get("run-name"),
        concurrency=document.get("concurrency"),
        on=_triggers(document.get("on"), path),
        permissions=_permissions(document.get("permissions"), path),
        env=document.get("env"),
        defaults=_run_defaults(document.get("defaults"), path),
        jobs={id_: _job(id_, job, path) for id_, job in jobs.items()},
    )


def read_action(text: str, path: str) -> Action:
    """Read a composite action.

    Raises:
        DocumentError: For what GitHub would refuse, other kinds of actions, and what this runner does not know.
    """
    document = _mapping(read_yaml(text, path), path, _ACTION_KEYS)
    runs = _mapping(document.get("runs"), f"{path}: runs")
    if runs.get("using") != "composite":
        raise DocumentError(f"{path}: runs.using is {runs.get('using')}; this runner knows composite actions only")
    _mapping(runs, f"{path}: runs", {"using", "steps"})
    inputs = _mapping(document.get("inputs"), f"{path}: inputs")
    outputs = _mapping(document.get("outputs"), f"{path}: outputs")
    for name, output in outputs.items():
        if "value" not in _mapping(output, f"{path}: outputs.{name}", {"description", "value"}):
            raise DocumentError(f"{path}: outputs.{name} has no value")
    steps = _steps(runs.get("steps"), f"{path}: runs")
    for step in steps:
        if step.run is not None and step.shell is None:
            raise DocumentError(f"{path}: {step.title}: a composite action's run needs a shell")
    return Action(
        name=document.get("name", path),
        inputs={name: _input(given, f"{path}: inputs.{name}") for name, given in inputs.items()},
        outputs={name: output["value"] for name, output in outputs.items()},
        steps=steps,
    )


def _input(given: Tree, where: str) -> Input:
    one = _mapping(given, where, {"description", "required", "default", "deprecationMessage"})
    return Input(default=one.get("default"), required=one.get("required", False) is True)


def _job(id_: str, given: Tree, path: str) -> Job:
    where = f"{path}: jobs.{id_}"
    job = _mapping(given, where, _JOB_KEYS)
    needs = job.get("needs", [])
    if "runs-on" not in job:
        raise DocumentError(f"{where}: it has no runs-on")
    return Job(
        id=id_,
        name=job.get("name"),
        needs=tuple([needs] if isinstance(needs, str) else needs),
        condition=job.get("if"),
        runs_on=job["runs-on"],
        permissions=_permissions(job.get("permissions"), where),
        environment=job.get("environment"),
        env=job.get("env"),
        defaults=_run_defaults(job.get("defaults"), where),
        outputs=_mapping(job.get("outputs"), f"{where}.outputs"),
        strategy=job.get("strategy"),
        concurrency=job.get("concurrency"),
        continue_on_error=job.get("continue-on-error", False),
        steps=_steps(job.get("steps"), where),
    )


def _steps(given: Tree, where: str) -> tuple[Step, ...]:
    if not isinstance(given, list) or not given:
        raise DocumentError(f"{where}: it has no steps")
    steps = tuple(_step(step, number, f"{where}: step {number + 1}") for number, step in enumerate(given))
    ids = [step.id.lower() for step in steps if step.id]
    twice = {one for one in ids if ids.count(one) > 1}
    if twice:
        raise DocumentError(f"{where}: the id {', '.join(sorted(twice))} is there twice")
    return steps


def _step(given: Tree, number: int, where: str) -> Step:
    step = _mapping(given, where, _STEP_KEYS)
    if ("run" in step) == ("uses" in step):
        raise DocumentError(f"{where}: it needs one of run and uses")
    wrong = ({"shell", "working-directory"} if "uses" in step else {"with"}) & set(step)
    if wrong:
        raise DocumentError(f"{where}: {', '.join(sorted(wrong))} means nothing there")
    return Step(
        number=number,
        id=step.get("id", ""),
        name=step.get("name"),
        condition=step.get("if"),
        uses=step.get("uses"),
        inputs=_mapping(step.get("with"), f"{where}: with"),
        run=step.get("run"),
        shell=step.get("shell"),
        env=step.get("env"),
        working_directory=step.get("working-directory"),
        continue_on_error=step.get("continue-on-error", False),
    )


def _triggers(given: Tree, path: str) -> dict[str, Mapping[str, Tree]]:
    if isinstance(given, str):
        return {given: {}}
    if isinstance(given, list):
        return {name: {} for name in given}
    triggers = _mapping(given, f"{path}: on")
    if not triggers:
        raise DocumentError(f"{path}: it has no on")
    return {
        name: {"cron": [one["cron"] for one in filters]}
        if name == "schedule"
        else _mapping(filters, f"{path}: on.{name}")
        for name, filters in triggers.items()
    }


def _permissions(given: Tree, where: str) -> dict[str, str] | None:
    if given is None:
        return None
    if given in {"read-all", "write-all"} if isinstance(given, str) else False:
        return dict.fromkeys(SCOPES, str(given).removesuffix("-all"))
    permissions = _mapping(given, f"{where}: permissions", SCOPES)
    for scope, right in permissions.items():
        if right not in {"read", "write", "none"}:
            raise DocumentError(f"{where}: permissions.{scope} is {right}, neither read, write nor none")
    return {scope: right for scope, right in permissions.items() if right != "none"}


def _run_defaults(given: Tree, where: str) -> Mapping[str, Tree]:
    defaults = _mapping(given, f"{where}: defaults", {"run"})
    return _mapping(defaults.get("run"), f"{where}: defaults.run", {"shell", "working-directory"})


def _mapping(given: Tree, where: str, known: set[str] | frozenset[str] | None = None) -> dict[str, Tree]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise DocumentError(f"{where}: it is no mapping")
    unknown = set(given) - known if known is not None else set()
    if unknown:
        raise DocumentError(f"{where}: this runner does not know {', '.join(sorted(map(str, unknown)))}")
    return dict(given)
