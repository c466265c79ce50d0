"""Who set a label on a pull request, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from energygate.forge.github.client import GitHubClient
    from energygate.forge.github.json_fields import Fields

GONE = "someone whose account was deleted"
UNKNOWN = "someone whom GitHub does not name"

_GHOST = "ghost"  # stands in for deleted accounts


@dataclass(frozen=True, kw_only=True)
class LabelSet:
    """A label on a pull request.

    Attributes:
        name: As the repository writes it.
        who: The login of the account that last set it, with `[bot]` for apps; a description if GitHub names none.
        when: In UTC, such as `2026-03-01T12:00:00Z`; empty if GitHub does not say.
    """

    name: str
    who: str
    when: str


def label_set(client: GitHubClient, *, repository: str, number: int, name: str) -> LabelSet | None:
    """Return who set a label that the pull request has now; `None` when it does not have it.

    The label and its author are read live: an event's payload stays as old as the event, also in a re-run. GitHub lets
    everyone with triage access to the repository set labels. So the author of a pull request from a fork cannot,
    and one who may push to the repository can on a pull request of their own; a bot may set labels for others.
    (https://docs.github.com/issues/using-labels-and-milestones-to-track-work/managing-labels)

    A label stays when new commits are pushed: `when` shows a reader which commits it was set for.

    Args:
        client: The API; its token needs `pull-requests: read`.
        repository: `owner/name`.
        number: The pull request's.
        name: The label's; case does not matter, as GitHub has no two labels that differ only in case.

    Raises:
        GitHubError: When there is no usable answer.
    """
    issue = f"/repos/{repository}/issues/{number}"
    folded = name.casefold()
    labels = (label.text("name") for label in client.items(f"{issue}/labels"))
    current = next((one for one in labels if one.casefold() == folded), None)
    if current is None:
        return None
    # Oldest first. No event has this name if the label was renamed later, as events keep its old name
    # (https://github.com/aws-actions/stale-issue-cleanup/issues/20), or where it was set in another way.
    last = None
    for event in client.items(f"{issue}/events"):
        if event.text("event") == "labeled" and event.text("label", "name").casefold() == folded:
            last = event
    if last is None:
        return LabelSet(name=current, who=UNKNOWN, when="")
    return LabelSet(name=current, who=_who(last), when=last.text("created_at"))


def _who(event: Fields) -> str:
    login = event.optional_text("actor", "login")
    return GONE if login is None or login == _GHOST else login
