"""What all tests share: this folder on the path (for `builders`), and hypothesis without a stopwatch."""

from __future__ import annotations

from hypothesis import settings

# The machine may be busy: how long one example took says nothing about the code.
settings.register_profile("energygate", deadline=None)
settings.load_profile("energygate")
