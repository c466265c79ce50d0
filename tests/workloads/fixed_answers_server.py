"""A server with a fixed answer, in bytes, for every path, for tests of wrong answers.

    python fixed_answers_server.py PORT ANSWERS.json

The answers map a path to what is sent; after it the connection is closed where the answer's `close` says so.
"""

from __future__ import annotations

import json
import os
import socketserver
import sys
import time
import warnings
from pathlib import Path

ANSWERS = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))


class Canned(socketserver.StreamRequestHandler):
    def handle(self):
        while line := self.rfile.readline():
            path, length = line.split()[1].decode(), 0
            while header := self.rfile.readline().strip():
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
            self.rfile.read(length)
            answer = ANSWERS[path]
            if "die" in answer:
                print(answer["die"], flush=True)  # noqa: T201 - its last words
                die(7)
            self.wfile.write(answer["bytes"].encode("latin1"))
            if answer.get("close"):
                return


def die(code):
    """End, and break the connection only then, so that a client that sees it break finds the server ended."""
    warnings.simplefilter("ignore")  # of forking beside threads: they would be the last words
    server = os.getpid()
    if os.fork():
        os._exit(code)
    while os.getppid() == server:  # holding the connection
        time.sleep(0.001)
    os._exit(0)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


with Server(("127.0.0.1", int(sys.argv[1])), Canned) as server:
    server.serve_forever()
