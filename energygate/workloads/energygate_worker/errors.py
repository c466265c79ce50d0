"""What can go wrong in a worker, and how it is reported."""

from __future__ import annotations

import traceback
import types

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

MAX_MESSAGE_LENGTH = 500
"""Characters of an error message from outside that is quoted."""

UNFINISHED = {
    type(None): "nothing",
    types.GeneratorType: "a generator",
    types.AsyncGeneratorType: "an async generator",
    types.CoroutineType: "a coroutine",
    map: "a map object",
    filter: "a filter object",
}
"""What a request may not return: the work of a lazy answer would not be measured."""

ITERATORS = (types.GeneratorType, map, filter)
"""Those that `list(...)` turns into a finished answer."""

FORKED = "the workload forked, and the child process came back instead of exiting"


class WorkloadError(Exception):
    """An error that one sentence explains to the user.

    Attributes:
        missing: Whether the workload's target does not exist.
    """

    missing = False


class MissingTarget(WorkloadError):
    """The workload's target does not exist."""

    missing = True


class UnfinishedAnswer(Exception):
    """A request returned one of `UNFINISHED`, its only argument."""


class FailedRequest(Exception):
    """A request failed by a rule of energygate; its text says what the request did, such as `was cut off`."""


class ServerEnded(BaseException):
    """The server of an endpoint has ended, which no success rate tolerates; its text is like `FailedRequest`'s."""


SELF_EXPLANATORY = (UnfinishedAnswer, FailedRequest, ServerEnded)
"""Errors whose traceback would not help."""


class ForkedCopy(BaseException):
    """This process is a copy that the workload forked and let return."""


forked: list[bool] = []
"""Non-empty in a process that the workload forked; a list, so that the request loop checks it in 10 ns."""


def describe_failure(number: int, error: BaseException) -> str:
    """Return a sentence about a request that was not answered."""
    if isinstance(error, UnfinishedAnswer):
        what = UNFINISHED[error.args[0]]
        how = ", for example list(...) of it" if error.args[0] in ITERATORS else ""
        return "request %d returned %s; a request must return its finished answer%s" % (number, what, how)
    return "request %d %s" % (number, describe_error(error))


def describe_error(error: BaseException) -> str:
    """Return what the user's code did wrong, as the end of a sentence about it."""
    if isinstance(error, (FailedRequest, ServerEnded)):
        return message_of(error)
    if isinstance(error, SystemExit):
        return "called sys.exit(%s)" % ("" if error.code is None else repr(error.code)[:MAX_MESSAGE_LENGTH])
    text = message_of(error)
    return "raised %s: %s" % (type(error).__name__, text) if text else "raised %s" % type(error).__name__


def message_of(error: BaseException) -> str:
    """Return an error's message on one line, without onnxruntime's `[ONNXRuntimeError] : 7 : NO_SUCHFILE : `."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # `__str__` is the user's code, too
        return ""
    if text.startswith("[ONNXRuntimeError]"):
        text = text.split(" : ", 3)[-1]
    return text if len(text) <= MAX_MESSAGE_LENGTH else text[:MAX_MESSAGE_LENGTH] + " ..."


def traceback_of(error: Any) -> str:
    """Return an error's traceback as text; empty without an error."""
    if error is None:
        return ""
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))
