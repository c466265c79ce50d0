"""From results to a plan: what is read from them, what is refused, and the messages."""

from __future__ import annotations

import json
import shlex

import jsonschema
import pytest
from builders import exact_metric_result, failed_workload_result, launch_result, result
from machines import cpu, gpu, machine
from plans import INT8, plan, requirements

from energygate.errors import MeasurementError, UsageError
from energygate.production.routing import Routing, read_routing
from energygate.production.routing.measured_pools import shared_workload


def row_at(found, rate):
    return next(row for row in found.rows if row.rate_per_s == pytest.approx(rate))


def test_below_the_threshold_the_cpu_and_above_it_the_gpu():
    found = plan(cpu=cpu(), gpu=gpu())
    (threshold,) = found.thresholds
    assert (threshold.below, threshold.above) == ("cpu", "gpu")
    assert threshold.low_per_s < threshold.rate_per_s < threshold.high_per_s
    assert [row.pool for row in found.rows if row.rate_per_s < threshold.low_per_s] == ["cpu"] * 7
    assert {row.pool for row in found.rows if row.rate_per_s > threshold.high_per_s} == {"gpu"}
    at = row_at(found, threshold.rate_per_s)
    assert {one.pool: one.replicas for one in at.pools} == {
        "cpu": threshold.below_replicas,
        "gpu": threshold.above_replicas,
    }


def test_power_is_that_of_idle_replicas_and_requests_times_pue():
    found = plan(cpu=cpu(pue=1.5), gpu=gpu(pue=1.1))
    pool = found.pools[0]
    assert pool.replica_rate_per_s == pytest.approx(pool.utilisation * 100.0)
    hundred = next(one for one in row_at(found, 100).pools if one.pool == "cpu")
    assert hundred.replicas == 2
    assert hundred.power_watts == pytest.approx(1.5 * (2 * 10.0 + 100 * 0.2))
    assert hundred.joules_per_request == pytest.approx(hundred.power_watts / 100)
    assert "each pool has the PUE of its own site: cpu 1.50, gpu 1.10" in found.notes


def test_a_tighter_limit_lowers_the_rate_of_a_replica():
    rates = [
        plan(requirements(limit_s), cpu=cpu(), gpu=gpu()).pools[0].replica_rate_per_s
        for limit_s in (0.012, 0.03, 0.05, 0.2)
    ]
    assert rates == sorted(set(rates))
    assert rates[-1] == pytest.approx(90.0)  # and never all of it


def test_a_pool_too_slow_for_the_limit_is_not_used_and_says_why():
    found = plan(cpu=cpu(), slow=cpu(latency_s=0.08, capacity_per_s=12.0))
    assert found.pools[1].unfit == "latency p95 is 88.0 ms even without a queue, and the limit 50.0 ms"
    assert found.pools[1].replica_rate_per_s is None
    assert {band.pool for band in found.bands} == {"cpu"}


def test_a_pool_that_could_never_queue_is_not_used():
    found = plan(requirements(0.01105), cpu=cpu(), gpu=gpu())
    assert "leaves no time to wait" in found.pools[0].unfit


def test_a_plan_may_have_no_usable_pool():
    found = plan(requirements(1e-4), cpu=cpu(), gpu=gpu())
    assert found.thresholds == ()
    assert {band.pool for band in found.bands} == {None}
    assert all(row.pool is None and row.pools == () for row in found.rows)


def test_another_quantile_is_another_limit():
    p50, p99 = (plan(requirements(metric=name), cpu=cpu(), gpu=gpu()) for name in ("latency_p50", "latency_p99"))
    assert p50.pools[0].latency_s == pytest.approx(0.01)
    assert p99.pools[0].latency_s == pytest.approx(0.012)
    assert p50.pools[0].utilisation > p99.pools[0].utilisation


def test_a_pool_below_the_policys_accuracy_is_not_used():
    found = plan(requirements(min_accuracy=0.97), cpu=cpu(accuracy=0.978), int8=cpu(**INT8, accuracy=0.961))
    assert found.pools[1].unfit == "its accuracy is 96.1 %, and the policy requires at least 97.0 %"
    assert "the pools answer differently: accuracy is cpu 97.8 %, int8 96.1 %" in found.notes


def test_warm_and_maximum_replicas_are_respected():
    found = plan(requirements(warm={"gpu": 3}, max_replicas=10), cpu=cpu(), gpu=gpu())
    assert next(one for one in row_at(found, 1).pools if one.pool == "gpu").replicas == 3
    last = row_at(found, 10_000)
    assert {one.pool for one in last.pools} == {"gpu"}
    assert plan(requirements(max_replicas=2), cpu=cpu(), gpu=gpu()).bands[-1].pool is None


def test_a_given_idle_power_replaces_the_measured_one():
    found = plan(idle={"cpu": 2.5}, cpu=cpu(), gpu=gpu())
    assert found.pools[0].idle_watts == 2.5
    assert "the idle power of cpu, 2.50 W, is given and not measured" in found.notes


def test_concurrency_is_the_number_of_slots():
    found = plan(cpu=cpu(), gpu=gpu(load="8 at once", capacity_per_s=800.0, latency_s=0.01))
    assert found.pools[1].slots == 8
    alone = plan(cpu=cpu(), gpu=gpu(capacity_per_s=800.0, latency_s=0.00125)).pools[1]
    assert found.pools[1].utilisation <= alone.utilisation


def test_an_estimate_beside_a_measurement_is_less_certain_than_two_measurements():
    sure = plan(cpu=cpu(), gpu=gpu()).thresholds[0]
    unsure = plan(cpu=cpu(method="estimated", uncertainty=0.5), gpu=gpu()).thresholds[0]
    assert unsure.rate_per_s == pytest.approx(sure.rate_per_s)
    assert unsure.low_per_s is None or unsure.low_per_s < sure.low_per_s
    assert unsure.high_per_s is None or unsure.high_per_s > sure.high_per_s
    found = plan(cpu=cpu(method="estimated", uncertainty=0.5), gpu=gpu())
    assert any("cpu is estimated by a power model and gpu is measured by counters" in one for one in found.notes)


def test_of_two_estimates_by_one_model_most_of_the_error_cancels():
    loose = {"method": "estimated", "uncertainty": 0.5}
    alike = plan(cpu=cpu(**loose), int8=cpu(**INT8, **loose))
    assert all(row.certain for row in alike.rows)
    unlike = plan(cpu=cpu(**loose), int8=cpu(**INT8, **loose, device="Intel Xeon"))
    assert not any(row.certain for row in unlike.rows[:5])


def test_a_mix_is_shown_beside_the_best_pool():
    mixed = row_at(plan(cpu=cpu(), gpu=gpu(), int8=cpu(**INT8)), 2000)
    assert mixed.pool == "gpu"
    assert [(one.pool, one.replicas) for one in mixed.mix.shares] == [("gpu", 1), ("int8", 1)]
    best = next(one for one in mixed.pools if one.pool == "gpu").power_watts
    assert mixed.mix.power_watts == pytest.approx(best * (1 - mixed.mix.saving))


@pytest.mark.parametrize(
    ("facts", "kind", "said"),
    [
        ({"idle_watts": None}, UsageError, "lacks the machine's idle power"),
        (
            {"load": "50 req/s"},
            UsageError,
            "was measured at 50 req/s, which does not show its capacity",
        ),
        ({"load": "50 req/s, 4 at once"}, UsageError, "does not show its capacity"),
        ({"batch_size": 8}, UsageError, "was measured in batches of 8, and how long one takes"),
        ({"active_joules": -0.1}, MeasurementError, "energy per request is not above idle"),
        ({"metrics": {"throughput": None}}, MeasurementError, "lacks throughput"),
    ],
)
def test_results_without_a_replicas_capacity_are_refused(facts, kind, said):
    with pytest.raises(kind, match=said) as caught:
        plan(cpu=cpu(), gpu=gpu(**facts))
    assert str(caught.value).startswith("gpu (gpu.json): ")


def test_a_failed_measurement_is_passed_on():
    failed = result(failed_workload_result(message="the worker died"))
    with pytest.raises(MeasurementError, match="was not measured: the worker died"):
        plan(cpu=cpu(), gpu=failed)


def test_a_single_pool_is_refused():
    with pytest.raises(UsageError, match="one pool alone leaves no choice"):
        plan(cpu=cpu())


def test_the_same_measurement_twice_is_a_mistake():
    with pytest.raises(UsageError, match="cpu and copy are the same measurement"):
        plan(cpu=cpu(), copy=cpu())


def test_one_measurement_under_two_assumptions_is_compared_with_a_note():
    found = plan(idle={"half": 5.0}, cpu=cpu(), half=cpu())
    assert any("cpu and half are one measurement (cpu.json, half.json)" in one for one in found.notes)
    assert not any("are one measurement" in one for one in plan(cpu=cpu(), gpu=gpu()).notes)


def test_copies_are_recognised_by_their_measurements_alone():
    """A merged or judged copy has another time of its own, and the same launches."""
    with pytest.raises(UsageError, match="cpu and copy are the same measurement"):
        plan(cpu=cpu(), copy=cpu(created="2026-04-01T12:00:00+00:00"))


def test_more_replicas_than_anybody_plans():
    with pytest.raises(UsageError, match="would take more than 10,000 replicas of cpu"):
        plan(requirements(span=(1.0, 1e7)), cpu=cpu(), gpu=gpu())


def test_an_unknown_workload_names_the_nearest():
    with pytest.raises(UsageError, match=r"has no workload 'digits-cn'\. Did you mean 'digits-cnn'"):
        plan(workload="digits-cn", cpu=cpu(), gpu=gpu())


def test_the_workload_that_all_results_share():
    both = result(*cpu().workloads, *cpu(name="other").workloads)
    assert shared_workload({"cpu": both, "gpu": gpu()}) == "digits-cnn"
    with pytest.raises(UsageError, match="share 2 workloads, 'digits-cnn', 'other'"):
        shared_workload({"cpu": both, "gpu": both})
    name = "My Model/v2 ({{ $x }}) 'best' " + "x" * 80
    hostile = result(*cpu(name=name).workloads, *cpu(name="other").workloads)
    with pytest.raises(UsageError) as asked:
        shared_workload({"cpu": hostile, "gpu": hostile})
    assert shlex.split(asked.value.hint.partition("with ")[2]) == ["--workload", name]
    with pytest.raises(UsageError, match="share no workload: cpu has 'digits-cnn'; gpu has 'int8'") as caught:
        shared_workload({"cpu": cpu(), "gpu": gpu(name="int8")})
    assert "--workload cpu=NAME" in caught.value.hint


@pytest.mark.parametrize(
    ("facts", "note"),
    [
        ({"unit": "tokens"}, "cpu and gpu count different units"),
        ({"launches": (launch_result(),)}, "gpu was measured on 1 of 2 CPUs"),
        (
            {"metrics": {"success_rate": exact_metric_result(0.98, "ratio")}},
            "only 98.0 % of the requests to gpu succeeded",
        ),
        ({"accuracy": None}, "whether the pools give the same answers is unknown"),
    ],
)
def test_differences_between_results_are_noted(facts, note):
    found = plan(cpu=cpu(accuracy=0.97), gpu=gpu(**{"accuracy": 0.97, **facts}))
    assert any(note in one for one in found.notes)


def test_launches_without_intervals_are_noted():
    one = machine(created="2026-03-03T12:00:00+00:00")
    metrics = {
        name: metric.model_copy(update={"head_low": None, "head_high": None})
        for name, metric in one.workloads[0].metrics.items()
    }
    silent = one.model_copy(update={"workloads": (one.workloads[0].model_copy(update={"metrics": metrics}),)})
    found = plan(cpu=cpu(), silent=silent)
    assert not any(row.certain for row in found.rows)
    assert any(one.startswith("silent has no intervals") for one in found.notes)
    assert row_at(found, 10).pools[1].power_low_watts is None


def test_the_json_keeps_its_schema_and_is_read_again(tmp_path):
    found = plan(cpu=cpu(), gpu=gpu(), slow=cpu(latency_s=1.0, capacity_per_s=1.0))
    path = tmp_path / "plan.json"
    path.write_text(found.to_json(), encoding="utf-8")
    jsonschema.Draft202012Validator(Routing.published_schema()).validate(json.loads(path.read_text("utf-8")))
    assert read_routing(str(path)) == found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text[:-20], "it is not JSON"),
        (lambda text: text.replace("energygate/routing/1", "energygate/routing/9"), "schema"),
        (lambda text: text.replace('"rate_per_s": 1.0', '"rate_per_s": "1 req/s"'), "rows.0.rate_per_s"),
        (
            lambda text: text.replace('"below": "cpu"', '"below": "tpu"'),
            "threshold of 'tpu', which is not one of its pools",
        ),
        (lambda _: "[" * 100_000, "it is not JSON"),
    ],
)
def test_an_invalid_plan_is_refused(tmp_path, change, said):
    path = tmp_path / "plan.json"
    path.write_text(change(plan(cpu=cpu(), gpu=gpu()).to_json()), encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        read_routing(str(path))


def test_a_missing_plan_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="cannot read the plan: No such file"):
        read_routing(str(tmp_path / "none.json"))
