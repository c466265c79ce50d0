"""The base of simulated actions, which have the inputs and outputs of the published ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from github_simulator.runner.bare_repository import BareRepository
    from github_simulator.runner.caches import CacheStore
    from github_simulator.runner.github_service import GitHubService
    from github_simulator.runner.log import Log
    from github_simulator.runner.machine import Machine
    from github_simulator.runner.records import Run


class ActionFailed(Exception):
    """An action says that it failed, and why."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a job is surrounded by, for actions to use.

    Attributes:
        repositories: What is behind each `owner/name`.
        git_url: Below which git serves them.
    """

    machine: Machine
    platform: GitHubService
    repositories: Mapping[str, BareRepository]
    caches: CacheStore
    git_url: str


@dataclass(kw_only=True)
class Use:
    """One use of an action.

    Attributes:
        inputs: All that the action has, as texts.
        github: The `github` context.
        environment: The step's.
        workspace: The job's.
        run: What it is part of.
        outputs: What the action hands to later steps.
        exported: Variables for later steps, as through GITHUB_ENV.
        paths: What later steps have before PATH.
        afterwards: What to do when the job ends, if it is to be done only after success.
    """

    inputs: Mapping[str, str]
    github: Mapping[str, Any]
    environment: Mapping[str, str]
    workspace: Path
    run: Run
    log: Log
    around: Surroundings
    outputs: dict[str, str] = field(default_factory=dict)
    exported: dict[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    afterwards: list[tuple[Callable[[Use], None], bool]] = field(default_factory=list)

    @property
    def repository(self) -> str:
        """`owner/name` of the repository whose workflow runs."""
        return str(self.github["repository"])

    def flag(self, name: str) -> bool:
        """Read an input as the toolkit reads booleans.

        Raises:
            ActionFailed: When it is none.
        """
        value = self.inputs[name]
        if value in {"true", "True", "TRUE"}:
            return True
        if value in {"false", "False", "FALSE", ""}:
            return False
        raise ActionFailed(f'Input does not meet YAML 1.2 "Core Schema" specification: {name}')

    def lines(self, name: str) -> list[str]:
        """Read an input of several lines."""
        return [line.strip() for line in self.inputs[name].splitlines() if line.strip()]

    def below_workspace(self, path: str) -> Path:
        """Resolve a path as actions do: from the workspace, `~` being home."""
        if path == "~" or path.startswith("~/"):
            return self.around.machine.home / path[2:]
        return self.workspace / path


@dataclass(frozen=True, kw_only=True)
class SimulatedAction:
    """What stands in for a published action.

    Attributes:
        inputs: Names and defaults, which may be `${{ }}`; `None` for none.
        required: Names that must be given.
        outputs: Names.
        do: What it does.
    """

    inputs: Mapping[str, str | None]
    outputs: tuple[str, ...]
    do: Callable[[Use], None]
    required: frozenset[str] = frozenset()
