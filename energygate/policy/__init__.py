"""What is allowed: the schema of `energygate.yml`, its units and metrics, and reading it.

The names below are loaded on first use: units and metrics are light, the schema needs pydantic and yaml.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from energygate.policy.budget import Budget, Level
    from energygate.policy.error_messages import PolicyErrors
    from energygate.policy.formatting import format_number, format_quantity, scale_for
    from energygate.policy.load import Load
    from energygate.policy.measurement import Measurement, PowerModel
    from energygate.policy.metrics import ABSOLUTE, METRICS, RELATIVE, LimitKind, Metric
    from energygate.policy.model import Policy, Waiver
    from energygate.policy.policy_file import load_policy, parse_policy
    from energygate.policy.schema import policy_json_schema
    from energygate.policy.site import Carbon, EmbodiedCarbon, Replica, Site, Training
    from energygate.policy.traffic import Traffic
    from energygate.policy.unit_families import JOULES_PER_KWH, Family
    from energygate.policy.units import Quantity, parse_quantity
    from energygate.policy.workload import TARGET, Workload

_MODULES = {
    "load": ("Load",),
    "budget": ("Budget", "Level"),
    "unit_families": ("JOULES_PER_KWH", "Family"),
    "formatting": ("format_number", "format_quantity", "scale_for"),
    "policy_file": ("load_policy", "parse_policy"),
    "measurement": ("Measurement", "PowerModel"),
    "metrics": ("ABSOLUTE", "METRICS", "RELATIVE", "LimitKind", "Metric"),
    "error_messages": ("PolicyErrors",),
    "model": ("Policy", "Waiver"),
    "schema": ("policy_json_schema",),
    "site": ("Carbon", "EmbodiedCarbon", "Replica", "Site", "Training"),
    "traffic": ("Traffic",),
    "units": ("Quantity", "parse_quantity"),
    "workload": ("TARGET", "Workload"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "ABSOLUTE",
    "JOULES_PER_KWH",
    "METRICS",
    "RELATIVE",
    "TARGET",
    "Budget",
    "Carbon",
    "EmbodiedCarbon",
    "Family",
    "Level",
    "LimitKind",
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


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value
