"""The owner of a token, whose comments may be edited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.forge.github.api_errors import GitHubError

if TYPE_CHECKING:
    from energygate.forge.github.client import GitHubClient

GITHUB_ACTIONS = "github-actions[bot]"
"""The owner of a job's own token."""

_BOT = "[bot]"
_NOT_FOR_APPS = frozenset({403, 404})


@dataclass(frozen=True, kw_only=True)
class Identity:
    """An author on GitHub.

    Attributes:
        login: The name; an app's ends in `[bot]`, which a person's cannot.
        id: The number, which outlives names; `None` for an app known by its name alone.
    """

    login: str
    id: int | None = None

    def is_author(self, author: Identity | None) -> bool:
        """Return whether a comment's author is this one; a deleted account (`None`) never is."""
        if author is None:
            return False
        if self.id is not None and author.id is not None:
            return self.id == author.id
        return self.login.casefold() == author.login.casefold()


def own_identity(client: GitHubClient) -> Identity:
    """Return the owner of the client's token.

    The tokens of apps, including a job's own, may not read `/user`; they may read GraphQL's `viewer`.

    Raises:
        GitHubError: When the token is not valid, or there is no answer.
    """
    try:
        user = client.get("/user")
    except GitHubError as error:
        if error.status not in _NOT_FOR_APPS:
            raise
    else:
        return Identity(login=user.text("login"), id=user.whole("id"))
    return Identity(login=_viewer(client) or GITHUB_ACTIONS)


def _viewer(client: GitHubClient) -> str | None:
    try:
        login = client.query("query { viewer { login } }").optional_text("data", "viewer", "login")
    except GitHubError:
        return None
    # Only apps get here. Without the suffix the name could be a person's.
    return login if login is None or login.endswith(_BOT) else login + _BOT
