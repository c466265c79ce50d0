"""What the steps of `action.yml` run: one measures without a token, the other reports and runs no foreign code."""

from __future__ import annotations
