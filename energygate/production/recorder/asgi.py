"""Counting the requests to an ASGI application (asgi.readthedocs.io, HTTP & WebSocket 2.x)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from energygate.production.recorder.middleware import SERVER_ERROR

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from energygate.production.recorder.middleware import HttpRequests
    from energygate.production.recorder.request import Request

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class AsgiMiddleware:
    """An application whose HTTP requests are counted.

    A request's duration ends with the last piece of its response. Its energy counts until the application returns, so
    that work done after the response is included. A request that is cancelled once its response has begun has not
    failed: the client disconnected, as when a server closes a WSGI stream early.

    Args:
        app: The application itself.
        requests: Which of its requests count, and as what.
    """

    def __init__(self, app: AsgiApp, requests: HttpRequests) -> None:
        self._app = app
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection: a request, a websocket, or the application's lifespan."""
        path = scope.get("path", "")
        if scope.get("type") != "http":
            await self._app(scope, receive, send)
        elif self._requests.shows_metrics(path):
            await self._send_metrics(scope, send)
        elif self._requests.excludes(path):
            await self._app(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = self._requests.new(scope)
        has_begun = False

        async def counted(message: Message) -> None:
            nonlocal has_begun
            await send(message)
            has_begun = True
            try:
                _count(request, message)
            except Exception as error:  # noqa: BLE001 - the response is sent, and nothing may reach the service
                self._requests.note("a response could not be counted", error)

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

    async def _send_metrics(self, scope: Scope, send: Send) -> None:
        accept = next((value for name, value in scope.get("headers", ()) if name == b"accept"), b"")
        status, kind, body = self._requests.metrics_page(accept.decode("latin-1"))
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
