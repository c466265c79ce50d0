"""Counting the requests to an ASGI application (asgi.readthedocs.io, HTTP & WebSocket 2.x)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from energygate.production.recorder.wsgi import SERVER_ERROR, Paths

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, MutableMapping

    from energygate.production.recorder.recorder import Recorder
    from energygate.production.recorder.request import Request

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class AsgiMiddleware:
    """An application around another one.

    A request's duration ends with the last piece of its answer; its energy counts until the application returns, so
    that of work which it does afterwards is in it. One that is cancelled when its answer has begun has not failed: the
    client went away, as from a WSGI stream that the server closes early.

    Args:
        recorder: Counts.
        app: The application.
        workload: Which one it serves, or a function that tells it from the scope; `None`: the recorder's own.
        metrics_path: Where the metrics are shown; `None`: nowhere.
        exclude: Paths that are not counted; one that ends with `*` stands for all that begin so.
    """

    def __init__(
        self,
        recorder: Recorder,
        app: AsgiApp,
        *,
        workload: str | Callable[[Scope], str | None] | None,
        metrics_path: str | None,
        exclude: Collection[str],
    ) -> None:
        self._recorder = recorder
        self._app = app
        self._workload = workload
        self._metrics_path = metrics_path
        self._exclude = Paths(exclude)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection: a request, a websocket, or the application's lifespan."""
        if scope.get("type") != "http":
            await self._app(scope, receive, send)
            return
        path = scope.get("path", "")
        if path == self._metrics_path:
            await self._metrics(scope, send)
            return
        if path in self._exclude:
            await self._app(scope, receive, send)
            return
        request = self._recorder.request(self._which(scope))
        has_begun = False

        async def counted(message: Message) -> None:
            nonlocal has_begun
            await send(message)
            has_begun = True
            try:
                _count(request, message)
            except Exception as error:  # noqa: BLE001 - the answer is sent already, and nothing is to be raised here
                self._recorder.note("an answer could not be counted", error)

        request.begin()
        ok = False
        try:
            await self._app(scope, receive, counted)
            ok = True
        except asyncio.CancelledError:
            ok = has_begun
            raise
        finally:
            request.end(ok=ok)

    def _which(self, scope: Scope) -> str | None:
        if not callable(self._workload):
            return self._workload
        try:
            return self._workload(scope)
        except Exception as error:  # noqa: BLE001 - the request is served all the same
            self._recorder.note("the workload of a request could not be told", error)
            return None

    async def _metrics(self, scope: Scope, send: Send) -> None:
        from energygate.production.recorder.prometheus import page

        accept = next((value for name, value in scope.get("headers", ()) if name == b"accept"), b"")
        status, kind, body = page(self._recorder, accept.decode("latin-1"))
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": int(status[:3]), "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _count(request: Request, message: Message) -> None:
    kind = message.get("type")
    if kind == "http.response.start":
        if message.get("status", 0) >= SERVER_ERROR:
            request.error()
    elif kind == "http.response.body":
        request.bytes_out(len(message.get("body", b"")))
        if not message.get("more_body", False):
            request.answered()
