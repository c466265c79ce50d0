"""What is allowed: the schema of `energygate.yml`, its units and metrics, and reading it."""

from __future__ import annotations

from energygate.policy.arrivals import Load
from energygate.policy.budget import Budget, Level
from energygate.policy.families import Family
from energygate.policy.formatting import format_number, format_quantity, scale_for
from energygate.policy.load import load_policy, parse_policy
from energygate.policy.measurement import Measurement, PowerModel
from energygate.policy.metrics import METRICS, Metric
from energygate.policy.mistakes import PolicyErrors
from energygate.policy.model import Policy, Waiver
from energygate.policy.schema import policy_json_schema
from energygate.policy.site import Carbon, EmbodiedCarbon, Replica, Site, Training
from energygate.policy.traffic import Traffic
from energygate.policy.units import Quantity, parse_quantity
from energygate.policy.workload import Workload

__all__ = [
    "METRICS",
    "Budget",
    "Carbon",
    "EmbodiedCarbon",
    "Family",
    "Level",
    "Load",
    "Measurement",
    "Metric",
    "Policy",
    "PolicyErrors",
    "PowerModel",
    "Quantity",
    "Replica",
    "Site",
    "Traffic",
    "Training",
    "Waiver",
    "Workload",
    "format_number",
    "format_quantity",
    "load_policy",
    "parse_policy",
    "parse_quantity",
    "policy_json_schema",
    "scale_for",
]
