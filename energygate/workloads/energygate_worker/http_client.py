"""The client's end of an endpoint: connections that are kept, and answers read to their end."""

from __future__ import annotations

import http.client
import io
import time
from collections import deque

from .content_coding import StreamDecoder, decoded
from .errors import FailedRequest
from .http_answer import HttpAnswer

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .requests_file import HttpRequest

QUOTED = 200
"""How much of a refusing answer an error quotes, in characters."""

PIECE_BYTES = 1 << 16
OK = range(200, 300)
NO_CONTENT = 204
ELSEWHERE = range(300, 400)


class HttpClient:
    """Sends requests over connections that are kept alive; may be used by several threads at once.

    Args:
        host: Where the server listens.
        port: Its port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._idle: deque[Any] = deque()

    def ask(self, request: HttpRequest, seen: Callable[[str], bool], *, counted: bool = False) -> HttpAnswer:
        """Send a request and read its whole answer.

        Args:
            request: The request.
            seen: Is shown each line of a stream of events, and says whether it is the first piece of the answer.
            counted: Whether to count the bytes of the answer on the wire, which takes time of its own.

        Raises:
            FailedRequest: The server refused.
            OSError: There is no connection to the server, or it broke.
            http.client.HTTPException: The answer was cut off, or is none of HTTP's.
        """
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = http.client.HTTPConnection(self._host, self._port)
        connection.response_class = CountedResponse if counted else http.client.HTTPResponse
        try:
            response = self._begun(connection, request)
            content_type, coding = _content_type(response), _content_coding(response)
            if content_type == "text/event-stream" and response.status in OK:
                body, first_ns = _stream(response, seen, StreamDecoder(coding))
            else:
                body, first_ns = response.read(), 0
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        if response.status not in OK:
            raise FailedRequest(_refusal(response, _readable(body, coding)))
        return HttpAnswer(content_type, coding, body, first_ns, response.wire.count if counted else 0)

    def _begun(self, connection: Any, request: HttpRequest) -> Any:
        """The beginning of the answer; servers close idle connections, which shows only on using them."""
        was_kept = connection.sock is not None
        try:
            return _sent(connection, request)
        except (http.client.RemoteDisconnected, ConnectionError):
            if not was_kept:
                raise
        connection.close()
        return _sent(connection, request)

    def close(self) -> None:
        """Close all connections."""
        while self._idle:
            self._idle.pop().close()


class CountingReader(io.RawIOBase):
    """What comes from a socket, counted.

    Attributes:
        count: The bytes that have come.
    """

    def __init__(self, raw: Any) -> None:
        super().__init__()
        self._raw = raw
        self.count = 0

    def readable(self) -> bool:
        """Whether it can be read from."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what there is."""
        count: int | None = self._raw.readinto(buffer)
        self.count += count or 0
        return count

    def close(self) -> None:
        """Let the socket go."""
        self._raw.close()
        super().close()


class CountedResponse(http.client.HTTPResponse):
    """An answer whose bytes are counted as they come: status line, headers, and the body in all its framing.

    Attributes:
        wire: Where it comes from.
    """

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.wire = CountingReader(self.fp.detach())
        self.fp = io.BufferedReader(self.wire)


def _sent(connection: Any, request: HttpRequest) -> Any:
    connection.request(request.method, request.path, body=request.body, headers=request.headers)
    return connection.getresponse()


def _content_type(response: Any) -> str:
    said = None if response.status == NO_CONTENT else response.headers.get("Content-Type")
    return (said or "").partition(";")[0].strip().lower()


def _content_coding(response: Any) -> str:
    return (response.headers.get("Content-Encoding") or "").strip().lower()


def _stream(response: Any, seen: Callable[[str], bool], glimpse: StreamDecoder) -> tuple[bytes, int]:
    """A stream of events to its end, and when its first piece came."""
    pieces: list[bytes] = []
    rest, first_ns = b"", 0
    while True:
        piece = response.read1(PIECE_BYTES)
        if not piece:
            return b"".join(pieces), first_ns
        now_ns = time.perf_counter_ns()
        pieces.append(piece)
        if not first_ns:
            *lines, rest = (rest + glimpse(piece)).split(b"\n")
            if any(seen(line.decode("utf-8", "replace")) for line in lines):
                first_ns = now_ns


def _readable(body: bytes, coding: str) -> bytes:
    """A refusing body for people to read; as it came where it cannot be decoded."""
    try:
        return decoded(body, coding)
    except FailedRequest:
        return body


def _refusal(response: Any, body: bytes) -> str:
    where = response.headers.get("Location")
    quoted = " ".join(body[: 4 * QUOTED].decode("utf-8", "replace").split())[:QUOTED]
    more = " to %s" % where[:QUOTED] if where and response.status in ELSEWHERE else ""
    return ("was answered with %d %s%s" % (response.status, response.reason, more)).rstrip() + (
        ": " + quoted if quoted else ""
    )
