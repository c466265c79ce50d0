"""Saying it: `result.json` and what is made from it; pure functions of a result."""

from __future__ import annotations
