"""Names of the recording rules that `energygate export prometheus` writes; dashboard and autoscaling read them.

`level:metric:operations`, as Prometheus advises. All of them are per workload, and have the labels of
`--match` besides, so that several exports can share one Prometheus. Energy is facility energy: the rules
multiply by PUE, and whoever reads them does not.
"""

from __future__ import annotations

WINDOWS = ("5m", "30m", "1h", "6h")
"""How far back a rate looks: two fast and two slow windows for alerts, as the SRE workbook pairs them."""

DAY = "1d"
"""The long window of what idling is part of: CI holds it over the day of `site.traffic`."""


def rate(record: str, window: str) -> str:
    """The name of a recorded rate, such as `workload:energygate_power_watts:rate5m`."""
    return f"{record}:rate{window}"


ENERGY_PER_REQUEST = "workload:energygate_energy_per_request_joules"
"""Per window {workload}: facility joules per request, as CI holds `energy_per_request`; absent without requests."""

EFFECTIVE_ENERGY_PER_REQUEST = "workload:energygate_effective_energy_per_request_joules"
"""Per window, a day among them {workload}: the same with what idle replicas draw."""

ENERGY_PER_UNIT = "workload:energygate_energy_per_unit_joules"
"""Per window {workload, unit}: facility joules per unit, such as a token; only with a budget on it."""

RESPONSE_SIZE = "workload:energygate_response_size_bytes"
"""Per window {workload}: bytes per answer; only with a budget on it."""

POWER = "workload:energygate_power_watts"
"""Per window {workload}: facility power, of requests and of idling."""

REQUEST_RATE = "workload:energygate_requests_per_second"
"""Per window {workload}: requests that ended, per second; absent without any."""

LATENCY_P50 = "workload:energygate_latency_p50_seconds"
LATENCY_P95 = "workload:energygate_latency_p95_seconds"
LATENCY_P99 = "workload:energygate_latency_p99_seconds"
"""Per window {workload}: time that so many of the requests stayed within; p50 and p99 only with a budget on them."""

ERROR_RATIO = "workload:energygate_error_ratio"
"""Per window {workload}: share of the requests that failed, 0 to 1."""

ENERGY_PER_REQUEST_5M = rate(ENERGY_PER_REQUEST, "5m")
EFFECTIVE_ENERGY_PER_REQUEST_5M = rate(EFFECTIVE_ENERGY_PER_REQUEST, "5m")
POWER_5M = rate(POWER, "5m")
REQUEST_RATE_5M = rate(REQUEST_RATE, "5m")
LATENCY_P95_5M = rate(LATENCY_P95, "5m")
ERROR_RATIO_5M = rate(ERROR_RATIO, "5m")

ENERGY_DAY_KWH = "workload:energygate_energy_kwh:increase1d"
"""{workload}: facility kWh of the last 24 hours, of requests and of idling."""

MONTHLY_ENERGY_KWH = "workload:energygate_monthly_energy_kwh"
"""Per window {workload}: what a month comes to at the window's power; a month is 365.25/12 days."""

PUE = "workload:energygate_pue"
"""{workload}: the PUE that the service multiplies with, as its gauge says; the highest of its replicas."""

BUDGET_ENERGY_PER_REQUEST = "workload:energygate_budget_joules"
BUDGET_EFFECTIVE = "workload:energygate_effective_budget_joules"
BUDGET_ENERGY_PER_UNIT = "workload:energygate_energy_per_unit_budget_joules"
BUDGET_LATENCY_P50 = "workload:energygate_latency_p50_budget_seconds"
BUDGET_LATENCY_P95 = "workload:energygate_latency_p95_budget_seconds"
BUDGET_LATENCY_P99 = "workload:energygate_latency_p99_budget_seconds"
BUDGET_ERROR_RATIO = "workload:energygate_error_ratio_budget"
BUDGET_RESPONSE_SIZE = "workload:energygate_response_size_budget_bytes"
BUDGET_MONTHLY_ENERGY = "workload:energygate_monthly_energy_budget_kwh"
"""{workload}: the policy's limit, a constant in the unit of what it is held against; absent without a budget."""
