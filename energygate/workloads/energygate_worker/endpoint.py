"""An HTTP endpoint as a workload: this process is its server's parent and its only client."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

from .content_coding import KNOWN, decoded
from .errors import FailedRequest, ServerEnded, message_of
from .http_answer import is_first_piece, read_answer
from .http_client import HttpClient
from .loaded_workload import LoadedWorkload
from .requests_file import plain_get, read_requests
from .server_process import ServerProcess

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

    from .http_answer import HttpAnswer

DEFAULT_PORT = 80


class Endpoint(LoadedWorkload):
    """A server on this machine that a command line starts; each request is one HTTP exchange."""

    counts_own_cpu = False
    observes = True
    takes_requests = True
    answers_text = True

    def __init__(self, spec: dict[str, Any]) -> None:
        address = urlsplit(spec["url"])
        port = None if "{port}" in address.netloc else address.port or DEFAULT_PORT
        self._path = (address.path or "/") + ("?" + address.query if address.query else "")
        self._units = spec["units"]
        self._default = plain_get(self._path)
        self._server = ServerProcess(
            spec["serve"],
            address.hostname or "127.0.0.1",
            port,
            spec["ready"],
            spec["patience_s"],
        )
        self._client = HttpClient(self._server.host, self._server.port)
        self.versions: dict[str, str] = {}

    def feeds_of(self, path: str) -> list[Any]:
        """Return the requests of an inputs file."""
        return read_requests(path, self._path)

    def serve(self, feed: Any) -> HttpAnswer:
        """Send one request and read its answer to the end."""
        return self._send(feed)

    def request_bytes(self, feed: Any) -> int:
        """Return the bytes of a request's body."""
        return len((feed or self._default).body or b"")

    def weigh(self, feed: Any) -> tuple[HttpAnswer, int | None, int]:
        """Send one request, untimed; return the answer, the bytes of its decoded body, and those on the wire."""
        answer = self._send(feed, counted=True)
        if answer.coding not in KNOWN:
            return answer, None, answer.wire_bytes
        plain = answer._replace(body=decoded(answer.body, answer.coding), coding="")
        return plain, len(plain.body), answer.wire_bytes

    def _send(self, feed: Any, *, counted: bool = False) -> HttpAnswer:
        try:
            return self._client.ask(feed or self._default, is_first_piece, counted=counted)
        except (OSError, http.client.HTTPException) as error:
            reason = self._server.exit_reason()
            if reason:
                raise ServerEnded("was not answered: the server %s" % reason) from None
            raise FailedRequest("was not answered%s" % _why(error)) from None

    def observe(self, answer: HttpAnswer) -> tuple[float, int]:
        """Return how many units an answer yielded, and when its first piece arrived."""
        return read_answer(answer, self._units)[1], answer.first_ns

    def named(self, answer: HttpAnswer) -> dict[str, str]:
        """Return the parts of an answer by name: its text."""
        return {"text": read_answer(answer, self._units)[0]}

    def close(self) -> None:
        """Stop the server."""
        self._client.close()
        self._server.close()


def _why(error: Exception) -> str:
    """Return why there is no answer, to follow "was not answered"."""
    if isinstance(error, http.client.IncompleteRead):
        return " in full: it was cut off after %d bytes" % len(error.partial)
    return ": " + (message_of(error) or type(error).__name__)
