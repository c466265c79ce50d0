"""The users of the simulated GitHub: people, and apps, whose names end in `[bot]`."""

from __future__ import annotations

from dataclasses import dataclass

BOT = "[bot]"


@dataclass(frozen=True, kw_only=True)
class User:
    """An account: `type` is `Bot` for apps."""

    login: str
    id: int
    type: str = "User"


ACTIONS = User(login="github-actions[bot]", id=41898282, type="Bot")
"""Whom a job's own token speaks for."""

OTHER_APP = User(login="energy-police[bot]", id=777, type="Bot")
ALICE = User(login="alice", id=1001)
MALLORY = User(login="mallory", id=6666)
GHOST = User(login="ghost", id=10137)
"""Who GitHub shows where an account is gone."""

KNOWN = {one.login: one for one in (ACTIONS, OTHER_APP, ALICE, MALLORY, GHOST)}


def user_named(login, id_):
    """Return the known user of this name, or make one with this id."""
    kind = "Bot" if login.endswith(BOT) else "User"
    return KNOWN.get(login) or User(login=login, id=id_, type=kind)
