"""GitHub: its events, its API, the sticky comment, annotations and the files of a step."""

from __future__ import annotations
