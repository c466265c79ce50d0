"""`energygate route` as people run it: options, files, and one sentence for each mistake."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from builders import result
from click.testing import CliRunner
from machines import cpu, gpu

from energygate.cli.route import route
from energygate.errors import EnergygateError

REPOSITORY = Path(__file__).parents[3]
LIMIT = ("--latency", "p95 50 ms")

ONE_LAUNCH = """
from energygate.cli import main
from energygate.measure import campaign

campaign.MAX_LAUNCHES = 1
main()
"""
"""Routing reads the numbers and no interval, so a launch of each is enough."""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    both = result(*cpu().workloads, *gpu(name="digits-gpu").workloads)
    for name, one in {"cpu": cpu(accuracy=0.978), "gpu": gpu(accuracy=0.961), "both": both}.items():
        Path(f"{name}.json").write_text(one.to_json(), encoding="utf-8")
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(route, arguments, catch_exceptions=True)


def policy(*, site=None, name="energygate.yml", **budgets):
    workloads = {"digits-cnn": {"onnx": "model.onnx", "inputs": "data.npz", "labels": "label", "budgets": budgets}}
    text = yaml.safe_dump({"version": 1, "site": site or {}, "workloads": workloads}, sort_keys=False)
    Path(name).write_text(text, encoding="utf-8")


def test_a_plan_on_the_terminal_and_in_files(project):
    ran = run("cpu=cpu.json", "gpu=gpu.json", *LIMIT, "--json", "plan.json", "--plot", "plan.svg")
    assert (ran.exit_code, ran.exception) == (0, None)
    assert "Below 167 req/s cpu (3 replicas there), above it gpu (1)" in ran.output
    plan = json.loads((project / "plan.json").read_text("utf-8"))
    assert plan["thresholds"][0]["above"] == "gpu"
    assert plan["pools"][0]["result"] == "cpu.json"
    assert (project / "plan.svg").read_text("utf-8").startswith("<svg")


@pytest.mark.usefixtures("project")
def test_json_alone_on_standard_output():
    ran = run("cpu=cpu.json", "gpu=gpu.json", *LIMIT, "--json", "-")
    assert json.loads(ran.output)["schema"] == "energygate/routing/1"


@pytest.mark.usefixtures("project")
def test_limits_come_from_the_policy():
    site = {"traffic": {"requests_per_day": 1e6, "warm_replicas": 2, "max_replicas": 40}}
    policy(site=site, latency_p95="40 ms", accuracy="97 %")
    plan = json.loads(run("cpu=cpu.json", "gpu=gpu.json", "--json", "-").output)
    assert plan["latency"] == {"metric": "latency_p95", "limit_s": 0.04, "source": "energygate.yml:13"}
    assert [one["warm_replicas"] for one in plan["pools"]] == [2, 2]
    assert plan["pools"][0]["max_replicas"] == 40
    assert plan["pools"][1]["unfit"] == "its accuracy is 96.1 %, and the policy requires at least 97.0 %"
    again = json.loads(run("cpu=cpu.json", "gpu=gpu.json", "--warm", "gpu=3", *LIMIT, "--json", "-").output)
    assert [one["warm_replicas"] for one in again["pools"]] == [2, 3]
    assert again["latency"]["source"] == "--latency"


@pytest.mark.usefixtures("project")
def test_a_relative_limit_does_not_count_as_a_latency_limit():
    policy(latency_p95={"max_increase": "5 %"})
    assert "there is no limit on latency in energygate.yml" in str(run("cpu=cpu.json", "gpu=gpu.json").exception)


@pytest.mark.usefixtures("project")
def test_two_workloads_of_one_result_are_two_pools():
    names = ("--workload", "a=digits-cnn", "--workload", "b=digits-gpu")
    plan = json.loads(run("a=both.json", "b=both.json", *names, *LIMIT, "--json", "-").output)
    assert [one["workload"] for one in plan["pools"]] == ["digits-cnn", "digits-gpu"]


@pytest.mark.usefixtures("project")
def test_idle_power_of_one_pool_or_of_all():
    def idle(*options):
        plan = json.loads(run("cpu=cpu.json", "gpu=gpu.json", *LIMIT, *options, "--json", "-").output)
        return [one["idle_watts"] for one in plan["pools"]]

    assert idle("--idle-power", "cpu=2.5 W") == [2.5, 60.0]
    assert idle("--idle-power", "5 W", "--idle-power", "gpu=0.04 kW") == [5.0, 40.0]


@pytest.mark.usefixtures("project")
def test_no_pool_within_the_limit_is_exit_code_1():
    ran = run("cpu=cpu.json", "gpu=gpu.json", "--latency", "p95 1 µs")
    assert ran.exit_code == 1
    assert "No pool keeps the limits" in ran.output


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["cpu.json", "gpu=gpu.json"], 2, "'cpu.json' does not name a pool and its result"),
        (["c/p=cpu.json", "gpu=gpu.json"], 2, "does not name a pool"),
        (["cpu=cpu.json", "cpu=gpu.json"], 2, "pool cpu is given twice"),
        (["cpu=cpu.json"], 2, "one pool alone leaves no choice"),
        (["cpu=cpu.json", "gpu=none.json"], 3, "none.json: cannot read the result: No such file"),
        (
            ["cpu=cpu.json", "gpu=gpu.json", "--latency", "50 ms"],
            2,
            "'50 ms' is not a limit on p50, p95 or p99",
        ),
        (["cpu=cpu.json", "gpu=gpu.json", "--latency", "p90 50 ms"], 2, "is not a limit on p50, p95 or p99"),
        (["cpu=cpu.json", "gpu=gpu.json", "--latency", "p95 50"], 2, "--latency: 50 has no unit"),
        (["cpu=cpu.json", "gpu=gpu.json", "--latency", "p95 0 s"], 2, "must be greater than 0 s"),
        (["cpu=cpu.json", "gpu=gpu.json", "--rates", "many"], 2, "'many' is not a range of rates"),
        (["cpu=cpu.json", "gpu=gpu.json", "--rates", "1.1.1-5"], 2, "is not a range of rates"),
        (["cpu=cpu.json", "gpu=gpu.json", "--rates", "100-10"], 2, "must rise, from a rate above 0"),
        (["cpu=cpu.json", "gpu=gpu.json", "--rates", "0-10"], 2, "must rise, from a rate above 0"),
        (["cpu=cpu.json", "gpu=gpu.json", "--warm", "0"], 2, "--warm: '0' is not a number of replicas"),
        (["cpu=cpu.json", "gpu=gpu.json", "--warm", "tpu=2"], 2, "--warm: there is no pool 'tpu'"),
        (["cpu=cpu.json", "gpu=gpu.json", "--warm", "1", "--warm", "2"], 2, "given twice for all pools"),
        (
            ["cpu=cpu.json", "gpu=gpu.json", "--warm", "cpu=1", "--warm", "cpu=2"],
            2,
            "given twice for pool cpu",
        ),
        (["cpu=cpu.json", "gpu=gpu.json", "--idle-power", "cpu=5"], 2, "--idle-power: 5 has no unit"),
        (["cpu=cpu.json", "gpu=gpu.json", "--workload", "digits"], 2, "has no workload 'digits'"),
        (["cpu=cpu.json", "gpu=gpu.json", "--policy", "none.yml"], 2, "there is no such policy"),
        (
            ["cpu=cpu.json", "gpu=gpu.json", "--json", "no/plan.json"],
            2,
            "cannot write no/plan.json: No such file",
        ),
        (["cpu=both.json", "gpu=both.json"], 2, "share 2 workloads"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, code, said):
    given = () if {"--latency"} & {*arguments} else LIMIT
    error = run(*arguments, *given).exception
    assert isinstance(error, EnergygateError)
    assert error.exit_code == code
    assert said in str(error)
    assert "\n" not in str(error)


@pytest.mark.usefixtures("project")
def test_without_a_latency_limit_it_is_an_error():
    error = run("cpu=cpu.json", "gpu=gpu.json").exception
    assert "there is no limit on latency without a policy" in str(error)
    assert "--latency 'p95 50 ms'" in str(error)


def test_two_models_measured_here_are_two_pools(tmp_path):
    """The whole way, with nothing made up: measure two models, and ask which one serves which load."""
    for name in ("models", "data"):
        shutil.copytree(REPOSITORY / "fixtures" / name, tmp_path / name)
    names = ("digits-cnn", "digits-mlp")
    workloads = {
        name: {"onnx": f"models/{name}.onnx", "inputs": "data/digits.npz", "labels": "label"} for name in names
    }
    (tmp_path / "energygate.yml").write_text(yaml.safe_dump({"version": 1, "workloads": workloads}), encoding="utf-8")

    def energygate(*arguments):
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        command = [sys.executable, "-c", ONE_LAUNCH, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    checked = energygate("check", "--time-limit", "20 s", "--json", "result.json", "--quiet")
    assert checked.returncode == 0, checked.stderr
    pools = (
        "cnn=result.json",
        "mlp=result.json",
        "--workload",
        "cnn=digits-cnn",
        "--workload",
        "mlp=digits-mlp",
    )
    routed = energygate("route", *pools, "--latency", "p95 1 s", "--json", "plan.json")
    assert routed.returncode == 0, routed.stderr
    assert "mlp is the best from 1.00 req/s to 10,000 req/s" in routed.stdout
    plan = json.loads((tmp_path / "plan.json").read_text("utf-8"))
    cnn, mlp = plan["pools"]
    assert cnn["active_joules_per_request"] > mlp["active_joules_per_request"]
    assert cnn["idle_watts"] == mlp["idle_watts"]
    assert {row["pool"] for row in plan["rows"]} == {"mlp"}
