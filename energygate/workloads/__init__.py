"""Turning a workload into a running worker process."""

from __future__ import annotations
