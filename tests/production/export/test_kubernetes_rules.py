"""The autoscalers' metrics in a real Prometheus: promtool checks and runs the rules of both exports."""

from __future__ import annotations

import math

import policies
import pytest
import yaml
from clusters import POLICY, documents, exported, objects, source
from servers import promtool

from energygate.production.export.kubernetes_rules import (
    BY_LATENCY_AND_ENERGY,
    ENERGY,
    LATENCY,
    MAX_GROWTH,
    REPLICAS,
    REQUEST_RATE,
)
from energygate.production.export.prometheus import FILE
from energygate.production.export.prometheus import files as prometheus_files

LABELS = '{deployment="digits-cnn-cpu", namespace="prod", workload="digits-cnn"}'
POD = "digits-cnn-cpu-7d4b9c6f5-x2k9z"


def pod(  # a replica's counters, a sample every 15 s
    name=POD,
    *,
    workload="digits-cnn",
    namespace="prod",
    per_second=10.0,
    fast=1.0,
    joules=1.0,
    idle_watts=2.0,
    slots=40,
    start=0,
):
    """Counters of one pod.

    Args:
        name: The pod's.
        per_second: Requests.
        fast: Share of them that take under 100 ms; the rest take between 250 ms and 500 ms.
        joules: Of a request, at the machine.
        idle_watts: Beside that.
        slots: How many samples there are.
        start: What the counters begin at.
    """
    where = f'job="pods", instance="{name}", namespace="{namespace}", pod="{name}"'
    named = f"{where}, workload={yaml_quoted(workload)}"

    def counter(rate):
        return f"{start}+{rate * 15:g}x{slots}"

    buckets = {"0.1": fast, "0.25": fast, "0.5": 1.0, "+Inf": 1.0}
    return {
        f'energygate_requests_total{{{named}, outcome="ok"}}': counter(per_second),
        f'energygate_requests_total{{{named}, outcome="error"}}': counter(0),
        f"energygate_energy_joules_total{{{named}}}": counter(per_second * joules),
        f"energygate_idle_energy_joules_total{{{named}}}": counter(idle_watts),
        f"energygate_pue{{{where}}}": f"1.25x{slots}",
        **{
            f'energygate_request_duration_seconds_bucket{{{named}, le="{bound}"}}': counter(per_second * share)
            for bound, share in buckets.items()
        },
    }


def yaml_quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.fixture
def find(tmp_path):
    """Holds what rules come to after five minutes against what is expected, by expression."""

    def run(*pods, expected, policy=POLICY, at="5m", with_budgets=True):
        rules = {"kubernetes.yaml": exported(policy)["prometheus/rules.yaml"]}
        if with_budgets:
            rules[FILE] = prometheus_files(source(policy))[FILE]
        for name, text in rules.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        series = {name: values for one in pods for name, values in one.items()}
        test = {
            "rule_files": sorted(rules, reverse=True),
            "evaluation_interval": "15s",
            "tests": [
                {
                    "interval": "15s",
                    "input_series": [{"series": name, "values": values} for name, values in series.items()],
                    "promql_expr_test": [
                        {
                            "expr": expression,
                            "eval_time": at,
                            "exp_samples": [{"labels": labels, "value": value} for labels, value in samples.items()],
                        }
                        for expression, samples in expected.items()
                    ],
                }
            ],
        }
        path = tmp_path / "tests.yml"
        path.write_text(yaml.safe_dump(test, allow_unicode=True), encoding="utf-8")
        code, output = promtool("test", "rules", path)
        assert code == 0, output

    return run


def rounded(record):
    return f"round(sum by (deployment, namespace, workload) ({record}), 0.0001)"


@pytest.mark.parametrize(
    "policy", [POLICY, POLICY.replace("digits-cnn:", "'" + policies.HOSTILE.replace("'", "''") + "':")]
)
def test_promtool_finds_nothing_wrong(tmp_path, policy):
    path = tmp_path / "rules.yaml"
    path.write_text(exported(policy)["prometheus/rules.yaml"], encoding="utf-8")
    code, output = promtool("check", "rules", path)
    assert code == 0, output


def test_promtool_accepts_every_query_of_adapter_and_keda(tmp_path):
    made = exported(POLICY.replace("    warm_replicas: 2\n", "    scale_to_zero_after: 5 min\n"))
    (adapter,) = documents(made["prometheus/adapter.yaml"])
    queries = [
        one["metricsQuery"]
        .replace("<<.Series>>", one["seriesQuery"].partition("{")[0])
        .replace("<<.LabelMatchers>>", 'namespace="prod",deployment="digits-cnn-cpu"')
        .replace("<<.GroupBy>>", "deployment")
        for one in adapter["rules"]
    ]
    queries += [one["seriesQuery"] for one in adapter["rules"]]
    queries += [
        trigger["metadata"]["query"]
        for scaled in objects(made, "ScaledObject").values()
        for trigger in scaled["spec"]["triggers"]
    ]
    assert len(queries) == 2 + 2 + 3 + 2
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    path = tmp_path / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}), encoding="utf-8")
    code, output = promtool("check", "rules", path)
    assert code == 0, output


def test_each_deployment_has_the_values_of_its_own_pods(find):
    find(
        pod(),
        pod("digits-cnn-cpu-7d4b9c6f5-aaaaa", per_second=6),
        pod("digits-cnn-gpu-66fd5c9d4-bbbbb", per_second=100, joules=0.1, idle_watts=40),
        pod(namespace="staging", per_second=1),
        pod("digits-cnn-cpu-canary-7d4b9c6f5-ccccc", per_second=999),
        expected={
            rounded(f'{REPLICAS}{{namespace="prod"}}'): {
                LABELS: 2,
                LABELS.replace("cpu", "gpu"): 1,
            },
            rounded(f'{REQUEST_RATE}{{namespace="prod"}}'): {LABELS: 16, LABELS.replace("cpu", "gpu"): 100},
            # (16 x 1 J + 2 x 2 W) x 1.25 / 16 and (100 x 0.1 J + 40 W) x 1.25 / 100
            rounded(f'{ENERGY}{{namespace="prod"}}'): {LABELS: 1.5625, LABELS.replace("cpu", "gpu"): 0.625},
            rounded(f'{REQUEST_RATE}{{namespace="staging"}}'): {LABELS.replace("prod", "staging"): 1},
        },
    )


@pytest.mark.parametrize(
    ("fast", "joules", "p95_s", "factor"),
    [
        (1.0, 1.0, 0.095, math.sqrt(0.095 / 0.2)),  # all well
        (0.9, 1.0, 0.375, MAX_GROWTH),  # late, and the budget pays for more
        (0.9, 2.84, 0.375, math.sqrt(0.375 / 0.2 / 1.9)),  # both over by about as much: it stays
        (1.0, 9.8, 0.095, math.sqrt(0.095 / 0.2 / 6.25)),  # energy is over its budget: it asks for far fewer
    ],
)
def test_latency_adds_replicas_within_the_energy_budget(find, fast, joules, p95_s, factor):
    find(
        pod(fast=fast, joules=joules),
        expected={
            rounded(LATENCY): {LABELS: p95_s},
            rounded(ENERGY): {LABELS: round((10 * joules + 2) / 10 * 1.25, 4)},
            rounded(BY_LATENCY_AND_ENERGY): {LABELS: round(factor, 4)},
        },
    )


def test_without_requests_the_value_is_zero_and_not_missing(find):
    find(
        pod(per_second=0),
        expected={
            rounded(REQUEST_RATE): {LABELS: 0},
            rounded(ENERGY): {},
            rounded(LATENCY): {},
            rounded(BY_LATENCY_AND_ENERGY): {LABELS: 0},
        },
    )


def test_without_energy_latency_alone_decides(find):
    unmetered = {name: values for name, values in pod(fast=0.9).items() if "energygate_pue" not in name}
    find(unmetered, expected={rounded(ENERGY): {}, rounded(BY_LATENCY_AND_ENERGY): {LABELS: MAX_GROWTH}})


def test_a_zero_energy_reading_removes_no_replicas(find):
    find(
        pod(fast=0.9, joules=0, idle_watts=0),
        expected={rounded(BY_LATENCY_AND_ENERGY): {LABELS: MAX_GROWTH}},
    )


def test_without_budgets_there_is_no_number_and_so_no_scaling_down(find):
    """An autoscaler with a metric that it cannot get does not scale down (Kubernetes, horizontal-pod-autoscale)."""
    find(
        pod(),
        with_budgets=False,
        expected={rounded(BY_LATENCY_AND_ENERGY): {}, rounded(REQUEST_RATE): {LABELS: 10}},
    )


def test_a_pod_is_one_replica_however_many_processes_of_it_report(find):
    twice = {name.replace('instance="', 'instance="other-'): values for name, values in pod().items()}
    find(pod(), twice, expected={rounded(REPLICAS): {LABELS: 1}})


def test_terminated_pods_do_not_count(find):
    find(pod(slots=8), at="15m", expected={rounded(REPLICAS): {}, rounded(BY_LATENCY_AND_ENERGY): {}})


def test_replicas_are_those_of_the_window_that_latency_is_from(find):
    """One replica for two minutes, then two: what is asked for rises as the window fills, not at once."""
    second = pod("digits-cnn-cpu-7d4b9c6f5-aaaaa", fast=0.9)
    late = {name: values.replace("0+", "_x17 0+", 1).replace("1.25x", "_x17 1.25x") for name, values in second.items()}
    find(
        pod(fast=0.9),
        late,
        at="5m15s",
        expected={
            rounded(REPLICAS): {LABELS: 2},
            # to a half: whether the window's first instant is part of it depends on Prometheus' version
            f"round({BY_LATENCY_AND_ENERGY} / {MAX_GROWTH}, 0.5)": {LABELS: 1.5},
        },
    )
