"""Reading a policy from a text or a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

from pydantic import ValidationError

from energygate.errors import PolicyError
from energygate.policy.error_messages import policy_error
from energygate.policy.model import Origin, Policy
from energygate.policy.tree import read_tree, unfold

MAX_BYTES = 1_000_000
_START = "Run energygate init to write one"


def load_policy(path: str | os.PathLike[str]) -> Policy:
    """Read the policy in a file.

    Args:
        path: The file; errors name it as given here.

    Returns:
        The policy; it knows its file and the line of each key.

    Raises:
        PolicyError: The file does not exist, cannot be read, or is refused by `parse_policy`.
    """
    source = os.fspath(path)
    try:
        with Path(source).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise PolicyError("there is no such policy", where=source, hint=_START) from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        _refuse_unreadable(source, error)
    return parse_policy(content, source)


def parse_policy(text: str | bytes, source: str = "energygate.yml") -> Policy:
    """Read the policy in a text.

    Args:
        text: YAML; bytes are UTF-8.
        source: Its name, for errors and for `Policy.source`.

    Returns:
        The policy; it knows its source and the line of each key.

    Raises:
        PolicyError: The text is too long, empty or not YAML, or has a mistake; the error names the line.
        PolicyErrors: It has several mistakes; a kind of `PolicyError`.
    """
    if len(text) > MAX_BYTES:
        raise PolicyError(
            f"the policy is longer than {MAX_BYTES // 1000:,} kB",
            where=source,
            hint="Is this the right file?",
        )
    if isinstance(text, bytes):
        content = text
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            hint = "Save it as UTF-8"
            raise PolicyError("the policy is not UTF-8 text", where=source, line=line, hint=hint) from None
    root = read_tree(text, source)
    if root is None:
        raise PolicyError("the policy is empty", where=source, hint=_START)
    if not isinstance(root.value, dict):
        raise PolicyError(
            "the policy is not a mapping of keys to values",
            where=source,
            line=root.line,
            hint="Begin with version: 1, or run energygate init to write one",
        )
    plain, lines = unfold(root)
    try:
        policy = Policy.model_validate(plain)
    except ValidationError as error:
        raise policy_error(error, source, lines) from None
    return policy.read_from(Origin(source=source, lines=lines))


def _refuse_unreadable(source: str, error: OSError | ValueError) -> NoReturn:
    # Opening a directory is IsADirectoryError on POSIX and PermissionError on Windows.
    if isinstance(error, IsADirectoryError) or (isinstance(error, PermissionError) and Path(source).is_dir()):
        raise PolicyError(
            "this is a directory, not a policy",
            where=source,
            hint="Name the file, for example energygate.yml",
        ) from None
    reason = getattr(error, "strerror", None) or str(error)
    raise PolicyError(f"the policy cannot be read: {reason.lower()}", where=source) from None
