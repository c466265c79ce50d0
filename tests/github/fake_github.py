"""A stand-in for GitHub's API: a real HTTP server with a memory, which pages, limits, fails and races.

Paths, status codes and the names and types of fields are those GitHub describes for its REST API; a comment has
all the fields of GitHub's published example of one, its author those that the tests and the client look at.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

DOCS = "https://docs.github.com/rest"


@dataclass(frozen=True, kw_only=True)
class User:
    login: str
    id: int
    type: str = "User"


ACTIONS = User(login="github-actions[bot]", id=41898282, type="Bot")
OTHER_APP = User(login="energy-police[bot]", id=777, type="Bot")
ALICE = User(login="alice", id=1001)
MALLORY = User(login="mallory", id=6666)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A request that arrived."""

    method: str
    path: str
    query: str
    headers: dict
    body: object

    @property
    def token(self):
        return self.headers.get("authorization")


@dataclass(kw_only=True)
class Trick:
    """What to do instead of, or before, answering some requests.

    `act` runs first, `then` once the answer is made and before it is sent. With a status the server answers so;
    `done` says whether it does what was asked first, as when the answer is lost behind a gateway. Status 0 closes
    the connection.
    """

    method: str
    path: str
    times: int = 1
    status: int | None = None
    headers: dict = field(default_factory=dict)
    body: object = None
    done: bool = False
    act: object = None
    then: object = None


class FakeGitHub:
    """One repository's pull requests, as the REST API shows them."""

    def __init__(self, *, prefix=""):
        self.prefix = prefix
        self.tokens = {}
        self.comments = {}
        self.seen = []
        self.graphql = True
        self.hidden = set()
        self._tricks = []
        self._lock = threading.RLock()
        self._number = 100
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.github = self

    @property
    def root(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def api_url(self):
        return self.root + self.prefix

    @contextlib.contextmanager
    def serving(self):
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    # What tests arrange and look at.

    def token(self, user, *, writes=True):
        """Make a token; those of bots are an app's, which may not ask `/user`."""
        token = f"ghs_{user.id}{'w' if writes else 'r'}0123456789abcdef"
        self.tokens[token] = (user, writes)
        return token

    def trick(self, method, path, **how):
        """Arrange for the next requests whose path, without the prefix, this pattern matches in full."""
        with self._lock:
            self._tricks.append(Trick(method=method, path=path, **how))

    def add_comment(self, user, body, *, pull_request=1):
        with self._lock:
            self._number += 1
            self.comments[self._number] = {"issue": pull_request, "user": user, "body": body, "edits": 0}
            return self._number

    def bodies(self, user=None):
        """Return what the comments say, oldest first, by author if one is given."""
        return [one["body"] for _, one in sorted(self.comments.items()) if user in (None, one["user"])]

    def asked(self, method, pattern=".*"):
        return [one for one in self.seen if one.method == method and re.fullmatch(pattern, one.path)]

    @property
    def writes(self):
        return [
            (one.method, one.path)
            for one in self.seen
            if one.method != "GET" and not one.path.endswith("graphql")
        ]

    # What the handler asks.

    def answer(self, seen):
        """Return status, headers and body for a request; `None` to close the connection without a word."""
        with self._lock:
            self.seen.append(seen)
            trick = self._take(seen)
        if trick is None:
            return self._answer(seen)
        if trick.act is not None:
            trick.act()
        if trick.status is None:
            answer = self._answer(seen)
            if trick.then is not None:
                trick.then()
            return answer
        if trick.done:
            self._answer(seen)
        return None if trick.status == 0 else (trick.status, trick.headers, trick.body)

    def _take(self, seen):
        for trick in self._tricks:
            path = seen.path.removeprefix(self.prefix)
            if trick.times and trick.method == seen.method and re.fullmatch(trick.path, path):
                trick.times -= 1
                return trick
        return None

    def _answer(self, seen):
        with self._lock:
            known = self.tokens.get((seen.token or "").removeprefix("Bearer "))
            if known is None:
                return _refuse(401, "Bad credentials")
            user, writes = known
            if seen.path == f"{self.prefix.removesuffix('/v3')}/graphql":
                return self._graphql(user)
            return self._rest(seen, user, writes=writes, path=seen.path.removeprefix(self.prefix))

    def _rest(self, seen, user, *, writes, path):
        if (seen.method != "GET" and not writes) or (path == "/user" and user.type == "Bot"):
            return _refuse(403, "Resource not accessible by integration")
        if path == "/user":
            return _user(user)
        if found := re.fullmatch(r"/repos/o/r/issues/(\d+)/comments", path):
            return self._thread(seen, user, int(found[1]))
        if found := re.fullmatch(r"/repos/o/r/issues/comments/(\d+)", path):
            return self._one(seen, user, int(found[1]))
        return _refuse(404, "Not Found")

    def _graphql(self, user):
        if not self.graphql:
            return _refuse(403, "Resource not accessible by integration")
        return 200, {}, {"data": {"viewer": {"login": user.login}}}

    def _thread(self, seen, user, number):
        if seen.method == "POST":
            body, refused = _body_of(seen)
            if refused:
                return refused
            made = self.add_comment(user, body, pull_request=number)
            return 201, {"Location": self.shown(made)["url"]}, self.shown(made)
        ids = [
            key
            for key, one in sorted(self.comments.items())
            if one["issue"] == number and key not in self.hidden
        ]
        query = parse_qs(seen.query)
        size = min(int(query.get("per_page", ["30"])[0]), 100)
        page = int(query.get("page", ["1"])[0])
        here = ids[(page - 1) * size : page * size]
        url = f"{self.root}{seen.path}?per_page={size}&page="
        last = max(-(-len(ids) // size), 1)
        link = {"Link": f'<{url}{page + 1}>; rel="next", <{url}{last}>; rel="last"'} if page < last else {}
        return 200, link, [self.shown(one) for one in here]

    def _one(self, seen, user, number):
        if number not in self.comments:
            return _refuse(404, "Not Found")
        if self.comments[number]["user"] != user:
            # An app with write access may edit others' comments; that ours never tries is what the tests look at.
            self.comments[number]["edits"] += 100
        if seen.method == "DELETE":
            del self.comments[number]
            return 204, {}, None
        body, refused = _body_of(seen)
        if refused:
            return refused
        self.comments[number]["body"] = body
        self.comments[number]["edits"] += 1
        return 200, {}, self.shown(number)

    def shown(self, number):
        """Return a comment as the API shows it."""
        one = self.comments[number]
        url = f"{self.api_url}/repos/o/r/issues/comments/{number}"
        return {
            "url": url,
            "html_url": f"{self.root}/o/r/pull/{one['issue']}#issuecomment-{number}",
            "issue_url": f"{self.api_url}/repos/o/r/issues/{one['issue']}",
            "id": number,
            "node_id": f"IC_{number}",
            "user": None if one["user"] is None else _user(one["user"])[2],
            "created_at": "2026-03-01T00:00:00Z",
            "updated_at": "2026-03-01T00:00:00Z",
            "author_association": "NONE",
            "performed_via_github_app": None,
            "body": one["body"],
            "reactions": {"url": f"{url}/reactions", "total_count": 0},
        }


def _user(user):
    return 200, {}, {"login": user.login, "id": user.id, "node_id": f"U_{user.id}", "type": user.type}


def _body_of(seen):
    body = seen.body.get("body") if isinstance(seen.body, dict) else None
    if not isinstance(body, str):
        return None, _refuse(422, "Invalid request.")
    if len(body) > 65_536:
        wrong = {"resource": "IssueComment", "code": "unprocessable", "field": "data"}
        long = {**wrong, "message": "Body is too long (maximum is 65536 characters)"}
        return None, (422, {}, {"message": "Validation Failed", "errors": [long], "documentation_url": DOCS})
    return body, None


def _refuse(status, message):
    return status, {}, {"message": message, "documentation_url": DOCS, "status": str(status)}


class _Handler(BaseHTTPRequestHandler):
    def _handle(self):
        length = int(self.headers.get("Content-Length", 0))
        sent = self.rfile.read(length)
        parts = urlsplit(self.path)
        answer = self.server.github.answer(
            Seen(
                method=self.command,
                path=parts.path,
                query=parts.query,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=json.loads(sent) if sent else None,
            )
        )
        if answer is None:
            self.close_connection = True
            return
        status, headers, body = answer
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815 - the names http.server looks for

    def log_message(self, *_):
        """Say nothing."""
