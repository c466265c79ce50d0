"""energygate: a CI gate for the energy of AI inference."""

from __future__ import annotations

__version__ = "0.1.0"
