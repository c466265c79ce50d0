"""Composite actions: inputs, outputs, steps, environment and failures."""

from __future__ import annotations

import pytest
from github_simulator.runner.expression_syntax import ExpressionError
from github_simulator.runner.yaml_reading import DocumentError

ACTION = """
name: toy
description: x
inputs:
  word: {description: x, default: hello}
  token: {description: x, default: "${{ github.token }}"}
  must: {description: x, required: true}
  bare: {description: x}
outputs:
  said: {description: x, value: "${{ steps.say.outputs.said || steps.fallback.outputs.said }}"}
  other: {description: x, value: "${{ inputs.word }}"}
runs:
  using: composite
  steps:
    - id: say
      shell: bash
      env: {WORD: "${{ inputs.word }}", TOKEN: "${{ inputs.token }}", MUST: "${{ inputs.must }}"}
      run: |
        echo "$WORD $MUST ${TOKEN:+token} [${{ inputs.bare }}] $OUTER $(basename "$GITHUB_ACTION_PATH") $GITHUB_ACTION"
        ls "$GITHUB_ACTION_PATH"
        echo "said=$WORD" >> "$GITHUB_OUTPUT"
        echo "LEFT=behind" >> "$GITHUB_ENV"
        test "$WORD" != fail
    - {id: by-default, shell: bash, run: "true"}
    - id: fallback
      if: ${{ !cancelled() && steps.by-default.outcome == 'skipped' }}
      shell: bash
      run: echo "after ${{ steps.say.outcome }}"
    - {id: failing, if: failure(), shell: bash, run: "true"}
"""


@pytest.fixture
def use(run_steps, tmp_path_factory):
    """Runs steps that may use `toy/toy`."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "action.yml").write_text(ACTION)
    (folder / "nested").mkdir()
    (folder / "nested" / "action.yml").write_text("""
name: nested
description: x
inputs: {what: {description: x, default: nested}}
outputs: {o: {description: x, value: "${{ steps.toy.outputs.said }}"}}
runs:
  using: composite
  steps:
    - {id: toy, uses: $/, with: {word: "${{ inputs.what }}", must: m}}
    - {id: tells, shell: bash, run: 'echo "${{ steps.toy.outputs.said }} ${{ inputs.what }}"'}
""")

    def run(steps, **more):
        return run_steps(steps, actions={"toy/toy": folder}, **more)

    return run


SHA = "0" * 40


def test_inputs_have_their_defaults_and_outputs_reach_the_job(use):
    job = use(f"""
        - {{id: toy, uses: toy/toy@{SHA}, with: {{must: m}}, env: {{OUTER: outer}}}}
        - id: tells
          run: echo "${{{{ steps.toy.outputs.said }}}} ${{{{ steps.toy.outputs.other }}}} $LEFT [$OUTER]"
    """)
    said = job.step("toy").step("say").log.splitlines()
    assert said[0].startswith("hello m token [] outer ")
    assert said[0].endswith(" say")
    assert "action.yml" in said
    assert job.step("tells").log == "hello hello behind []\n"
    assert job.step("toy").outputs == {"said": "hello", "other": "hello"}


def test_an_input_that_is_given_and_empty_is_empty(use):
    job = use(f"- {{id: toy, uses: toy/toy@{SHA}, with: {{must: m, word: '', TOKEN: ''}}}}")
    assert job.step("toy").step("say").log.startswith(" m  []")


def test_after_a_failing_step_conditional_steps_run_and_outputs_are_set(use):
    job = use(f"""
        - {{id: toy, continue-on-error: true, uses: toy/toy@{SHA}, with: {{must: m, word: fail}}}}
        - {{id: tells, run: 'echo "${{{{ steps.toy.outcome }}}} ${{{{ steps.toy.outputs.said }}}}"'}}
    """)
    toy = job.step("toy")
    assert [(step.id, step.outcome) for step in toy.steps] == [
        ("say", "failure"),
        ("by-default", "skipped"),
        ("fallback", "success"),
        ("failing", "success"),
    ]
    assert toy.step("fallback").log == "after failure\n"
    assert (toy.outcome, toy.conclusion) == ("failure", "success")
    assert job.step("tells").log == "failure fail\n"


def test_success_inside_an_action_refers_to_its_own_steps(use):
    job = use(f"""
        - run: "false"
        - {{id: toy, if: always(), uses: toy/toy@{SHA}, with: {{must: m}}}}
    """)
    assert [step.outcome for step in job.step("toy").steps] == ["success", "success", "skipped", "skipped"]
    assert job.result == "failure"


def test_steps_of_an_action_are_not_visible_outside(use):
    with pytest.raises(ExpressionError, match="steps has no say"):
        use(f"- {{uses: toy/toy@{SHA}, with: {{must: m}}}}\n- {{run: 'echo ${{{{ steps.say.outputs.said }}}}'}}")


def test_an_action_uses_another_of_its_repository(use):
    job = use(f"""
        - {{id: nested, uses: toy/toy/nested@{SHA}}}
        - {{id: tells, run: 'echo "${{{{ steps.nested.outputs.o }}}}"'}}
    """)
    assert job.step("nested").step("toy").step("say").log.startswith("nested m token")
    assert job.step("nested").step("tells").log == "nested nested\n"
    assert job.step("tells").log == "nested\n"


LOCAL = """
name: local
description: x
outputs: {o: {description: x, value: "${{ github.action_path }}"}}
runs: {using: composite, steps: [{shell: bash, run: 'cat "$GITHUB_ACTION_PATH/version"'}]}
"""


def test_an_action_of_the_same_repository_is_that_of_the_workflows_commit_without_a_checkout(run_steps):
    job = run_steps("- {id: a, uses: $/tool}", files={"tool/action.yml": LOCAL, "tool/version": "1"})
    assert job.step("a").step('Run cat "$GITHUB_ACTION_PATH/version"').log == "1\n"


def test_an_action_in_the_workspace_needs_a_checkout(run_steps):
    job = run_steps(
        f"""
        - uses: actions/checkout@{SHA}
        - run: echo 2 > tool/version
        - {{id: a, uses: ./tool}}
        """,
        files={"tool/action.yml": LOCAL, "tool/version": "1"},
    )
    assert job.step("a").steps[0].log == "2\n"
    assert job.step("a").outputs["o"].endswith("/shop/shop/tool")


@pytest.mark.parametrize(
    ("given", "error"),
    [("{must: m, wrod: x}", "no input wrod"), ("{}", "needs must"), ("{must: ''}", "needs must")],
)
def test_inputs_that_are_unknown_or_missing_are_errors(use, given, error):
    with pytest.raises(DocumentError, match=error):
        use(f"- {{uses: toy/toy@{SHA}, with: {given}}}")


@pytest.mark.parametrize(
    ("action", "error"),
    [
        ("runs: {using: node20, main: x.js}", "composite"),
        ("runs: {using: composite, steps: [{run: x}]}", "needs a shell"),
        (
            "outputs: {o: {description: x}}\nruns: {using: composite, steps: [{run: x, shell: bash}]}",
            "no value",
        ),
        ("inptus: {}\nruns: {using: composite, steps: [{run: x, shell: bash}]}", "inptus"),
        ("runs: {using: composite, steps: [{run: x, shell: bash}], post: y}", "post"),
    ],
)
def test_an_action_that_github_refuses_is_an_error(run_steps, action, error):
    with pytest.raises(DocumentError, match=error):
        run_steps("- {uses: $/tool}", files={"tool/action.yml": f"name: x\ndescription: x\n{action}\n"})


@pytest.mark.parametrize("expression", ["secrets.X", "inputs.no", "vars.X", "needs.x", "steps.no.outputs.x"])
def test_contexts_unavailable_to_an_action_are_an_error(run_steps, expression):
    action = f"""
name: x
description: x
runs: {{using: composite, steps: [{{shell: bash, run: "echo ${{{{ {expression} }}}}"}}]}}
"""
    with pytest.raises(ExpressionError):
        run_steps("- {uses: $/tool}", files={"tool/action.yml": action})


def test_a_failing_step_of_an_action_may_continue_on_error(run_steps):
    action = """
name: x
description: x
runs:
  using: composite
  steps:
    - {id: fails, continue-on-error: true, shell: bash, run: "false"}
    - {shell: bash, run: 'echo "${{ steps.fails.outcome }}"'}
"""
    job = run_steps("- {id: a, uses: $/tool}", files={"tool/action.yml": action})
    assert (job.result, job.step("a").steps[1].log) == ("success", "failure\n")
