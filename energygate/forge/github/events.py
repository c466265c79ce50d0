"""GitHub's events: one frozen value of what happened, and one pure function from it to an activity."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.forge.github.json_fields import Fields, is_repository, is_sha
from energygate.forge.github.step_files import job_variable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEPENDABOT = "dependabot[bot]"
"""The actor of a run, re-runs included, decides its permissions: this one's token is read-only."""


class Activity(Enum):
    """What energygate does for an event."""

    COMPARE_AND_COMMENT = "measure against base and comment"
    COMPARE_AND_LEAVE = "measure against base and leave the result to the second stage"
    COMPARE = "measure against base"
    MEASURE = "measure without base"
    RENDER = "report in the second stage"
    NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True)
class FirstStage:
    """The run that measured, as GitHub itself describes it to the second stage.

    Attributes:
        run_id: The run, which holds the artifact.
        attempt: Which attempt of it, from 1.
        event: The event that started it, such as `pull_request`.
        conclusion: `success`, `failure`, `cancelled`, ...; `None` while it runs.
        head_sha: The commit it was started for.
        head_repository: `owner/name` that the commit comes from; `None` when that has been deleted.
        head_branch: The branch there, as a stranger may have named it; `None` when GitHub does not say.
    """

    run_id: int
    attempt: int
    event: str
    conclusion: str | None
    head_sha: str
    head_repository: str | None
    head_branch: str | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """What happened, from the runner's variables and the event's payload.

    Attributes:
        name: The event, such as `pull_request`.
        action: Its activity type, such as `synchronize`; `None` for events without types.
        repository: `owner/name` of the repository whose workflow runs.
        actor: Who started the run.
        run_id: This run; later runs of a repository have greater ones.
        attempt: Which attempt of it, from 1.
        head_sha: The commit this is about: of a pull request, its last commit and not the trial merge.
        base_sha: The commit to compare it with; `None` without one.
        pull_request: Its number; `None` when the event is not about one.
        head_repository: `owner/name` that a pull request comes from; `None` without one, or when its fork was deleted.
        deletes: Whether a push deleted its ref.
        first_stage: The run that ended, for `workflow_run`; `None` for other events.
    """

    name: str
    action: str | None = None
    repository: str
    actor: str
    run_id: int
    attempt: int
    head_sha: str
    base_sha: str | None = None
    pull_request: int | None = None
    head_repository: str | None = None
    deletes: bool = False
    first_stage: FirstStage | None = None

    @property
    def from_fork(self) -> bool:
        """Whether it is a pull request from another repository, or from a deleted one."""
        if self.pull_request is None:
            return False
        return self.head_repository is None or self.head_repository.casefold() != self.repository.casefold()


def activity(event: Event) -> Activity:
    """Choose what to do for an event.

    Raises:
        UsageError: For `pull_request_target`, and for unknown events: doing nothing for them would look like a pass.
    """
    if event.name == "pull_request_target":
        raise UsageError(
            "energygate does not run under pull_request_target, where a pull request's code would have the "
            "repository's secrets",
            hint="Measure under pull_request, and comment for forks under workflow_run",
        )
    if event.name not in _CHOOSE:
        raise UsageError(
            f"energygate does not support this workflow's event; it supports {', '.join(_CHOOSE)}",
            where="GITHUB_EVENT_NAME",
        )
    return _CHOOSE[event.name](event)


def _for_pull_request(event: Event) -> Activity:
    if event.action == "closed":
        return Activity.NOTHING
    # GitHub gives these runs a read-only token, whatever the workflow requests.
    is_read_only = event.from_fork or event.actor == DEPENDABOT
    return Activity.COMPARE_AND_LEAVE if is_read_only else Activity.COMPARE_AND_COMMENT


def _for_merge_group(event: Event) -> Activity:
    # A group may contain several pull requests, so there is no single one to comment on.
    return Activity.COMPARE if event.action == "checks_requested" else Activity.NOTHING


def _for_workflow_run(event: Event) -> Activity:
    first = event.first_stage
    # A failed first stage is a failed gate, whose comment matters most.
    is_reported = first is not None and first.event == "pull_request" and first.conclusion in {"success", "failure"}
    return Activity.RENDER if is_reported and event.action == "completed" else Activity.NOTHING


_CHOOSE: Mapping[str, Callable[[Event], Activity]] = {
    "pull_request": _for_pull_request,
    "merge_group": _for_merge_group,
    "push": lambda event: Activity.NOTHING if event.deletes else Activity.MEASURE,
    "schedule": lambda _: Activity.MEASURE,
    "workflow_dispatch": lambda _: Activity.MEASURE,
    "workflow_run": _for_workflow_run,
}


def read_event(environ: Mapping[str, str]) -> Event:
    """Read the event of this run, its payload from the file the runner names.

    Raises:
        UsageError: When this is not a GitHub Actions job, or its event does not match GitHub's description.
    """
    path = Path(job_variable(environ, "GITHUB_EVENT_PATH"))
    try:
        payload = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read it: {error.strerror}", where="GITHUB_EVENT_PATH") from None
    except (ValueError, RecursionError):
        raise UsageError("the file it names is not JSON", where="GITHUB_EVENT_PATH") from None
    return event_from(environ, payload)


def event_from(environ: Mapping[str, str], payload: object) -> Event:
    """Make the event from the runner's variables and the parsed payload.

    Raises:
        UsageError: When something is missing or of the wrong type; the sentence names it.
    """
    fields = Fields(content=payload, source="the event's payload", error=_invalid)
    name = job_variable(environ, "GITHUB_EVENT_NAME")
    repository = job_variable(environ, "GITHUB_REPOSITORY")
    if not is_repository(repository):
        raise UsageError("it is not owner/name", where="GITHUB_REPOSITORY")
    sha = job_variable(environ, "GITHUB_SHA")
    if not is_sha(sha):
        raise UsageError("it is not a full commit hash", where="GITHUB_SHA")
    first_stage = _first_stage(fields) if name == "workflow_run" else None
    proposed = name == "pull_request"
    # Both payloads have the two commits, under different names.
    commits = {
        "pull_request": (("head", "sha"), ("base", "sha")),
        "merge_group": (("head_sha",), ("base_sha",)),
    }
    head, base = (fields.sha(name, *path) for path in commits[name]) if name in commits else (sha, None)
    return Event(
        name=name,
        action=fields.optional_text("action"),
        repository=repository,
        actor=job_variable(environ, "GITHUB_ACTOR"),
        run_id=_number(environ, "GITHUB_RUN_ID"),
        attempt=_number(environ, "GITHUB_RUN_ATTEMPT"),
        head_sha=first_stage.head_sha if first_stage else head,
        base_sha=base,
        pull_request=fields.whole(name, "number") if proposed else None,
        head_repository=fields.optional_repository(name, "head", "repo", "full_name") if proposed else None,
        deletes=name == "push" and fields.flag("deleted"),
        first_stage=first_stage,
    )


def _first_stage(fields: Fields) -> FirstStage:
    return FirstStage(
        run_id=fields.whole("workflow_run", "id"),
        attempt=fields.whole("workflow_run", "run_attempt"),
        event=fields.text("workflow_run", "event"),
        conclusion=fields.optional_text("workflow_run", "conclusion"),
        head_sha=fields.sha("workflow_run", "head_sha"),
        head_repository=fields.optional_repository("workflow_run", "head_repository", "full_name"),
        head_branch=fields.optional_text("workflow_run", "head_branch"),
    )


def _invalid(sentence: str) -> UsageError:
    return UsageError(sentence, where="GITHUB_EVENT_PATH")


def _number(environ: Mapping[str, str], name: str) -> int:
    value = job_variable(environ, name)
    if not (value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS and int(value) > 0):
        raise UsageError("it is not a whole number above 0", where=name)
    return int(value)


_MAX_DIGITS = 19
"""The digits of a 64-bit number."""
