"""Which pool (CPU, GPU, int8) serves a model with the least energy within the latency limit, by load."""

from __future__ import annotations

from energygate.production.routing.plan import Routing, Threshold, read_routing

__all__ = ["Routing", "Threshold", "read_routing"]
