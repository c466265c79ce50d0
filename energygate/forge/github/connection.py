"""One request to GitHub, sent with patience, and the token with it to GitHub's own host only."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from requests.exceptions import ChunkedEncodingError, ConnectionError, RequestException, SSLError, Timeout  # noqa: A004 - its own name

from energygate.forge.github.api_errors import GitHubTrouble, limited, quoted, refusal, silence
from energygate.forge.github.retry import ATTEMPTS, PATIENCE_S, is_limit, pause_s
from energygate.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from requests import PreparedRequest, Response, Session

MAX_REDIRECTS = 5
TIMEOUT_S = (10.0, 30.0)
"""To connect, and between two pieces of an answer."""

_HEADERS = {
    # The second is what GitHub's own description of its API declares; servers made from it know no other.
    "Accept": "application/vnd.github+json, application/json;q=0.9",
    "X-GitHub-Api-Version": "2022-11-28",
    "User-Agent": f"energygate/{__version__}",
}
_REDIRECTS = frozenset({301, 302, 307, 308})
_ELSEWHERE = 300
_REFUSED = 400
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, kw_only=True)
class ApiRequest:
    """What to ask of GitHub.

    Attributes:
        method: `GET`, `POST`, ...
        url: Where, in full.
        needs: The permission it needs, such as `pull-requests: write`.
        body: What to send along, as JSON; `None` for nothing.
        elsewhere: The answer may lie on another host, as files do; it is then left unread for the caller.
        leaves: It goes to another host already: nothing of ours goes with it.
        attempts: How often to send it at most.
    """

    method: str
    url: str
    needs: str
    body: Mapping[str, str] | None = None
    elsewhere: bool = False
    leaves: bool = False
    attempts: int = ATTEMPTS

    @property
    def name(self) -> str:
        """Say it in an error; without the query, where other hosts have secrets of their own."""
        return f"{self.method} {urlsplit(self.url).path}"


@dataclass(frozen=True, kw_only=True)
class _Lost:
    """No answer: in words, and whether asking again may bring one."""

    how: str
    again: bool


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Sends requests through a session, with a token for one origin.

    Attributes:
        session: The connection; proxies and certificates are its business.
        home: An address at the origin (scheme, host and port) the token is for.
        token: Shown nowhere.
        sleep: Waits for seconds.
        now_s: Tells the seconds since 1970.
    """

    session: Session
    home: str
    token: str = field(repr=False)
    sleep: Callable[[float], None] = field(repr=False)
    now_s: Callable[[], float] = field(repr=False)

    def send(self, request: ApiRequest) -> Response:
        """Return the answer, wherever it was, once it is no refusal.

        Raises:
            GitHubTrouble: When there is none, or it would need the token to go to another host.
        """
        here = request
        for _ in range(MAX_REDIRECTS + 1):
            response = self._patiently(here)
            status, location = response.status_code, response.headers.get("Location")
            if status < _ELSEWHERE:
                return response
            response.close()
            if status not in _REDIRECTS or location is None:
                raise GitHubTrouble(
                    f"GitHub answered with {status}, which says nothing here", where=request.name
                )
            here = self._next(request, here, location)
        raise GitHubTrouble(f"the answer was elsewhere more than {MAX_REDIRECTS} times", where=request.name)

    def is_home(self, url: str) -> bool:
        """Tell whether the token may go there."""
        return origin(url) is not None and origin(url) == origin(self.home)

    def _next(self, request: ApiRequest, here: ApiRequest, location: str) -> ApiRequest:
        """Make the request that a redirect asks for; GitHub wants the same method again."""
        try:
            url = urljoin(here.url, location)
        except ValueError:
            raise GitHubTrouble("the answer leads to no address", where=request.name) from None
        # Once it has left, others choose the way: nothing of ours goes with it any more, even back home.
        leaves = here.leaves or not self.is_home(url)
        as_safe = urlsplit(url).scheme in {"https", urlsplit(self.home).scheme}
        if leaves and not (request.elsewhere and request.method == "GET" and as_safe):
            raise GitHubTrouble(
                "the answer leads to another host, where it must not be followed",
                where=request.name,
                hint="Check GITHUB_API_URL",
            )
        return replace(here, url=url, leaves=leaves)

    def _patiently(self, request: ApiRequest) -> Response:
        waited_s, attempt = 0.0, 0
        while True:
            answer = self._once(request)
            if not isinstance(answer, _Lost) and answer.status_code < _REFUSED:
                return answer
            if isinstance(answer, _Lost):
                trouble, wait_s = self._lost(request, answer, attempt)
            else:
                trouble, wait_s = self._refused(request, answer, attempt)
            attempt += 1
            trouble.wait_s = wait_s
            if wait_s is None or attempt >= request.attempts or waited_s + wait_s > PATIENCE_S:
                raise trouble
            self.sleep(wait_s)
            waited_s += wait_s

    def _lost(self, request: ApiRequest, lost: _Lost, attempt: int) -> tuple[GitHubTrouble, float | None]:
        wait_s = pause_s(status=None, headers={}, words="", attempt=attempt, now_s=self.now_s())
        return silence(asked=request.name, how=lost.how), wait_s if lost.again else None

    def _refused(
        self, request: ApiRequest, answer: Response, attempt: int
    ) -> tuple[GitHubTrouble, float | None]:
        status, headers = answer.status_code, answer.headers
        words = quoted(parsed(answer), secret=self.token)
        answer.close()
        wait_s = pause_s(status=status, headers=headers, words=words, attempt=attempt, now_s=self.now_s())
        if is_limit(status=status, headers=headers, words=words):
            return limited(asked=request.name, status=status, words=words, wait_s=wait_s), wait_s
        return refusal(asked=request.name, status=status, words=words, needs=request.needs), wait_s

    def _once(self, request: ApiRequest) -> Response | _Lost:
        """Send it once; return how it went wrong when there is no answer.

        No error is raised from here: those of requests hold the request, and that the token.
        """
        try:
            return self.session.request(
                request.method,
                request.url,
                json=request.body,
                headers={} if request.leaves else _HEADERS,
                # Something must be given: from nothing, requests takes a password of .netrc instead.
                auth=_unauthorised if request.leaves else self._authorised,
                allow_redirects=False,
                timeout=TIMEOUT_S,
                stream=request.elsewhere,
            )
        except SSLError:
            return _Lost(
                how="its certificate is not trusted; REQUESTS_CA_BUNDLE can name one that is", again=False
            )
        except (ConnectionError, Timeout, ChunkedEncodingError) as error:
            return _Lost(how=type(error).__name__, again=True)
        except (RequestException, ValueError) as error:
            # requests reads where an answer leads even where it is not to go there.
            return _Lost(how=f"its answer leads to no address ({type(error).__name__})", again=False)

    def _authorised(self, prepared: PreparedRequest) -> PreparedRequest:
        prepared.headers["Authorization"] = f"Bearer {self.token}"
        return prepared


def _unauthorised(prepared: PreparedRequest) -> PreparedRequest:
    prepared.headers.pop("Authorization", None)
    return prepared


def origin(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an address; `None` when it has no such thing, or a password in it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme]


def parsed(answer: Response) -> object:
    """Return the JSON of an answer; `None` when it is none."""
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError, RequestException):
        return None
