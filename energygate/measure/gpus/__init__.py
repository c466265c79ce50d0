"""GPUs: finding them, selecting those that a workload may use, and reading their counters."""

from __future__ import annotations
