"""What a request costs: meters, power models, and the launches in which they read."""

from __future__ import annotations
