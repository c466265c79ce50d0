"""`result.json`, the one contract: its schema, reading, merging and judging again. Pure."""

from __future__ import annotations
