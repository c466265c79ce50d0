"""A simulation of GitHub's API: an HTTP server with state, pagination, rate limits, failures and races.

    with FakeGitHub().serving() as github:
        repo = github.repository("octo/shop")
        pull = repo.pull_request(number=7, head_repository="fork/shop", labels={"energy-waived": "maintainer"})
        run = repo.run(id=11, head_repository="fork/shop", artifacts={"result": zip_of({"result.json": b"{}"})})
        repo.files["b" * 40, "energygate.yml"] = b"version: 1"
        token = github.token(rights={"pull-requests": "write", "actions": "read"}, repositories=["octo/shop"])
        ...  # talk to github.url with it; meanwhile pull.head_sha = "c" * 40 is a push
        assert repo.bodies() == [...]

Its state is in `state.py`: `Repository`, `Issue`, `PullRequest`, `Run`, `Artifact`.

**The contract.** Every request and every answer is checked against GitHub's own description of its API
(`openapi/github.json`). What is not as described, or a token shown to the host of files, is a violation, and leaving
`serving()` raises `ContractBroken` for it, whatever the client made of it. `github.violations` is the list.

Simpler than GitHub: a token without a right may not read a public repository either, in which GitHub lets everyone
read; so whatever works here works in private repositories, too.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import re
import threading
import zipfile

from github_simulator.api import contract
from github_simulator.api.dispatch import answered, failure, is_graphql, primary_limit, secondary_limit
from github_simulator.api.exchange import Seen, Trick, Tricks
from github_simulator.api.http_servers import Host, Storage
from github_simulator.api.rights import Token, all_rights, rights_of
from github_simulator.api.run_json_shapes import RunShapes
from github_simulator.api.state import Artifact, Issue, PullRequest, Repository, Run
from github_simulator.api.users import ACTIONS, ALICE, BOT, GHOST, KNOWN, MALLORY, OTHER_APP, User

__all__ = [
    "ACTIONS",
    "ALICE",
    "GHOST",
    "MALLORY",
    "OTHER_APP",
    "Artifact",
    "ContractBroken",
    "FakeGitHub",
    "Issue",
    "PullRequest",
    "Repository",
    "Run",
    "Seen",
    "Trick",
    "User",
    "zip_of",
]

HOME = "o/r"
"""A repository that is always there, with pull requests 1 and 2."""

RESET_S = 1_800_000_030


class ContractBroken(AssertionError):
    """A request or an answer was not as GitHub describes, or a token was shown to the host of files."""


class FakeGitHub:
    """GitHub with as many repositories as a test makes.

    Attributes:
        seen: What arrived, in order.
        violations: What was not as GitHub describes; a test that wants one clears it.
        users: By login; `user` adds to them.
        budget: How many more requests are answered before the primary limit; `None` for no limit.
        reset_s: Seconds since 1970 at which the primary limit says that it ends.
        graphql: Whether GraphQL tells an app who it is.
        storage: The host of files: its `seen`, `expire` and `trick`.
    """

    def __init__(self, *, prefix=""):
        self.prefix = prefix
        self.tokens = {}
        self.repositories = {}
        self.users = dict(KNOWN)
        self.seen = []
        self.violations = []
        self.budget = None
        self.reset_s = RESET_S
        self.graphql = True
        self.storage = Storage(tokens=self.tokens, accuse=self.violations.append)
        self._tricks = Tricks()
        self._lock = threading.RLock()
        self._ids = itertools.count(101)
        self._ticks = itertools.count()
        self._host = Host(self._recorded, self.violations.append)
        for number in (1, 2):
            self.repository(HOME).pull_request(number=number)

    @property
    def root(self):
        """`GITHUB_SERVER_URL`."""
        return self._host.root

    @property
    def api_url(self):
        """`GITHUB_API_URL`."""
        return self.root + self.prefix

    url = api_url

    @contextlib.contextmanager
    def serving(self):
        """Answer until left, which raises `ContractBroken` when something was not as GitHub describes."""
        self._host.start()
        try:
            yield self
        finally:
            self._host.stop()
            self.storage.stop()
        if self.violations:
            raise ContractBroken("\n".join(dict.fromkeys(self.violations)))

    # What tests arrange.

    def repository(self, full_name, *, private=False, fork=False):
        """Return the repository of this name, made if there is none."""
        found = self.repository_named(full_name)
        if found is None:
            found = Repository(github=self, full_name=full_name, id=self.next_id(), private=private, fork=fork)
            self.repositories[full_name.lower()] = found
        return found

    def user(self, who):
        """Return the user of this login, made if there is none; a `User` becomes known."""
        made = who if isinstance(who, User) else self.users.get(who)
        if made is None:
            kind = "Bot" if who.endswith(BOT) else "User"
            made = User(login=who, id=2000 + len(self.users), type=kind)
        return self.users.setdefault(made.login, made)

    def token(self, user=ACTIONS, *, rights=None, repositories=None, writes=True):
        """Make a token; those of bots are an app's, which may not ask `/user`.

        Args:
            rights: Levels by name as in a workflow's `permissions`: what is not named is `none`. By default all,
                to write, or with `writes=False` to read.
            repositories: Names of those it is for, by default all; a job's own is for one.
        """
        user = self.user(user)
        levels = all_rights("write" if writes else "read") if rights is None else rights_of(rights)
        names = None if repositories is None else frozenset(name.lower() for name in repositories)
        token = f"ghs_{user.id}{'w' if writes else 'r'}{len(self.tokens)}0123456789abcdef"
        self.tokens[token] = Token(user=user, rights=levels, repositories=names)
        return token

    def trick(self, method, path, **how):
        """Arrange for the next requests whose path, without the prefix, this pattern matches; see `Trick`."""
        self._tricks.add(Trick(method=method, path=path, **how))

    def before(self, method, path, act, *, skip=0, times=1):
        """Run something before requests are answered, after so many that are let pass."""
        self.trick(method, path, act=act, skip=skip, times=times)

    def after(self, method, path, act, *, skip=0, times=1):
        """Run something once an answer is made, and before it is sent."""
        self.trick(method, path, then=act, skip=skip, times=times)

    def fail(self, method, path, *, status=502, done=False, skip=0, times=1):
        """Answer with trouble of GitHub's own; with `done` what was asked for is done all the same."""
        self._make(failure(status), method, path, done=done, skip=skip, times=times)

    def drop(self, method, path, *, done=False, skip=0, times=1):
        """Close the connection without an answer."""
        self.trick(method, path, status=0, done=done, skip=skip, times=times)

    def limit(self, method, path, *, kind="secondary", status=403, wait_s=7, skip=0, times=1):
        """Answer that one asks too often: `primary` ends at `reset_s`, `secondary` after `wait_s`, if that is said."""
        refusal = primary_limit(self.reset_s) if kind == "primary" else secondary_limit(status, wait_s)
        self._make(refusal, method, path, skip=skip, times=times)

    def _make(self, answer, method, path, **how):
        made = {"status": answer.status, "headers": answer.headers, "body": answer.content}
        self.trick(method, path, **made, **how, real=True)

    # What tests look at.

    @property
    def comments(self):
        """The comments of `o/r` by number."""
        return self.repository(HOME).comments

    @property
    def hidden(self):
        """Numbers of comments of `o/r` that are not listed yet."""
        return self.repository(HOME).hidden

    def add_comment(self, user, body, *, pull_request=1):
        """Comment in `o/r`."""
        return self.repository(HOME).add_comment(user, body, pull_request=pull_request)

    def bodies(self, user=None):
        """Return what the comments of `o/r` say, oldest first, by author if one is given."""
        return self.repository(HOME).bodies(user)

    def asked(self, method, pattern=".*"):
        return [one for one in self.seen if one.method == method and re.fullmatch(pattern, one.path)]

    @property
    def writes(self):
        """Method and path of what was more than reading."""
        asked = [(one.method, one.path) for one in self.seen]
        return [(method, path) for method, path in asked if method != "GET" and not path.endswith("graphql")]

    def json_of(self, thing):
        """Return a repository, pull request or run as the API shows it, and payloads of events do."""
        show = RunShapes(github=self)
        for kind, shown in ((Repository, show.repository), (PullRequest, show.pull_request), (Run, show.run)):
            if isinstance(thing, kind):
                return shown(thing)
        raise TypeError(f"no payload has a {type(thing).__name__}")

    # For the other files of the simulator.

    def repository_named(self, full_name):
        return None if full_name is None else self.repositories.get(full_name.lower())

    def next_id(self):
        return next(self._ids)

    def clock(self):
        """Return the time: a second later each time."""
        minutes, seconds = divmod(next(self._ticks), 60)
        return f"2026-03-01T00:{minutes % 60:02}:{seconds:02}Z"

    # Answering.

    def _recorded(self, seen):
        self.seen.append(seen)
        token = self.tokens.get((seen.token or "").removeprefix("Bearer "))
        seen.user = token and token.user
        answer = self._tricked(seen, seen.path.removeprefix(self.prefix))
        seen.status = 0 if answer is None else answer.status
        return answer

    def _tricked(self, seen, path):
        trick = self._tricks.take(seen.method, path) or Trick(method=seen.method, path=None)
        made_up = trick.path == path and contract.github().find(seen.method, path)[0] is None
        if not made_up:
            self._accuse(seen, lambda github: github.faults_of_request(seen, path))
        if trick.act is not None:
            trick.act()
        # Beside one that the test made up, an answer of ours is needed only for what it does.
        answer = self._answer(seen, path) if trick.status is None or trick.done else None
        if trick.then is not None:
            trick.then()
        if trick.status is None:
            return answer
        made = trick.answer()
        if trick.real:
            self._accuse(seen, lambda github: github.faults_of_answer(seen, path, made))
        return made

    def _answer(self, seen, path):
        token = self.tokens.get((seen.token or "").removeprefix("Bearer "))
        with self._lock:
            answer = answered(self, seen, path, token)
        self._accuse(seen, lambda github: github.faults_of_answer(seen, path, answer))
        return answer

    def _accuse(self, seen, faults):
        if not is_graphql(self, seen):
            self.violations += faults(contract.github())


def zip_of(files):
    """Return the bytes of a zip with these files: bytes by name."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return made.getvalue()
