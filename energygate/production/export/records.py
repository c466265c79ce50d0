"""Names of what `energygate export prometheus` records, for the dashboard and for autoscaling.

`level:metric:operations`, as Prometheus advises. All are per workload and have the labels of `--match`, so that
several exports can share one Prometheus. Energy is facility energy: only the rules multiply by PUE.
"""

from __future__ import annotations

WINDOWS = ("5m", "30m", "1h", "6h")
"""Two fast and two slow windows for alerts, as the SRE workbook pairs them."""

DAY = "1d"
"""The long window where idling counts: the limit in CI is on the day of `site.traffic`."""


def rate(record: str, window: str) -> str:
    """Return the name of a recorded rate, such as `workload:energygate_power_watts:rate5m`."""
    return f"{record}:rate{window}"


ENERGY_PER_REQUEST = "workload:energygate_energy_per_request_joules"
"""Per window {workload}: facility joules per request, as `energy_per_request` in CI; absent without requests."""

EFFECTIVE_ENERGY_PER_REQUEST = "workload:energygate_effective_energy_per_request_joules"
"""Per window and per day {workload}: the same with what idle replicas draw."""

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
"""Per window {workload}: a quantile of the duration; p50 and p99 only with a budget on them."""

ERROR_RATIO = "workload:energygate_error_ratio"
"""Per window {workload}: share of the requests that failed, 0 to 1."""

ENERGY_DAY_KWH = "workload:energygate_energy_kwh:increase1d"
"""{workload}: facility kWh of the last 24 hours, of requests and of idling."""

MONTHLY_ENERGY_KWH = "workload:energygate_monthly_energy_kwh"
"""Per window {workload}: what a month comes to at the window's power; a month is 365.25/12 days."""

PUE = "workload:energygate_pue"
"""{workload}: the PUE in the service's gauge; the highest of its replicas."""
