"""The action's inputs, which `action.yml` passes in variables."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from energygate.errors import OptionNames, UsageError
from energygate.forge.comment import When
from energygate.policy import Family, parse_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

_E = TypeVar("_E", bound=Enum)

POLICY = "energygate.yml"
"""The default policy, as on the command line."""

MAX_KEY = 100
"""Characters of a comment's key."""

OPTION_NAMES = OptionNames(
    base="input 'base'",
    without_base="run the action on an event without a base, such as a push",
    without_git="use a runner or container that has git",  # without git, actions/checkout leaves no repository
)
"""What messages call the inputs; the time limit is also the policy's."""


class Task(Enum):
    """What the action does."""

    CHECK = "check"
    MATRIX = "matrix"
    LEG = "leg"
    MERGE = "merge"


class Mode(Enum):
    """Whether a verdict fails the job."""

    GATE = "gate"
    REPORT = "report"


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What the workflow asks for.

    Attributes:
        task: What to do.
        policy: The policy's path below `directory`.
        directory: The project's directory below the checkout.
        base: What to compare with; `None` for the event's base.
        workloads: Their names; none for all.
        strict: Whether an inconclusive verdict fails.
        comment: When to comment.
        mode: Whether a verdict may fail the job.
        python: The interpreter of workloads; `None` for the policy's.
        setup: The command that prepares a side's environment; `None` for the policy's.
        time_limit_s: Measuring time per workload; `None` for the policy's.
        shards: The maximum number of jobs to plan; `None` for the default.
        label: The label that waives; `None` for none.
    """

    task: Task
    policy: str = POLICY
    directory: str = "."
    base: str | None = None
    workloads: tuple[str, ...] = ()
    strict: bool = False
    comment: When = When.ALWAYS
    mode: Mode = Mode.GATE
    python: str | None = None
    setup: str | None = None
    time_limit_s: float | None = None
    shards: int | None = None
    label: str | None = None

    @property
    def path(self) -> str:
        """The policy's path in the repository, with forward slashes."""
        parts = [part for part in re.split(r"[/\\]", f"{self.directory}/{self.policy}") if part not in {"", "."}]
        return "/".join(parts)

    @property
    def key(self) -> str:
        """The key of this policy's comment, which distinguishes it from other policies' on the pull request."""
        return re.sub(r"[^A-Za-z0-9._/-]", "-", self.path)[-MAX_KEY:]

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Inputs:
        """Read them; an empty one counts as not given.

        Raises:
            UsageError: One is invalid; the message names it.
        """
        given = {
            name.removeprefix("INPUT_").lower(): value.strip()
            for name, value in environ.items()
            if name.startswith("INPUT_") and value.strip()
        }
        return cls(
            task=_one_of(Task, given, "task", default=Task.CHECK),
            policy=given.get("policy", POLICY),
            directory=given.get("working_directory", "."),
            base=given.get("base"),
            workloads=_names(given.get("workloads", "")),
            strict=_flag(given, "strict"),
            comment=_one_of(When, given, "comment", default=When.ALWAYS),
            mode=_one_of(Mode, given, "mode", default=Mode.GATE),
            python=given.get("python"),
            setup=given.get("setup"),
            time_limit_s=_seconds(given.get("time_limit")),
            shards=_whole(given.get("shards")),
            label=given.get("label"),
        )


def _one_of(kind: type[_E], given: Mapping[str, str], name: str, *, default: _E) -> _E:
    text = given.get(name)
    if text is None:
        return default
    try:
        return kind(text)
    except ValueError:
        raise _wrong(name, f"must be one of {', '.join(str(one.value) for one in kind)}") from None


def _flag(given: Mapping[str, str], name: str) -> bool:
    text = given.get(name, "false")
    if text not in {"true", "false"}:
        raise _wrong(name, "must be true or false")
    return text == "true"


def _names(text: str) -> tuple[str, ...]:
    """Read names, one per line, or as a JSON list, in which any name is possible."""
    if not text.startswith("["):
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    try:
        names = json.loads(text)
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise _wrong("workloads", "must be one name per line, or a JSON list of names")
    return tuple(names)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        seconds = parse_quantity(text, Family.TIME).value
    except ValueError as error:
        raise _wrong("time-limit", f"is not a time: {error}") from None
    if seconds <= 0:
        raise _wrong("time-limit", "must be more than 0 s")
    return seconds


def _whole(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,4}", text) or int(text) < 1:
        raise _wrong("shards", "must be a whole number of at least 1")
    return int(text)


def _wrong(name: str, needed: str) -> UsageError:
    return UsageError(f"it {needed}", where=f"input '{name}'", hint="See `with:` in the workflow")
