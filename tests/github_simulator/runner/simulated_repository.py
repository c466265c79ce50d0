"""A repository on the simulated GitHub, its forks, and what people do there: commit, open, push, label, merge."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from github_simulator.runner.bare_repository import BareRepository
from github_simulator.runner.events import DEPENDABOT, Event
from github_simulator.runner.payloads import Payloads

if TYPE_CHECKING:
    from pathlib import Path

    from github_simulator.api.fake_github import FakeGitHub, PullRequest
    from github_simulator.runner.records import Run

Files = Mapping[str, "str | bytes | None"]

WORKFLOWS = ".github/workflows/"


class SimulatedRepository:
    """One repository with its forks; what happens in it is said by methods that return an `Event`.

    Args:
        folder: An empty one, for git's repositories.
        github: The simulated GitHub, serving.
        name: The repository, `owner/name`.
        private: Whether strangers see it.
    """

    def __init__(self, folder: Path, github: FakeGitHub, *, name: str = "octo/shop", private: bool = False) -> None:
        self.name = name
        self.github = github
        self.repository = github.repository(name, private=private)
        self.default_branch: str = self.repository.default_branch
        self.git = BareRepository.made(folder / f"{name}.git")
        self.gits = {name: self.git}
        self._folder = folder
        self._payloads = Payloads(github=github, repository=self.repository, git=self.git)

    # What people do.

    def commit(
        self,
        files: Files,
        *,
        branch: str = "main",
        message: str = "Change",
        by: str = "alice",
        fork: str | None = None,
    ) -> str:
        """Commit to a branch of the repository, or of a fork of it; return the commit's name."""
        git = self.gits[fork or self.name]
        sha = git.commit(files, branch=branch, message=message, author=by)
        there = self.github.repository(fork or self.name, fork=fork is not None)
        there.branches[branch] = sha
        self._publish(there, git, sha)
        return sha

    def fork(self, name: str) -> str:
        """Fork the repository; return the fork's name."""
        self.gits[name] = self.git.forked(self._folder / f"{name}.git")
        self.github.repository(name, private=self.repository.private, fork=True)
        return name

    def pull_request(
        self,
        files: Files,
        *,
        branch: str = "patch-1",
        fork: str | None = None,
        by: str = "contributor",
        base: str = "main",
        number: int | None = None,
    ) -> PullRequest:
        """Propose a change in a branch from the base's tip; return the pull request, which starts nothing yet.

        Args:
            files: What it changes.
            branch: Its branch.
            fork: The fork it comes from, made if there is none; by default the repository itself.
            by: Who opens it.
            base: The branch it goes to.
            number: Its number; by default the next.
        """
        if fork is not None and fork not in self.gits:
            self.fork(fork)
        git, tip = self.gits[fork or self.name], self.git.resolve(f"refs/heads/{base}")
        git.point(f"refs/heads/{branch}", tip)
        head = self.commit(files, branch=branch, by=by, fork=fork)
        pull: PullRequest = self.repository.pull_request(
            number=number or max(self.repository.issues, default=0) + 1,
            head_sha=head,
            head_branch=branch,
            head_repository=fork or self.name,
            base_sha=tip,
            base_branch=base,
            author=by,
        )
        self._merge_on_trial(pull)
        return pull

    def dependabot(self, files: Files, *, branch: str = "dependabot/pip/numpy-2.4.0") -> PullRequest:
        """Let Dependabot propose a change."""
        return self.pull_request(files, branch=branch, by=DEPENDABOT)

    def delete_fork(self, pull: PullRequest) -> None:
        """Delete the repository that a pull request comes from."""
        self.github.repositories.pop(str(pull.head_repository).lower(), None)
        pull.head_repository = None

    # What happens.

    def opened(self, pull: PullRequest, *, by: str | None = None) -> Event:
        """Somebody opened a pull request."""
        return self._about(pull, "opened", by=by)

    def targeted(self, pull: PullRequest, *, by: str | None = None) -> Event:
        """Somebody opened a pull request, as workflows see it that run with the base's rights."""
        opened = self._about(pull, "opened", by=by)
        ref = f"refs/heads/{self.default_branch}"
        sha = self.git.resolve(ref)
        return dataclasses.replace(opened, name="pull_request_target", ref=ref, sha=sha, workflow_sha=sha)

    def pushed_to(self, pull: PullRequest, files: Files, *, by: str | None = None) -> Event:
        """Somebody pushed to a pull request."""
        before, fork = pull.head_sha, pull.head_repository if pull.head_repository != self.name else None
        by = by or _author(pull)
        pull.head_sha = self.commit(files, branch=pull.head_branch, by=by, fork=fork)
        self._merge_on_trial(pull)
        return self._about(pull, "synchronize", by=by, before=before, after=pull.head_sha)

    def reopened(self, pull: PullRequest, *, by: str | None = None) -> Event:
        """Somebody opened a closed pull request again."""
        pull.state = "open"
        return self._about(pull, "reopened", by=by)

    def labeled(self, pull: PullRequest, label: str, *, by: str = "maintainer") -> Event:
        """Somebody set a label."""
        pull.label(label, by=by)
        return self._about(pull, "labeled", by=by, label=self._payloads.label(label))

    def unlabeled(self, pull: PullRequest, label: str, *, by: str = "maintainer") -> Event:
        """Somebody took a label away."""
        pull.unlabel(label, by=by)
        return self._about(pull, "unlabeled", by=by, label=self._payloads.label(label))

    def closed(self, pull: PullRequest, *, merged: bool = False, by: str = "maintainer") -> Event:
        """Somebody closed a pull request, or merged it."""
        event_sha = self._merge_on_trial(pull)
        pull.close(merged=merged)
        if merged:
            self.git.point(f"refs/heads/{pull.base_branch}", event_sha)
            self.repository.branches[pull.base_branch] = event_sha
        return self._about(pull, "closed", by=by)

    def queued(self, *pulls: PullRequest, by: str = "maintainer", action: str = "checks_requested") -> Event:
        """Pull requests wait in the merge queue, in this order."""
        base_branch = pulls[0].base_branch
        base = head = self.git.resolve(f"refs/heads/{base_branch}")
        ref = f"refs/heads/gh-readonly-queue/{base_branch}/pr-{pulls[-1].number}-{base}"
        for pull in pulls:
            head = self.git.merge(head, pull.head_sha, reference=ref)
            self._publish(self.repository, self.git, head)
        base_ref = f"refs/heads/{base_branch}"
        payload = self._payloads.merge_group(
            head=head, head_ref=ref, base=base, base_ref=base_ref, action=action, by=by
        )
        return self._here("merge_group", payload, ref=ref, sha=head, by=by)

    def pushed(self, files: Files, *, branch: str = "main", by: str = "alice") -> Event:
        """Somebody pushed a commit to a branch."""
        before = self.git.sha(f"refs/heads/{branch}")
        after = self.commit(files, branch=branch, by=by)
        ref = f"refs/heads/{branch}"
        payload = self._payloads.push(ref=ref, before=before, after=after, by=by)
        changed = self.git.changed(before, after) if before else tuple(files)
        return self._here("push", payload, ref=ref, sha=after, by=by, changed=changed)

    def scheduled(self, cron: str, *, workflow: str = "") -> Event:
        """It is time."""
        by = self.repository.owner
        return self._on_default("schedule", self._payloads.schedule(cron, workflow), by=by)

    def dispatched(
        self,
        workflow: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        branch: str = "main",
        by: str = "maintainer",
    ) -> Event:
        """Somebody started a workflow, named by its file, by hand."""
        ref, given = f"refs/heads/{branch}", dict(inputs or {})
        payload = self._payloads.workflow_dispatch(ref=ref, inputs=given, workflow=WORKFLOWS + workflow, by=by)
        return self._here("workflow_dispatch", payload, ref=ref, sha=self.git.resolve(ref), by=by, inputs=given)

    def ran(self, run: Run, *, action: str = "completed") -> Event:
        """A run ended, for those workflows that wait for it."""
        recorded = self.repository.runs[run.id]
        payload = self._payloads.workflow_run(recorded, name=run.name, number=run.number, action=action, by=run.actor)
        fields = {
            "head_sha": run.head_sha,
            "head_branch": run.head_branch,
            "head_repository": run.head_repository,
        }
        return self._on_default("workflow_run", payload, by=run.actor, **fields)

    def _about(self, pull: PullRequest, action: str, *, by: str | None, **more: Any) -> Event:
        by = by or _author(pull)
        payload = self._payloads.pull_request(pull, action, by=by, **more)
        merge = str(pull.merge_commit_sha)
        return Event(
            name="pull_request",
            payload=_copied(payload),
            repository=self.name,
            ref=f"refs/pull/{pull.number}/merge",
            sha=merge,
            workflow_sha=merge,
            actor=by,
            head_ref=pull.head_branch,
            base_ref=pull.base_branch,
            head_sha=pull.head_sha,
            head_branch=pull.head_branch,
            head_repository=pull.head_repository or "",
            changed=self.git.changed(self.git.parents(merge)[0], merge),
        )

    def _on_default(self, name: str, payload: dict[str, Any], *, by: str, **fields: str) -> Event:
        ref = f"refs/heads/{self.default_branch}"
        return self._here(name, payload, ref=ref, sha=self.git.resolve(ref), by=by, **fields)

    def _here(self, name: str, payload: dict[str, Any], *, ref: str, sha: str, by: str, **more: Any) -> Event:
        shown = {
            "head_sha": sha,
            "head_branch": ref.partition("/")[2].partition("/")[2],
            "head_repository": self.name,
        }
        fields = {**shown, **more}
        return Event(
            name=name,
            payload=_copied(payload),
            repository=self.name,
            ref=ref,
            sha=sha,
            workflow_sha=sha,
            actor=by,
            **fields,
        )

    def _merge_on_trial(self, pull: PullRequest) -> str:
        """Merge as GitHub does to find out whether it goes: with the base as it is now."""
        fork = self.gits[str(pull.head_repository)]
        reference = f"refs/pull/{pull.number}"
        if fork is not self.git:
            self.git.git("fetch", "--quiet", fork.path.as_uri(), pull.head_sha)
        self.git.point(f"{reference}/head", pull.head_sha)
        self._publish(self.repository, self.git, pull.head_sha)  # GitHub hands out a fork's files here, too
        base = self.git.resolve(f"refs/heads/{pull.base_branch}")
        pull.merge_commit_sha = merge = self.git.merge(base, pull.head_sha, reference=f"{reference}/merge")
        self._publish(self.repository, self.git, merge)
        return merge

    def _notice_pushes(self) -> None:
        """Let the API know of what jobs pushed."""
        for name, git in self.gits.items():
            there = self.github.repository_named(name)
            for branch, sha in (git.branches() if there is not None else {}).items():
                if there.branches.get(branch) != sha:
                    there.branches[branch] = sha
                    self._publish(there, git, sha)

    def _publish(self, there: Any, git: BareRepository, sha: str) -> None:
        there.commits[sha] = git.parents(sha)
        there.files |= {(sha, path): content for path, content in git.files(sha).items()}


def _author(pull: PullRequest) -> str:
    return pull.author.login  # type: ignore[attr-defined,no-any-return] # a user, in the API's untyped state


def _copied(payload: dict[str, Any]) -> dict[str, Any]:
    """Return it as it is now, and as JSON has it."""
    return dict(json.loads(json.dumps(payload)))
