"""The state of the simulated GitHub: repositories with their pull requests, runs, artifacts and files.

Tests make it through these classes and may change any attribute at any time, between two requests too (see
`FakeGitHub.before`); the next answer shows it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

MAIN = "main"
WORKFLOW = ".github/workflows/energy.yml"


@dataclass(kw_only=True)
class Event:
    """Something that happened to an issue, such as `labeled`: by whom (`None`: the account is gone), and when."""

    id: int
    event: str
    actor: object
    at: str
    details: dict


@dataclass(kw_only=True, eq=False)
class Issue:
    """An issue: what pull requests are, too.

    Attributes:
        labels: Names of the labels it has, in the order they were set.
        events: What happened to it, oldest first.
        author: Who opened it; `None` where the account is gone.
        state: `open` or `closed`.
    """

    repository: Repository
    number: int
    author: object
    title: str = "Faster"
    body: str | None = None
    state: str = "open"
    labels: list = field(default_factory=list)
    events: list = field(default_factory=list)

    def label(self, name, *, by="maintainer", at=None):
        """Set a label as this user (a `User`, a login, or `None` for one who is gone), now or at a time."""
        if name not in self.labels:
            self.labels.append(name)
        self._happened("labeled", by, at, label={"name": name, "color": "ededed"})

    def unlabel(self, name, *, by="maintainer", at=None):
        """Take a label away."""
        self.labels.remove(name)
        self._happened("unlabeled", by, at, label={"name": name, "color": "ededed"})

    def lock(self, *, by="maintainer", at=None):
        """Let something happen that is about no label."""
        self._happened("locked", by, at, lock_reason=None)

    def comment(self, user, body):
        """Add a comment by this user (a `User`, a login, or `None` for one who is gone); return its number."""
        return self.repository.add_comment(user, body, pull_request=self.number)

    def _happened(self, event, by, at, **details):
        github = self.repository.github
        actor = None if by is None else github.user(by)
        made = Event(id=github.next_id(), event=event, actor=actor, at=at or github.clock(), details=details)
        self.events.append(made)


@dataclass(kw_only=True, eq=False)
class PullRequest(Issue):
    """A pull request.

    Attributes:
        head_sha: Its last commit; changed, it is as after a push.
        head_branch: The branch it is from.
        head_repository: `owner/name` it is from; `None` when the fork is gone.
        base_sha: What `base.sha` says.
        base_branch: The branch it is to be merged into.
        merge_commit_sha: The trial merge, or the merge once `merged`.
    """

    head_sha: str
    head_branch: str
    head_repository: str | None
    base_sha: str
    base_branch: str = MAIN
    merged: bool = False
    draft: bool = False
    merge_commit_sha: str | None = None

    def close(self, *, merged=False):
        """Close it, merged or not."""
        self.state, self.merged = "closed", merged


@dataclass(kw_only=True)
class Artifact:
    """A file that a run left: `content` is the zip as downloaded.

    `size_in_bytes` is what the API claims of it; an expired one is listed and answers 410.
    """

    id: int
    name: str
    content: bytes
    size_in_bytes: int
    expired: bool = False

    @property
    def digest(self):
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"


@dataclass(kw_only=True, eq=False)
class Run:
    """A run of a workflow.

    Attributes:
        head_repository: `owner/name` the commit is from; `None` when the fork is gone.
        event: What started it.
        conclusion: `None` while it runs.
        pull_requests: Numbers; by default those of this repository's own branch and commit, and so none for a
            fork's, as GitHub does it.
        artifacts: What it left; several may have one name, as after another attempt.
    """

    repository: Repository
    id: int
    head_sha: str
    head_branch: str = "patch-1"
    head_repository: str | None
    event: str = "pull_request"
    status: str = "completed"
    conclusion: str | None = "success"
    attempt: int = 1
    workflow_path: str = WORKFLOW
    actor: object = None
    pull_requests: list | None = None
    artifacts: list = field(default_factory=list)

    def artifact(self, name, content, *, expired=False, size_in_bytes=None):
        """Leave a file, given as the bytes of its zip (see `zip_of`); return it."""
        made = Artifact(
            id=self.repository.github.next_id(),
            name=name,
            content=content,
            size_in_bytes=len(content) if size_in_bytes is None else size_in_bytes,
            expired=expired,
        )
        self.artifacts.append(made)
        return made


@dataclass(kw_only=True, eq=False)
class Repository:
    """A repository.

    Attributes:
        files: What is in it: bytes by (commit, path).
        branches: The commit that each branch is at.
        commits: Names of commits with those of their parents; those of files, branches, runs and pull requests
            are known anyway.
        collaborators: Roles by login: `admin`, `maintain`, `write`, `triage` or `read`.
        comments: By number, each with `issue`, `user` (`None` where the account is gone), `body` and `edits`.
        hidden: Numbers of comments that are not listed yet, as GitHub's lists are not always up to date.
    """

    github: object
    full_name: str
    id: int
    private: bool = False
    fork: bool = False
    default_branch: str = MAIN
    files: dict = field(default_factory=dict)
    branches: dict = field(default_factory=dict)
    commits: dict = field(default_factory=dict)
    collaborators: dict = field(default_factory=dict)
    issues: dict = field(default_factory=dict)
    runs: dict = field(default_factory=dict)
    comments: dict = field(default_factory=dict)
    hidden: set = field(default_factory=set)

    @property
    def owner(self):
        return self.full_name.partition("/")[0]

    @property
    def name(self):
        return self.full_name.partition("/")[2]

    def commit_at(self, ref):
        """Return the commit that a branch or a commit's own name means here; `None` when there is none."""
        branch = ref.removeprefix("refs/").removeprefix("heads/")
        return self.branches.get(branch) or (ref if self.knows(ref) else None)

    def knows(self, sha):
        """Tell whether a commit is here; those of pull requests from forks are, too."""
        pulls = [one for one in self.issues.values() if isinstance(one, PullRequest)]
        named = {one for pull in pulls for one in (pull.head_sha, pull.base_sha, pull.merge_commit_sha)}
        named |= {at for at, _ in self.files} | {one.head_sha for one in self.runs.values()}
        return sha in named or sha in self.commits or sha in self.branches.values()

    def pull_request(
        self,
        *,
        number=1,
        head_sha="a" * 40,
        base_sha="b" * 40,
        head_repository="",
        head_branch="patch-1",
        author="contributor",
        labels=(),
        **more,
    ):
        """Open a pull request; see `PullRequest` for what else may be said of it.

        Args:
            head_repository: A fork, made if there is none of this name; by default this repository itself;
                `None` when the fork is gone.
            labels: Names, set by a maintainer, or a mapping from them to who set each.
        """
        head = self.full_name if head_repository == "" else head_repository
        if head is not None:
            self.github.repository(head, fork=head != self.full_name)
        made = PullRequest(
            repository=self,
            number=number,
            head_sha=head_sha,
            base_sha=base_sha,
            head_repository=head,
            head_branch=head_branch,
            author=None if author is None else self.github.user(author),
            **more,
        )
        self.issues[number] = made
        for name in labels:
            made.label(name, by=labels[name] if isinstance(labels, dict) else "maintainer")
        return made

    def issue(self, *, number, author="contributor", **more):
        """Open an issue that is no pull request."""
        made = Issue(repository=self, number=number, author=self.github.user(author), **more)
        self.issues[number] = made
        return made

    def run(self, *, id, head_sha="a" * 40, head_repository="", artifacts=None, actor="contributor", **more):  # noqa: A002 - GitHub's word
        """Let a workflow have run; see `Run` for what else may be said of it, and `artifacts` are zips by name."""
        head = self.full_name if head_repository == "" else head_repository
        if head is not None:
            self.github.repository(head, fork=head != self.full_name)
        made = Run(
            repository=self,
            id=id,
            head_sha=head_sha,
            head_repository=head,
            actor=self.github.user(actor),
            **more,
        )
        self.runs[id] = made
        for name, content in (artifacts or {}).items():
            made.artifact(name, content)
        return made

    def add_comment(self, user, body, *, pull_request=1):
        """Comment as this user (a `User`, a login, or `None` for one who is gone); return the number."""
        number = self.github.next_id()
        author = None if user is None else self.github.user(user)
        self.comments[number] = {"issue": pull_request, "user": author, "body": body, "edits": 0}
        return number

    def bodies(self, user=None):
        """Return what the comments say, oldest first, by author if one is given."""
        return [one["body"] for _, one in sorted(self.comments.items()) if user in {None, one["user"]}]
