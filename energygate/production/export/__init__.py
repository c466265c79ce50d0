"""From policy and latest result to files for the systems that serve the model."""

from __future__ import annotations
