"""What goes wrong in a worker, and how a person is told."""

from __future__ import annotations

import traceback
import types

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

TEXT_LIMIT = 500
"""Longest quotation of somebody else's error message, in characters."""

UNFINISHED = {
    type(None): "nothing",
    types.GeneratorType: "a generator",
    types.AsyncGeneratorType: "an async generator",
    types.CoroutineType: "a coroutine",
    map: "a map object",
    filter: "a filter object",
}
"""What a request may not return: with the lazy ones, the work itself would not be in the measurement."""

STREAMS = (types.GeneratorType, map, filter)
"""Those that a function can read to their end in one word."""

FORKED = "the workload forked, and the child process came back instead of exiting"


class WorkloadError(Exception):
    """Something a person can be told in one sentence.

    Attributes:
        missing: Whether it is that what the workload runs does not exist.
    """

    missing = False


class MissingTarget(WorkloadError):
    """What the workload runs does not exist."""

    missing = True


class UnfinishedAnswer(Exception):
    """A request returned one of `UNFINISHED`, its only argument."""


class FailedRequest(Exception):
    """A request that failed by a rule of ours; its text is what the request did, such as `was cut off`."""


class ServerEnded(BaseException):
    """The server of an endpoint has ended, whatever failed requests are allowed; its text reads the same way."""


SELF_EXPLANATORY = (UnfinishedAnswer, FailedRequest, ServerEnded)
"""What says all there is to say: where it was raised is of no use to anybody."""


class ForkedCopy(BaseException):
    """This process is a copy that the workload forked and let return."""


forked: list[bool] = []
"""Non-empty in a process that the workload forked; a list, so that the request loop sees it in 10 ns."""


def describe_failure(number: int, error: BaseException) -> str:
    """What became of a request that was not answered, as a sentence."""
    if isinstance(error, UnfinishedAnswer):
        what = UNFINISHED[error.args[0]]
        how = ", as a function that calls list(...) on it does" if error.args[0] in STREAMS else ""
        return "request %d returned %s; a request must return its finished answer%s" % (number, what, how)
    return "request %d %s" % (number, describe_error(error))


def describe_error(error: BaseException) -> str:
    """What somebody's code did wrong, as the end of a sentence about it."""
    if isinstance(error, (FailedRequest, ServerEnded)):
        return message_of(error)
    if isinstance(error, SystemExit):
        return "called sys.exit(%s)" % ("" if error.code is None else repr(error.code)[:TEXT_LIMIT])
    text = message_of(error)
    return "raised %s: %s" % (type(error).__name__, text) if text else "raised %s" % type(error).__name__


def message_of(error: BaseException) -> str:
    """An error's message on one line, without onnxruntime's `[ONNXRuntimeError] : 7 : NO_SUCHFILE : `."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # `__str__` is the user's code, too
        return ""
    if text.startswith("[ONNXRuntimeError]"):
        text = text.split(" : ", 3)[-1]
    return text if len(text) <= TEXT_LIMIT else text[:TEXT_LIMIT] + " ..."


def traceback_of(error: Any) -> str:
    """An error's traceback for the parent; empty without an error."""
    if error is None:
        return ""
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))
