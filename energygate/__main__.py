"""`python -m energygate`."""

from __future__ import annotations

from energygate.cli import main

main()
