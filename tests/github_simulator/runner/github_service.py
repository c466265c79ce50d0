"""What the runner needs of GitHub, from the simulated API: tokens with permissions, recorded runs, artifacts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from github_simulator.api.fake_github import FakeGitHub
    from github_simulator.runner.records import Run


@dataclass(frozen=True, kw_only=True)
class StoredArtifact:
    """A file that a run left.

    Attributes:
        content: Its zip.
        attempt: Which attempt of the run left it.
    """

    id: int
    name: str
    content: bytes
    attempt: int


@dataclass(kw_only=True)
class GitHubService:
    """The simulated API of GitHub, as the service behind the runner; repositories are named `owner/name`.

    Runs write to the API's own state, so that later runs see what a test changes there.
    """

    github: FakeGitHub
    _attempts: dict[int, int] = field(default_factory=dict)

    @property
    def server_url(self) -> str:
        """GITHUB_SERVER_URL."""
        return str(self.github.root)

    @property
    def api_url(self) -> str:
        """GITHUB_API_URL."""
        return str(self.github.api_url)

    @property
    def graphql_url(self) -> str:
        """GITHUB_GRAPHQL_URL."""
        return f"{self.github.root}{self.github.prefix.removesuffix('/v3')}/graphql"

    def issue_token(self, repository: str, rights: Mapping[str, str]) -> str:
        """Make the token of one job, which may do these things in this repository."""
        return str(self.github.token(rights=rights, repositories=[repository]))

    def revoke_token(self, token: str) -> None:
        """End a token, as the end of its job does."""
        self.github.tokens.pop(token, None)

    def may_read_actions(self, token: str, repository: str) -> bool:
        """Tell whether a token may list and download the artifacts of other runs."""
        known = self.github.tokens.get(token)
        there = self.github.repository_named(repository)
        if known is None or there is None or not known.is_for(there):
            return False
        return known.rights.get("actions") in {"read", "write"}

    def may_contents(self, token: str | None, right: str, repository: str) -> bool:
        """Tell whether a token, or without one a stranger, may `read` or `write` what is in a repository."""
        there = self.github.repository_named(repository)
        if there is None:
            return False
        if token is None:
            return right == "read" and not there.private
        known = self.github.tokens.get(token)
        if known is None:
            return False
        if not known.is_for(there):
            return right == "read" and not there.private
        return known.rights.get("contents") in ({"read", "write"} if right == "read" else {"write"})

    def record(self, repository: str, run: Run, *, status: str) -> None:
        """Put a run on record, or what became of it: `in_progress` or `completed`."""
        there = self.github.repository(repository)
        conclusion = run.conclusion if status == "completed" else None
        if run.id not in there.runs:
            there.run(
                id=run.id,
                head_sha=run.head_sha,
                head_branch=run.head_branch,
                head_repository=run.head_repository,
                event=run.event,
                workflow_path=run.path,
                actor=run.actor,
            )
        recorded = there.runs[run.id]
        recorded.status, recorded.conclusion, recorded.attempt = status, conclusion, run.attempt

    def store_artifact(self, repository: str, run: Run, name: str, content: bytes) -> StoredArtifact:
        """Keep an artifact's zip."""
        made = self.github.repository(repository).runs[run.id].artifact(name, content)
        self._attempts[made.id] = run.attempt
        return StoredArtifact(id=made.id, name=name, content=content, attempt=run.attempt)

    def delete_artifact(self, repository: str, run_id: int, artifact_id: int) -> None:
        """Delete one, as `overwrite` does."""
        run = self.github.repository(repository).runs[run_id]
        run.artifacts[:] = [one for one in run.artifacts if one.id != artifact_id]

    def artifacts(self, repository: str, run_id: int) -> list[StoredArtifact]:
        """List a run's artifacts that did not expire, of all attempts, oldest first; none where there is no run."""
        run = self.github.repository(repository).runs.get(run_id)
        return [
            StoredArtifact(id=one.id, name=one.name, content=one.content, attempt=self._attempts.get(one.id, 1))
            for one in (run.artifacts if run is not None else ())
            if not one.expired
        ]
