"""Reading a policy: from a text, or from the file that people edit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

from pydantic import ValidationError

from energygate.errors import PolicyError
from energygate.policy.mistakes import policy_error
from energygate.policy.model import Origin, Policy
from energygate.policy.tree import read_tree, unfold

MAX_BYTES = 1_000_000
_START = "Run energygate init to write one"


def load_policy(path: str | os.PathLike[str]) -> Policy:
    """Read the policy in a file.

    Args:
        path: The file; named in errors as it is given here.

    Returns:
        The policy; it knows its file and the line of each key.

    Raises:
        PolicyError: There is no such file, it cannot be read, or `parse_policy` refuses it.
    """
    source = os.fspath(path)
    try:
        with Path(source).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise PolicyError("there is no such policy", where=source, hint=_START) from None
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        _refuse_unreadable(source, error)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        hint = "Save it as UTF-8"
        raise PolicyError("the policy is not UTF-8 text", where=source, line=line, hint=hint) from None
    return parse_policy(text, source)


def parse_policy(text: str, source: str = "energygate.yml") -> Policy:
    """Read the policy in a text.

    Args:
        text: YAML.
        source: Its name, for errors and for `Policy.source`.

    Returns:
        The policy; it knows its source and the line of each key.

    Raises:
        PolicyError: The text is too long, empty, or no YAML; or it has a mistake, whose line the error names.
        PolicyErrors: It has several mistakes; this is a `PolicyError` too.
    """
    if len(text) > MAX_BYTES:
        raise PolicyError(
            f"the policy is longer than {MAX_BYTES // 1000:,} kB",
            where=source,
            hint="Is this the right file?",
        )
    root = read_tree(text, source)
    if root is None:
        raise PolicyError("the policy is empty", where=source, hint=_START)
    if not isinstance(root.value, dict):
        raise PolicyError(
            "the policy is not made of keys and values",
            where=source,
            line=root.line,
            hint="It begins with version: 1; run energygate init to write one",
        )
    plain, lines = unfold(root)
    try:
        policy = Policy.model_validate(plain)
    except ValidationError as error:
        raise policy_error(error, source, lines) from None
    return policy.read_from(Origin(source=source, lines=lines))


def _refuse_unreadable(source: str, error: OSError | ValueError) -> NoReturn:
    # Opening a directory is its own error on POSIX, and a refused permission on Windows.
    if isinstance(error, IsADirectoryError) or (isinstance(error, PermissionError) and Path(source).is_dir()):
        raise PolicyError(
            "this is a directory, not a policy",
            where=source,
            hint="Name the file, for example energygate.yml",
        ) from None
    reason = getattr(error, "strerror", None) or str(error)
    raise PolicyError(f"the policy cannot be read: {reason.lower()}", where=source) from None
