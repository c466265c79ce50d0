"""The lint of workflow files finds each kind of fault, in files that are wrong on purpose."""

from __future__ import annotations

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


@pytest.fixture
def written(tmp_path):
    """Writes a workflow where a repository has it; returns the file."""

    def write(text):
        file = tmp_path / ".github" / "workflows" / "x.yml"
        file.parent.mkdir(parents=True)
        file.write_text(text, "utf-8")
        return file

    return write


def test_a_correct_workflow_has_no_findings(tmp_path, written):
    file = written(WORKFLOW)
    assert style_faults(WORKFLOW, "x") == []
    assert zizmor_findings(tmp_path) == ""
    assert schema_faults("github-workflows", file) == ""


@pytest.mark.parametrize("name", WRONG)
def test_bad_style_is_detected(name):
    wrong = WORKFLOW.replace(*WRONG[name])
    assert wrong != WORKFLOW
    assert style_faults(wrong, "x")


def test_steps_alone_must_be_pinned_too():
    assert style_faults("- uses: energygate/energygate@v1\n  with: {mode: report}\n", "x")
    assert style_faults(f'- uses: "actions/checkout@{SHA}" # v1\n', "x") == []
    assert style_faults(f"- uses: actions/checkout@{SHA}\n", "x")


def test_the_action_has_no_release_to_name_yet():
    assert style_faults(f'- uses: "energygate/energygate@{SHA}"\n', "x") == []
    assert style_faults(f"- uses: energygate/energygate@{SHA} # v0.1.0\n", "x")


def test_actions_of_the_checkout_need_no_pin():
    assert style_faults("- uses: ./x\n- uses: $/\n", "x") == []


def test_zizmor_detects_a_fault(tmp_path, written):
    wrong = WORKFLOW.replace(*WRONG["a script with an expression"]).replace("persist-credentials: false", "clean: true")
    written(wrong)
    found = zizmor_findings(tmp_path)
    assert "template-injection" in found
    assert "artipacked" in found


@pytest.mark.parametrize(("old", "new"), [("runs-on:", "run-on:"), ("on: pull_request", "on: pull_requst")])
def test_the_workflow_schema_detects_a_fault(written, old, new):
    file = written(WORKFLOW.replace(old, new))
    assert schema_faults("github-workflows", file)


@pytest.mark.parametrize(("old", "new"), [("    shell: bash\n", ""), ("default:", "defualt:"), ("value:", "vale:")])
def test_the_action_schema_detects_a_fault(tmp_path, old, new):
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


def test_misspelt_and_missing_inputs_are_detected():
    steps = [{"run": "x", "if": "inputs.b == 'x'", "env": {"C": "${{ format('{0}', inputs['c']) }}"}}]
    action = {"inputs": {"a": {}, "c": {}}, "runs": {"steps": steps}}
    assert input_faults(action) == ["b is used and not declared", "a is declared and not used"]


def test_a_second_step_with_the_token_is_detected():
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


def test_tables_are_parsed(page):
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
def test_a_differing_table_is_detected(page, old, new):
    assert PAGE.replace(old, new) != PAGE
    assert table_faults(tables(page(PAGE.replace(old, new)))[0], DECLARED)


def test_another_order_is_detected(page):
    assert table_faults(tables(page(PAGE))[0], dict(reversed(DECLARED.items())))


def test_snippets_in_lists_are_found_and_other_languages_not(page):
    (found,) = snippets(page(PAGE))
    assert (found.line, found.is_workflow) == (17, True)
