"""Meters: what reads the energy of windows, and whether a reading can be right."""

from __future__ import annotations
