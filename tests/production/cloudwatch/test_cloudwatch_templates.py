"""The exported templates as texts: their content, its sources, and what is refused."""

from __future__ import annotations

import functools
import re
from textwrap import dedent

import pytest
import yaml
from builders import exact_metric_result, result, workload_result
from click.testing import CliRunner
from cloudwatch_policies import POLICY, source
from parallel import repeated

from energygate.cli import cli
from energygate.errors import PolicyError
from energygate.production.export.cloudwatch import KINDS, files
from energygate.production.export.cloudwatch_answers import ANSWERS
from energygate.production.export.cloudwatch_resources import handler_code
from energygate.production.export.cloudwatch_targets import TARGETS

MAX_BODY_BYTES = 51_200
"""What CloudFormation takes without a bucket:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html."""

REGIONS = ["us-east-1"]
"""The same resources are everywhere; each region takes cfn-lint as long again."""

LINTED = ("service", "alias")
"""cfn-lint needs a second for each."""

HOSTILE = "a \"b\" ${AWS::StackName} {c} \\d 'e' $f --- # : | * ..{{x}}"


def policy(*budgets, name="digits-cnn", site="{}"):
    quoted = name.replace("'", "''")
    lines = "".join(f"      {one}\n" for one in budgets)
    return f"version: 1\nsite: {site}\nworkloads:\n  '{quoted}':\n    onnx: digits.onnx\n    budgets:\n{lines}"


def only(text=POLICY, answer="concurrency", **others):
    (template,) = files(source(text, **others), answer=answer).values()
    return template


@functools.cache
def parsed(kind="concurrency"):
    """The template of the usual policy, as CloudFormation reads it."""
    return yaml.safe_load(only(answer=kind))


def cfn_lint(text, **options):
    """Lint a template; cfn-lint takes half a second to import, for which only its own tests should wait."""
    from cfnlint.api import lint
    from cfnlint.config import ManualArgs

    return lint(text, config=ManualArgs(regions=REGIONS, **options))


@pytest.mark.parametrize(
    "kind", ["service", "alias", *repeated(*(kind for kind in KINDS if kind not in {"service", "alias"}))]
)
def test_cfn_lint_finds_nothing(kind):
    """With every rule that is not experimental, informational ones too."""
    found = cfn_lint(only(answer=kind), include_checks=["I"])
    assert [f"{one.rule.id} {one.message}" for one in found] == []


def test_cfn_lint_detects_a_broken_template():
    broken = only(answer="none").replace("MetricName: EnergyPerRequest", "MetricNames: EnergyPerRequest")
    assert cfn_lint(broken)


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_is_small_enough_to_be_deployed_from_a_file(kind):
    assert len(only(answer=kind).encode()) < MAX_BODY_BYTES


def test_the_code_in_the_template_is_unchanged():
    assert parsed()["Resources"]["Answer"]["Properties"]["Code"]["ZipFile"] == handler_code()


def test_every_response_has_its_code_and_settings():
    assert set(ANSWERS) == set(TARGETS)
    code = handler_code()
    wanted = set(re.findall(r'settings\["([A-Z_]+)"\]', code))
    given = [set(_function(kind)["Environment"]["Variables"]) for kind in ANSWERS]
    assert set.union(*given) == wanted
    assert {_function(kind)["Environment"]["Variables"]["TARGET"] for kind in ANSWERS} == set(ANSWERS)


def _function(kind):
    return parsed(kind)["Resources"]["Answer"]["Properties"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_policy_gives_the_same_template(kind):
    assert only(answer=kind) == only(answer=kind)


def test_values_of_the_policy_name_their_lines():
    text = only(answer="service")
    assert "    Default: 720  # energygate.yml:9: 0.2 Wh\n" in text
    assert "    Default: 2  # energygate.yml:4: warm_replicas\n" in text
    assert "    Default: 8  # energygate.yml:4: max_replicas\n" in text
    assert "    Default: digits-cnn  # energygate.yml:6\n" in text
    description = yaml.safe_load(text)["Parameters"]["LimitJoules"]["Description"]
    assert "0.2 Wh (energygate.yml:9)" in description


@pytest.mark.parametrize(
    ("limit", "joules"),
    [
        ("0.2 Wh", "720"),
        ("1 J", "1"),
        ("0.5 mWh", "1.8"),
        ("1 µWh", "0.0036"),
        ("1e-9 J", "0.000000001"),
        ("2 kWh", "7200000"),
    ],
)
def test_the_limit_is_in_joules_as_cloudformation_writes_numbers(limit, joules):
    text = only(policy(f"energy_per_request: {{max: {limit}}}"), answer="none")
    assert str(yaml.safe_load(text)["Parameters"]["LimitJoules"]["Default"]) == joules


def test_a_relative_limit_counts_from_the_latest_result():
    text = only(
        policy("energy_per_request: {max_increase: 5 %}"),
        result=result(workload_result(metrics={"energy_per_request": exact_metric_result(1e-6, "kWh")})),
    )
    assert yaml.safe_load(text)["Parameters"]["LimitJoules"]["Default"] == "3.78"
    assert "energygate.yml:7: 5 % over the latest result" in text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            policy("latency_p95: {max: 1 s}"),
            (
                "energygate.yml:6: workload 'digits-cnn' has no limit on energy per request that a running system could"
                " check. Write workloads.digits-cnn.budgets.energy_per_request, for cloudwatch is made from it"
            ),
        ),
        (
            policy("energy_per_request: {max_increase: 5 %}"),
            (
                "workload 'digits-cnn' has no limit on energy per request that a running system could check. Give it an"
                " absolute one, or hand over the latest result with --result, for cloudwatch needs a number"
            ),
        ),
        (
            policy("energy_per_request: {max: 1 J, level: 'off'}"),
            "workload 'digits-cnn' has no limit on energy per request",
        ),
        (
            policy("energy_per_request: {max: 1 J}", name="größer"),
            (
                "energygate.yml:4: workload 'größer' is not a valid dimension for CloudWatch. Give it another name:"
                " CloudWatch accepts only printable ASCII characters in names"
            ),
        ),
    ],
)
def test_a_limit_without_an_alarm_is_refused_in_one_sentence(text, sentence):
    with pytest.raises(PolicyError) as caught:
        only(text)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_any_workload_name_of_a_policy_is_kept():
    text = only(policy("energy_per_request: {max: 1 J}", name=HOSTILE))
    document = yaml.safe_load(text)
    assert document["Parameters"]["Workload"]["Default"] == HOSTILE
    assert document["Resources"].keys() == parsed()["Resources"].keys()
    assert document["Outputs"] == parsed()["Outputs"]


def test_each_workload_with_a_limit_has_a_file_of_its_own():
    text = dedent("""\
        version: 1
        workloads:
          Large/CNN: {onnx: a.onnx, budgets: {energy_per_request: 1 J}}
          large cnn: {onnx: a.onnx, budgets: {energy_per_request: 2 J}}
          "?": {onnx: a.onnx, budgets: {energy_per_request: 3 J}}
          unlimited: {onnx: a.onnx}
        """)
    made = files(source(text))
    limits = {name: yaml.safe_load(one)["Parameters"]["LimitJoules"]["Default"] for name, one in made.items()}
    assert limits == {"large-cnn.yaml": 1, "large-cnn-2.yaml": 2, "workload.yaml": 3}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command beside a policy; return its result, with an error's sentence as its output."""
    monkeypatch.chdir(tmp_path)

    def export(*arguments, text=POLICY):
        (tmp_path / "energygate.yml").write_text(text, encoding="utf-8")
        return CliRunner().invoke(cli, ["export", "cloudwatch", *arguments])

    return export


def test_the_command_writes_the_template_and_says_how_to_deploy_it(run, tmp_path):
    done = run("--answer", "alias")
    assert (done.exit_code, done.stderr) == (0, "")
    assert (
        "Next: aws cloudformation deploy --template-file energygate-export/cloudwatch/digits-cnn.yaml"
        " --stack-name energygate-digits-cnn --capabilities CAPABILITY_IAM"
        " --parameter-overrides FunctionName=classify AliasName=live CpuVersion=7\n"
    ) in done.stdout
    assert (tmp_path / "energygate-export/cloudwatch/digits-cnn.yaml").read_text(encoding="utf-8") == only(
        answer="alias"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_names_every_parameter_without_a_default(run, kind):
    named = set(re.findall(r"(\w+)=", run("--answer", kind).stdout))
    parameters = parsed(kind)["Parameters"]
    assert named == {name for name, one in parameters.items() if "Default" not in one}


def test_the_command_says_which_workloads_have_no_template(run):
    text = POLICY + "  other: {onnx: a.onnx}\n"
    done = run(text=text)
    assert done.exit_code == 0
    assert "energygate: other has no limit on energy per request" in done.stderr
    assert isinstance(run("other", text=text).exception, PolicyError)


def test_limits_relative_to_a_bare_model_are_noted(run, tmp_path):
    metrics = {"energy_per_request": exact_metric_result(1e-6, "kWh")}
    measured = result(workload_result(name="digits-cnn", metrics=metrics))
    (tmp_path / "result.json").write_text(measured.to_json(), encoding="utf-8")
    relative = policy("energy_per_request: {max_increase: 5 %}", "latency_p95: {max_increase: 5 %}")
    done = run("--result", "result.json", text=relative)
    assert done.exit_code == 0, done.output
    assert "Note: digits-cnn was measured without its server, and relative limits count from that" in done.stdout
    absolute = policy("energy_per_request: {max: 1 J}", "latency_p95: {max_increase: 5 %}")
    assert "Note:" not in run("--result", "result.json", text=absolute).stdout
