"""action.yml, the workflows, and the snippets and tables of the documentation: strict lints."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from github_simulator.lint import (
    input_faults,
    schema_faults,
    snippets,
    steps_with,
    style_faults,
    table_faults,
    tables,
    zizmor_findings,
)
from github_simulator.runner.workflow_files import read_action, read_workflow
from github_simulator.runner.yaml_reading import read_yaml

ROOT = Path(__file__).parent.parent.parent
ACTION = ROOT / "action.yml"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SNIPPETS = [one for one in snippets(PAGES) if one.is_workflow or "uses:" in one.text]
RECIPES = [one for one in SNIPPETS if one.is_workflow]
TABLES = {
    kind: [one for one in tables(PAGES) if one.head[0] == kind.removesuffix("s")] for kind in ("inputs", "outputs")
}

each_snippet = pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda one: one.where)
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


@pytest.fixture(scope="module")
def action():
    return read_yaml(ACTION.read_text("utf-8"), "action.yml")


@pytest.fixture
def written(tmp_path):
    """Writes workflows into a folder as a repository has them; returns the files."""

    def write(recipes):
        folder = tmp_path / ".github" / "workflows"
        folder.mkdir(parents=True)
        files = [folder / f"{one.where.replace(':', '-')}.yml" for one in recipes]
        for file, one in zip(files, recipes, strict=True):
            file.write_text(one.text, "utf-8")
        return files

    return write


def test_the_linted_files_exist():
    assert WORKFLOWS
    assert {one.page for one in RECIPES} >= {"github.md"}
    assert TABLES["inputs"]
    assert TABLES["outputs"]


def test_zizmor_finds_nothing_in_the_action_and_the_workflows(tmp_path):
    # Of a copy: beside them in the repository is much that is none of its business.
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    for file in (ACTION, *WORKFLOWS):
        (tmp_path / file.relative_to(ROOT)).write_bytes(file.read_bytes())
    assert zizmor_findings(tmp_path) == ""


def test_zizmor_finds_nothing_in_the_recipes(written, tmp_path):
    written(RECIPES)
    assert zizmor_findings(tmp_path) == ""


def test_the_action_is_as_githubs_schema_has_it():
    assert schema_faults("github-actions", ACTION) == ""


def test_workflows_and_recipes_are_as_githubs_schema_has_them(written):
    assert schema_faults("github-workflows", *WORKFLOWS, *written(RECIPES)) == ""


def test_style_rules_of_the_action(action):
    assert style_faults(ACTION.read_text("utf-8"), "action.yml") == []
    assert input_faults(action) == []


def test_the_simulator_knows_all_that_the_action_uses():
    assert read_action(ACTION.read_text("utf-8"), "action.yml").steps


@each_workflow
def test_style_rules_of_workflows(path):
    assert style_faults(path.read_text("utf-8"), path.name) == []


@each_snippet
def test_style_rules_of_snippets(snippet):
    assert style_faults(snippet.text, snippet.where) == []


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda one: one.where)
def test_the_simulator_knows_all_that_a_recipe_uses(recipe):
    assert read_workflow(recipe.text, recipe.where).jobs


def test_only_one_step_has_the_token(action):
    assert len(steps_with(action, "github-token", "github.token", "secrets.")) == 1


def test_nothing_of_the_action_leaks_into_later_steps():
    scripts = [path for path in (ROOT / "action").iterdir() if path.suffix in {".py", ".sh"}]
    texts = {path.name: path.read_text("utf-8") for path in [ACTION, *scripts]}
    assert scripts
    assert [name for name, text in texts.items() if "GITHUB_ENV" in text or "GITHUB_PATH" in text] == []


@pytest.mark.parametrize(
    ("kind", "table"),
    [pytest.param(kind, table, id=f"{table.page}:{table.line}") for kind in TABLES for table in TABLES[kind]],
)
def test_the_documented_tables_agree_with_action_yml(action, kind, table):
    assert table_faults(table, action[kind]) == []


def test_the_pages_pin_the_action_at_a_commit_of_its_own():
    """When this is red, pin the newest commit that changed action.yml, action/ or energygate/."""
    pins = set(re.findall(r"energygate/energygate@([0-9a-f]{40})", "".join(page.read_text("utf-8") for page in PAGES)))
    assert len(pins) == 1
    (pin,) = pins
    asked = ["git", "rev-parse", "--is-shallow-repository"]
    if subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout != "false\n":
        pytest.skip("this is no checkout with its whole history")
    shown = subprocess.run(
        ["git", "ls-tree", "--name-only", pin], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert {"action.yml", "action", "energygate"} <= set(shown.stdout.split()), shown.stderr
