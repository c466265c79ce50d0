"""Counting the requests to a WSGI application (PEP 3333)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from energygate.production.recorder.recorder import Recorder
    from energygate.production.recorder.request import Request

    Environ = dict[str, Any]
    WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

SERVER_ERROR = 500


class Paths:
    """Paths; one that ends with `*` stands for all that begin so."""

    def __init__(self, paths: Collection[str]) -> None:
        self._exact = frozenset(paths)
        self._beginnings = tuple(path[:-1] for path in paths if path.endswith("*"))

    def __contains__(self, path: str) -> bool:
        return path in self._exact or path.startswith(self._beginnings)


class WsgiMiddleware:
    """An application around another one.

    Args:
        recorder: Counts.
        app: The application.
        workload: Which one it serves, or a function that tells it from the environment; `None`: the recorder's own.
        metrics_path: Where the metrics are shown; `None`: nowhere.
        exclude: Paths that are not counted; one that ends with `*` stands for all that begin so.
    """

    def __init__(
        self,
        recorder: Recorder,
        app: WsgiApp,
        *,
        workload: str | Callable[[Environ], str | None] | None,
        metrics_path: str | None,
        exclude: Collection[str],
    ) -> None:
        self._recorder = recorder
        self._app = app
        self._workload = workload
        self._metrics_path = metrics_path
        self._exclude = Paths(exclude)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        path = environ.get("PATH_INFO", "")
        if path == self._metrics_path:
            return self._metrics(environ, start_response)
        if path in self._exclude:
            return self._app(environ, start_response)
        request = self._recorder.request(self._which(environ)).begin()

        def start(
            status: str, headers: list[tuple[str, str]], *exc_info: object
        ) -> Callable[[bytes], object]:
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
        if hasattr(pieces, "__len__"):
            return _SizedBody(pieces, request)
        return _Body(pieces, request)

    def _which(self, environ: Environ) -> str | None:
        if not callable(self._workload):
            return self._workload
        try:
            return self._workload(environ)
        except Exception as error:  # noqa: BLE001 - the request is served all the same
            self._recorder.note("the workload of a request could not be told", error)
            return None

    def _metrics(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        from energygate.production.recorder.prometheus import page

        status, kind, body = page(self._recorder, environ.get("HTTP_ACCEPT", ""))
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]


class _Body:
    """An answer's pieces, counted as they are taken. The request ends when the server closes it."""

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
        """Close the application's own answer; the request is over."""
        ok = False
        try:
            close = getattr(self._pieces, "close", None)
            if close is not None:
                close()
            ok = True
        finally:
            self._request.end(ok=ok)

    def __del__(self) -> None:
        self._request.end()  # of a server that did not close it


class _SizedBody(_Body):
    """An answer of known length, such as a list: servers tell its size from that."""

    def __len__(self) -> int:
        return len(self._pieces)  # type: ignore[arg-type]


def _is_error(status: object) -> bool:
    try:
        return int(str(status)[:3]) >= SERVER_ERROR
    except ValueError:
        return False
