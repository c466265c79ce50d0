"""A file of the repository at a commit without a checkout, such as base's policy in the second stage."""

from __future__ import annotations

import base64
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

from energygate.errors import UsageError
from energygate.forge.github.api_errors import GitHubError
from energygate.forge.github.json_fields import is_sha
from energygate.text import printable

if TYPE_CHECKING:
    from energygate.forge.github.client import GitHubClient
    from energygate.forge.github.json_fields import Fields

_NEEDS = "contents: read"
_NOT_FOUND = 404
_OTHER_KINDS = {"symlink": "a symbolic link that does not lead to a file", "submodule": "a submodule"}


def read_file(client: GitHubClient, *, repository: str, path: str, commit: str, limit_bytes: int) -> bytes | None:
    """Return a file's content at a commit; `None` when it does not exist.

    A file counts as missing only at a commit that the token can see: GitHub also answers 404 for what a token may
    not see, and a hidden policy must not count as a missing one.

    GitHub follows a symbolic link to a file of the same commit without saying so.
    (https://docs.github.com/rest/repos/contents)

    Args:
        client: The API; its token needs `contents: read`.
        repository: `owner/name`.
        path: From the repository's root, with slashes.
        commit: Its full hash.
        limit_bytes: The file's maximum size; GitHub returns up to 1 MB this way.

    Raises:
        GitHubError: It is not a file, too long, or GitHub does not answer.
        UsageError: When the path leads out of the repository, or the commit's hash is not a full one.
    """
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path:
        raise UsageError("the path does not lead to a file inside the repository", where=printable(path))
    if not is_sha(commit):
        raise UsageError("reading a file needs the commit's full hash", where=printable(path))
    where = f"{'/'.join(parts)} at {commit}"
    escaped = quote("/".join(parts), errors="replace")
    try:
        answer = client.get(
            f"/repos/{repository}/contents/{escaped}", query={"ref": commit}, or_list=True, needs=_NEEDS
        )
    except GitHubError as error:
        if error.status != _NOT_FOUND:
            raise
        # Can the token see the commit? One file of its changes is enough to know.
        client.get(f"/repos/{repository}/commits/{commit}", query={"per_page": "1"}, needs=_NEEDS)
        return None
    content = _content(answer, where)
    if len(content) > limit_bytes:
        raise GitHubError(f"the file has more than {limit_bytes:,} bytes", where=where)
    return content


def _content(answer: Fields, where: str) -> bytes:
    kind = "directory" if isinstance(answer.content, list) else answer.text("type")
    if kind != "file":
        raise GitHubError(f"this is {_OTHER_KINDS.get(kind, 'a directory')}, not a file", where=where)
    if answer.text("encoding") != "base64":
        # "none", with no content, from 1 MB on.
        raise GitHubError("the file has more than 1 MB, which GitHub does not return this way", where=where)
    try:
        # GitHub breaks it into lines.
        return base64.b64decode("".join(answer.text("content").split()), validate=True)
    except ValueError:
        raise GitHubError("the file's content is not base64, as GitHub describes it", where=where) from None
