"""The examples of docs/kubernetes.md work."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner
from clusters import documents, measured, routes
from servers import promtool

from energygate.cli import cli
from energygate.policy import parse_policy
from energygate.production.export.kubernetes_rules import MAX_GROWTH
from energygate.production.export.kubernetes_scaling import DOWN_AFTER_S

TEXT = (Path(__file__).parents[3] / "docs" / "kubernetes.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


COMMANDS = [line for block in blocks("sh") for line in block.splitlines()]
SMALL = measured(name="digits-service")
LARGE = measured(name="digits-service", capacity_per_s=400.0, latency_s=0.0024, idle_watts=60.0, active_joules=0.08)
KUBERNETES = [line for line in COMMANDS if "kubernetes" in line]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command in a directory with the page's policy, a result and a plan."""
    monkeypatch.chdir(tmp_path)
    (policy,) = blocks("yaml")
    Path("energygate.yml").write_text(policy, encoding="utf-8")
    Path("result.json").write_text(measured(name="digits-service", load="4 at once").to_json(), encoding="utf-8")
    rate = measured(name="digits-service", load="20 req/s")
    Path("rate.json").write_text(rate.to_json(), encoding="utf-8")
    Path("routes.json").write_text(routes(workload="digits-service", cpu=SMALL, gpu=LARGE).to_json(), encoding="utf-8")

    def command(line):
        program, *arguments = shlex.split(line)
        assert program == "energygate"
        return CliRunner().invoke(cli, arguments, catch_exceptions=False)

    return command


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_page_works(run, line):
    done = run(line)
    assert done.exit_code == 0, done.output
    assert "Next: " in done.output
    assert line not in KUBERNETES or "Note: " not in done.output


@pytest.mark.parametrize("line", KUBERNETES)
def test_the_exported_files_are_valid_and_documented(run, line):
    run(line)
    root = Path("energygate-export/kubernetes")
    for path in sorted(root.rglob("*.yaml")):
        pattern = path.relative_to(root).as_posix().replace("digits-service", "NAME")
        assert f"| `{pattern}` |" in TEXT
        for one in documents(path.read_text("utf-8")):
            if one.get("apiVersion") in {"v1", "apps/v1", "autoscaling/v2"}:
                kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)
    code, output = promtool("check", "rules", root / "prometheus" / "rules.yaml")
    assert code == 0, output


def test_the_page_has_a_command_for_each_form():
    assert [
        next(filter(line.__contains__, ("--result", "--thresholds", "--requests-per-replica"))) for line in KUBERNETES
    ] == [
        "--result",
        "--thresholds",
        "--requests-per-replica",
    ]


def test_the_documented_constants_are_those_of_the_code():
    assert f"replicas x min(√(L / max(E, 1)), {MAX_GROWTH})" in TEXT
    assert DOWN_AFTER_S == 5 * 60
    assert "Scaling down waits 5 minutes" in TEXT


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("", "nothing says how many requests a second a replica of 'digits-service' serves within 200 ms"),
        ("--requests-per-replica cpu", "--requests-per-replica 'cpu' has no rate"),
        ("--requests-per-replica cpu=fast", "--requests-per-replica 'cpu=fast' has no rate"),
        (
            "--thresholds routes.json --thresholds routes.json",
            "--thresholds was given twice for workload 'digits-service'",
        ),
        ("--thresholds energygate.yml", "this file was not written by energygate route"),
        ("--thresholds nowhere.json", "cannot read the plan"),
        ("--result rate.json", "was measured at a rate (20 req/s), which does not show its capacity"),
        ("--result result.json --image 'a b'", "--image 'a b' is not a valid image"),
        ("--result result.json --health health", "--health 'health' is not a path"),
        ("--result result.json --prometheus foo", "--prometheus 'foo' is not the address"),
    ],
)
def test_impossible_options_are_refused_in_one_sentence(run, arguments, sentence):
    from energygate.errors import UsageError

    with pytest.raises(UsageError, match=re.escape(sentence)):
        run(f"energygate export kubernetes {arguments}")
    assert not Path("energygate-export").exists()


def test_numbers_of_a_model_without_its_server_are_noted(run):
    bare = measured(name="digits-service", kind="onnx")
    Path("result.json").write_text(bare.to_json(), encoding="utf-8")
    last = run("energygate export kubernetes --result result.json").output.splitlines()[-1]
    assert last.startswith("Note: 'digits-service' is the model without its server (onnx)")


def test_the_workload_of_the_page_is_one_whose_capacity_shows():
    (text,) = blocks("yaml")
    workload = parse_policy(text).workloads["digits-service"]
    assert (workload.kind, workload.load.kind) == ("http", "concurrent")


def test_the_numbers_on_the_page_are_of_its_policy():
    (policy,) = (yaml.safe_load(one) for one in blocks("yaml"))
    budgets = policy["workloads"]["digits-service"]["budgets"]
    assert budgets["latency_p95"]["max"] == "200 ms"
    assert budgets["effective_energy_per_request"]["max"] == "2 J"
