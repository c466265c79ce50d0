"""Energy per request of a live service."""

from __future__ import annotations
