"""An event in a repository: it decides which workflows run, on which commit, and with which permissions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DEPENDABOT = "dependabot[bot]"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event.

    Attributes:
        name: GITHUB_EVENT_NAME.
        payload: What lies at GITHUB_EVENT_PATH.
        repository: `owner/name` of the repository it happens in.
        ref: GITHUB_REF.
        sha: GITHUB_SHA: of a pull request, the trial merge.
        workflow_sha: The commit whose workflow files decide.
        actor: Who made it happen.
        head_ref: GITHUB_HEAD_REF: the branch of a pull request; otherwise empty.
        base_ref: GITHUB_BASE_REF: the branch it goes to; otherwise empty.
        head_sha: The commit that GitHub shows the run at.
        head_branch: Its branch.
        head_repository: Where that is from, `owner/name`.
        changed: Paths that a push or a pull request changes, for `paths:` filters.
        inputs: What a dispatch gave.
    """

    name: str
    payload: dict[str, Any]
    repository: str
    ref: str
    sha: str
    workflow_sha: str
    actor: str
    head_ref: str = ""
    base_ref: str = ""
    head_sha: str
    head_branch: str
    head_repository: str
    changed: tuple[str, ...] = ()
    inputs: dict[str, Any] = field(default_factory=dict)

    @property
    def action(self) -> str:
        """What about it, such as `synchronize`; empty for events without kinds."""
        return str(self.payload.get("action", ""))

    @property
    def untrusted(self) -> bool:
        """Whether the token only reads and there are no secrets: a fork's pull request, and all of Dependabot's."""
        if self.name in {"workflow_run", "schedule", "workflow_dispatch"}:
            return False
        # Under pull_request_target it is not: that is what is dangerous about it.
        from_fork = self.name == "pull_request" and self.head_repository.lower() != self.repository.lower()
        return from_fork or self.actor == DEPENDABOT
