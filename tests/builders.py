"""Small values for tests: everything has a harmless default, so that a test states only what matters to it."""

from __future__ import annotations

from energygate.gate import Verdict, worst
from energygate.measure.launch import Launch, Window
from energygate.measure.machine import MachineResult
from energygate.measure.readings import Component, ComponentFacts, MeterFacts, Method, Reading
from energygate.result.result import (
    ComponentResult,
    ErrorResult,
    FindingResult,
    LaunchResult,
    MetricResult,
    Provenance,
    Result,
    SiteResult,
    WorkloadResult,
)


def reading(*joules, method=Method.ESTIMATED):
    components = zip(("cpu", "gpu", "dram"), joules, strict=False)
    return Reading(components=tuple(Component(name=name, energy_joules=one, method=method) for name, one in components))


def window(joules=1.0, *, requests=10, failed_requests=0, wall_ns=20_000_000, cpu_ns=20_000_000, latencies_ns=None):
    return Window(
        requests=requests,
        failed_requests=failed_requests,
        wall_ns=wall_ns,
        cpu_ns=cpu_ns,
        latencies_ns=(wall_ns // max(1, requests),) * requests if latencies_ns is None else latencies_ns,
        reading=reading(joules),
    )


def launch(*windows, **fields):
    defaults = {
        "cpus": (0,),
        "warm_up_windows": 6,
        "steady": True,
        "cold_start_ns": 150_000_000,
        "cold_start": reading(0.3),
        "peak_memory_bytes": 50_000_000,
        "codecarbon_joules": None,
        "versions": {"python": "3.12.1"},
        "first_failure": None,
    }
    return Launch(windows=windows or (window(),), **{**defaults, **fields})


def finding_result(verdict, *, kind="max", limit=2e-9, limit_text="2 µWh", reason=None):
    return FindingResult(kind=kind, limit=limit, limit_text=limit_text, verdict=verdict, reason=reason)


def metric_result(*findings, unit="kWh", head=1.92e-9, low=1.8e-9, high=2.05e-9):
    return MetricResult(unit=unit, head=head, head_low=low, head_high=high, base=None, change=None, findings=findings)


def exact_metric_result(value, unit, *findings):
    return metric_result(*findings, unit=unit, head=value, low=value, high=value)


MODEL = {
    "source": "power model row AMD EPYC 3rd generation, 2.02 W per vCPU at full load",
    "citation": "Cloud Carbon Footprint coefficients 2023-05, Azure",
    "uncertainty": 0.3,
}


def component_facts(**fields):
    defaults = {"name": "cpu", "method": Method.ESTIMATED, "device": "AMD EPYC 7763", "active_share": 0.78}
    return ComponentFacts(**{**MODEL, **defaults, **fields})


def meter_facts(*components, **fields):
    defaults = {"codecarbon_version": "3.3.2", "min_window_ns": 20_000_000}
    return MeterFacts(components=components or (component_facts(),), **{**defaults, **fields})


def component_result(**fields):
    defaults = {
        "name": "cpu",
        "method": "estimated",
        "device": "AMD EPYC 7763",
        "period_ms": None,
        "max_watts": None,
    }
    return ComponentResult(**{**MODEL, **defaults, **fields})


def provenance(**fields):
    defaults = {
        **MODEL,
        "components": (component_result(),),
        "idle_watts": 1.78,
        "idle_method": "estimated",
        "codecarbon_ram_watts": 10.0,
        "active_it_kwh_per_request": 1.5e-9,
        "codecarbon_version": "3.3.2",
        "min_window_ms": 20.0,
        "alpha": 0.05,
        "drift_sd": 0.1,
        "decision_rule": 2,
        "calls_per_window": 40,
        "load": "closed",
        "unit": None,
        "batch_size": 1,
        "threads": 1,
        "provider": "CPUExecutionProvider",
        "versions": {"python": "3.12.1", "onnxruntime": "1.22.0"},
        "seconds": 9.84,
        "requests": 12_000,
        "it_energy_kwh": 2.304e-5,
        "it_kwh_per_request": 1.92e-9,
        "codecarbon_kwh_per_request": 7.1e-8,
        "launches": (launch_result(),) * 6,
    }
    return Provenance(**{**defaults, **fields})


def launch_result():
    return LaunchResult(
        cpus=(0,),
        windows=20,
        requests=2_000,
        failed_requests=0,
        energy_kwh=3.84e-6,
        wall_s=0.41,
        cpu_s=0.4,
        warm_up_windows=6,
        steady=True,
    )


def workload_result(name="digits-cnn", *, metrics=None, notes=(), **fields):
    metrics = {"energy_per_request": metric_result()} if metrics is None else metrics
    verdicts = (finding.verdict for metric in metrics.values() for finding in metric.findings)
    defaults = {
        "kind": "onnx",
        "verdict": worst(verdicts),
        "method": "estimated",
        "error": None,
        "provenance": provenance(),
    }
    return WorkloadResult(name=name, metrics=metrics, notes=notes, **{**defaults, **fields})


def failed_workload_result(name="digits-cnn", *, message="the worker died", detail=None):
    return workload_result(
        name,
        metrics={},
        verdict=Verdict.ERROR,
        method=None,
        error=ErrorResult(message=message, detail=detail),
        provenance=None,
    )


def result(*workloads, pue=1.0, **fields):
    defaults = {
        "energygate_version": "0.1.0",
        "created": "2026-03-01T12:00:00+00:00",
        "seconds": 12.3,
        "policy": "energygate.yml",
        "seed": 0,
        "verdict": worst(one.verdict for one in workloads),
        "machine": MachineResult(
            cpu_model="AMD EPYC 7763 64-Core Processor",
            cpu_count=2,
            memory_bytes=8_000_000_000,
            system="Linux 6.8",
            virtual=True,
            can_pin=True,
        ),
        "site": SiteResult(pue=pue, carbon_g_per_kwh=None, carbon_source=None, electricity_price=None),
    }
    return Result(workloads=workloads, **{**defaults, **fields})


def judged(verdict, *, name="digits-cnn", reason=None, **limit):
    """Build a workload with one verdict on its energy per request."""
    finding = finding_result(verdict, reason=reason, **limit)
    return workload_result(name, metrics={"energy_per_request": metric_result(finding)})
