"""GPUs: which there are, which a workload may use, and what is read of them."""

from __future__ import annotations
