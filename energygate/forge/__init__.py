"""Where reviewers read: one comment that stays up to date."""

from __future__ import annotations
