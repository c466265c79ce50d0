"""A request, its response, and what a test makes happen between the two."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field

DOCS = "https://docs.github.com/rest"
JSON = "application/json; charset=utf-8"

_WITHOUT_STATUS = {422, 503}
"""These have forms of their own, which do not say the status again."""


@dataclass(kw_only=True)
class Seen:
    """A request that arrived.

    Attributes:
        headers: By name in lower case.
        content: Its body as it came; `body` is the JSON of it, or `None`.
        user: Whose token it had; `None` for nobody's.
        status: Of the answer; 0 where the connection was closed without one.
    """

    method: str
    path: str
    query: str
    headers: dict
    content: bytes
    user: object = None
    status: int | None = None

    @property
    def token(self):
        """The whole `Authorization` header; `None` without one."""
        return self.headers.get("authorization")

    @property
    def body(self):
        try:
            return json.loads(self.content)
        except ValueError:
            return None


@dataclass(kw_only=True)
class Answer:
    """What is sent back: `content` in bytes, as the headers say."""

    status: int
    headers: dict = field(default_factory=dict)
    content: bytes = b""

    def read(self):
        """Return the JSON of it; text where it is not said to be JSON."""
        text = self.content.decode()
        return json.loads(text) if "json" in self.headers.get("Content-Type", "") else text


def json_answer(value, status=200, **headers):
    """Answer in JSON."""
    return Answer(status=status, headers={"Content-Type": JSON, **headers}, content=json.dumps(value).encode())


def refused(status, message, **more):
    """Answer with a refusal in GitHub's form."""
    again = {} if status in _WITHOUT_STATUS else {"status": str(status)}
    return json_answer({"message": message, **more, "documentation_url": DOCS, **again}, status)


def no_access():
    """Refuse as GitHub does where an app's token has not the right."""
    return refused(403, "Resource not accessible by integration")


@dataclass(kw_only=True)
class Trick:
    """What to do instead of, or before, answering some requests.

    `act` runs first, `then` once the answer is made and before it is sent. With a status the server answers so;
    `done` says whether it does what was asked first, as when the answer is lost behind a gateway. Status 0 closes
    the connection. The first `skip` requests that match are left alone.

    What a test makes up here (a status, headers, a body) is not checked against the contract, and a path that is
    written out needs not be one of GitHub's; with `real`, the answer is.
    """

    method: str
    path: str
    times: int = 1
    skip: int = 0
    status: int | None = None
    headers: dict = field(default_factory=dict)
    body: object = None
    done: bool = False
    act: object = None
    then: object = None
    real: bool = False

    def answer(self):
        """Return what was made up; `None` to close the connection."""
        if self.status == 0:
            return None
        if isinstance(self.body, bytes):
            return Answer(status=self.status, headers=self.headers, content=self.body)
        made = json_answer(self.body, self.status) if self.body is not None else Answer(status=self.status)
        return Answer(status=self.status, headers={**made.headers, **self.headers}, content=made.content)


class Tricks:
    """Those that are arranged; each request takes the first that is for it."""

    def __init__(self):
        self._tricks = []
        self._lock = threading.Lock()

    def add(self, trick):
        with self._lock:
            self._tricks.append(trick)

    def take(self, method, path):
        with self._lock:
            for trick in self._tricks:
                if not trick.times or trick.method != method or not re.fullmatch(trick.path, path):
                    continue
                if trick.skip:
                    # It counts those that it would have met, so a later one may still be for this request.
                    trick.skip -= 1
                    continue
                trick.times -= 1
                return trick
        return None
