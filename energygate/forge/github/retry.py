"""When to ask GitHub again, and how long to wait first."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from energygate.forge.github.api_errors import GitHubError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from requests import Response

MAX_ATTEMPTS = 5
"""How many times one request is sent at most."""

MAX_WAIT_S = 120.0
"""Total time that one request may wait: a report is not worth more of a job's minutes."""

FIRST_PAUSE_S = 1.0
"""Before the second attempt; doubled each time. GitHub asks for a second between writes."""

LIMIT_PAUSE_S = 60.0
"""At a rate limit that states no time: at least a minute, then more (GitHub's best practices)."""

_TEMPORARY = frozenset({500, 502, 503, 504})
_FORBIDDEN, _TOO_MANY = 403, 429


def with_retries(
    send: Callable[[int], Response | GitHubError], *, max_attempts: int, sleep: Callable[[float], None]
) -> Response:
    """Return the first answer; wait and send again as long as the error says that it may help.

    Args:
        send: Sends the request once, given how many attempts came before.
        max_attempts: How often to send at most.
        sleep: Waits for seconds.

    Raises:
        GitHubError: The last one, when attempts or time have run out.
    """
    waited_s = 0.0
    for attempt in itertools.count():
        answer = send(attempt)
        if not isinstance(answer, GitHubError):
            return answer
        wait_s = answer.wait_s
        if wait_s is None or attempt + 1 >= max_attempts or waited_s + wait_s > MAX_WAIT_S:
            raise answer
        sleep(wait_s)
        waited_s += wait_s
    raise AssertionError


def pause_s(
    *, status: int | None, headers: Mapping[str, str], message: str, attempt: int, now_s: float
) -> float | None:
    """Return how many seconds to wait before asking again; `None` when asking again would not help.

    Args:
        status: The answer's status; `None` when there was no answer.
        headers: Its headers; names are looked up without regard to case.
        message: GitHub's own message in it.
        attempt: How many came before this one.
        now_s: Seconds since 1970, which `x-ratelimit-reset` counts in.
    """
    retry_after_s = _seconds(headers.get("Retry-After"))
    if status is None or status in _TEMPORARY:
        return max(FIRST_PAUSE_S * 2.0**attempt, retry_after_s or 0.0)
    if not is_rate_limit(status=status, headers=headers, message=message):
        return None
    if retry_after_s is not None:
        return retry_after_s
    reset = _seconds(headers.get("X-RateLimit-Reset"))
    if headers.get("X-RateLimit-Remaining") == "0" and reset is not None:
        return max(reset - now_s, FIRST_PAUSE_S)
    return LIMIT_PAUSE_S * 2.0**attempt


def is_rate_limit(*, status: int, headers: Mapping[str, str], message: str) -> bool:
    """Distinguish a rate limit from a refusal: GitHub answers both with 403."""
    if status == _TOO_MANY:
        return True
    is_named = (
        "Retry-After" in headers or headers.get("X-RateLimit-Remaining") == "0" or "rate limit" in message.casefold()
    )
    return status == _FORBIDDEN and is_named


def _seconds(value: str | None) -> float | None:
    """Read whole seconds; `None` for anything else."""
    if value is None or not (value.isascii() and value.isdigit()):
        return None
    return float(value)
