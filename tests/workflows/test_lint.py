"""action.yml, the workflows, and the snippets and tables of the documentation: strict lints, and that they bite."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from harness.documents import read_action, read_workflow
from harness.yaml_reading import read_yaml
from linting import (
    Snippet,
    input_faults,
    schema_faults,
    snippets,
    steps_with,
    style_faults,
    table_faults,
    tables,
    zizmor_findings,
)

ROOT = Path(__file__).parent.parent.parent
ACTION = ROOT / "action.yml"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SNIPPETS = [one for one in snippets(PAGES) if one.is_workflow or "uses:" in one.text]
RECIPES = [one for one in SNIPPETS if one.is_workflow]
TABLES = {
    kind: [one for one in tables(PAGES) if one.head[0] == kind.removesuffix("s")]
    for kind in ("inputs", "outputs")
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


def test_there_is_something_to_look_at():
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


def test_the_actions_style(action):
    assert style_faults(ACTION.read_text("utf-8"), "action.yml") == []
    assert input_faults(action) == []


def test_the_harness_knows_all_that_the_action_uses():
    assert read_action(ACTION.read_text("utf-8"), "action.yml").steps


@each_workflow
def test_the_style_of_a_workflow(path):
    assert style_faults(path.read_text("utf-8"), path.name) == []


@each_snippet
def test_the_style_of_a_snippet(snippet):
    assert style_faults(snippet.text, snippet.where) == []


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda one: one.where)
def test_the_harness_knows_all_that_a_recipe_uses(recipe):
    assert read_workflow(recipe.text, recipe.where).jobs


def test_one_step_alone_has_the_token(action):
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
def test_a_table_is_what_action_yml_says(action, kind, table):
    assert table_faults(table, action[kind]) == []


# From here on: the lints themselves, on files that are wrong on purpose.

SHA = "a" * 40

WORKFLOW = f"""name: energy
on: pull_request
permissions: {{}}
concurrency:
  group: energy-${{{{ github.ref }}}}
  cancel-in-progress: true
jobs:
  energy:
    name: energy
    runs-on: ubuntu-latest
    permissions:
      contents: read # to check out
    steps:
      - uses: actions/checkout@{SHA} # v7.0.1
        with:
          persist-credentials: false
      - env:
          TITLE: ${{{{ github.event.pull_request.title }}}}
        run: echo "$TITLE"
"""

WRONG = {
    "a script with an expression": ('echo "$TITLE"', 'echo "${{ github.event.pull_request.title }}"'),
    "a tag": (f"@{SHA} # v7.0.1", "@v7"),
    "a short commit": (f"@{SHA} # v7.0.1", f"@{SHA[:12]} # v7.0.1"),
    "no version": (" # v7.0.1", ""),
    "no permissions": ("permissions: {}\n", ""),
    "permissions for all": ("permissions: {}", "permissions: {contents: read}"),
    "permissions by default": ("permissions: {}", "permissions: read-all"),
    "broken": ("jobs:", "jobs: ["),
}


def test_a_workflow_that_is_right_has_no_faults(tmp_path, written):
    (file,) = written([Snippet(page="x", line=1, text=WORKFLOW)])
    assert style_faults(WORKFLOW, "x") == []
    assert zizmor_findings(tmp_path) == ""
    assert schema_faults("github-workflows", file) == ""


@pytest.mark.parametrize("name", WRONG)
def test_a_workflow_of_bad_style_is_found(name):
    wrong = WORKFLOW.replace(*WRONG[name])
    assert wrong != WORKFLOW
    assert style_faults(wrong, "x")


def test_steps_alone_must_be_pinned_too():
    assert style_faults("- uses: energygate/energygate@v1\n  with: {mode: report}\n", "x")
    assert style_faults(f'- uses: "energygate/energygate@{SHA}" # v1\n', "x") == []
    assert style_faults("- uses: ./x\n- uses: $/\n", "x") == []


def test_zizmor_bites(tmp_path, written):
    wrong = WORKFLOW.replace(*WRONG["a script with an expression"]).replace(
        "persist-credentials: false", "clean: true"
    )
    written([Snippet(page="x", line=1, text=wrong)])
    found = zizmor_findings(tmp_path)
    assert "template-injection" in found
    assert "artipacked" in found


@pytest.mark.parametrize(("old", "new"), [("runs-on:", "run-on:"), ("on: pull_request", "on: pull_requst")])
def test_the_workflows_schema_bites(written, old, new):
    (file,) = written([Snippet(page="x", line=1, text=WORKFLOW.replace(old, new))])
    assert schema_faults("github-workflows", file)


@pytest.mark.parametrize(
    ("old", "new"), [("    shell: bash\n", ""), ("default:", "defualt:"), ("value:", "vale:")]
)
def test_the_actions_schema_bites(tmp_path, old, new):
    right = """name: x
description: x
inputs:
  a:
    description: x
    default: b
outputs:
  o:
    description: x
    value: ${{ steps.s.outputs.o }}
runs:
  using: composite
  steps:
  - id: s
    shell: bash
    run: echo
"""
    file = tmp_path / "action.yml"
    file.write_text(right)
    assert schema_faults("github-actions", file) == ""
    file.write_text(right.replace(old, new))
    assert schema_faults("github-actions", file)


def test_inputs_that_are_misspelt_or_forgotten_are_found():
    steps = [{"run": "x", "if": "inputs.b == 'x'", "env": {"C": "${{ format('{0}', inputs['c']) }}"}}]
    action = {"inputs": {"a": {}, "c": {}}, "runs": {"steps": steps}}
    assert input_faults(action) == ["b is used and not declared", "a is declared and not used"]


def test_a_second_step_with_the_token_is_found():
    steps = [
        {"name": "one", "env": {"T": "${{ github.token }}"}},
        {"id": "two", "with": {"t": "${{ inputs.github-token }}"}},
    ]
    assert steps_with({"runs": {"steps": steps}}, "github-token", "github.token") == ["one", "two"]


PAGE = """# x

| input | meaning | default |
| --- | --- | --- |
| `a` | Does `x`, or\\|and y. | `${{ github.token }}` |
| `b` | Does z. |  |

text

| output | meaning |
| --- | --- |
| `o` | Out. |

1. in a list:

   ```yaml
   on: push
   jobs: {}
   ```

```sh
on: push
```
"""
DECLARED = {
    "a": {"description": "Does `x`, or|and y.", "default": "${{ github.token }}"},
    "b": {"description": "Does z.\n"},
}


@pytest.fixture
def page(tmp_path):
    def write(text):
        file = tmp_path / "page.md"
        file.write_text(text)
        return [file]

    return write


def test_tables_are_read_as_they_are_written(page):
    first, second = tables(page(PAGE))
    assert (first.line, second.head, second.rows) == (3, ("output", "meaning"), (("`o`", "Out."),))
    assert table_faults(first, DECLARED) == []
    assert table_faults(second, {"o": {"description": "Out."}}) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Does z.", "Does y."),
        ("| `${{ github.token }}` |", "| |"),
        ("| `b` | Does z. |  |\n", ""),
        ("| `b` | Does z. |  |", "| `b` | Does z. | `1` |"),
        ("| `b` | Does z. |  |", "| `b` | Does z. |  |\n| `c` | More. |  |"),
        ("| `b`", "| b"),
    ],
)
def test_a_table_that_is_another_is_found(page, old, new):
    assert PAGE.replace(old, new) != PAGE
    assert table_faults(tables(page(PAGE.replace(old, new)))[0], DECLARED)


def test_another_order_is_found(page):
    assert table_faults(tables(page(PAGE))[0], dict(reversed(DECLARED.items())))


def test_snippets_in_lists_are_found_and_other_languages_not(page):
    (found,) = snippets(page(PAGE))
    assert (found.line, found.is_workflow) == (17, True)


def test_the_pages_pin_the_action_at_a_commit_of_its_own():
    """When this is red, pin the newest commit that changed action.yml, action/ or energygate/."""
    pins = set(
        re.findall(
            r"energygate/energygate@([0-9a-f]{40})", "".join(page.read_text("utf-8") for page in PAGES)
        )
    )
    assert len(pins) == 1
    (pin,) = pins
    asked = ["git", "rev-parse", "--is-shallow-repository"]
    if subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout != "false\n":
        pytest.skip("this is no checkout with its whole history")
    shown = subprocess.run(
        ["git", "ls-tree", "--name-only", pin], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert {"action.yml", "action", "energygate"} <= set(shown.stdout.split()), shown.stderr
