"""The HTTP client of an endpoint: keeps connections alive and reads answers to their end."""

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

MAX_QUOTE = 200
"""Characters of a refusal that an error quotes."""

CHUNK_BYTES = 1 << 16
OK = range(200, 300)
NO_CONTENT = 204
REDIRECT = range(300, 400)


class HttpClient:
    """Sends requests over connections that are kept alive; several threads may use it at once.

    Args:
        host: Where the server listens.
        port: Its port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._idle: deque[Any] = deque()

    def ask(self, request: HttpRequest, is_first: Callable[[str], bool], *, counted: bool = False) -> HttpAnswer:
        """Send a request and read its whole answer.

        Args:
            request: The request.
            is_first: Tells whether a line of an event stream is the first piece of the answer.
            counted: Whether to count the bytes of the answer on the wire, which takes time.

        Raises:
            FailedRequest: When the server refuses.
            OSError: When there is no connection to the server, or it breaks.
            http.client.HTTPException: When the answer is cut off or is not HTTP.
        """
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = http.client.HTTPConnection(self._host, self._port)
        connection.response_class = CountedResponse if counted else http.client.HTTPResponse
        try:
            response = self._response(connection, request)
            content_type, coding = _content_type(response), _content_coding(response)
            if content_type == "text/event-stream" and response.status in OK:
                body, first_ns = _stream(response, is_first, StreamDecoder(coding))
            else:
                body, first_ns = response.read(), 0
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        if response.status not in OK:
            raise FailedRequest(_refusal(response, _readable(body, coding)))
        return HttpAnswer(content_type, coding, body, first_ns, response.wire.count if counted else 0)

    def _response(self, connection: Any, request: HttpRequest) -> Any:
        """Return the response; a server may have closed an idle connection, which shows only on use."""
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
    """Counts the bytes that come from a socket.

    Attributes:
        count: Number of bytes so far.
    """

    def __init__(self, raw: Any) -> None:
        super().__init__()
        self._raw = raw
        self.count = 0

    def readable(self) -> bool:
        """Return true."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what is available."""
        count: int | None = self._raw.readinto(buffer)
        self.count += count or 0
        return count

    def close(self) -> None:
        """Close the socket."""
        self._raw.close()
        super().close()


class CountedResponse(http.client.HTTPResponse):
    """A response whose bytes are counted: status line, headers, and the body with all its framing.

    Attributes:
        wire: The counting reader.
    """

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.wire = CountingReader(self.fp.detach())
        self.fp = io.BufferedReader(self.wire)


def _sent(connection: Any, request: HttpRequest) -> Any:
    connection.request(request.method, request.path, body=request.body, headers=request.headers)
    return connection.getresponse()


def _content_type(response: Any) -> str:
    header = None if response.status == NO_CONTENT else response.headers.get("Content-Type")
    return (header or "").partition(";")[0].strip().lower()


def _content_coding(response: Any) -> str:
    return (response.headers.get("Content-Encoding") or "").strip().lower()


def _stream(response: Any, is_first: Callable[[str], bool], decode: StreamDecoder) -> tuple[bytes, int]:
    """Read an event stream to its end; return it and when its first piece arrived."""
    pieces: list[bytes] = []
    rest, first_ns = b"", 0
    while True:
        piece = response.read1(CHUNK_BYTES)
        if not piece:
            return b"".join(pieces), first_ns
        now_ns = time.perf_counter_ns()
        pieces.append(piece)
        if not first_ns:
            *lines, rest = (rest + decode(piece)).split(b"\n")
            if any(is_first(line.decode("utf-8", "replace")) for line in lines):
                first_ns = now_ns


def _readable(body: bytes, coding: str) -> bytes:
    """Decode the body of a refusal for people to read; undecodable ones stay as they are."""
    try:
        return decoded(body, coding)
    except FailedRequest:
        return body


def _refusal(response: Any, body: bytes) -> str:
    where = response.headers.get("Location")
    quoted = " ".join(body[: 4 * MAX_QUOTE].decode("utf-8", "replace").split())[:MAX_QUOTE]
    more = " to %s" % where[:MAX_QUOTE] if where and response.status in REDIRECT else ""
    return ("was answered with %d %s%s" % (response.status, response.reason, more)).rstrip() + (
        ": " + quoted if quoted else ""
    )
