"""What a live service exposes, by name: the Recorder writes these and the exporters' rules and dashboards read them.

Prometheus' names, with base units (joules, seconds, bytes) and the suffixes of OpenMetrics. Energy is IT energy; PUE
is a gauge beside it, and rules multiply by it once.
"""

from __future__ import annotations

ENERGY = "energygate_energy_joules_total"
"""Counter {workload}: IT energy of requests, as `energy_per_request` counts it: drawn while they were served."""

IDLE_ENERGY = "energygate_idle_energy_joules_total"
"""Counter {workload}: IT energy drawn while no request was served, by the same meter; with `ENERGY` it is all."""

REQUESTS = "energygate_requests_total"
"""Counter {workload, outcome}: requests that have ended; outcome is `ok` or `error`."""

DURATION = "energygate_request_duration_seconds"
"""Histogram {workload}: time of requests."""

RESPONSE_BYTES = "energygate_response_bytes_total"
"""Counter {workload}: bytes that answers took."""

UNITS = "energygate_units_total"
"""Counter {workload, unit}: what requests yielded, such as tokens."""

METER_ERRORS = "energygate_meter_errors_total"
"""Counter: readings that could not be had; their energy is missing from the counters of energy."""

INTERNAL_ERRORS = "energygate_internal_errors_total"
"""Counter: troubles of the Recorder itself and of its sinks, such as an export that failed."""

PUE = "energygate_pue"
"""Gauge: facility energy over IT energy, as the policy says."""

METER_INFO = "energygate_meter_info"
"""Info {method, source, version}: how joules come about here."""

OUTCOMES = ("ok", "error")

WORKLOAD = "workload"
"""The label that says which workload of the policy it is."""

CLOUDWATCH_NAMESPACE = "energygate"
CLOUDWATCH_ENERGY_PER_REQUEST = "EnergyPerRequest"
"""Joules of facility energy per request, PUE included, with the dimension `Workload`."""
CLOUDWATCH_DIMENSION = "Workload"
