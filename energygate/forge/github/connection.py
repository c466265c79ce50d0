"""Requests to GitHub: redirects, errors and retries, and the token, which is sent to GitHub's own host only."""

from __future__ import annotations

import functools
import json
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from requests.exceptions import ChunkedEncodingError, ConnectionError, RequestException, SSLError, Timeout  # noqa: A004 - its own name

from energygate.errors import UsageError
from energygate.forge.github.api_errors import GitHubError, message_in, rate_limited, refused, unanswered
from energygate.forge.github.retry import MAX_ATTEMPTS, is_rate_limit, pause_s, with_retries
from energygate.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from requests import PreparedRequest, Response, Session

MAX_REDIRECTS = 5
TIMEOUT_S = (10.0, 30.0)
"""To connect, and between two pieces of an answer."""

_HEADERS = {
    # GitHub's own description of its API declares the second type; servers generated from it accept no other.
    "Accept": "application/vnd.github+json, application/json;q=0.9",
    "X-GitHub-Api-Version": "2022-11-28",
    "User-Agent": f"energygate/{__version__}",
}
_REDIRECTS = frozenset({301, 302, 307, 308})
_REDIRECT = 300
_ERROR = 400
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, kw_only=True)
class ApiRequest:
    """One request to GitHub's API.

    Attributes:
        method: `GET`, `POST`, ...
        url: Its full address.
        needs: The permission it needs, such as `pull-requests: write`.
        body: What to send, as JSON; `None` for nothing.
        may_leave: The answer may be on another host, as files are; it is then left unread for the caller.
        has_left: A redirect led to another host: our token and headers are no longer sent.
        max_attempts: Maximum number of times to send it.
    """

    method: str
    url: str
    needs: str
    body: Mapping[str, str] | None = None
    may_leave: bool = False
    has_left: bool = False
    max_attempts: int = MAX_ATTEMPTS

    @property
    def name(self) -> str:
        """Its name in errors; without the query, where other hosts have secrets of their own."""
        return f"{self.method} {urlsplit(self.url).path}"


@dataclass(frozen=True, kw_only=True)
class Connection:
    """GitHub's API at one address, with one token.

    The token is sent in one header, to the scheme, host and port of `api_url`, and nowhere else. Requests without
    an answer are sent again, up to five times and two minutes.

    Attributes:
        session: Sends the requests, and takes care of proxies and certificates.
        api_url: `GITHUB_API_URL` unchanged, also that of GitHub Enterprise.
        token: Never appears in a `repr` or an error.
        sleep: Waits for seconds.
        now_s: Returns the seconds since 1970.

    Raises:
        UsageError: When the address or the token is invalid.
    """

    session: Session
    api_url: str
    token: str = field(repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    now_s: Callable[[], float] = field(default=time.time, repr=False)

    def __post_init__(self) -> None:
        if origin(self.api_url) is None or "?" in self.api_url or "#" in self.api_url:
            raise UsageError("it is not an address such as https://host/api/v3", where="GITHUB_API_URL")
        # A token that does not fit in a header would be quoted in the error of requests.
        if not (self.token and self.token.isascii() and self.token.isprintable() and " " not in self.token):
            raise UsageError("it is empty, or has spaces or line breaks in it", where="GITHUB_TOKEN")

    def send(self, request: ApiRequest) -> Response:
        """Follow redirects to the answer and return it, unless it is an error.

        Raises:
            GitHubError: When there is no answer, or the token would have to be sent to another host.
        """
        current = request
        for _ in range(MAX_REDIRECTS + 1):
            response = with_retries(
                functools.partial(self._once, current), max_attempts=request.max_attempts, sleep=self.sleep
            )
            status, location = response.status_code, response.headers.get("Location")
            if status < _REDIRECT:
                return response
            response.close()
            if status not in _REDIRECTS or location is None:
                raise GitHubError(f"GitHub answered with an unexpected status, {status}", where=request.name)
            current = self._redirected(current, location, name=request.name)
        raise GitHubError(f"the answer was redirected more than {MAX_REDIRECTS} times", where=request.name)

    def is_home(self, url: str) -> bool:
        """Return whether the token may be sent to an address."""
        return origin(url) is not None and origin(url) == origin(self.api_url)

    def _redirected(self, request: ApiRequest, location: str, *, name: str) -> ApiRequest:
        """Return the request that a redirect asks for; GitHub expects the same method again."""
        try:
            url = urljoin(request.url, location)
        except ValueError:
            raise GitHubError("the answer redirects to an invalid address", where=name) from None
        # Another host may redirect anywhere: from then on send no token or headers, even back to GitHub.
        has_left = request.has_left or not self.is_home(url)
        is_safe = urlsplit(url).scheme in {"https", urlsplit(self.api_url).scheme}
        if has_left and not (request.may_leave and request.method == "GET" and is_safe):
            raise GitHubError(
                "the answer redirects to another host, which must not be followed",
                where=name,
                hint="Check GITHUB_API_URL",
            )
        return replace(request, url=url, has_left=has_left)

    def _once(self, request: ApiRequest, attempt: int) -> Response | GitHubError:
        """Send it once; return an error when there is no answer.

        Exceptions of requests contain the request, and with it the token, so none may become the context of ours.
        """
        try:
            answer = self.session.request(
                request.method,
                request.url,
                json=request.body,
                headers={} if request.has_left else _HEADERS,
                # Without `auth`, requests would send a password from .netrc instead.
                auth=_without_token if request.has_left else self._with_token,
                allow_redirects=False,
                timeout=TIMEOUT_S,
                stream=request.may_leave,
            )
        except SSLError:
            why = "its certificate is not trusted; REQUESTS_CA_BUNDLE can name one that is"
            return unanswered(request=request.name, why=why)
        except (ConnectionError, Timeout, ChunkedEncodingError) as error:
            wait_s = pause_s(status=None, headers={}, message="", attempt=attempt, now_s=self.now_s())
            return unanswered(request=request.name, why=type(error).__name__, wait_s=wait_s)
        except (RequestException, ValueError) as error:
            # requests parses the address of a redirect even when it must not follow it.
            why = f"its answer redirects to an invalid address ({type(error).__name__})"
            return unanswered(request=request.name, why=why)
        return answer if answer.status_code < _ERROR else self._refused(request, answer, attempt)

    def _refused(self, request: ApiRequest, answer: Response, attempt: int) -> GitHubError:
        status, headers = answer.status_code, answer.headers
        message = message_in(parsed(answer), secret=self.token)
        answer.close()
        wait_s = pause_s(status=status, headers=headers, message=message, attempt=attempt, now_s=self.now_s())
        if is_rate_limit(status=status, headers=headers, message=message):
            return rate_limited(request=request.name, status=status, message=message, wait_s=wait_s)
        return refused(request=request.name, status=status, message=message, needs=request.needs, wait_s=wait_s)

    def _with_token(self, prepared: PreparedRequest) -> PreparedRequest:
        prepared.headers["Authorization"] = f"Bearer {self.token}"
        return prepared


def _without_token(prepared: PreparedRequest) -> PreparedRequest:
    prepared.headers.pop("Authorization", None)
    return prepared


def origin(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an address; `None` when one is missing, or it contains a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme]


def parsed(answer: Response) -> object:
    """Return the JSON of an answer; `None` when it is not JSON."""
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError, RequestException):
        return None
