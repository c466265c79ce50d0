"""The routes: for each operation the permission that it needs, and a function of the state that answers it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from github_simulator.api.exchange import Answer, json_answer, no_access, refused
from github_simulator.api.rights import Right
from github_simulator.api.run_json_shapes import RunShapes
from github_simulator.api.state import PullRequest

LONGEST_COMMENT = 65_536
PER_PAGE = 30
MOST_PER_PAGE = 100

_ROLES = {"maintain": "write", "triage": "read"}
"""What GitHub calls a role where it knows four rights only."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that may be answered: `values` are its path's, `repository` the one that it names."""

    github: object
    seen: object
    user: object
    values: dict
    repository: object

    @property
    def query(self):
        return dict(parse_qsl(self.seen.query))

    @property
    def show(self):
        return RunShapes(github=self.github)

    @property
    def body(self):
        return self.seen.body if isinstance(self.seen.body, dict) else {}

    def number(self, name):
        value = self.values[name]
        return int(value) if value.isdigit() else None

    @property
    def issue(self):
        return self.repository.issues.get(self.number("issue_number"))

    def paged(self, items, shown):
        """Return one page of a list, and headers that lead to the others."""
        query = self.query
        size = min(self._counted("per_page", PER_PAGE), MOST_PER_PAGE)
        page, last = self._counted("page", 1), max(-(-len(items) // size), 1)

        def link(number, name):
            where = urlencode({**query, "per_page": size, "page": number})
            return f'<{self.github.root}{self.seen.path}?{where}>; rel="{name}"'

        links = [link(page - 1, "prev"), link(1, "first")] if page > 1 else []
        links = [link(page + 1, "next"), link(last, "last"), *links] if page < last else links
        here = [shown(one) for one in items[(page - 1) * size : page * size]]
        return here, {"Link": ", ".join(links)} if links else {}

    def _counted(self, name, otherwise):
        """Return a number of the query; GitHub takes no notice of one that is none."""
        value = self.query.get(name, "")
        return int(value) if value.isdigit() and int(value) else otherwise

    def listed(self, items, shown):
        here, headers = self.paged(items, shown)
        return json_answer(here, **headers)


def not_found():
    return refused(404, "Not Found")


def user(asked):
    return no_access() if asked.user.type == "Bot" else json_answer(asked.show.oneself(asked.user))


def repository(asked):
    return json_answer(asked.show.full_repository(asked.repository))


# Issues, and so pull requests.


def issue(asked):
    return not_found() if asked.issue is None else json_answer(asked.show.issue(asked.issue))


def labels(asked):
    if asked.issue is None:
        return not_found()
    return asked.listed(asked.issue.labels, lambda name: asked.show.label(asked.repository, name))


def events(asked):
    if asked.issue is None:
        return not_found()
    return asked.listed(asked.issue.events, lambda one: asked.show.event(asked.issue, one))


def timeline(asked):
    if asked.issue is None:
        return not_found()
    happened = [(one.id, asked.show.event(asked.issue, one)) for one in asked.issue.events]
    happened += [(number, asked.show.commented(asked.repository, number)) for number in _comments(asked)]
    return asked.listed(sorted(happened, key=lambda one: one[0]), lambda one: one[1])


def comments(asked):
    if asked.issue is None:
        return not_found()
    return asked.listed(_comments(asked), lambda number: asked.show.comment(asked.repository, number))


def _comments(asked):
    repository_, number = asked.repository, asked.issue.number
    here = {key for key, one in repository_.comments.items() if one["issue"] == number}
    return sorted(here - repository_.hidden)


def add_comment(asked):
    if asked.issue is None:
        return not_found()
    body, refusal = _body(asked)
    if refusal:
        return refusal
    shown = asked.show.comment(asked.repository, asked.issue.comment(asked.user, body))
    return json_answer(shown, 201, Location=shown["url"])


def comment(asked):
    number = asked.number("comment_id")
    if number not in asked.repository.comments:
        return not_found()
    return json_answer(asked.show.comment(asked.repository, number))


def change_comment(asked):
    number = asked.number("comment_id")
    one = asked.repository.comments.get(number)
    if one is None:
        return not_found()
    # An app with write access may edit others' comments; that ours never tries is what the tests look at.
    others = 100 if one["user"] != asked.user else 0
    if asked.seen.method == "DELETE":
        del asked.repository.comments[number]
        return Answer(status=204)
    body, refusal = _body(asked)
    if refusal:
        return refusal
    one.update(body=body, edits=one["edits"] + 1 + others)
    return json_answer(asked.show.comment(asked.repository, number))


def _body(asked):
    body = asked.body.get("body")
    if not isinstance(body, str) or not body.strip():
        return None, refused(422, "Validation Failed", errors=[_wrong("missing_field", "body")])
    if len(body) > LONGEST_COMMENT:
        long = f"Body is too long (maximum is {LONGEST_COMMENT} characters)"
        return None, refused(422, "Validation Failed", errors=[_wrong("unprocessable", "data", message=long)])
    return body, None


def _wrong(code, field, **more):
    return {"resource": "IssueComment", "code": code, "field": field, **more}


# Pull requests.


def pull(asked):
    found = asked.repository.issues.get(asked.number("pull_number"))
    return json_answer(asked.show.pull_request(found)) if isinstance(found, PullRequest) else not_found()


def pulls(asked):
    query = asked.query
    state, head, base = query.get("state", "open"), query.get("head", ""), query.get("base")
    found = [
        one
        for one in _pulls(asked.repository)
        if state in {"all", one.state}
        and base in {None, one.base_branch}
        # GitHub takes no notice of a head without its owner.
        and (":" not in head or asked.show.pull_request_listed(one)["head"]["label"] == head)
    ]
    newest_first = query.get("direction", "desc") == "desc"
    found.sort(key=lambda one: one.number, reverse=newest_first)
    return asked.listed(found, asked.show.pull_request_listed)


def _pulls(repository_):
    return [one for one in repository_.issues.values() if isinstance(one, PullRequest)]


def pulls_of_commit(asked):
    """List those of commits in this repository: a fork's are known to the fork only."""
    here, sha = asked.repository.full_name, asked.values["commit_sha"]
    found = [
        one
        for repository_ in asked.github.repositories.values()
        for one in _pulls(repository_)
        if (one.head_sha == sha and one.head_repository == here)
        or (one.merged and one.merge_commit_sha == sha and repository_ is asked.repository)
    ]
    if not found and not asked.repository.knows(sha):
        return refused(422, f"No commit found for SHA: {sha}")
    return asked.listed(found, asked.show.pull_request_listed)


def permission(asked):
    login = asked.values["username"]
    if login not in asked.github.users:
        return refused(404, f"{login} is not a user")
    otherwise = "none" if asked.repository.private else "read"
    role = "admin" if login == asked.repository.owner else asked.repository.collaborators.get(login, otherwise)
    person = {**asked.show.user(asked.github.user(login)), "role_name": role}
    return json_answer({"permission": _ROLES.get(role, role), "role_name": role, "user": person})


_THREAD = (Right("issues"), Right("pull_requests"))
"""Either will do for what issues and pull requests have in common."""

_WRITE_THREAD = (Right("issues", "write"), Right("pull_requests", "write"))
_REPO = "/repos/{owner}/{repo}"
_ISSUE = f"{_REPO}/issues/{{issue_number}}"
_COMMENT = f"{_REPO}/issues/comments/{{comment_id}}"

ROUTES = {
    ("get", "/user"): ((), user),
    ("get", _REPO): ((Right("metadata"),), repository),
    ("get", _ISSUE): (_THREAD, issue),
    ("get", f"{_ISSUE}/labels"): (_THREAD, labels),
    ("get", f"{_ISSUE}/events"): (_THREAD, events),
    ("get", f"{_ISSUE}/timeline"): (_THREAD, timeline),
    ("get", f"{_ISSUE}/comments"): (_THREAD, comments),
    ("post", f"{_ISSUE}/comments"): (_WRITE_THREAD, add_comment),
    ("get", _COMMENT): (_THREAD, comment),
    ("patch", _COMMENT): (_WRITE_THREAD, change_comment),
    ("delete", _COMMENT): (_WRITE_THREAD, change_comment),
    ("get", f"{_REPO}/pulls"): ((Right("pull_requests"),), pulls),
    ("get", f"{_REPO}/pulls/{{pull_number}}"): ((Right("pull_requests"),), pull),
    ("get", f"{_REPO}/commits/{{commit_sha}}/pulls"): ((Right("pull_requests"),), pulls_of_commit),
    ("get", f"{_REPO}/collaborators/{{username}}/permission"): ((Right("metadata"),), permission),
}
"""By operation: the rights of which one is needed, and what answers."""
