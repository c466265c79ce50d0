"""What the tests of endpoints share: the specs that a worker loads, and files of requests."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

HERE = Path(__file__).parent
COMPLETIONS = HERE.parents[1] / "fixtures" / "completions.py"
URL = "http://127.0.0.1:{port}/v1/completions"
GENEROUS_S = 60


def endpoint(serve, *, url=URL, ready=None, units=None, patience_s=GENEROUS_S):
    """What the worker's `load` takes to make an endpoint of a command line."""
    spec = {"url": url, "serve": serve, "ready": ready, "units": units, "patience_s": patience_s}
    return {"kind": "http", "spec": spec}


def completions(checkout, *, milliseconds_per_token=1.0, **more):
    """The shipped server in a checkout."""
    shutil.copy(COMPLETIONS, checkout)
    line = f"python completions.py --port {{port}} --milliseconds-per-token {milliseconds_per_token}"
    return endpoint(line, ready="/health", **more)


def canned(checkout, answers, **more):
    """A server of fixed answers: by path the bytes, or a dictionary as `fixed_answers_server.py` takes it."""
    shutil.copy(HERE / "fixed_answers_server.py", checkout)
    found = {path: one if isinstance(one, dict) else {"bytes": one} for path, one in answers.items()}
    (checkout / "answers.json").write_text(json.dumps(found), encoding="utf-8")
    return endpoint("python fixed_answers_server.py {port} answers.json", url="http://127.0.0.1:{port}/", **more)


def http(body, *, status="200 OK", content_type="application/json", length=None, more=""):
    """The bytes of an answer."""
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n{more}"
        f"Content-Length: {len(body) if length is None else length}\r\n\r\n{body}"
    )


def events(*datas, end="0\r\n\r\n"):
    """The bytes of a stream of events."""
    chunks = [f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n" for data in datas]
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + "".join(f"{len(chunk):x}\r\n{chunk}\r\n" for chunk in chunks) + end


def write_requests(path, *bodies):
    """Write a file of requests, one per line; returns its path."""
    lines = (body if isinstance(body, str) else json.dumps(body) for body in bodies)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
