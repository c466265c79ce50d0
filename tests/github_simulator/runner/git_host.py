"""Git over HTTP, as GitHub serves it: public repositories to everyone, others by the rights of a token."""

from __future__ import annotations

import atexit
import base64
import binascii
import functools
import itertools
import subprocess
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

May: TypeAlias = Callable[["str | None", str, str], bool]
"""Whether a token (`None`: nobody's) may `read` or `write` the contents of a repository, `owner/name`."""

_WRITES = "git-receive-pack"


class GitHost:
    """One server for all tests of a process; each site has its own repositories below an address of its own."""

    def __init__(self) -> None:
        self.sites: dict[str, tuple[Path, May]] = {}
        self._numbers = itertools.count(1)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.host = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def site(self, root: Path, may: May) -> str:
        """Serve the bare repositories `owner/name.git` below a folder; return the address of `owner/name`s."""
        name = f"site-{next(self._numbers)}"
        self.sites[name] = (root, may)
        return f"http://127.0.0.1:{self._server.server_port}/{name}"

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@functools.cache
def git_host() -> GitHost:
    """Return the one of this process, started when it is first needed."""
    host = GitHost()
    atexit.register(host.close)
    return host


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    host: GitHost


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    # Head and content leave together: apart, each answer would wait 40 ms for an acknowledgement.
    wbufsize = -1

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        address = urlsplit(self.path)
        _, name, owner, repository, *rest = [*address.path.split("/", 4), "", "", ""][:5]
        root, may = self.server.host.sites[name]
        repository = repository.removesuffix(".git")
        right = "write" if _WRITES in {rest[0].rpartition("/")[2], address.query.removeprefix("service=")} else "read"
        body = self._body()
        token = _token(self.headers.get("Authorization", ""))
        if not may(token, right, f"{owner}/{repository}"):
            self._refuse(HTTPStatus.UNAUTHORIZED if token is None else HTTPStatus.FORBIDDEN)
            return
        environment = {
            "PATH": "/usr/bin:/bin",
            "GIT_PROJECT_ROOT": str(root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "HOME": str(root),
            "PATH_INFO": f"/{owner}/{repository}.git/{rest[0]}",
            "QUERY_STRING": address.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            **({"REMOTE_USER": "job"} if right == "write" else {}),
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
        self._pass_on(done.stdout)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        read = b""
        while size := int(self.rfile.readline(), 16):
            read += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return read

    def _refuse(self, status: HTTPStatus) -> None:
        self.send_response(status)
        if status is HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Basic realm="GitHub"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _pass_on(self, answer: bytes) -> None:
        head, _, content = answer.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().splitlines()]
        status = next((value for name, value in headers if name == "Status"), "200")
        self.send_response(int(status.split()[0]))
        for name, value in headers:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _token(header: str) -> str | None:
    kind, _, value = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
