"""The manifests: valid, deterministic, with the policy's lines beside its numbers, and what is refused."""

from __future__ import annotations

import re

import kubernetes_validate
import policies
import pytest
from clusters import POLICY, exported, measured, objects, routes, two_machines

NATIVE = {"Deployment", "Service", "HorizontalPodAutoscaler"}
OLDEST, LATEST = "1.29", kubernetes_validate.latest_version()
ASLEEP = POLICY.replace("    warm_replicas: 2\n", "    scale_to_zero_after: 90 s\n")
HOSTILE = POLICY.replace("digits-cnn:", "'" + policies.HOSTILE.replace("'", "''") + "':")


@pytest.mark.parametrize("version", [OLDEST, LATEST])
@pytest.mark.parametrize("policy", [POLICY, ASLEEP, HOSTILE])
def test_every_manifest_is_valid_for_kubernetes(policy, version):
    found = [one for one in objects(exported(policy)) if one["kind"] in NATIVE]
    assert len(found) == 2 + 3 + 2
    for one in found:
        kubernetes_validate.validate(one, version, strict=True)


def test_the_same_policy_gives_the_same_files():
    assert exported() == exported()


def test_every_number_of_the_policy_has_a_comment_with_its_line():
    made = exported(gateway="public", routings={"digits-cnn": two_machines()}, requests_per_replica={})
    hpa, rules = made["hpa/digits-cnn.yaml"], made["prometheus/rules.yaml"]
    assert "minReplicas: 2  # warm_replicas, energygate.yml:6" in hpa
    assert "maxReplicas: 8  # max_replicas, energygate.yml:7" in hpa
    assert "# latency_p95 200 ms (energygate.yml:14), effective_energy_per_request 2 J (energygate.yml:13)" in hpa
    assert "# latency within 200 ms (energygate.yml:14), energy within 2 J (energygate.yml:13)" in rules
    assert 'cpu: "2"  # threads, energygate.yml:11' in made["deployments/digits-cnn.yaml"]
    assert "# 23.15 requests a second on average, energygate.yml:4: cpu costs least" in made["gateway/digits-cnn.yaml"]
    assert "minReplicaCount: 2  # warm_replicas, energygate.yml:6" in made["keda/digits-cnn.yaml"]


def test_the_autoscaler_has_load_and_energy_with_latency_as_metrics_of_its_deployment():
    scaler = objects(exported(), "HorizontalPodAutoscaler")["digits-cnn-cpu"]
    assert scaler["apiVersion"] == "autoscaling/v2"
    metrics = [one["object"] for one in scaler["spec"]["metrics"]]
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "digits-cnn-cpu"}
    assert [one["describedObject"] for one in metrics] == [target, target]
    assert scaler["spec"]["scaleTargetRef"] == target
    assert [(one["metric"]["name"], one["target"]) for one in metrics] == [
        # 17 a second keep the limit, and the autoscaler lets a replica have 10 % more than its target
        ("energygate_requests_per_second", {"type": "AverageValue", "averageValue": "15454m"}),
        ("energygate_replicas_by_latency_and_energy", {"type": "AverageValue", "averageValue": "1"}),
    ]


def test_keda_asks_for_the_same_as_the_autoscaler():
    made = exported()
    for name, scaled in objects(made, "ScaledObject").items():
        scaler = objects(made, "HorizontalPodAutoscaler")[name]["spec"]
        spec = scaled["spec"]
        assert spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"] == scaler["behavior"]
        assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (
            scaler["minReplicas"],
            scaler["maxReplicas"],
        )
        for trigger, metric in zip(spec["triggers"], scaler["metrics"], strict=True):
            target = metric["object"]["target"]
            wanted = target["averageValue"]
            number = float(wanted[:-1]) / 1000 if wanted.endswith("m") else float(wanted)
            assert trigger["metricType"] == target["type"]
            assert float(trigger["metadata"]["threshold"]) == pytest.approx(number, abs=0.001)


STRINGS = {"serverAddress", "query", "threshold", "activationThreshold", "ignoreNullValues"}


@pytest.mark.parametrize("policy", [POLICY, ASLEEP])
def test_scaled_objects_are_what_the_specification_of_keda_has(policy):
    """keda.sh/docs/2.17/reference/scaledobject-spec and .../scalers/prometheus; metadata are strings throughout."""
    for one in objects(exported(policy, routings={"digits-cnn": two_machines()}), "ScaledObject").values():
        assert (one["apiVersion"], one["kind"]) == ("keda.sh/v1alpha1", "ScaledObject")
        spec = one["spec"]
        assert set(spec) <= {
            "scaleTargetRef",
            "pollingInterval",
            "cooldownPeriod",
            "minReplicaCount",
            "maxReplicaCount",
            "fallback",
            "advanced",
            "triggers",
        }
        assert spec["fallback"]["behavior"] == "currentReplicasIfHigher"
        for trigger in spec["triggers"]:
            assert set(trigger) == {"type", "metricType", "metadata"}
            assert {*trigger["metadata"]} <= STRINGS
            assert all(isinstance(value, str) for value in trigger["metadata"].values())
            float(trigger["metadata"]["threshold"])


def test_scaling_to_zero_waits_as_the_policy_says_and_wakes_by_what_the_ingress_sees():
    spec = objects(exported(ASLEEP), "ScaledObject")["digits-cnn-cpu"]["spec"]
    assert (spec["minReplicaCount"], spec["cooldownPeriod"]) == (0, 90)
    *own, arrivals = spec["triggers"]
    # What pods report is gone with them, so that it can neither wake them nor be missed.
    assert {one["metadata"]["ignoreNullValues"] for one in own} == {"true"}
    assert all(float(one["metadata"]["activationThreshold"]) > 1e8 for one in own)
    assert arrivals["metadata"]["activationThreshold"] == "0"
    assert 'exported_service="digits-cnn"' in arrivals["metadata"]["query"]
    # No such metric is an error, and then there is one replica rather than none.
    assert arrivals["metadata"]["ignoreNullValues"] == "false"
    assert spec["fallback"]["replicas"] == 1
    assert "cooldownPeriod: 90  # 90 s, energygate.yml:6" in exported(ASLEEP)["keda/digits-cnn.yaml"]
    assert objects(exported(ASLEEP), "HorizontalPodAutoscaler")["digits-cnn-cpu"]["spec"]["minReplicas"] == 1


def test_the_ingress_metric_is_configurable():
    keda = exported(ASLEEP, arrivals="sum(rate(envoy_requests[1m]))")["keda/digits-cnn.yaml"]
    assert "query: sum(rate(envoy_requests[1m]))" in keda


def test_the_gpu_pool_starts_where_routing_says_that_it_pays():
    plan = two_machines()
    (threshold,) = plan.thresholds
    made = exported(routings={"digits-cnn": plan}, requests_per_replica={})
    scaled = objects(made, "ScaledObject")
    spec = scaled["digits-cnn-gpu"]["spec"]
    activation = spec["triggers"][-1]["metadata"]
    assert spec["minReplicaCount"] == 0
    assert float(activation["activationThreshold"]) == pytest.approx(threshold.high_per_s)
    assert activation["query"] == 'sum(workload:energygate_requests_per_second:rate5m{workload="digits-cnn"})'
    # The CPU-only pool is there at any load, and warm.
    assert scaled["digits-cnn-cpu"]["spec"]["minReplicaCount"] == 2
    assert "cooldownPeriod" not in scaled["digits-cnn-cpu"]["spec"]


def test_the_pool_that_routing_uses_at_little_load_is_the_one_kept_warm():
    small = measured(idle_watts=4.0)
    large = measured(capacity_per_s=400.0, latency_s=0.0024, idle_watts=60.0, active_joules=0.08)
    scaled = objects(
        exported(routings={"digits-cnn": routes(a=large, z=small)}, requests_per_replica={}), "ScaledObject"
    )
    least = {name: one["spec"]["minReplicaCount"] for name, one in scaled.items()}
    assert least == {"digits-cnn-z": 2, "digits-cnn-a": 0}


@pytest.mark.parametrize(("per_day", "weights"), [(2_000_000, (100, 0)), (60_000_000, (0, 100))])
def test_weights_follow_the_route_at_the_sites_traffic(per_day, weights):
    policy = POLICY.replace("2000000", str(per_day)).replace("    max_replicas: 8\n", "")
    made = exported(policy, routings={"digits-cnn": two_machines()}, requests_per_replica={}, gateway="infra/public")
    (found,) = objects(made, "HTTPRoute").values()
    assert (found["apiVersion"], found["spec"]["parentRefs"]) == (
        "gateway.networking.k8s.io/v1",
        [{"name": "public", "namespace": "infra"}],
    )
    backends = found["spec"]["rules"][0]["backendRefs"]
    assert [(one["name"], one["weight"]) for one in backends] == [
        ("digits-cnn-cpu", weights[0]),
        ("digits-cnn-gpu", weights[1]),
    ]
    services = objects(made, "Service")
    assert all(one["port"] == services[one["name"]]["spec"]["ports"][0]["port"] for one in backends)


def test_without_routes_weights_are_equal_and_say_so():
    text = exported(gateway="public")["gateway/digits-cnn.yaml"]
    assert text.count("weight: 1  # equal: routes from --thresholds missing") == 2


def test_only_the_gpu_variant_needs_a_card():
    deployments = objects(exported(), "Deployment")
    specs = {name: one["spec"]["template"]["spec"] for name, one in deployments.items()}
    limits = {name: one["containers"][0]["resources"]["limits"] for name, one in specs.items()}
    assert limits["digits-cnn-gpu"]["nvidia.com/gpu"] == 1
    assert "nvidia.com/gpu" not in limits["digits-cnn-cpu"]
    assert ("nodeSelector" in specs["digits-cnn-gpu"], "nodeSelector" in specs["digits-cnn-cpu"]) == (
        True,
        False,
    )
    assert specs["digits-cnn-gpu"]["tolerations"][0]["key"] == "nvidia.com/gpu"


def test_services_reach_the_pods_and_deployments_own_theirs_alone():
    made = exported()
    deployments, services = objects(made, "Deployment"), objects(made, "Service")

    def reached(service):
        wanted = services[service]["spec"]["selector"].items()
        return {
            name for name, one in deployments.items() if wanted <= one["spec"]["template"]["metadata"]["labels"].items()
        }

    assert reached("digits-cnn") == {"digits-cnn-cpu", "digits-cnn-gpu"}
    assert all(reached(name) == {name} for name in deployments)
    for one in deployments.values():
        own = one["spec"]["selector"]["matchLabels"].items()
        owners = [
            other for other in deployments.values() if own <= other["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert owners == [one]


def test_containers_have_the_least_privileges():
    """The restricted Pod Security Standard (kubernetes.io/docs/concepts/security/pod-security-standards)."""
    for one in objects(exported(), "Deployment").values():
        pod = one["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(container["resources"]) == {"requests", "limits"}


def test_placeholders_say_replace():
    text = exported()["deployments/digits-cnn.yaml"]
    assert re.findall("REPLACE-ME", text)
    given = exported(
        result=measured(peak=400),
        image="cpu:1",
        gpu_image="gpu:1",
        port=9000,
        health="/ready",
    )["deployments/digits-cnn.yaml"]
    replaced = [line.strip() for line in given.splitlines() if "REPLACE" in line]
    assert [line[:14] for line in replaced] == [
        "# Look for REP",
        "# REPLACE with",  # the most memory
        'memory: "400Mi',  # of the GPU variant, which nobody measured
        "# REPLACE with",
        "nodeSelector: ",
    ]
    assert ("image: cpu:1" in given, "image: gpu:1" in given, "containerPort: 9000" in given) == (True,) * 3


def test_probes_are_kept_out_of_energy_per_request():
    given = exported(health="/ready")["deployments/digits-cnn.yaml"]
    lines = [line.strip() for line in given.splitlines()]
    above = lines[lines.index("readinessProbe:") - 1]
    assert above.startswith("# keep probes out of energy per request: ")
    assert above.endswith('(app, exclude={"/ready"})')
