"""GitHub's published description of its API, trimmed to the operations that energygate uses."""

from __future__ import annotations
