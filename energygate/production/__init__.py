"""The same limits where the model serves: the Recorder, and files for the systems that run it."""

from __future__ import annotations
