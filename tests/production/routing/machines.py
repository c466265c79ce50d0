"""Results of one model on made-up machines; a test states only what matters to it."""

from __future__ import annotations

from builders import (
    component_result,
    exact_metric_result,
    launch_result,
    metric_result,
    provenance,
    result,
    workload_result,
)

CARD = {
    "name": "gpu",
    "method": "measured",
    "device": "NVIDIA L4",
    "source": "NVML total energy",
    "uncertainty": 0.05,
}


def times(p50_s, p95_s, p99_s, capacity_per_s, *, scatter=0.05):
    """Metrics of latency and throughput."""

    def spread(value, unit):
        return metric_result(unit=unit, head=value, low=value * (1 - scatter), high=value * (1 + scatter))

    quantiles = {"latency_p50": p50_s, "latency_p95": p95_s, "latency_p99": p99_s}
    return {
        **{name: spread(value, "s") for name, value in quantiles.items()},
        "throughput": spread(capacity_per_s, "req/s"),
    }


def machine(  # a replica, by what matters of it
    *,
    idle_watts=10.0,
    active_joules=0.1,
    capacity_per_s=100.0,
    latency_s=0.01,
    uncertainty=0.05,
    scatter=0.05,
    pue=1.0,
    name="digits-cnn",
    source="RAPL package-0",
    device="AMD EPYC 7763",
    method="measured",
    accuracy=None,
    metrics=None,
    created="2026-03-01T12:00:00+00:00",
    **facts,
):
    """One result of `energygate check` on it."""
    gross = (active_joules + idle_watts / capacity_per_s) / 3.6e6 if idle_watts else active_joules / 3.6e6
    energy = metric_result(head=gross * pue, low=gross * pue * (1 - scatter), high=gross * pue * (1 + scatter))
    found = {
        "energy_per_request": energy,
        **times(latency_s, latency_s * 1.1, latency_s * 1.2, capacity_per_s, scatter=scatter),
        **({} if accuracy is None else {"accuracy": exact_metric_result(accuracy, "ratio")}),
        **(metrics or {}),
    }
    known = {
        "idle_watts": idle_watts,
        "idle_method": method,
        "active_it_kwh_per_request": active_joules / 3.6e6,
        "it_kwh_per_request": gross,
        "uncertainty": uncertainty,
        "source": source,
        "components": (component_result(source=source, device=device, method=method, uncertainty=uncertainty),),
        "launches": (launch_result().model_copy(update={"cpus": (0, 1)}),) * 6,
    }
    one = workload_result(
        name,
        metrics={key: value for key, value in found.items() if value is not None},
        method=method,
        provenance=provenance(**{**known, **facts}),
    )
    return result(one, pue=pue, created=created)


def cpu(**facts):
    """A small machine: low idle power, low capacity."""
    return machine(**{"idle_watts": 10.0, "active_joules": 0.2, "capacity_per_s": 100.0, "latency_s": 0.01, **facts})


def gpu(**facts):
    """A large machine: high idle power, and little energy per request."""
    return machine(
        **{
            "idle_watts": 60.0,
            "active_joules": 0.02,
            "capacity_per_s": 2000.0,
            "latency_s": 0.0005,
            "device": "NVIDIA L4",
            "source": "NVML total energy",
            **facts,
        }
    )
