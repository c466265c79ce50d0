"""Results of every kind that a comment can show, with realistic numbers, for bench/screenshots.py."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from comment_parts import (
    broken,
    compared,
    energy,
    found,
    metric,
    provenance,
    result,
    unchanged,
    unmeasured,
    workload,
)

from energygate.gate import Verdict
from energygate.result.result import ComponentResult
from energygate.workloads.agreement import AgreementResult
from energygate.workloads.operators import ModelResult, OperatorResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from energygate.result.result import MetricResult, Result, WorkloadResult

COUNTER: dict[str, Any] = {
    "source": "RAPL package domain; NVML total energy",
    "citation": "Linux powercap; NVIDIA NVML reference",
    "uncertainty": 0.05,
}


def heavier() -> WorkloadResult:
    """The workload of the pull request that breaks its budget."""
    limits = (found(Verdict.FAIL, "max_increase", 0.05, "5 %"), found(Verdict.PASS, "max", 3e-9, "3 µWh"))
    return workload(
        "digits-cnn",
        {
            "energy_per_request": metric("kWh", 2.57e-9, *limits, base=1.92e-9, half=0.009),
            "latency_p95": metric("s", 0.004, found(Verdict.WARN, "max_increase", 0.1, "10 %"), base=0.0031, half=0.02),
            "model_size": metric("B", 289_000, found(Verdict.PASS, "max", 1e7, "10 MB"), base=231_000, spread=None),
            "accuracy": metric("ratio", 0.975, found(Verdict.PASS, "min", 0.97, "97 %"), base=0.978, spread=None),
        },
        comparison=compared(
            agreement=AgreementResult(share=0.989, compared=360, how="classes", largest_difference=None),
            operators=(
                OperatorResult(operator="Conv", base_share=0.6, contribution=0.31, is_new=False, is_gone=False),
                OperatorResult(
                    operator="BatchNormalization", base_share=0, contribution=0.04, is_new=True, is_gone=False
                ),
                OperatorResult(operator="Gemm", base_share=0.1, contribution=0.004, is_new=False, is_gone=False),
            ),
            base_model=ModelResult(nodes=7, parameters=57_418, opset=18),
            head_model=ModelResult(nodes=9, parameters=72_042, opset=18),
        ),
    )


def steady(name: str = "digits-mlp", *, base: float = 0.21e-9) -> WorkloadResult:
    """A workload whose bytes changed but whose energy hardly did."""
    return workload(name, {"energy_per_request": energy(Verdict.PASS, base, 0.002, 0.006)})


def lighter() -> WorkloadResult:
    """An improvement."""
    return workload(
        "digits-cnn",
        {
            "energy_per_request": energy(Verdict.PASS, 1.92e-9, -0.412, 0.011),
            "latency_p95": metric(
                "s", 0.0019, found(Verdict.PASS, "max_increase", 0.1, "10 %"), base=0.0031, half=0.02
            ),
        },
        comparison=compared(
            operators=(
                OperatorResult(operator="Conv", base_share=0.6, contribution=-0.38, is_new=False, is_gone=False),
            ),
            base_versions={"python": "3.12.1", "onnxruntime": "1.19.2"},
        ),
    )


def undecided() -> WorkloadResult:
    """A change too close to its limit."""
    return workload(
        "digits-cnn",
        {"energy_per_request": energy(Verdict.INCONCLUSIVE, 1.92e-9, 0.0395, 0.0215)},
        comparison=compared(),
        provenance=provenance(seconds=60.0, launches=provenance().launches * 3),
    )


TOO_FEW = "too few launches for an interval"


def _unknown(one: MetricResult) -> MetricResult:
    """The metric without its intervals."""
    change = one.change and one.change.model_copy(update={"low": None, "high": None})
    return one.model_copy(update={"head_low": None, "head_high": None, "change": change})


def one_launch(verdict: Verdict = Verdict.FAIL) -> WorkloadResult:
    """A workload that was launched once: intervals only where scatter was recorded."""
    change = 1.31 if verdict is Verdict.FAIL else 0.021
    open_limit = found(Verdict.INCONCLUSIVE, "max_increase", 0.1, "10 %", TOO_FEW)
    far = found(Verdict.INCONCLUSIVE, "max", 0.2, "200 ms", TOO_FEW)
    return workload(
        "digits-cnn",
        {
            "energy_per_request": energy(verdict, 1.92e-9, change, 0.021 if verdict is Verdict.FAIL else 0.06),
            "latency_p95": _unknown(metric("s", 0.004, open_limit, far, base=0.0031, half=0.02)),
            "cold_start": _unknown(metric("s", 0.71, open_limit, base=0.70, half=0.02)),
            "peak_memory": _unknown(metric("B", 101e6, open_limit, base=99e6, half=0.02)),
            "model_size": metric("B", 289_000, found(Verdict.PASS, "max", 1e7, "10 MB"), base=231_000, spread=None),
        },
        provenance=provenance(seconds=2.1, requests=1_800, launches=provenance().launches[:1]),
        seconds_to_decide=7.0,
    )


def expensive_few() -> WorkloadResult:
    """Typical requests that became cheaper, and a few that did not."""
    typical = energy(Verdict.PASS, 24.1e-9, -0.951, 0.01)
    total = typical.change and typical.change.model_copy(update={"estimate": -0.78, "low": -0.82, "high": -0.72})
    return workload("chat", {"energy_per_request": typical.model_copy(update={"head": 5.3e-9, "total": total})})


def waived() -> WorkloadResult:
    """Over budget, and accepted."""
    reason = "waived until 2027-02-20 by @ml: the new backbone is worth it, see #123"
    return workload("digits-cnn", {"energy_per_request": energy(Verdict.WAIVED, 1.92e-9, 0.338, 0.009, reason=reason)})


def warned() -> WorkloadResult:
    """Over a budget that only warns."""
    limit = found(Verdict.WARN, "max_increase", 0.1, "10 %")
    return workload(
        "digits-cnn",
        {
            "energy_per_request": energy(Verdict.PASS, 1.92e-9, 0.012, 0.009),
            "latency_p95": metric("s", 0.004, limit, base=0.0031, half=0.02),
        },
    )


UNLIKE_TOKENS = (
    "head yielded 12,804 tokens where base yielded 12,511 for as many requests: "
    "energy per request is not comparable, look at energy per unit"
)


def tokens() -> WorkloadResult:
    """A language model behind an endpoint, on a card with a counter."""
    card = ComponentResult(
        name="gpu", method="measured", device="NVIDIA H200", period_ms=100.0, max_watts=900.0, **COUNTER
    )
    return workload(
        "chat-8b",
        {
            "energy_per_request": metric(
                "kWh", 4.1e-4, found(Verdict.PASS, "max", 0.5e-3, "0.5 Wh"), base=3.7e-4, half=0.012
            ),
            "energy_per_unit": energy(Verdict.FAIL, 1.44e-6, 0.083, 0.012),
            "ttft_p95": metric("s", 0.182, found(Verdict.PASS, "max_increase", 0.1, "10 %"), base=0.179, half=0.03),
        },
        kind="endpoint",
        method="measured",
        notes=(UNLIKE_TOKENS,),
        provenance=provenance(
            **COUNTER,
            components=(card,),
            unit="tokens",
            load="4 req/s",
            drift_sd=0.02,
            codecarbon_kwh_per_request=None,
            provider=None,
            versions={"vllm": "0.9.1"},
        ),
        comparison=compared(agreement=None, base_versions={"vllm": "0.8.5"}),
    )


def alone(verdict: Verdict = Verdict.FAIL, limit: float = 1.6e-9, text: str = "1.6 µWh") -> WorkloadResult:
    """A workload measured without a base."""
    return workload(
        "digits-cnn",
        {
            "energy_per_request": metric("kWh", 1.92e-9, found(verdict, "max", limit, text), spread=0.04),
            "model_size": metric("B", 231_000, found(Verdict.PASS, "max", 1e7, "10 MB"), spread=None),
        },
        state="head only",
        comparison=None,
    )


def fleet(number: int, *, failing: int) -> Result:
    """So many workloads, of which some fail, some changed, most are steady, and a few were not touched."""
    teams = ("search", "ads", "speech", "vision", "translate")
    kinds = ("ranker", "embedder", "detector", "tagger", "summariser-small")
    made = []
    for index in range(number):
        name = f"{teams[index % 5]}-{kinds[index // 5 % 5]}" + (f"-{index // 25 + 1}" if number > 25 else "")
        base = 1e-9 * (1 + 7 * math.sin(index) ** 2)
        if index < failing:
            made.append(workload(name, {"energy_per_request": energy(Verdict.FAIL, base, 0.07 + 0.03 * index, 0.01)}))
        elif index % 10 == 9:
            made.append(workload(name, {"energy_per_request": energy(Verdict.PASS, base, -0.05 - index / 3e3, 0.01)}))
        elif index % 3 == 2:
            made.append(unchanged(name))
        else:
            made.append(steady(name, base=base))
    return result(*made, seconds=60.0 + number)


def states() -> Result:
    """Workloads that were added, removed and renamed."""
    newcomer = workload(
        "digits-vit",
        {"energy_per_request": metric("kWh", 8.4e-9, found(Verdict.PASS, "max", 1e-8, "10 µWh"), spread=0.05)},
        state="added",
        comparison=None,
        notes=("its budgets are all relative: nothing is judged without a base",),
    )
    renamed = workload(
        "digits-cnn-small",
        {"energy_per_request": energy(Verdict.PASS, 1.92e-9, 0.004, 0.01)},
        state="renamed",
        notes=("renamed from digits-cnn; base's budgets decide",),
    )
    gone = "removed, which base's policy does not allow; it exists at base 3f2a9c1"
    return result(newcomer, renamed, unmeasured("digits-mlp", "removed", gone, Verdict.FAIL), unchanged("old"))


HOSTILE = "</details>|@everyone <img src=x onerror=alert(1)> `#1` [x](https://evil.example) \u202egnp.exe"


def hostile() -> Result:
    """Names and reasons that try to be more than text."""
    metrics = {"energy_per_request": energy(Verdict.FAIL, 1.92e-9, 0.338, 0.009, reason=f"::error::{HOSTILE}")}
    return result(
        workload(HOSTILE, metrics, notes=(HOSTILE,)),
        broken("a\n# b", HOSTILE, f"```\n{HOSTILE}\n"),
        policy=HOSTILE,
        notes=(HOSTILE,),
    )


CRASH = """Traceback (most recent call last):
  File "/home/runner/work/app/app/serve.py", line 41, in predict
    return self.session.run(None, {"pixels": pixels})[0]
onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument: [ONNXRuntimeError] : 2 : INVALID_ARGUMENT :
Unexpected input data type. Actual: (tensor(double)) , expected: (tensor(float))"""


SAMPLES: dict[str, Callable[[], Result]] = {
    "fail": lambda: result(heavier(), steady(), *(unchanged(f"digits-{one}") for one in "abcd")),
    "fail-one": lambda: result(
        workload("digits-cnn", {"energy_per_request": energy(Verdict.FAIL, 1.92e-9, 0.338, 0.009)})
    ),
    "pass": lambda: result(steady("digits-cnn", base=1.92e-9)),
    "pass-two": lambda: result(steady(), steady("digits-cnn", base=1.92e-9), unchanged("digits-a")),
    "improvement": lambda: result(lighter(), unchanged("digits-a")),
    "inconclusive": lambda: result(undecided()),
    "one-launch": lambda: result(one_launch(), steady()),
    "one-launch-open": lambda: result(one_launch(Verdict.INCONCLUSIVE)),
    "one-launch-alone": lambda: result(
        workload(
            "digits-cnn",
            {
                "energy_per_request": _unknown(
                    metric("kWh", 1.92e-9, found(Verdict.INCONCLUSIVE, "max", 2e-9, "2 µWh", TOO_FEW))
                ),
                "latency_p95": _unknown(
                    metric("s", 0.0031, found(Verdict.INCONCLUSIVE, "max", 0.2, "200 ms", TOO_FEW))
                ),
            },
            state="head only",
            comparison=None,
            seconds_to_decide=7.0,
            provenance=provenance(seconds=2.1, requests=1_800, launches=provenance().launches[:1]),
        ),
        base=None,
    ),
    "expensive-few": lambda: result(expensive_few()),
    "error": lambda: result(broken("digits-cnn", "the worker answered with an error", CRASH)),
    "errors": lambda: result(
        steady(),
        broken("digits-cnn", "the worker was killed by SIGKILL. Give it more memory", None),
        broken("digits-vit", "models/digits-vit.onnx: no such file", None),
    ),
    "waived": lambda: result(waived()),
    "warn": lambda: result(warned()),
    "states": states,
    "policy-changed": lambda: result(
        heavier(),
        policy_changed=True,
        policy_changes=(
            "workloads.digits-cnn.budgets.energy_per_request.max_increase: 5 % → 40 %",
            "waivers: added one for digits-cnn, energy_per_request, until 2099-01-01",
        ),
    ),
    "unchanged": lambda: result(*(unchanged(f"digits-{one}") for one in "abcd")),
    "head-only": lambda: result(alone(), base=None),
    "head-only-pass": lambda: result(alone(Verdict.PASS, 2.5e-9, "2.5 µWh"), base=None),
    "measured-llm": lambda: result(tokens()),
    "several": lambda: result(heavier(), lighter().model_copy(update={"name": "digits-vit"}), tokens(), steady()),
    "hostile": hostile,
    "12": lambda: fleet(12, failing=2),
    "300": lambda: fleet(300, failing=40),
    "300-pass": lambda: fleet(300, failing=0),
}
"""Every kind by its name."""
