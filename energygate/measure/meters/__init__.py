"""Meters: they read the energy of windows and check that a reading is plausible."""

from __future__ import annotations
