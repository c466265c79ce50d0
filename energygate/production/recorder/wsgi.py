"""Counting the requests to a WSGI application (PEP 3333)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from energygate.production.recorder.middleware import SERVER_ERROR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from energygate.production.recorder.middleware import HttpRequests
    from energygate.production.recorder.request import Request

    Environ = dict[str, Any]
    WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class WsgiMiddleware:
    """An application whose requests are counted.

    Args:
        app: The application itself.
        requests: Which of its requests count, and as what.
    """

    def __init__(self, app: WsgiApp, requests: HttpRequests) -> None:
        self._app = app
        self._requests = requests

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        path = environ.get("PATH_INFO", "")
        if self._requests.shows_metrics(path):
            status, kind, body = self._requests.metrics_page(environ.get("HTTP_ACCEPT", ""))
            start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
            return [body]
        if self._requests.excludes(path):
            return self._app(environ, start_response)
        request = self._requests.new(environ).begin()

        def start(status: str, headers: list[tuple[str, str]], *exc_info: object) -> Callable[[bytes], object]:
            if _is_error(status):
                request.error()
            write: Callable[[bytes], object] = start_response(status, headers, *exc_info)

            def counted(data: bytes) -> object:
                answer = write(data)
                request.bytes_out(len(data))
                return answer

            return counted

        try:
            pieces = self._app(environ, start)
        except BaseException:
            request.end(ok=False)
            raise
        return (_SizedBody if hasattr(pieces, "__len__") else _Body)(pieces, request)


class _Body:
    """A response body whose pieces are counted as they are read. The request ends when the server closes it."""

    def __init__(self, pieces: Iterable[bytes], request: Request) -> None:
        self._pieces = pieces
        self._request = request
        self._iterator: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            if self._iterator is None:
                self._iterator = iter(self._pieces)
            piece = next(self._iterator)
        except StopIteration:
            raise
        except BaseException:
            self._request.error()
            raise
        if isinstance(piece, bytes):
            self._request.bytes_out(len(piece))
        return piece

    def close(self) -> None:
        """Close the application's body and end the request."""
        ok = False
        try:
            close = getattr(self._pieces, "close", None)
            if close is not None:
                close()
            ok = True
        finally:
            self._request.end(ok=ok)

    def __del__(self) -> None:
        self._request.end()  # for a server that does not close it


class _SizedBody(_Body):
    """A body of known length, such as a list: servers derive its size from that."""

    def __len__(self) -> int:
        return len(self._pieces)  # type: ignore[arg-type]


def _is_error(status: object) -> bool:
    try:
        return int(str(status)[:3]) >= SERVER_ERROR
    except ValueError:
        return False
