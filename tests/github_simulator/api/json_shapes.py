"""People, repositories, comments, issues and pull requests in GitHub's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from github_simulator.api.state import PullRequest
from github_simulator.api.users import GHOST

BEGINNING = "2026-03-01T00:00:00Z"


def _words(text):
    return text.split()


_USER_URLS = _words("followers following gists starred subscriptions organizations repos events received_events")
_REPOSITORY_URLS = _words(
    "archive assignees blobs branches collaborators comments commits compare contents contributors deployments "
    "downloads events forks git_commits git_refs git_tags issue_comment issue_events issues keys labels languages "
    "merges milestones notifications pulls releases stargazers statuses subscribers subscription tags teams trees "
    "hooks"
)
_REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "eyes", "rocket")


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """Makes JSON with addresses below these two: `api_url`, and `root` for people."""

    github: object

    @property
    def api(self):
        return self.github.api_url

    @property
    def root(self):
        return self.github.root

    def user(self, user):
        name = quote(user.login)
        url = f"{self.api}/users/{name}"
        return {
            "login": user.login,
            "id": user.id,
            "node_id": f"U_{user.id}",
            "avatar_url": f"{self.root}/avatars/{user.id}",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{self.root}/{name}",
            "type": user.type,
            "site_admin": False,
            "user_view_type": "public",
        } | {f"{one}_url": f"{url}/{one}" for one in _USER_URLS}

    def oneself(self, user):
        """Return a user as `/user` shows them to themselves."""
        counts = "public_repos public_gists followers following private_gists total_private_repos owned_private_repos"
        return {
            **self.user(user),
            **dict.fromkeys(_words("name company blog location email hireable bio")),
            **dict.fromkeys([*_words(counts), "disk_usage", "collaborators"], 0),
            "created_at": BEGINNING,
            "updated_at": BEGINNING,
            "two_factor_authentication": True,
            "user_view_type": "private",
        }

    def repository_url(self, repository):
        return f"{self.api}/repos/{repository.full_name}"

    def minimal_repository(self, repository):
        url = self.repository_url(repository)
        return {
            "id": repository.id,
            "node_id": f"R_{repository.id}",
            "name": repository.name,
            "full_name": repository.full_name,
            "owner": self.user(self.github.user(repository.owner)),
            "private": repository.private,
            "html_url": f"{self.root}/{repository.full_name}",
            "description": None,
            "fork": repository.fork,
            "url": url,
        } | {f"{one}_url": f"{url}/{one}" for one in _REPOSITORY_URLS}

    def repository(self, repository):
        counts = "forks forks_count stargazers_count watchers watchers_count size open_issues open_issues_count"
        has = _words("has_issues has_projects has_wiki has_downloads")
        page = f"{self.root}/{repository.full_name}"
        return {
            **self.minimal_repository(repository),
            **dict.fromkeys(_words(counts), 0),
            **dict.fromkeys(has, True),
            **dict.fromkeys(["has_pages", "has_discussions", "archived", "disabled"], False),
            **dict.fromkeys(["license", "mirror_url", "homepage", "language"]),
            **dict.fromkeys(["pushed_at", "created_at", "updated_at"], BEGINNING),
            "git_url": f"git:{page.partition(':')[2]}.git",
            "ssh_url": f"git@host:{repository.full_name}.git",
            "clone_url": f"{page}.git",
            "svn_url": page,
            "default_branch": repository.default_branch,
            "visibility": "private" if repository.private else "public",
        }

    def full_repository(self, repository):
        return {**self.repository(repository), "subscribers_count": 0, "network_count": 0}

    def comment(self, repository, number):
        one = repository.comments[number]
        url = f"{self.repository_url(repository)}/issues/comments/{number}"
        shown = {
            "url": url,
            "html_url": f"{self.root}/{repository.full_name}/pull/{one['issue']}#issuecomment-{number}",
            "issue_url": f"{self.repository_url(repository)}/issues/{one['issue']}",
            "id": number,
            "node_id": f"IC_{number}",
            "user": None if one["user"] is None else self.user(one["user"]),
            "created_at": BEGINNING,
            "updated_at": BEGINNING,
            "author_association": "NONE",
            "performed_via_github_app": None,
            "reactions": {"url": f"{url}/reactions", "total_count": 0, **dict.fromkeys(_REACTIONS, 0)},
        }
        return shown if one["body"] is None else {**shown, "body": one["body"]}

    def label(self, repository, name):
        url = f"{self.repository_url(repository)}/labels/{quote(name)}"
        id_ = 1 + sum(name.encode())
        texts = {"id": id_, "node_id": f"LA_{id_}", "url": url, "name": name}
        return {**texts, "description": "Set by hand", "color": "ededed", "default": False}

    def _labels(self, issue):
        return [self.label(issue.repository, name) for name in issue.labels]

    def _issue_url(self, issue):
        return f"{self.repository_url(issue.repository)}/issues/{issue.number}"

    def issue(self, issue):
        url = self._issue_url(issue)
        comments = sum(one["issue"] == issue.number for one in issue.repository.comments.values())
        shown = {
            "url": url,
            "repository_url": self.repository_url(issue.repository),
            "html_url": f"{self.root}/{issue.repository.full_name}/issues/{issue.number}",
            "id": 10_000 + issue.number,
            "node_id": f"I_{issue.number}",
            "user": None if issue.author is None else self.user(issue.author),
            "labels": self._labels(issue),
            "comments": comments,
            **{f"{one}_url": f"{url}/{one}" for one in ("labels", "comments", "events", "timeline")},
            **self._told(issue),
        }
        if not isinstance(issue, PullRequest):
            return shown
        page = f"{self.root}/{issue.repository.full_name}/pull/{issue.number}"
        links = {"url": self._pull_url(issue), "html_url": page, **self._patches(page)}
        return {**shown, "html_url": page, "pull_request": {**links, "merged_at": self._merged_at(issue)}}

    def _told(self, issue):
        """Return what issues and pull requests say in the same words."""
        return {
            "number": issue.number,
            "title": issue.title,
            "body": issue.body,
            "state": issue.state,
            "locked": False,
            "assignee": None,
            "assignees": [],
            "milestone": None,
            "author_association": "NONE",
            "created_at": BEGINNING,
            "updated_at": BEGINNING,
            "closed_at": None if issue.state == "open" else BEGINNING,
        }

    def pull_request(self, pull):
        """Return a pull request as it is shown alone."""
        counts = "comments review_comments commits additions deletions changed_files"
        return {
            **self.pull_request_listed(pull),
            **dict.fromkeys(_words(counts), 0),
            "commits": 1,
            "merged": pull.merged,
            "merged_by": self.user(self.github.user("maintainer")) if pull.merged else None,
            "mergeable": None if pull.merged else True,
            "mergeable_state": "unknown" if pull.merged else "clean",
            "maintainer_can_modify": False,
        }

    def pull_request_listed(self, pull):
        """Return a pull request as lists show it."""
        url, issue_url = self._pull_url(pull), self._issue_url(pull)
        page = f"{self.root}/{pull.repository.full_name}/pull/{pull.number}"
        statuses = f"{self.repository_url(pull.repository)}/statuses/{pull.head_sha}"
        places = {
            "html": page,
            "issue": issue_url,
            "comments": f"{issue_url}/comments",
            "review_comments": f"{url}/comments",
            "review_comment": f"{self.repository_url(pull.repository)}/pulls/comments{{/number}}",
            "commits": f"{url}/commits",
            "statuses": statuses,
        }
        return {
            "url": url,
            "id": 20_000 + pull.number,
            "node_id": f"PR_{pull.number}",
            **{f"{name}_url": place for name, place in places.items()},
            **self._patches(page),
            **self._told(pull),
            # Lists and single ones differ here in GitHub's description; GitHub shows `ghost` for who is gone.
            "user": self.user(pull.author or GHOST),
            "labels": self._labels(pull),
            "head": self._head(pull),
            "base": self._end(pull.repository, pull.base_branch, pull.base_sha),
            "_links": {name: {"href": place} for name, place in {**places, "self": url}.items()},
            "draft": pull.draft,
            "auto_merge": None,
            "requested_reviewers": [],
            "requested_teams": [],
            "merge_commit_sha": pull.merge_commit_sha,
            "merged_at": self._merged_at(pull),
        }

    def _head(self, pull):
        repository = self.github.repository_named(pull.head_repository)
        if repository is not None:
            return self._end(repository, pull.head_branch, pull.head_sha)
        author = pull.author or GHOST
        label = f"{author.login}:{pull.head_branch}"
        ends = {"label": label, "ref": pull.head_branch, "sha": pull.head_sha}
        return {**ends, "user": self.user(author), "repo": None}

    def _end(self, repository, branch, sha):
        return {
            "label": f"{repository.owner}:{branch}",
            "ref": branch,
            "sha": sha,
            "user": self.user(self.github.user(repository.owner)),
            "repo": self.repository(repository),
        }

    def _pull_url(self, pull):
        return f"{self.repository_url(pull.repository)}/pulls/{pull.number}"

    @staticmethod
    def _patches(page):
        return {"diff_url": f"{page}.diff", "patch_url": f"{page}.patch"}

    @staticmethod
    def _merged_at(pull):
        return BEGINNING if pull.merged else None

    def event(self, issue, event):
        """Return what happened to an issue."""
        return {
            "id": event.id,
            "node_id": f"EV_{event.id}",
            "url": f"{self.repository_url(issue.repository)}/issues/events/{event.id}",
            "actor": None if event.actor is None else self.user(event.actor),
            "event": event.event,
            "commit_id": None,
            "commit_url": None,
            "created_at": event.at,
            "performed_via_github_app": None,
            **event.details,
        }

    def commented(self, repository, number):
        """Return a comment as the timeline shows it."""
        shown = self.comment(repository, number)
        user = shown["user"] or self.user(GHOST)
        return {**shown, "event": "commented", "user": user, "actor": user}
