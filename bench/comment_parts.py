"""Parts of results with realistic, harmless defaults, for bench/comment_samples.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from energygate.gate import Verdict
from energygate.gate.verdict import worst
from energygate.measure.machine import MachineResult
from energygate.result.result import (
    BaseResult,
    Change,
    ComparisonResult,
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
from energygate.workloads.agreement import AgreementResult

if TYPE_CHECKING:
    from energygate.result.result import State

Kind = Literal["max", "min", "max_increase", "max_decrease"]

BASE = BaseResult(ref="main", commit="3f2a9c1b7d5e4f60718293a4b5c6d7e8f9a0b1c2")
HEAD = "8c1f02d4a6b8c0d2e4f60718293a4b5c6d7e8f90"

MODEL: dict[str, Any] = {
    "source": "power model row AMD EPYC 3rd generation, 2.02 W per vCPU at full load",
    "citation": "Cloud Carbon Footprint coefficients 2023-05, Azure",
    "uncertainty": 0.3,
}


def found(verdict: Verdict, kind: Kind, limit: float, text: str, reason: str | None = None) -> FindingResult:
    """One limit and its verdict."""
    return FindingResult(kind=kind, limit=limit, limit_text=text, verdict=verdict, reason=reason)


def metric(
    unit: str,
    head: float,
    *findings: FindingResult,
    base: float | None = None,
    half: float | None = None,
    spread: float | None = 0.08,
) -> MetricResult:
    """A metric.

    Args:
        unit: Its unit.
        head: Head's value.
        findings: The verdicts of its limits.
        base: Base's value; `None` without a base.
        half: Half of the change's interval, as a fraction; `None` for one that is exact.
        spread: Half of head's own interval, as a fraction; `None` for one that is exact.
    """
    change = None
    if base is not None:
        estimate = head / base - 1
        low, high = (estimate, estimate) if half is None else (estimate - half, estimate + half)
        change = Change(estimate=estimate, low=low, high=high)
    return MetricResult(
        unit=unit,
        head=head,
        head_low=head * (1 - (spread or 0)),
        head_high=head * (1 + (spread or 0)),
        base=base,
        change=change,
        findings=findings,
    )


def energy(verdict: Verdict, base: float, change: float, half: float, *, reason: str | None = None) -> MetricResult:
    """Energy per request that may rise by 5 %."""
    limit = found(verdict, "max_increase", 0.05, "5 %", reason)
    return metric("kWh", base * (1 + change), limit, base=base, half=half)


def provenance(**fields: Any) -> Provenance:  # noqa: ANN401 - whatever the model takes
    """How a workload was measured."""
    launch = LaunchResult(
        cpus=(0,),
        windows=40,
        requests=2_000,
        failed_requests=0,
        energy_kwh=3.84e-6,
        wall_s=0.41,
        cpu_s=0.4,
        warm_up_windows=6,
        steady=True,
    )
    component = ComponentResult(
        name="cpu", method="estimated", device="AMD EPYC 7763", period_ms=None, max_watts=None, **MODEL
    )
    defaults: dict[str, Any] = {
        **MODEL,
        "components": (component,),
        "idle_watts": 1.78,
        "idle_method": "estimated",
        "codecarbon_ram_watts": 10.0,
        "active_it_kwh_per_request": 1.5e-9,
        "codecarbon_version": "3.3.2",
        "min_window_ms": 20.0,
        "decision_rule": 2,
        "alpha": 0.05,
        "drift_sd": 0.1,
        "calls_per_window": 40,
        "load": "closed",
        "unit": None,
        "batch_size": 1,
        "threads": 1,
        "provider": "CPUExecutionProvider",
        "versions": {"python": "3.12.1", "onnxruntime": "1.22.0"},
        "seconds": 14.2,
        "requests": 12_000,
        "it_energy_kwh": 2.304e-5,
        "it_kwh_per_request": 1.92e-9,
        "codecarbon_kwh_per_request": 7.1e-8,
        "launches": (launch,) * 7,
    }
    return Provenance(**{**defaults, **fields})


def compared(**fields: Any) -> ComparisonResult:  # noqa: ANN401 - whatever the model takes
    """How two sides were compared."""
    defaults: dict[str, Any] = {
        "mode": "paired",
        "blocks_per_launch": 10,
        "log_ratios": (0.0,) * 7,
        "agreement": AgreementResult(share=1.0, compared=360, how="classes", largest_difference=None),
        "operators": (),
        "base_model": None,
        "head_model": None,
        "base_versions": {},
    }
    return ComparisonResult(**{**defaults, **fields})


def workload(name: str, metrics: dict[str, MetricResult], **fields: Any) -> WorkloadResult:  # noqa: ANN401 - whatever the model takes
    """A workload that was compared with base, unless `fields` say otherwise."""
    verdicts = [one.verdict for each in metrics.values() for one in each.findings]
    defaults: dict[str, Any] = {
        "kind": "onnx",
        "state": "compared",
        "verdict": worst(verdicts),
        "method": "estimated",
        "notes": (),
        "error": None,
        "provenance": provenance(),
        "comparison": compared(),
    }
    return WorkloadResult(name=name, metrics=metrics, **{**defaults, **fields})


def unmeasured(name: str, state: State, note: str, verdict: Verdict = Verdict.PASS) -> WorkloadResult:
    """A workload that need not or cannot be measured."""
    return workload(
        name, {}, state=state, notes=(note,), verdict=verdict, method=None, provenance=None, comparison=None
    )


def unchanged(name: str) -> WorkloadResult:
    """A workload that is the same on both sides."""
    return unmeasured(name, "unchanged", "identical to base, not measured")


def broken(name: str, message: str, detail: str | None = None) -> WorkloadResult:
    """A workload without a number."""
    error = ErrorResult(message=message, detail=detail)
    return workload(name, {}, verdict=Verdict.ERROR, error=error, method=None, provenance=None, comparison=None)


def result(*workloads: WorkloadResult, **fields: Any) -> Result:  # noqa: ANN401 - whatever the model takes
    """A run on a hosted runner, for a site in Germany."""
    defaults: dict[str, Any] = {
        "energygate_version": "1.0.0",
        "created": "2026-03-01T12:00:00+00:00",
        "seconds": 38.4,
        "policy": "energygate.yml",
        "seed": 0,
        "verdict": worst(one.verdict for one in workloads),
        "base": BASE,
        "head_commit": HEAD,
        "machine": MachineResult(
            cpu_model="AMD EPYC 7763 64-Core Processor",
            cpu_count=2,
            memory_bytes=8_000_000_000,
            system="Linux 6.8",
            virtual=True,
            can_pin=True,
        ),
        "site": SiteResult(
            pue=1.25,
            carbon_g_per_kwh=334.0,
            carbon_source="DEU",
            electricity_price="0.25 EUR/kWh",
            requests_per_day=2e6,
        ),
    }
    return Result(workloads=workloads, **{**defaults, **fields})
