"""The HTTP servers: GitHub's API, and the host of artifact files."""

from __future__ import annotations

import secrets
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from github_simulator.api.exchange import Answer, Seen, Trick, Tricks

_AT_ONCE_S = 0.01


class Host:
    """A server on a port of its own; `answer` is asked for each request, and `None` closes the connection."""

    def __init__(self, answer, failed):
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.answer, self._server.failed = answer, failed
        serve = {"target": self._server.serve_forever, "kwargs": {"poll_interval": _AT_ONCE_S}}
        self._thread = threading.Thread(**serve)

    @property
    def root(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self):
        self._thread.start()

    def stop(self):
        """Stop, if it was started."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class Storage:
    """The host of files, to which GitHub sends those who download: its addresses are for a short while.

    Whoever shows it a token has given it away. `seen` is what it was asked; `trick` arranges as on GitHub, for
    paths such as `/results/.*`.
    """

    def __init__(self, *, tokens, accuse):
        self.seen = []
        self._tokens = tokens
        self._files = {}
        self._tricks = Tricks()
        self._accuse = accuse
        self._host = None

    @property
    def root(self):
        """Where it is; nobody is there before someone asks."""
        if self._host is None:
            self._host = Host(self._answer, self._accuse)
            self._host.start()
        return self._host.root

    def stop(self):
        if self._host is not None:
            self._host.stop()

    def address(self, content):
        """Return where a file may be fetched from, until `expire`."""
        key = secrets.token_hex(8)
        self._files[key] = content
        return f"{self.root}/results/{len(self._files)}.zip?se=2026-03-01T00%3A01%3A00Z&sig={key}"

    def expire(self):
        """Let all addresses given so far be old."""
        self._files.clear()

    def trick(self, method, path, **how):
        """Arrange for next requests; see `Trick`."""
        self._tricks.add(Trick(method=method, path=path, **how))

    def _answer(self, seen):
        self.seen.append(seen)
        shown = [seen.path, seen.query, *seen.headers.values()]
        if seen.token is not None or any(token in text for token in self._tokens for text in shown):
            self._accuse(f"the host of files was shown a token: {seen.method} {seen.path}")
        trick = self._tricks.take(seen.method, seen.path)
        if trick is not None and trick.act is not None:
            trick.act()
        if trick is not None and trick.status is not None:
            return trick.answer()
        content = self._files.get(seen.query.rpartition("sig=")[2])
        if content is None:
            return Answer(status=403, content=b"<Error><Code>AuthenticationFailed</Code></Error>")
        return Answer(status=200, headers={"Content-Type": "application/zip"}, content=content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, _request, _client):
        """Report a mistake in the simulator to the test, but not that a client hung up."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError):
            self.failed("".join(traceback.format_exception(error)))


class _Handler(BaseHTTPRequestHandler):
    def _handle(self):
        length = int(self.headers.get("Content-Length", 0))
        parts = urlsplit(self.path)
        answer = self.server.answer(
            Seen(
                method=self.command,
                path=parts.path,
                query=parts.query,
                headers={name.lower(): value for name, value in self.headers.items()},
                content=self.rfile.read(length),
            )
        )
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.content)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.content)

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = _handle  # noqa: N815 - the names http.server looks for

    def log_message(self, *_):
        """Say nothing."""
