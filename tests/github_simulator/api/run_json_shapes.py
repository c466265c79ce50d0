"""Runs, artifacts, commits and files in GitHub's JSON."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from urllib.parse import quote

from github_simulator.api.json_shapes import BEGINNING, Shapes

LATER = "2026-05-30T00:00:00Z"
MOST_IN_JSON = 1_000_000
"""Bytes of a file whose content is in JSON; GitHub gives longer ones in raw only (contents API, "Size limits")."""

_LINE = 60
_PERSON = {"name": "Contributor", "email": "contributor@example.com"}
_RUN_URLS = ("jobs", "logs", "artifacts", "cancel", "rerun")


@dataclass(frozen=True, kw_only=True)
class RunShapes(Shapes):
    """Makes JSON of what stands behind a pull request."""

    def run(self, run):
        api = self.repository_url(run.repository)
        url = f"{api}/actions/runs/{run.id}"
        head = self.github.repository_named(run.head_repository)
        return {
            "id": run.id,
            "name": "energy",
            "node_id": f"WFR_{run.id}",
            "check_suite_id": run.id,
            "check_suite_node_id": f"CS_{run.id}",
            "head_branch": run.head_branch,
            "head_sha": run.head_sha,
            "path": run.workflow_path,
            "display_title": "Faster",
            "run_number": 1,
            "run_attempt": run.attempt,
            "event": run.event,
            "status": run.status,
            "conclusion": run.conclusion,
            "workflow_id": 1,
            "url": url,
            "html_url": f"{self.root}/{run.repository.full_name}/actions/runs/{run.id}",
            "pull_requests": [self._minimal(one) for one in _pull_requests(run)],
            "created_at": BEGINNING,
            "updated_at": BEGINNING,
            "run_started_at": BEGINNING,
            "actor": self.user(run.actor),
            "triggering_actor": self.user(run.actor),
            **{f"{one}_url": f"{url}/{one}" for one in _RUN_URLS},
            "check_suite_url": f"{api}/check-suites/{run.id}",
            "workflow_url": f"{api}/actions/workflows/1",
            "previous_attempt_url": f"{url}/attempts/{run.attempt - 1}" if run.attempt > 1 else None,
            "head_commit": self._simple_commit(run.head_sha),
            "repository": self.minimal_repository(run.repository),
            "head_repository": None if head is None else self.minimal_repository(head),
        }

    def _minimal(self, pull):
        ends = {
            "head": (pull.head_branch, pull.head_sha, pull.head_repository),
            "base": (pull.base_branch, pull.base_sha, pull.repository.full_name),
        }
        shown = {"id": 20_000 + pull.number, "number": pull.number, "url": self._pull_url(pull)}
        for end, (ref, sha, name) in ends.items():
            repository = self.github.repository_named(name)
            shown_repository = {"id": repository.id, "url": self.repository_url(repository), "name": repository.name}
            shown[end] = {"ref": ref, "sha": sha, "repo": shown_repository}
        return shown

    @staticmethod
    def _simple_commit(sha):
        people = {"author": _PERSON, "committer": _PERSON}
        return {"id": sha, "tree_id": sha, "message": "Faster", "timestamp": BEGINNING, **people}

    def artifact(self, run, artifact):
        url = f"{self.repository_url(run.repository)}/actions/artifacts/{artifact.id}"
        head = self.github.repository_named(run.head_repository)
        return {
            "id": artifact.id,
            "node_id": f"A_{artifact.id}",
            "name": artifact.name,
            "size_in_bytes": artifact.size_in_bytes,
            "url": url,
            "archive_download_url": f"{url}/zip",
            "expired": artifact.expired,
            "digest": artifact.digest,
            "created_at": BEGINNING,
            "updated_at": BEGINNING,
            "expires_at": LATER,
            "workflow_run": {
                "id": run.id,
                "repository_id": run.repository.id,
                "head_repository_id": 0 if head is None else head.id,
                "head_branch": run.head_branch,
                "head_sha": run.head_sha,
            },
        }

    def commit(self, repository, sha):
        api = self.repository_url(repository)
        url, page = f"{api}/commits/{sha}", f"{self.root}/{repository.full_name}/commit/{sha}"
        written = {**_PERSON, "date": BEGINNING}
        return {
            "url": url,
            "sha": sha,
            "node_id": f"C_{sha}",
            "html_url": page,
            "comments_url": f"{url}/comments",
            "commit": {
                "url": f"{api}/git/commits/{sha}",
                "author": written,
                "committer": written,
                "message": "Faster",
                "comment_count": 0,
                "tree": {"sha": sha, "url": f"{api}/git/trees/{sha}"},
            },
            "author": None,
            "committer": None,
            "parents": [
                {"sha": one, "url": f"{api}/commits/{one}", "html_url": page.replace(sha, one)}
                for one in repository.commits.get(sha, [])
            ],
        }

    def file(self, repository, ref, path, content):
        in_json = len(content) <= MOST_IN_JSON
        text = base64.b64encode(content).decode() if in_json else ""
        lines = "".join(f"{text[at : at + _LINE]}\n" for at in range(0, len(text), _LINE))
        return {
            **self._entry(repository, ref, path, "file", content),
            "encoding": "base64" if in_json else "none",
            "content": lines,
        }

    def folder(self, repository, ref, path, names):
        """Return a folder's list: `names` has the files in it, and `None` for folders in it."""
        return [
            self._entry(repository, ref, f"{path}/{name}", "dir" if content is None else "file", content or b"")
            for name, content in sorted(names.items())
        ]

    def _entry(self, repository, ref, path, kind, content):
        api, blob = self.repository_url(repository), f"blob {len(content)}\0".encode() + content
        sha = hashlib.sha1(blob, usedforsecurity=False).hexdigest()
        self_ = f"{api}/contents/{quote(path)}?ref={quote(ref, safe='')}"
        git = f"{api}/git/blobs/{sha}"
        html = f"{self.root}/{repository.full_name}/blob/{quote(ref)}/{quote(path)}"
        return {
            "type": kind,
            "size": len(content),
            "name": path.rpartition("/")[2],
            "path": path,
            "sha": sha,
            "url": self_,
            "git_url": git,
            "html_url": html,
            "download_url": f"{html}?raw=1" if kind == "file" else None,
            "_links": {"self": self_, "git": git, "html": html},
        }


def _pull_requests(run):
    """Return the pull requests that GitHub shows with a run: those of its own repository's branch."""
    issues = run.repository.issues
    if run.pull_requests is not None:
        return [issues[number] for number in run.pull_requests]
    if run.head_repository != run.repository.full_name:
        return []
    return [
        one
        for one in issues.values()
        if getattr(one, "head_repository", None) == run.head_repository
        and (one.head_branch, one.head_sha, one.state) == (run.head_branch, run.head_sha, "open")
    ]
