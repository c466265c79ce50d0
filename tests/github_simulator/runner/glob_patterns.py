"""GitHub's glob patterns for branches, tags and files: `*` stays within a folder, `**` does not."""

from __future__ import annotations

import re


def matches_pattern(name: str, pattern: str) -> bool:
    """Tell whether a pattern matches a whole name."""
    return re.fullmatch(_as_regex(pattern), name) is not None


def _as_regex(pattern: str) -> str:
    made, at = "", 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            made, at = made + "(?:.*/)?", at + 3
        elif pattern.startswith("**", at):
            made, at = made + ".*", at + 2
        elif pattern[at] == "*":
            made, at = made + "[^/]*", at + 1
        elif pattern[at] == "[" and "]" in pattern[at:]:
            end = pattern.index("]", at) + 1
            made, at = made + pattern[at:end], end
        elif pattern[at] in "?+":
            made, at = made + pattern[at], at + 1
        else:
            made, at = made + re.escape(pattern[at]), at + 1
    return made
