"""A replica's capacity from a result, or why it shows none; and numbers of a model without its server."""

from __future__ import annotations

import re

import policies
import pytest
from builders import exact_metric_result, failed_workload_result
from builders import result as run
from clusters import POLICY, exported, measured, objects, source, two_machines

from energygate.errors import UsageError
from energygate.production.export.kubernetes import notes
from energygate.production.export.kubernetes_options import KubernetesOptions

SERVICE = POLICY.replace(
    "    onnx: digits.onnx\n", "    http: http://127.0.0.1:8000/predict\n    serve: python service.py\n"
)
RELATIVE = policies.policy_with("energy_per_request: {max_increase: 10 %}", "latency_p95: {max_increase: 300 %}")


def given_per_replica(result):
    scaler = objects(exported(result=result, requests_per_replica={}), "HorizontalPodAutoscaler")["digits-cnn-cpu"]
    text = scaler["spec"]["metrics"][0]["object"]["target"]["averageValue"]
    return float(text.removesuffix("m")) / (1000 if text.endswith("m") else 1)


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (
            measured(load="20 req/s"),
            "'digits-cnn' was measured at a rate (20 req/s), which does not show its capacity",
        ),
        (measured(load="20 req/s, 4 at once"), "was measured at a rate (20 req/s, 4 at once)"),
        (measured(batch_size=8), "was measured in batches of 8"),
        (measured(name="other"), "the result has no workload 'digits-cnn'. It has 'other'"),
        (
            run(failed_workload_result(message="the worker died")),
            "'digits-cnn' was not measured: the worker died",
        ),
        (
            measured(metrics={"throughput": exact_metric_result(0.0, "req/s")}),
            "the result lacks throughput of workload 'digits-cnn'",
        ),
    ],
)
def test_a_result_that_shows_no_capacity_says_why_and_never_asks_for_a_result(result, sentence):
    with pytest.raises(UsageError, match=re.escape(sentence)) as found:
        exported(result=result, requests_per_replica={})
    assert "--requests-per-replica cpu=12" in found.value.hint
    assert "--result" not in str(found.value)
    assert "\n" not in str(found.value)
    assert exported(result=result)  # a person's word is enough


def test_a_rate_says_what_to_measure_instead():
    with pytest.raises(UsageError) as found:
        exported(result=measured(load="20 req/s"), requests_per_replica={})
    assert "load: {concurrency: N}" in found.value.hint


def test_with_concurrency_the_throughput_is_the_capacity():
    """Four slots, each as slow as the one: four times as much, and more, for a request waits for any of them."""
    one, four = (
        given_per_replica(measured()),
        given_per_replica(measured(capacity_per_s=100.0, load="4 at once")),
    )
    assert 4 * one < four < 0.9 * 100.0


def test_too_high_concurrency_gets_advice_to_lower_it():
    slow = measured(capacity_per_s=16.0, latency_s=0.25, load="4 at once")
    with pytest.raises(UsageError, match=r"like the machine measured \(4 at once\) needs longer than 200 ms") as found:
        exported(result=slow, requests_per_replica={})
    assert found.value.hint == "Measure it with fewer requests at once"


@pytest.mark.parametrize(
    ("policy", "result", "options", "expected"),
    [
        (POLICY, measured(kind="onnx"), {}, ["the requests a second of a replica"]),
        (POLICY, measured(kind="python"), {"requests_per_replica": {"cpu": 3.0}}, []),
        (
            RELATIVE,
            measured(kind="onnx"),
            {"requests_per_replica": {"cpu": 3.0}},
            ["the limit on latency p95", "the limit on energy per request"],
        ),
        (POLICY, measured(), {}, []),
        (RELATIVE, measured(), {}, []),
        (POLICY, None, {"routings": {"digits-cnn": two_machines()}}, ["the requests a second of a replica"]),
        (SERVICE, None, {"routings": {"digits-cnn": two_machines()}}, []),
    ],
)
def test_numbers_of_a_model_without_its_server_are_named(policy, result, options, expected):
    found = [*notes(source(policy, result=result), KubernetesOptions(**options))]
    assert len(found) == bool(expected)
    known = (
        "the requests a second of a replica",
        "the limit on latency p95",
        "the limit on energy per request",
    )
    assert [one for one in known if any(one in note for note in found)] == expected


def test_a_target_of_the_bare_model_says_so_beside_the_number():
    assert (
        "that the model without a server serves"
        in exported(result=measured(kind="onnx"), requests_per_replica={})["hpa/digits-cnn.yaml"]
    )


@pytest.mark.parametrize(
    ("result", "request_", "note", "limit"),
    [
        (measured(peak=400), "400Mi", "# the peak measured", "1600Mi"),
        (measured(peak=90), "90Mi", "# the peak measured", "1024Mi"),
        (
            measured(peak=59, kind="onnx"),
            "256Mi",
            "REPLACE; the model without a server took 59 MiB",
            "1024Mi",
        ),
        (
            measured(peak=400, provider="CUDAExecutionProvider"),
            "400Mi",
            "REPLACE; the variant that was measured",
            "1600Mi",
        ),
        (None, "256Mi", "REPLACE; a result with peak_memory", "1024Mi"),
    ],
)
def test_the_memory_request_is_measured_and_the_limit_left_to_the_user(result, request_, note, limit):
    made = exported(result=result, requests_per_replica={"cpu": 3.0})
    (container,) = objects(made, "Deployment")["digits-cnn-cpu"]["spec"]["template"]["spec"]["containers"]
    resources = container["resources"]
    assert (resources["requests"]["memory"], resources["limits"]["memory"]) == (request_, limit)
    lines = [line.strip() for line in made["deployments/digits-cnn.yaml"].splitlines()]
    asked, most = (
        next(index for index, line in enumerate(lines) if line.startswith(f'memory: "{one}"'))
        for one in (request_, limit)
    )
    assert any(note in line for line in lines[asked - 1 : asked + 1])
    assert any("REPLACE with the most" in line for line in lines[most - 1 : most + 1])
