"""Pull requests after another verdict, the token, or the bot's comment: whole workflows, run as on GitHub."""

from __future__ import annotations

import pytest
from github_simulator.api.fake_github import ACTIONS
from github_simulator.runner.bare_repository import Link
from github_simulator.runner.scenario import Scenario
from github_simulator.runner.warm_cache import warm
from recipes import HEAVIER, HEAVY, LOOSER, ROOT, project, recipe

OWN = "energygate/energygate"
PYTHON = """version: 1
measurement: {time_limit: 10 s}
workloads:
  sums:
    python: app:make
    budgets: {energy_per_request: {max_increase: 5 %}}
"""
APP = """
def make():
    def request():
        return sum(range(3000))
    return request
"""
ABOVE = """
import glob, os, signal
files = [os.environ[name] for name in os.environ if name.startswith("GITHUB_") and os.path.isfile(os.environ[name])]
files += glob.glob(os.environ["RUNNER_TEMP"] + "/**/*", recursive=True)
def tell(words):
    for file in files:
        if os.path.isfile(file) and "energygate-" not in file and not file.endswith(".json"):
            with open(file, "a") as opened:
                opened.write(words)
"""


@pytest.fixture
def attacked(github, tmp_path):
    """Runs a recipe for a pull request with these files; returns scenario and job."""

    def run(changes, *, name="Private repository", edit=lambda text: text, files=None, job="energy"):
        scenario = Scenario(tmp_path, github, actions={OWN: ROOT})
        workflow = edit(recipe(name)[0])
        scenario.commit(files(workflow) if files else project(workflow))
        warm(scenario.caches, scenario.machine, ROOT, repository=scenario.name, launches=1)
        (done,) = scenario.run_workflow(scenario.opened(scenario.pull_request(changes)))
        return scenario, done.job(job)

    return run


def python_project(workflow):
    return project(workflow, policy=PYTHON, **{"app.py": APP, "models/digits.onnx": None})


def verdict(job):
    (step,) = [one for one in job.steps if one.uses and one.uses.startswith(OWN)]
    return step.outputs["verdict"], step.step("Verdict").exit_code


LOOSE = {
    "loose/energygate.yml": LOOSER["energygate.yml"],
    "loose/models/digits.onnx": HEAVY,
    "loose/data/digits.npz": b"x",
}


def test_a_symbolic_link_does_not_choose_the_policy(attacked):
    scenario, job = attacked({**HEAVIER, **LOOSE, "energygate.yml": Link("loose/energygate.yml")})
    assert verdict(job) == ("error", 2), job.log
    assert "is a symbolic link" in scenario.repository.bodies(ACTIONS)[0]


@pytest.mark.repeats
def test_a_directory_replaced_by_a_link_does_not_choose_the_policy(attacked):
    below = {f"app/{name}": content for name, content in project().items()}
    _, job = attacked(
        {"app": Link("loose"), **dict.fromkeys(below), **LOOSE},
        edit=lambda text: text.replace("label: energy-waived", "working-directory: app"),
        files=lambda workflow: {".github/workflows/1.yml": workflow, **below},
    )
    assert verdict(job) == ("error", 2), job.log


@pytest.mark.repeats
def test_a_committed_module_that_python_has_compiled_counts_as_changed(attacked):
    _, job = attacked({"__pycache__/app.cpython-311.pyc": b"anything"}, files=python_project)
    assert "identical to base" not in job.log
    assert verdict(job)[0] != "error", job.log


def test_measured_code_cannot_send_commands_to_the_runner(attacked, tmp_path):
    stolen, script = tmp_path / "stolen", tmp_path / "evil.sh"
    script.write_text(f'[ -z "$ENERGYGATE_TOKEN" ] || echo "$ENERGYGATE_TOKEN" > {stolen}\n')
    evil = ABOVE + f"tell('BASH_ENV={script}\\nverdict=pass\\nartifact=dist\\n')\n" + APP.replace("3000", "30000")
    scenario, job = attacked({"app.py": evil}, files=python_project)
    assert not stolen.exists()
    (run,) = scenario.repository.runs.values()
    assert [one.name for one in run.artifacts] in ([], ["energygate-result"])
    assert verdict(job)[0] != "pass"


def test_killing_energygate_is_reported_as_a_failure(attacked):
    evil = ABOVE + "tell('verdict=pass\\nexit-code=0\\n')\nos.kill(os.getppid(), signal.SIGKILL)\n" + APP
    scenario, job = attacked({"app.py": evil}, files=python_project)
    assert job.result == "failure"
    (comment,) = scenario.repository.bodies(ACTIONS)
    assert "ended without a result" in comment
