"""Read the answers of an endpoint: their text, the units they yielded, and where a stream starts and ends."""

from __future__ import annotations

import hashlib
import json
import math
from collections import namedtuple

from .content_coding import KNOWN, decoded
from .errors import MAX_MESSAGE_LENGTH, FailedRequest

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

VOLATILE = {"id", "created", "system_fingerprint"}
"""Fields that OpenAI-compatible servers generate anew for every answer."""

TOKENS = ("completion_tokens", "output_tokens")
"""Names of the token count in `usage`: in OpenAI's completions, and in its responses."""


HttpAnswer = namedtuple("HttpAnswer", "content_type coding body first_ns wire_bytes")  # noqa: PYI024 - typing costs start-up time
"""One answer: content type, content coding (empty for none), body in that coding, arrival of its first piece (0 if it
was not streamed), and bytes on the wire (0 if they were not counted)."""


def is_first_piece(line: str) -> bool:
    """Return whether a line of an event stream is the first piece of the answer: not empty, and not only a role."""
    data = _data(line)
    if not data or data == "[DONE]":
        return False
    try:
        chunk = json.loads(data)
    except ValueError:
        return True
    return not _is_completion(chunk) or any(_has_content(choice) for choice in chunk["choices"])


def read_answer(answer: HttpAnswer, units: str | None) -> tuple[str, float]:
    """Return the text of an answer, and how many units it yielded.

    The text is that of a completion, or else everything in the answer that does not change from call to call. Units are
    0 if they are not counted.

    Raises:
        FailedRequest: When it is an error, is cut off, cannot be decoded, or does not count its units.
    """
    content_type, body = answer.content_type, decoded(answer.body, answer.coding)
    if answer.coding not in KNOWN and (content_type.endswith(("json", "event-stream")) or units is not None):
        message = "was answered in %r, which energygate cannot decode; request gzip in Accept-Encoding"
        raise FailedRequest(message % answer.coding[:20])
    if content_type == "text/event-stream":
        return _read_stream(body.decode("utf-8", "replace"), units)
    try:
        value = json.loads(body)
    except ValueError:  # of which UnicodeDecodeError is one
        if content_type.endswith("json"):
            start = " ".join(body[:MAX_MESSAGE_LENGTH].decode("utf-8", "replace").split())[:200]
            raise FailedRequest("was answered with broken JSON: %s" % start) from None
        if units is not None:
            raise FailedRequest(_uncounted(units)) from None
        return _plain(body), 0
    _raise_reported_error(value)
    count = 0 if units is None else _count(value, units, _uncounted(units))
    if _is_completion(value):
        return "\n".join(_choice_text(choice) for choice in value["choices"]), count
    if isinstance(value, dict):
        value = {name: one for name, one in value.items() if name not in VOLATILE}
    return json.dumps(value, sort_keys=True), count


def _read_stream(body: str, units: str | None) -> tuple[str, float]:
    texts: dict[Any, list[str]] = {}
    others: list[str] = []
    counted = None
    complete, is_completion = False, False
    for data in filter(None, map(_data, body.splitlines())):
        if data == "[DONE]":
            complete = True
            continue
        try:
            chunk = json.loads(data)
        except ValueError:
            others.append(data)
            continue
        _raise_reported_error(chunk)
        if units is not None and _number(chunk, units) is not None:
            counted = chunk
        if not _is_completion(chunk):
            others.append(data)
            continue
        is_completion = True
        for choice in chunk["choices"]:
            texts.setdefault(choice.get("index", 0), []).append(_choice_text(choice))
            complete = complete or choice.get("finish_reason") is not None
    if is_completion and not complete:
        raise FailedRequest("was not answered in full: the stream ended before its last event, [DONE]")
    count = 0 if units is None else _count(counted, units, _uncounted_stream(units))
    choices = ["".join(pieces) for _, pieces in sorted(texts.items(), key=str)]
    return "\n".join(choices + others), count


def _data(line: str) -> str:
    """Return the data of an event's line; empty for comments, other fields and blank lines."""
    return line[5:].strip() if line.startswith("data:") else ""


def _is_completion(value: Any) -> bool:
    choices = value.get("choices") if isinstance(value, dict) else None
    return isinstance(choices, list) and all(isinstance(choice, dict) for choice in choices)


def _message(choice: dict[str, Any]) -> dict[str, Any]:
    """Return the message of a choice, whole or a piece of a stream; completions have just a `text`."""
    message = choice.get("message") or choice.get("delta")
    return message if isinstance(message, dict) else {"content": choice.get("text")}


def _has_content(choice: dict[str, Any]) -> bool:
    return any(value for name, value in _message(choice).items() if name != "role")


def _choice_text(choice: dict[str, Any]) -> str:
    """Return the text of a choice; tool calls and the like as JSON."""
    message = {name: value for name, value in _message(choice).items() if name != "role" and value}
    content = message.pop("content", "")
    text = content if isinstance(content, str) else json.dumps(content, sort_keys=True)
    calls = message.pop("tool_calls", None)
    return text + (json.dumps(_without_ids(calls), sort_keys=True) if calls else "")


def _without_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_ids(one) for one in value]
    if isinstance(value, dict):
        return {name: _without_ids(one) for name, one in value.items() if name not in VOLATILE}
    return value


def _raise_reported_error(value: Any) -> None:
    """Raise the error that OpenAI-compatible servers report inside a stream, after the status has been sent."""
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, dict):
        error = error.get("message") or json.dumps(error)
    if isinstance(error, str) and error:
        raise FailedRequest("was answered with an error: %s" % error[:MAX_MESSAGE_LENGTH])


def _number(value: Any, units: str) -> float | None:
    """Return how many units an answer reports; `None` if it does not."""
    if not isinstance(value, dict):
        return None
    usage = value.get("usage")
    places = [value] if not isinstance(usage, dict) else [usage, value]
    for name in (*TOKENS, units) if units == "tokens" else (units,):
        for place in places:
            count = place.get(name)
            if isinstance(count, (int, float)) and not isinstance(count, bool):
                return count if math.isfinite(count) and count >= 0 else None
    return None


def _count(value: Any, units: str, otherwise: str) -> float:
    count = _number(value, units)
    if count is None:
        raise FailedRequest(otherwise)
    return count


def _uncounted(units: str) -> str:
    count = "`usage.completion_tokens`" if units == "tokens" else "a number named `%s`" % units
    return "was answered without %s, which `units: %s` requires" % (count, units)


def _uncounted_stream(units: str) -> str:
    if units != "tokens":
        return _uncounted(units)
    return _uncounted(units) + '; a stream contains it if the request has "stream_options": {"include_usage": true}'


def _plain(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return "sha256:" + hashlib.sha256(body).hexdigest()
