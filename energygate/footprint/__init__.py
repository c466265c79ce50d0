"""What requests come to at production's traffic: pure functions of numbers."""

from __future__ import annotations
