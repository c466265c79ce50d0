"""GitHub's API: read one thing, a list to its end or a file, write, delete."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from requests.exceptions import RequestException

from energygate.errors import UsageError
from energygate.forge.github.api_errors import GitHubTrouble, TooLong
from energygate.forge.github.connection import ApiRequest, Sender, origin, parsed
from energygate.forge.github.json_fields import Fields
from energygate.forge.github.retry import ATTEMPTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from requests import Response, Session

PER_PAGE = 100
"""The most that GitHub gives at once."""

MAX_PAGES = 100

_PIECE_BYTES = 65_536
_NOTHING_THERE = frozenset({404, 410})
_READS = "pull-requests: read"
_WRITES = "pull-requests: write"


@dataclass(frozen=True, kw_only=True)
class GitHubClient:
    """GitHub's API under one address, with one token.

    The token goes into one header, to the scheme, host and port of `api_url`, and nowhere else. Requests
    that GitHub has no answer for are sent again, up to five times and two minutes.

    Attributes:
        session: Sends the requests; proxies and certificates are its business.
        api_url: `GITHUB_API_URL` as it is, of GitHub Enterprise too.
        token: Shown in no representation and no error.
        sleep: Waits for seconds.
        now_s: Tells the seconds since 1970.

    Raises:
        UsageError: When the address or the token cannot be one.
    """

    session: Session
    api_url: str
    token: str = field(repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    now_s: Callable[[], float] = field(default=time.time, repr=False)

    def __post_init__(self) -> None:
        if origin(self.api_url) is None or "?" in self.api_url or "#" in self.api_url:
            raise UsageError("it is not an address such as https://host/api/v3", where="GITHUB_API_URL")
        # What a header cannot hold, requests would quote in its error.
        if not (self.token and self.token.isascii() and self.token.isprintable() and " " not in self.token):
            raise UsageError("it is empty, or has spaces or line breaks in it", where="GITHUB_TOKEN")

    def get(
        self,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        or_list: bool = False,
        needs: str = _READS,
    ) -> Fields:
        """Read one thing.

        Args:
            path: Below the API's address, beginning with a slash.
            query: What to add behind it, not escaped yet.
            or_list: A list is an answer too, as for a directory where a file could be.
            needs: The permission to name should the token not have it.

        Raises:
            GitHubTrouble: When there is no usable answer.
        """
        request = ApiRequest(method="GET", url=self._url(path, query), needs=needs)
        return self._answer(request, dict, list) if or_list else self._answer(request, dict)

    def write(
        self,
        method: str,
        path: str,
        body: Mapping[str, str],
        *,
        needs: str = _WRITES,
        attempts: int = ATTEMPTS,
    ) -> Fields:
        """Write something, and return what GitHub made of it.

        When an answer is lost the request is sent again, so a POST may be done twice: who creates must look
        afterwards what there is. Who must look *before* writing again takes one attempt, and the trouble's
        `wait_s`.

        Raises:
            GitHubTrouble: When there is no usable answer.
        """
        request = ApiRequest(method=method, url=self._url(path), needs=needs, body=body, attempts=attempts)
        return self._answer(request, dict)

    def query(self, graphql: str) -> Fields:
        """Ask GraphQL, which lies beside the REST API: `/api/graphql` beside Enterprise's `/api/v3`.

        Raises:
            GitHubTrouble: When there is no usable answer; errors inside one are the caller's to see.
        """
        url = self.api_url.rstrip("/").removesuffix("/v3") + "/graphql"
        return self._answer(ApiRequest(method="POST", url=url, needs=_READS, body={"query": graphql}), dict)

    def delete(self, path: str, *, needs: str = _WRITES) -> None:
        """Delete something; that it is gone already is as good.

        Raises:
            GitHubTrouble: When GitHub refuses.
        """
        try:
            self._sender.send(ApiRequest(method="DELETE", url=self._url(path), needs=needs))
        except GitHubTrouble as trouble:
            if trouble.status not in _NOTHING_THERE:
                raise

    def items(
        self,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        within: str | None = None,
        needs: str = _READS,
    ) -> Iterator[Fields]:
        """Read a list to its end, page by page as the answers' `Link` headers lead.

        Args:
            path: Below the API's address, beginning with a slash.
            query: What to add behind it, not escaped yet.
            within: Where in a page the list is, such as `artifacts`; `None` when the page is the list.
            needs: The permission to name should the token not have it.

        Raises:
            GitHubTrouble: When a page has no usable answer, leads to another host, or there is no end.
        """
        url = self._url(path, {**(query or {}), "per_page": str(PER_PAGE)})
        for _ in range(MAX_PAGES):
            request = ApiRequest(method="GET", url=url, needs=needs)
            response = self._sender.send(request)
            page = parsed(response)
            if within is not None:
                yield from _fields(page, request).listed(within)
            elif isinstance(page, list):
                yield from (_fields(one, request) for one in page)
            else:
                raise _nonsense(request)
            url = response.links.get("next", {}).get("url", "")
            if not url:
                return
            if not self._sender.is_home(url):
                raise GitHubTrouble(
                    "the list goes on at another host, where the token must not go",
                    where=request.name,
                    hint="Check GITHUB_API_URL",
                )
        raise GitHubTrouble(f"the list has more than {MAX_PAGES} pages", where=request.name)

    def download(self, path: str, *, limit_bytes: int, needs: str = "actions: read") -> bytes:
        """Read a file, which GitHub keeps on another host: that one is not shown the token.

        Raises:
            TooLong: When it is longer than the limit; no more than that is read.
            GitHubTrouble: When there is no usable answer.
        """
        request = ApiRequest(method="GET", url=self._url(path), needs=needs, elsewhere=True)
        with self._sender.send(request) as response:
            content = _up_to(limit_bytes, response)
        if content is None:
            raise GitHubTrouble("the file broke off", where=request.name, hint="Run it again")
        if len(content) > limit_bytes:
            raise TooLong(f"the file has more than {limit_bytes:,} bytes", where=request.name)
        return content

    @property
    def _sender(self) -> Sender:
        return Sender(
            session=self.session, home=self.api_url, token=self.token, sleep=self.sleep, now_s=self.now_s
        )

    def _url(self, path: str, query: Mapping[str, str] | None = None) -> str:
        asked = f"?{urlencode(query, errors='replace', quote_via=quote)}" if query else ""
        return self.api_url.rstrip("/") + path + asked

    def _answer(self, request: ApiRequest, *kinds: type) -> Fields:
        content = parsed(self._sender.send(request))
        if not isinstance(content, kinds):
            raise _nonsense(request)
        return _fields(content, request)


def _fields(content: object, request: ApiRequest) -> Fields:
    return Fields(
        content=content,
        source="GitHub's answer",
        trouble=lambda sentence: GitHubTrouble(sentence, where=request.name),
    )


def _nonsense(request: ApiRequest) -> GitHubTrouble:
    return GitHubTrouble(
        "the answer is not what GitHub describes", where=request.name, hint="Check GITHUB_API_URL"
    )


def _up_to(limit_bytes: int, response: Response) -> bytes | None:
    """Read until there is more than the limit; `None` when the connection ended before the file."""
    content = bytearray()
    try:
        for piece in response.iter_content(_PIECE_BYTES):
            content += piece
            if len(content) > limit_bytes:
                break
    except RequestException:
        return None
    return bytes(content)
