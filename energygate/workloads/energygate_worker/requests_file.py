"""Read the requests of an endpoint from a JSONL file."""

from __future__ import annotations

import json
import re
from collections import namedtuple

from .errors import WorkloadError, message_of

ENVELOPE = {"custom_id", "method", "url", "body", "headers"}
"""Keys of a line that contains more than a body: those of OpenAI's batch files, and `headers`."""

HttpRequest = namedtuple("HttpRequest", "method path body headers")  # noqa: PYI024 - typing costs start-up time
"""One request: method, path with query, body in bytes (`None` for none) and headers."""

HEADERS = {"Accept": "*/*", "User-Agent": "energygate"}


def plain_get(path: str) -> HttpRequest:
    """Return the request that is sent if there is no file."""
    return HttpRequest("GET", path, None, HEADERS)


def read_requests(file: str, path: str) -> list[HttpRequest]:
    """Read the requests of a file, one per line: a JSON value is the body of a POST to `path`.

    An object with a `body`, and otherwise only keys of `ENVELOPE`, describes the whole request.
    """
    try:
        with open(file, encoding="utf-8-sig") as lines:
            numbered = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    except (OSError, UnicodeDecodeError) as error:
        raise WorkloadError("cannot read %s: %s" % (file, message_of(error))) from None
    requests = [_request(line, path, "line %d of %s" % (number, file)) for number, line in numbered if line]
    if not requests:
        raise WorkloadError("%s contains no request; each line must be one, in JSON" % file)
    return requests


def _request(line: str, path: str, where: str) -> HttpRequest:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise WorkloadError("%s is not JSON: %s" % (where, error)) from None
    if not isinstance(value, dict) or "body" not in value or not ENVELOPE.issuperset(value):
        return _post(line, path)
    url, method, headers = value.get("url", path), value.get("method"), value.get("headers", {})
    if not isinstance(url, str) or not re.match(r"/[!-~]*$", url):
        raise WorkloadError("%s: url is %r; it must be a path, such as /v1/completions" % (where, url))
    if method is not None and (not isinstance(method, str) or not re.match("[A-Za-z]+$", method)):
        raise WorkloadError("%s: method is %r; it must be an HTTP method, such as POST" % (where, method))
    if not isinstance(headers, dict) or not all(
        re.match(r"[!#-'*+.0-9A-Z^-z|~-]+$", name) and isinstance(text, str) and re.match(r"[ -~\t]*$", text)
        for name, text in headers.items()
    ):
        raise WorkloadError("%s: headers must be an object of strings" % where)
    body = value["body"]
    made = plain_get(url) if body is None else _post(json.dumps(body), url)
    return made._replace(method=(method or made.method).upper(), headers=dict(made.headers, **headers))


def _post(text: str, path: str) -> HttpRequest:
    return HttpRequest("POST", path, text.encode(), dict(HEADERS, **{"Content-Type": "application/json"}))
