"""The contexts of expressions, and where GitHub provides each of them.

After GitHub's table of context availability, and for actions after the runner's `action_yaml.json`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from github_simulator.runner.expression_values import Known, Value
from github_simulator.runner.expressions import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from github_simulator.runner.records import StepRun

_JOB = ("github", "needs", "strategy", "matrix", "vars", "inputs")
_STEP = (*_JOB, "job", "runner", "env", "secrets", "steps")

OFFERED = {
    "workflow": ("github", "inputs", "vars"),
    "workflow env": ("github", "secrets", "inputs", "vars"),
    "job if": ("github", "needs", "vars", "inputs"),
    "strategy": ("github", "needs", "vars", "inputs"),
    "job": _JOB,
    "job env": (*_JOB, "secrets"),
    "job defaults": (*_JOB, "env"),
    "job outputs": _STEP,
    "step": _STEP,
    "step if": tuple(name for name in _STEP if name != "secrets"),
    "action input": ("github", "strategy", "matrix", "job", "runner"),
    "action output": ("github", "strategy", "matrix", "steps", "inputs", "job", "runner", "env"),
    "action step": ("github", "inputs", "strategy", "matrix", "steps", "job", "runner", "env"),
}
"""Names of contexts by where an expression stands."""

_HASHES_FILES = frozenset({"job outputs", "step", "step if", "action input", "action step"})

GITHUB_NAMES = (
    *(
        "action",
        "action_path",
        "action_ref",
        "action_repository",
        "action_status",
        "actor",
        "actor_id",
        "api_url",
    ),
    *(
        "base_ref",
        "env",
        "event",
        "event_name",
        "event_path",
        "graphql_url",
        "head_ref",
        "job",
        "path",
        "ref",
    ),
    *("ref_name", "ref_protected", "ref_type", "repository", "repository_id", "repository_owner"),
    *("repository_owner_id", "repositoryUrl", "retention_days", "run_id", "run_number", "run_attempt"),
    *(
        "secret_source",
        "server_url",
        "sha",
        "token",
        "triggering_actor",
        "workflow",
        "workflow_ref",
        "workflow_sha",
    ),
    "workspace",
)


@dataclass(frozen=True, kw_only=True)
class Contexts:
    """All contexts there are at one moment.

    Attributes:
        values: By name.
        workspace: Where `hashFiles` looks; `None` before there is one.
    """

    values: Mapping[str, Value]
    workspace: Path | None = None

    def scope(self, where: str, status: Mapping[str, Callable[[], bool]] | None = None, **more: Value) -> Scope:
        """Return what an expression may use at a place that `OFFERED` names.

        Args:
            where: The place.
            status: The status functions, for a condition.
            more: Contexts that are other ones there.
        """
        values = {**self.values, **more}
        offered = {name: values[name] for name in OFFERED[where] if name in values}
        workspace = self.workspace if where in _HASHES_FILES else None
        return Scope(contexts=offered, status=status or {}, workspace=workspace)

    def having(self, **more: Value) -> Contexts:
        """Return these with some replaced or added."""
        return Contexts(values={**self.values, **more}, workspace=self.workspace)


def github_context(values: Mapping[str, Value]) -> Known:
    """Make the `github` context; of names that GitHub has and this moment has not, there is nothing."""
    return Known("github", values, [name for name in GITHUB_NAMES if name not in values])


@dataclass
class StepsSoFar:
    """The `steps` context of a job or of one use of a composite action: nothing outside of it sees it.

    Attributes:
        declared: Of steps that went: the outputs their action declares; `None` for a `run`, whose outputs only
            its script knows.
    """

    records: dict[str, StepRun] = field(default_factory=dict)
    declared: dict[str, Iterable[str] | None] = field(default_factory=dict)

    def add(self, step: StepRun, declared: Iterable[str] | None) -> None:
        """Let later steps see one that has an id."""
        if step.id:
            self.records[step.id] = step
            self.declared[step.id] = declared

    def context(self) -> Known:
        """Return what expressions see."""
        return Known("steps", {id_: self._one(id_, step) for id_, step in self.records.items()})

    def _one(self, id_: str, step: StepRun) -> Known:
        declared = self.declared[id_]
        outputs: Mapping[str, Value] = step.outputs
        if declared is not None:
            outputs = Known(
                f"steps.{id_}.outputs", step.outputs, [name for name in declared if name not in step.outputs]
            )
        given = {"outputs": outputs, "outcome": step.outcome, "conclusion": step.conclusion}
        return Known(f"steps.{id_}", given)
