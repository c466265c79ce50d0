"""Every recipe of docs/github.md, run from the page with the action itself, does what the page promises."""

from __future__ import annotations

import csv
import html
import io
import json
import subprocess
import zipfile

import pytest
from github_simulator.api.fake_github import ACTIONS
from github_simulator.runner.scenario import Scenario
from github_simulator.runner.warm_cache import warm
from recipes import ENERGY, HEAVIER, LIGHT, LOOSER, POLICY, ROOT, project, recipe

OWN = "energygate/energygate"

SURE = 40
"""Launches, of which four or a few more decide."""


@pytest.fixture
def gated(github, tmp_path):
    """Makes a repository with these workflows and the project that they gate; `launches=SURE` for a sure verdict."""

    def make(*workflows, name="octo/shop", files=None, private=False, launches=1, **more):
        scenario = Scenario(tmp_path, github, name=name, actions={OWN: ROOT}, private=private)
        scenario.commit(files or project(*workflows, **more))
        warm(scenario.caches, scenario.machine, ROOT, repository=name, launches=launches)
        return scenario

    return make


def energygate(job):
    """The step that is the action."""
    (step,) = [one for one in job.steps if one.uses and one.uses.startswith((OWN, "$/"))]
    return step


def verdict(job):
    """The verdict of a job in each of its outputs, which must agree."""
    step = energygate(job)
    assert step.outputs["verdict"] in job.summary or step.outputs["summary"]
    return step.outputs["verdict"], job.result


def bot_comments(scenario):
    return scenario.repository.bodies(ACTIONS)


def left_by(scenario, run):
    """The result that a run left as an artifact."""
    (artifact,) = [one for one in scenario.repository.runs[run.id].artifacts if one.name == "energygate-result"]
    with zipfile.ZipFile(io.BytesIO(artifact.content)) as archive:
        assert archive.namelist() == ["result.json"]
        return json.loads(archive.read("result.json"))


# --- Private repository ---------------------------------------------------------------------------------------


@pytest.mark.measures
def test_private_repository(gated):
    scenario = gated(*recipe("Private repository"), policy=ENERGY, private=True, launches=SURE)
    pull = scenario.pull_request({**HEAVIER, "energygate.yml": ENERGY.replace("5 %", "9000 %")})

    (run,) = scenario.run_workflow(scenario.opened(pull))
    job = run.job("energy")
    step = energygate(job)
    assert verdict(job) == ("fail", "failure"), job.log
    assert step.step("Verdict").exit_code == 1
    assert float(step.outputs["energy-change"]) > 1
    assert step.outputs["policy-changed"] == "true"  # what it would loosen has no effect
    assert job.summary.startswith("### ❌ energygate: digits needs ")
    (annotation,) = [one for one in job.annotations if one.level == "error" and "file" in one.properties]
    assert annotation.properties["file"] == "energygate.yml"
    line = ENERGY.splitlines()[int(annotation.properties["line"]) - 1]
    assert line.strip().startswith("energy_per_request")
    (comment,) = bot_comments(scenario)
    first, headline = comment.splitlines()[:2]
    assert first == f"<!-- energygate:v1 key=energygate.yml run={run.id} attempt=1 sha={pull.head_sha} -->"
    assert headline == job.summary.splitlines()[0]
    assert "9000 %" in comment  # and is shown
    left = left_by(scenario, run)
    assert (left["verdict"], left["head_commit"]) == ("fail", pull.head_sha)


@pytest.mark.repeats
def test_the_comment_follows_the_pull_request(gated):
    scenario = gated(*recipe("Private repository"))
    pull = scenario.pull_request({**HEAVIER, **LOOSER})
    (run,) = scenario.run_workflow(scenario.opened(pull))
    assert verdict(run.job("energy")) == ("fail", "failure"), run.log

    # A run that is started again replaces the comment of the attempt before.
    again = scenario.run_again(run)
    assert verdict(again.job("energy")) == ("fail", "failure")
    (comment,) = bot_comments(scenario)
    assert f"run={run.id} attempt=2 " in comment

    # Made good again, the same comment turns green.
    repaired = {"models/digits.onnx": LIGHT, "energygate.yml": POLICY}
    (run,) = scenario.run_workflow(scenario.pushed_to(pull, repaired))
    assert verdict(run.job("energy")) == ("pass", "success"), run.log
    (comment,) = bot_comments(scenario)
    assert comment.splitlines()[1].startswith("### ✅ ")

    # Pushes are held to the absolute budgets, and comment nowhere.
    (run,) = scenario.run_workflow(scenario.pushed({"README.md": "more"}))
    assert verdict(run.job("energy")) == ("pass", "success"), run.log
    assert len(bot_comments(scenario)) == 1


@pytest.mark.repeats
def test_a_label_waives_on_a_run_that_is_started_again(gated):
    scenario = gated(*recipe("Private repository"))
    pull = scenario.pull_request(HEAVIER)
    (run,) = scenario.run_workflow(scenario.opened(pull))
    assert verdict(run.job("energy")) == ("fail", "failure"), run.log
    pull.label("energy-waived", by="maintainer")
    again = scenario.run_again(run)
    assert verdict(again.job("energy")) == ("waived", "success")
    (comment,) = bot_comments(scenario)
    assert "maintainer" in comment


def test_a_mistake_in_the_policy_is_reported_and_fails(gated):
    scenario = gated(*recipe("Private repository"))
    pull = scenario.pull_request({"energygate.yml": POLICY.replace("max_increase", "max_increment")})
    (run,) = scenario.run_workflow(scenario.opened(pull))
    job = run.job("energy")
    assert verdict(job) == ("error", "failure")
    assert energygate(job).step("Verdict").exit_code == 2
    (comment,) = bot_comments(scenario)
    for text in (comment, job.summary):
        assert "energygate.yml:8" in html.unescape(text).replace("\u2060", "")
    assert {"file": "energygate.yml", "line": "8"}.items() <= job.annotations[0].properties.items()
    assert "Traceback" not in job.log


@pytest.mark.parametrize("happened", ["closed", pytest.param("deleted", marks=pytest.mark.repeats)])
def test_with_nothing_to_do_nothing_fails(gated, happened):
    workflow = recipe("Private repository")[0].replace("pull_request:", "pull_request:\n    types: [closed]", 1)
    scenario = gated(workflow)
    pull = scenario.pull_request(HEAVIER)
    occasion = scenario.closed(pull)
    if happened == "deleted":
        occasion = scenario.pushed({"README.md": "x"})
        occasion.payload["deleted"] = True
    (run,) = scenario.run_workflow(occasion)
    assert (run.conclusion, bot_comments(scenario)) == ("success", [])
    assert energygate(run.job("energy")).outputs["verdict"] == ""


# --- Public repository with forks -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "who", ["fork", *(pytest.param(who, marks=pytest.mark.repeats) for who in ("dependabot", "own"))]
)
def test_two_stages(gated, who):
    scenario = gated(*recipe("Public repository with forks"))
    changes = {**HEAVIER, **LOOSER}
    pull = {
        "fork": lambda: scenario.pull_request(changes, fork="mallory/shop"),
        "dependabot": lambda: scenario.dependabot(changes),
        "own": lambda: scenario.pull_request(changes),
    }[who]()

    (first,) = scenario.run_workflow(scenario.opened(pull))
    job = first.job("energy")
    assert verdict(job) == ("fail", "failure"), job.log
    assert set(job.permissions.values()) == {"read"}
    assert bot_comments(scenario) == []

    (second,) = scenario.run_workflow(scenario.ran(first))
    job = second.job("comment")
    assert verdict(job) == ("fail", "success"), job.log  # the first stage has failed already
    (comment,) = bot_comments(scenario)
    assert comment.startswith(
        f"<!-- energygate:v1 key=energygate.yml run={first.id} attempt=1 sha={pull.head_sha} -->\n### ❌ "
    )
    assert "9000 %" in comment


@pytest.mark.repeats
def test_what_stays_undecided_fails_in_a_public_repository(gated):
    files = {"app.py": APP.format(size=3000), "models/digits.onnx": None}
    scenario = gated(*recipe("Public repository with forks"), policy=OWN_PYTHON.replace("5 %", "0 %"), **files)
    pull = scenario.pull_request({"app.py": f"# as before\n{APP.format(size=3000)}"}, fork="mallory/shop")
    (first,) = scenario.run_workflow(scenario.opened(pull))
    job = first.job("energy")
    assert verdict(job) == ("inconclusive", "failure"), job.log
    assert energygate(job).step("Verdict").exit_code == 4


def test_the_second_stage_reports_a_first_stage_without_a_result(gated):
    scenario = gated(*recipe("Public repository with forks"))
    pull = scenario.pull_request({"energygate.yml": "version: 1\n"}, fork="mallory/shop")
    (first,) = scenario.run_workflow(scenario.opened(pull))
    assert (first.conclusion, energygate(first.job("energy")).step("Verdict").exit_code) == ("failure", 2)
    (second,) = scenario.run_workflow(scenario.ran(first))
    assert second.conclusion == "success"
    assert "left no result" in bot_comments(scenario)[0]


def test_the_second_stage_leaves_other_runs_alone(gated):
    scenario = gated(*recipe("Public repository with forks"))
    (first,) = scenario.run_workflow(scenario.pushed({"energygate.yml": "version: 1\n"}))
    assert verdict(first.job("energy")) == ("error", "failure")  # soon, and all the same to the second
    (second,) = scenario.run_workflow(scenario.ran(first))
    assert second.job("comment").result == "skipped"


# --- Self-hosted GPU runner -----------------------------------------------------------------------------------

APP = """
def make():
    def request():
        return sum(range({size}))
    return request
"""
OWN_PYTHON = """version: 1
measurement: {time_limit: 2 s}
workloads:
  sums:
    python: app:make
    budgets: {energy_per_request: {max_increase: 5 %}}
"""


SETUP = "python3 -m venv .venv && .venv/bin/pip install --quiet --require-hashes --requirement requirements.txt"


@pytest.mark.parametrize(
    "setup", ["python3 -m venv --without-pip .venv", pytest.param(SETUP, marks=pytest.mark.repeats)]
)
def test_self_hosted_runner(gated, setup):
    (workflow,) = recipe("Self-hosted GPU runner")
    assert f"setup: {SETUP}\n" in workflow
    files = {
        "app.py": APP.format(size=3000),
        "requirements.txt": "# nothing but Python\n",
        ".gitignore": ".venv/\n",
        "models/digits.onnx": None,
    }
    scenario = gated(workflow.replace(SETUP, setup), policy=OWN_PYTHON, **files)
    pull = scenario.pull_request({"app.py": APP.format(size=9000)})
    (run,) = scenario.run_workflow(scenario.opened(pull))
    job = run.job("energy")
    assert job.runs_on == ["self-hosted", "linux", "gpu"]
    assert verdict(job) == ("fail", "failure"), job.log
    left = left_by(scenario, run)
    assert "onnxruntime" not in left["workloads"][0]["provenance"]["versions"]  # it ran in the project's environment

    stranger = scenario.pull_request({"app.py": "raise SystemExit\n"}, fork="mallory/shop", branch="x")
    (run,) = scenario.run_workflow(scenario.opened(stranger))
    assert run.job("energy").result == "skipped"


# --- Matrix ---------------------------------------------------------------------------------------------------

THREE = (
    POLICY
    + """  kept:
    onnx: models/kept.onnx
    budgets: {model_size: {max: 1 MB}}
  gone:
    onnx: models/digits.onnx
    runs_on: [self-hosted, big]
    budgets: {model_size: {max: 1 MB}}
"""
)


@pytest.fixture
def two_legs(gated):
    """Opens a pull request that the matrix measures in two legs; returns the scenario and its run."""

    def opened():
        (workflow,) = recipe("Many workloads: a matrix")
        scenario = gated(workflow.replace("shards: 4", "shards: 2"), policy=THREE, **{"models/kept.onnx": LIGHT})
        (run,) = scenario.run_workflow(scenario.opened(scenario.pull_request(HEAVIER)))
        return scenario, run

    return opened


def test_matrix(two_legs):
    scenario, run = two_legs()
    legs = run.legs("measure")
    assert [leg.name for leg in legs] == ["measure 1 of 2", "measure 2 of 2"]
    assert [leg.runs_on for leg in legs] == [["ubuntu-latest"], ["self-hosted", "big"]]
    assert {leg.result for leg in legs} == {"success"}, run.log  # none of them decides
    assert verdict(run.job("gate")) == ("fail", "failure"), run.log
    (comment,) = bot_comments(scenario)
    assert comment.splitlines()[1].startswith("### ❌ energygate: digits: model size rose by ")
    left = left_by(scenario, run)
    assert [one["name"] for one in left["workloads"]] == ["digits", "kept", "gone"]


@pytest.mark.repeats
def test_a_matrix_that_is_started_again_plans_by_how_long_each_took(two_legs):
    scenario, run = two_legs()
    again = scenario.run_again(run)
    assert verdict(again.job("gate")) == ("fail", "failure"), again.log
    assert len(bot_comments(scenario)) == 1


@pytest.mark.repeats
def test_a_leg_that_leaves_nothing_fails_the_gate(gated):
    (workflow,) = recipe("Many workloads: a matrix")
    broken = workflow.replace(
        "          task: leg\n",
        "          task: leg\n          time-limit: ${{ matrix.shard == 2 && 'never' || '2 s' }}\n",
    )
    scenario = gated(broken, policy=THREE, **{"models/kept.onnx": LIGHT})
    (run,) = scenario.run_workflow(scenario.opened(scenario.pull_request(HEAVIER)))
    assert [leg.result for leg in run.legs("measure")] == ["success", "failure", "success"]
    job = run.job("gate")
    assert verdict(job) == ("error", "failure"), run.log
    assert energygate(job).step("Verdict").exit_code == 3
    assert "no result has this workload" in bot_comments(scenario)[0]


# --- Merge queue, schedule, dispatch ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behind", "found"),
    [
        (HEAVIER, ("fail", "failure")),
        pytest.param(None, ("pass", "success"), marks=pytest.mark.repeats),
    ],
)
def test_merge_queue(gated, behind, found):
    scenario = gated(*recipe("Merge queue"))
    queue = [scenario.pull_request({"README.md": "words"}, branch="words")]
    if behind is not None:
        queue.append(scenario.pull_request(behind, branch="heavier"))
    (run,) = scenario.run_workflow(scenario.queued(*queue))
    assert verdict(run.job("energy")) == found, run.log
    assert bot_comments(scenario) == []


@pytest.mark.parametrize("weeks", [1, pytest.param(2, marks=pytest.mark.repeats)])
def test_trend(gated, weeks):
    scenario = gated(*recipe("The trend on main"))
    scenario.git.commit({}, branch="energy-trend", message="Energy per request", author="alice")
    for _ in range(weeks):
        (run,) = scenario.run_workflow(scenario.scheduled("17 4 * * 1"))
        assert run.conclusion == "success", run.log
        assert verdict(run.job("measure")) == ("pass", "success")
    trend = scenario.git.files(scenario.git.resolve("refs/heads/energy-trend"))["trend.csv"].decode()
    rows = list(csv.DictReader(trend.splitlines()))
    energies = [row for row in rows if row["metric"] == "energy_per_request"]
    assert [(row["workload"], row["unit"]) for row in energies] == [("digits", "kWh")] * weeks
    assert all(float(row["value"]) > 0 for row in energies)
    assert len({row["commit"] for row in energies}) == 1


@pytest.mark.repeats
def test_a_manual_run_against_a_chosen_base(gated):
    workflow = recipe("Private repository")[0]
    workflow = workflow.replace("  pull_request:\n", "  workflow_dispatch:\n").replace(
        "fetch-depth: 2", "fetch-depth: 0"
    )
    scenario = gated(workflow.replace("label: energy-waived", "base: HEAD~1\n          mode: report"))
    scenario.commit(HEAVIER)
    (run,) = scenario.run_workflow(scenario.dispatched("1.yml"))
    assert verdict(run.job("energy")) == ("fail", "success"), run.log  # it only reports


def test_pull_request_target_is_refused(gated):
    workflow = recipe("Private repository")[0].replace("  pull_request:\n", "  pull_request_target:\n")
    scenario = gated(workflow)
    pull = scenario.pull_request(HEAVIER, fork="mallory/shop")
    (run,) = scenario.run_workflow(scenario.targeted(pull))
    job = run.job("energy")
    assert (job.result, energygate(job).step("Verdict").exit_code) == ("failure", 2)
    assert "does not run under pull_request_target" in job.log
    assert bot_comments(scenario) == []


# --- This very project ----------------------------------------------------------------------------------------


@pytest.mark.repeats
@pytest.mark.measures
def test_the_project_gates_itself(gated):
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    kept = ("action", "energygate", "fixtures/models", "fixtures/data", ".github/workflows/energy")
    files = {name: (ROOT / name).read_bytes() for name in listed.stdout.split("\0") if name.startswith(kept)}
    files["energygate.yml"] = files["energygate.yml"].replace(b"time_limit: 60 s", b"time_limit: 20 s")
    scenario = gated(files=files, launches=SURE)
    grown = (ROOT / "fixtures/models/digits-cnn-fat.onnx").read_bytes()
    pull = scenario.pull_request({"fixtures/models/digits-mlp.onnx": grown}, fork="mallory/energygate")
    (first,) = scenario.run_workflow(scenario.opened(pull))
    assert verdict(first.job("energy")) == ("fail", "failure"), first.log
    (second,) = scenario.run_workflow(scenario.ran(first))
    assert verdict(second.job("comment")) == ("fail", "success"), second.log
    assert "digits-mlp" in bot_comments(scenario)[0].splitlines()[1]
