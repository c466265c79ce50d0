"""How long to wait before asking GitHub again, and when not to: pure functions of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ATTEMPTS = 5
"""How often one request is sent at most."""

PATIENCE_S = 120.0
"""The longest one request may wait in all: a report is not worth more of a job's minutes."""

FIRST_PAUSE_S = 1.0
"""Before the second attempt; doubled each time. GitHub asks for a second between writes."""

LIMIT_PAUSE_S = 60.0
"""When a limit is hit and nothing says for how long: at least a minute, then more (GitHub's best practices)."""

_TRY_AGAIN = frozenset({500, 502, 503, 504})
_FORBIDDEN, _TOO_MANY = 403, 429


def pause_s(
    *, status: int | None, headers: Mapping[str, str], words: str, attempt: int, now_s: float
) -> float | None:
    """Return how many seconds to wait before asking again; `None` when asking again would not help.

    Args:
        status: The answer's status; `None` when there was no answer.
        headers: Its headers, whose names are found in any case.
        words: GitHub's own words in it.
        attempt: How many came before this one.
        now_s: Seconds since 1970, which `x-ratelimit-reset` counts in.
    """
    asked = _seconds(headers.get("Retry-After"))
    if status is None or status in _TRY_AGAIN:
        return max(FIRST_PAUSE_S * 2.0**attempt, asked or 0.0)
    if not is_limit(status=status, headers=headers, words=words):
        return None
    if asked is not None:
        return asked
    reset = _seconds(headers.get("X-RateLimit-Reset"))
    if headers.get("X-RateLimit-Remaining") == "0" and reset is not None:
        return max(reset - now_s, FIRST_PAUSE_S)
    return LIMIT_PAUSE_S * 2.0**attempt


def is_limit(*, status: int, headers: Mapping[str, str], words: str) -> bool:
    """Tell a limit on how often one may ask from a refusal: GitHub answers both with 403."""
    if status == _TOO_MANY:
        return True
    told = (
        "Retry-After" in headers
        or headers.get("X-RateLimit-Remaining") == "0"
        or "rate limit" in words.casefold()
    )
    return status == _FORBIDDEN and told


def _seconds(value: str | None) -> float | None:
    """Read whole seconds; `None` for anything else, which is as if nothing were said."""
    if value is None or not (value.isascii() and value.isdigit()):
        return None
    return float(value)
