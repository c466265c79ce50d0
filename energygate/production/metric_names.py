"""The metrics of a live service by name: the Recorder writes them, the exporters' rules and dashboards read them.

The names follow Prometheus' conventions, with base units (joules, seconds, bytes) and OpenMetrics' suffixes. Energy is
IT energy; PUE is a gauge beside it, and rules multiply by it once.
"""

from __future__ import annotations

ENERGY = "energygate_energy_joules_total"
"""Counter {workload}: energy of requests, as `energy_per_request` counts it."""

IDLE_ENERGY = "energygate_idle_energy_joules_total"
"""Counter {workload}: all other energy, by the same meter; the sum of both is the service's energy."""

REQUESTS = "energygate_requests_total"
"""Counter {workload, outcome}: outcome is one of `OUTCOMES`."""

DURATION = "energygate_request_duration_seconds"
"""Histogram {workload}."""

RESPONSE_BYTES = "energygate_response_bytes_total"
"""Counter {workload}."""

UNITS = "energygate_units_total"
"""Counter {workload, unit}: what requests yielded, such as tokens."""

METER_ERRORS = "energygate_meter_errors_total"
"""Counter."""

INTERNAL_ERRORS = "energygate_internal_errors_total"
"""Counter."""

PUE = "energygate_pue"
"""Gauge."""

METER_INFO = "energygate_meter_info"
"""Info {method, source, version}."""

DESCRIPTIONS = {
    ENERGY: "IT energy drawn while requests were served.",
    IDLE_ENERGY: "IT energy drawn while no request was served.",
    REQUESTS: "Requests that have ended.",
    DURATION: "Duration of requests.",
    RESPONSE_BYTES: "Bytes of responses.",
    UNITS: "What requests yielded.",
    METER_ERRORS: "Failed readings of the meter; their energy is missing from the counters of energy.",
    INTERNAL_ERRORS: "Errors of the Recorder itself and of its sinks, which the service does not see.",
    PUE: "Facility energy over IT energy, as the policy says.",
    METER_INFO: "How joules are obtained.",
}
"""What each metric counts, in one line."""

OUTCOMES = ("ok", "error")

WORKLOAD = "workload"
"""The label with the name of the policy's workload."""

CLOUDWATCH_NAMESPACE = "energygate"
CLOUDWATCH_ENERGY_PER_REQUEST = "EnergyPerRequest"
"""Joules of facility energy per request, PUE included, with the dimension `Workload`."""
CLOUDWATCH_DIMENSION = "Workload"
