"""GitHub: its events, its API, the sticky comment, annotations and the files of a step."""

from __future__ import annotations

from energygate.forge.github.api_errors import GitHubError
from energygate.forge.github.client import GitHubClient
from energygate.forge.github.events import Activity, Event, activity, event_from, read_event
from energygate.forge.github.sticky_comment import Marker, Posted, PostOutcome, Thread, post_sticky
from energygate.forge.github.token_owner import Identity, own_identity

__all__ = [
    "Activity",
    "Event",
    "GitHubClient",
    "GitHubError",
    "Identity",
    "Marker",
    "PostOutcome",
    "Posted",
    "Thread",
    "activity",
    "event_from",
    "own_identity",
    "post_sticky",
    "read_event",
]
