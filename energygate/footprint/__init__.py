"""Energy, cost, carbon and water at production's traffic: pure functions of numbers."""

from __future__ import annotations

from energygate.footprint.costs import Footprint, RequestDemand, footprint
from energygate.footprint.pool import NoFootprint, Pool, pool_of
from energygate.footprint.production import DAYS_A_MONTH, Production, monthly_egress_cost, production_of

__all__ = [
    "DAYS_A_MONTH",
    "Footprint",
    "NoFootprint",
    "Pool",
    "Production",
    "RequestDemand",
    "footprint",
    "monthly_egress_cost",
    "pool_of",
    "production_of",
]
