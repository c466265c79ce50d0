"""What the steps of `action.yml` run: one measures and has no token, the other tells and runs nobody's code."""

from __future__ import annotations
