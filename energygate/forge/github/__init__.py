"""Say it on GitHub: the event, the API, the sticky comment, annotations and the files of a step."""

from __future__ import annotations

from energygate.forge.github.api_errors import GitHubTrouble
from energygate.forge.github.client import Client
from energygate.forge.github.events import Activity, Event, activity, event_from, read_event
from energygate.forge.github.identity import Identity, own_identity
from energygate.forge.github.sticky import Marker, Outcome, Posted, Thread, post_sticky

__all__ = [
    "Activity",
    "Client",
    "Event",
    "GitHubTrouble",
    "Identity",
    "Marker",
    "Outcome",
    "Posted",
    "Thread",
    "activity",
    "event_from",
    "own_identity",
    "post_sticky",
    "read_event",
]
