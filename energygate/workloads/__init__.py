"""Start a workload as a worker process, talk to it, and collect what it answers."""

from __future__ import annotations
