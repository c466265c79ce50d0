"""Payloads of events: the objects as GitHub's API returns them, and the fields that GitHub adds for the event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from github_simulator.api.run_json_shapes import RunShapes

if TYPE_CHECKING:
    from github_simulator.api.fake_github import FakeGitHub, PullRequest, Repository
    from github_simulator.api.fake_github import Run as RecordedRun
    from github_simulator.runner.bare_repository import BareRepository

Payload: TypeAlias = dict[str, Any]

_WHEN = "2026-03-01T00:00:00Z"
_NOTHING = "0" * 40


@dataclass(frozen=True, kw_only=True)
class Payloads:
    """Makes payloads of events in one repository.

    Attributes:
        git: Its commits.
    """

    github: FakeGitHub
    repository: Repository
    git: BareRepository

    def pull_request(self, pull: PullRequest, action: str, *, by: str, **more: Any) -> Payload:
        """Something about a pull request."""
        shown = self.github.json_of(pull)
        for end in ("head", "base"):
            if shown[end]["repo"] is not None:
                shown[end]["repo"] |= {**_MERGING, **_OF_REPOSITORIES}
        # What the API shows of a pull request and events do not, or the other way round.
        extra = {"assignee": None, "active_lock_reason": None, "rebaseable": None}
        return {
            "action": action,
            "number": pull.number,
            "pull_request": {**shown, **extra},
            **more,
            **self._where(by),
        }

    def label(self, name: str) -> Payload:
        """A label, as events show it."""
        return dict(RunShapes(github=self.github).label(self.repository, name))

    def merge_group(self, *, head: str, head_ref: str, base: str, base_ref: str, action: str, by: str) -> Payload:
        """A merge group that waits for its checks, or is gone; it needs no more of who is in it."""
        group = {
            "head_sha": head,
            "head_ref": head_ref,
            "base_sha": base,
            "base_ref": base_ref,
            "head_commit": self._commit_of_run(head),
        }
        reason = {"reason": "merged"} if action == "destroyed" else {}
        return {"action": action, "merge_group": group, **reason, **self._where(by)}

    def push(self, *, ref: str, before: str | None, after: str | None, by: str) -> Payload:
        """A push that made a ref (no `before`), moved it, or deleted it (no `after`)."""
        commit = None if after is None else self._commit_of_push(after, by)
        page = f"{self.github.root}/{self.repository.full_name}"
        return {
            "ref": ref,
            "before": before or _NOTHING,
            "after": after or _NOTHING,
            "base_ref": None,
            "created": before is None,
            "deleted": after is None,
            "forced": False,
            "compare": f"{page}/compare/{(before or _NOTHING)[:12]}...{(after or _NOTHING)[:12]}",
            "commits": [] if commit is None else [commit],
            "head_commit": commit,
            "pusher": {"name": by, "email": f"{by}@example.com"},
            **self._where(by),
        }

    def schedule(self, cron: str, workflow: str) -> Payload:
        """A time of a workflow's schedule."""
        where = self._where(self.repository.owner)
        return {"schedule": cron, "workflow": workflow, "repository": where["repository"]}

    def workflow_dispatch(self, *, ref: str, inputs: dict[str, Any], workflow: str, by: str) -> Payload:
        """Somebody starts a workflow by hand."""
        return {"inputs": inputs or None, "ref": ref, "workflow": workflow, **self._where(by)}

    def workflow_run(self, run: RecordedRun, *, name: str, number: int, action: str, by: str) -> Payload:
        """A run ended, or is about to begin."""
        shown = {**self.github.json_of(run), "name": name, "run_number": number}
        api = f"{self.github.api_url}/repos/{self.repository.full_name}"
        page = f"{self.github.root}/{self.repository.full_name}"
        workflow = {
            "id": shown["workflow_id"],
            "node_id": f"W_{shown['workflow_id']}",
            "name": name,
            "path": run.workflow_path,
            "state": "active",
            "created_at": _WHEN,
            "updated_at": _WHEN,
            "url": f"{api}/actions/workflows/{shown['workflow_id']}",
            "html_url": f"{page}/blob/{self.repository.default_branch}/{run.workflow_path}",
            "badge_url": f"{page}/workflows/{name}/badge.svg",
        }
        return {"action": action, "workflow_run": shown, "workflow": workflow, **self._where(by)}

    def _where(self, by: str) -> Payload:
        sender = RunShapes(github=self.github).user(self.github.user(by))
        shown = {**self.github.json_of(self.repository), **_OF_REPOSITORIES}
        return {"repository": shown, "sender": sender}

    def _commit_of_run(self, sha: str) -> Payload:
        tree, message, name, email, time = self._told(sha)
        person = {"name": name, "email": email}
        return {
            "id": sha,
            "tree_id": tree,
            "message": message,
            "timestamp": time,
            "author": person,
            "committer": person,
        }

    def _commit_of_push(self, sha: str, by: str) -> Payload:
        commit = self._commit_of_run(sha)
        person = {**commit["author"], "username": by}
        parents = self.git.parents(sha)
        against = parents[0] if parents else self.git.git("hash-object", "-t", "tree", "/dev/null")
        lines = self.git.git("diff-tree", "-r", "--no-commit-id", "--name-status", against, sha).splitlines()
        changes = [line.split("\t", 1) for line in lines]
        kinds = {"added": "A", "removed": "D", "modified": "MT"}
        return {
            **commit,
            "author": person,
            "committer": person,
            "distinct": True,
            "url": f"{self.github.root}/{self.repository.full_name}/commit/{sha}",
            **{kind: [path for letter, path in changes if letter in letters] for kind, letters in kinds.items()},
        }

    def _told(self, sha: str) -> list[str]:
        return self.git.git("show", "--no-patch", "--format=%T%x00%s%x00%an%x00%ae%x00%aI", sha).split("\0")


_OF_REPOSITORIES = {
    "is_template": False,
    "web_commit_signoff_required": False,
    "topics": [],
    "allow_forking": True,
    "custom_properties": {},
}
"""What events say of repositories and the API need not."""

_MERGING = {
    "allow_squash_merge": True,
    "allow_merge_commit": True,
    "allow_rebase_merge": True,
    "allow_auto_merge": False,
    "allow_update_branch": False,
    "delete_branch_on_merge": False,
}
"""What events say of a pull request's repositories besides."""
