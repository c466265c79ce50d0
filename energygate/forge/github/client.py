"""GitHub's API: read an object, a whole list or a file; write and delete."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from requests.exceptions import RequestException

from energygate.forge.github.api_errors import FileTooLong, GitHubError
from energygate.forge.github.connection import ApiRequest, Connection, parsed
from energygate.forge.github.json_fields import Fields
from energygate.forge.github.retry import MAX_ATTEMPTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from requests import Response

PER_PAGE = 100
"""Entries per page: GitHub's maximum."""

MAX_PAGES = 100

_PIECE_BYTES = 65_536
_MISSING = frozenset({404, 410})
_READS = "pull-requests: read"
_WRITES = "pull-requests: write"


class GitHubClient(Connection):
    """The calls of GitHub's API that energygate needs."""

    def get(
        self,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        or_list: bool = False,
        needs: str = _READS,
    ) -> Fields:
        """Read one object.

        Args:
            path: Below the API's address, beginning with a slash.
            query: Query parameters, not escaped yet.
            or_list: Whether a list is a valid answer too, as for a directory instead of a file.
            needs: The permission that an error names if the token lacks it.

        Raises:
            GitHubError: When there is no usable answer.
        """
        request = ApiRequest(method="GET", url=self._url(path, query), needs=needs)
        return self._answer(request, dict, list) if or_list else self._answer(request, dict)

    def write(self, method: str, path: str, body: Mapping[str, str], *, max_attempts: int = MAX_ATTEMPTS) -> Fields:
        """Write something, and return what GitHub stored.

        When an answer is lost the request is sent again, so a POST may be done twice: check afterwards what exists.
        To check *before* writing again, take one attempt, and the error's `wait_s`.

        Raises:
            GitHubError: When there is no usable answer.
        """
        request = ApiRequest(method=method, url=self._url(path), needs=_WRITES, body=body, max_attempts=max_attempts)
        return self._answer(request, dict)

    def query(self, graphql: str) -> Fields:
        """Query GraphQL, whose address is beside the REST API's: `/api/graphql` beside Enterprise's `/api/v3`.

        Raises:
            GitHubError: When there is no usable answer; errors inside one are left to the caller.
        """
        url = self.api_url.rstrip("/").removesuffix("/v3") + "/graphql"
        return self._answer(ApiRequest(method="POST", url=url, needs=_READS, body={"query": graphql}), dict)

    def delete(self, path: str) -> None:
        """Delete something; it may be gone already.

        Raises:
            GitHubError: When GitHub refuses.
        """
        try:
            self.send(ApiRequest(method="DELETE", url=self._url(path), needs=_WRITES))
        except GitHubError as error:
            if error.status not in _MISSING:
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
            query: Query parameters, not escaped yet.
            within: The key of the list in a page, such as `artifacts`; `None` when the page is the list.
            needs: The permission that an error names if the token lacks it.

        Raises:
            GitHubError: When a page cannot be read or leads to another host, or the list does not end.
        """
        url = self._url(path, {**(query or {}), "per_page": str(PER_PAGE)})
        for _ in range(MAX_PAGES):
            request = ApiRequest(method="GET", url=url, needs=needs)
            response = self.send(request)
            page = parsed(response)
            if within is not None:
                yield from _fields(page, request).listed(within)
            elif isinstance(page, list):
                yield from (_fields(one, request) for one in page)
            else:
                raise _invalid(request)
            url = response.links.get("next", {}).get("url", "")
            if not url:
                return
            if not self.is_home(url):
                raise GitHubError(
                    "the list continues at another host, to which the token must not be sent",
                    where=request.name,
                    hint="Check GITHUB_API_URL",
                )
        raise GitHubError(f"the list has more than {MAX_PAGES} pages", where=request.name)

    def download(self, path: str, *, limit_bytes: int, needs: str = "actions: read") -> bytes:
        """Read a file, which GitHub keeps on another host; that host does not get the token.

        Raises:
            FileTooLong: When it is longer than the limit, beyond which nothing is read.
            GitHubError: When there is no usable answer.
        """
        request = ApiRequest(method="GET", url=self._url(path), needs=needs, may_leave=True)
        with self.send(request) as response:
            content = _up_to(limit_bytes, response)
        if content is None:
            raise GitHubError("the file is incomplete", where=request.name, hint="Run it again")
        if len(content) > limit_bytes:
            raise FileTooLong(f"the file has more than {limit_bytes:,} bytes", where=request.name)
        return content

    def _url(self, path: str, query: Mapping[str, str] | None = None) -> str:
        encoded = f"?{urlencode(query, errors='replace', quote_via=quote)}" if query else ""
        return self.api_url.rstrip("/") + path + encoded

    def _answer(self, request: ApiRequest, *kinds: type) -> Fields:
        content = parsed(self.send(request))
        if not isinstance(content, kinds):
            raise _invalid(request)
        return _fields(content, request)


def _fields(content: object, request: ApiRequest) -> Fields:
    return Fields(
        content=content,
        source="GitHub's answer",
        error=lambda sentence: GitHubError(sentence, where=request.name),
    )


def _invalid(request: ApiRequest) -> GitHubError:
    return GitHubError(
        "the answer does not match GitHub's description of its API",
        where=request.name,
        hint="Check GITHUB_API_URL",
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
