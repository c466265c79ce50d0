"""Which pool (CPU, GPU, int8) serves a model with the least energy within the latency limit, by load."""

from __future__ import annotations

from energygate.production.routing.document import Routing, Threshold, routing_json_schema
from energygate.production.routing.reading import read_routing

__all__ = ["Routing", "Threshold", "read_routing", "routing_json_schema"]
