"""The user's git repository: base's revision, a temporary checkout of it, and what differs from head."""

from __future__ import annotations
