"""Steps of a job: how they run, their outputs, failures and environment."""

from __future__ import annotations

import pytest
from github_simulator.runner.expression_syntax import ExpressionError
from github_simulator.runner.yaml_reading import DocumentError


def outcomes(job):
    return {step.name: (step.outcome, step.conclusion) for step in job.steps}


def test_after_a_failure_only_steps_with_a_condition_run(run_steps):
    job = run_steps("""
        - {name: before, run: "true"}
        - {name: fails, run: exit 7}
        - {name: by default, run: "true"}
        - {name: always, if: always(), run: "true"}
        - {name: not cancelled, if: "${{ !cancelled() }}", run: "true"}
        - {name: on failure, if: failure(), run: "true"}
        - {name: on cancellation, if: cancelled(), run: "true"}
    """)
    assert {name: outcome for name, (outcome, _) in outcomes(job).items()} == {
        "before": "success",
        "fails": "failure",
        "by default": "skipped",
        "always": "success",
        "not cancelled": "success",
        "on failure": "success",
        "on cancellation": "skipped",
    }
    assert (job.result, job.step("fails").exit_code) == ("failure", 7)
    assert job.step("fails").annotations[0].message == "Process completed with exit code 7."


def test_with_continue_on_error_the_outcome_differs_from_the_conclusion(run_steps):
    job = run_steps("""
        - {id: fails, continue-on-error: true, run: "false"}
        - {id: tells, run: 'echo "${{ steps.fails.outcome }} ${{ steps.fails.conclusion }} ${{ job.status }}"'}
    """)
    assert job.step("tells").log == "failure success success\n"
    assert job.result == "success"


def test_a_run_is_cancelled(run_steps):
    job = run_steps(
        """
        - {id: before, run: "true"}
        - {id: here, run: "true"}
        - {id: always, if: always(), run: "true"}
        - {id: cleaning, if: cancelled(), run: "true"}
        - {id: reporting, if: "!cancelled()", run: "true"}
        """,
        cancel_at="here",
    )
    assert [step.id for step in job.steps if step.outcome == "success"] == ["before", "always", "cleaning"]
    assert job.result == "cancelled"


def test_outputs_are_read_with_any_delimiter(run_steps):
    job = run_steps("""
        - id: first
          run: |
            echo one=1 >> "$GITHUB_OUTPUT"
            printf 'many<<X\\na\\nb\\nX\\n' >> "$GITHUB_OUTPUT"
            echo '::set-output name=old::style'
        - id: second
          env:
            MANY: ${{ steps.first.outputs.many }}
            ONE: ${{ steps.first.outputs.one }}
            OLD: ${{ steps.first.outputs.old }}
          run: echo "$ONE $MANY $OLD [${{ steps.first.outputs.no }}]"
    """)
    assert job.step("second").log == "1 a\nb style []\n"


def test_a_broken_output_file_fails_the_step(run_steps):
    job = run_steps("""- {id: breaks, run: 'echo broken >> "$GITHUB_OUTPUT"'}""")
    assert (job.step("breaks").exit_code, job.step("breaks").outcome) == (0, "failure")


def test_only_an_explicit_bash_has_pipefail(run_steps):
    job = run_steps("""
        - {id: named, shell: bash, continue-on-error: true, run: "false | true"}
        - {id: unnamed, run: "false | true"}
        - {id: either, continue-on-error: true, run: "false\\ntrue"}
    """)
    assert [job.step(id_).outcome for id_ in ("named", "unnamed", "either")] == [
        "failure",
        "success",
        "failure",
    ]


def test_other_shells(run_steps):
    job = run_steps("""
        - {id: python, shell: python, run: "import sys; print(sys.version_info[0])"}
        - {id: sh, shell: sh, run: echo $0}
        - {id: custom, shell: "cat {0}", run: as it is}
    """)
    assert job.step("python").log == "3\n"
    assert job.step("custom").log == "as it is\n"


def test_an_unknown_shell_is_an_error(run_steps):
    with pytest.raises(DocumentError, match="pwsh"):
        run_steps("""- {shell: pwsh, run: x}""")


def test_steps_run_in_the_workspace_or_below_it(run_steps):
    job = run_steps(
        """
        - {id: makes, working-directory: ., run: mkdir -p a b}
        - {id: default, run: basename "$PWD"}
        - {id: own, working-directory: b, run: basename "$PWD"}
        - {id: nowhere, continue-on-error: true, working-directory: c, run: "true"}
        """,
        above="defaults: {run: {working-directory: a, shell: bash}}",
    )
    assert [job.step(id_).log for id_ in ("default", "own")] == ["a\n", "b\n"]
    assert (job.step("nowhere").outcome, job.step("nowhere").exit_code) == ("failure", None)


def test_errors_and_output_are_one_log_in_order(run_steps):
    job = run_steps("""- {id: says, run: "echo a; echo b >&2; echo c"}""")
    assert job.step("says").log == "a\nb\nc\n"


def test_summaries_of_steps_are_joined_and_too_long_ones_dropped_without_failing(run_steps):
    job = run_steps("""
        - {run: 'echo one >> "$GITHUB_STEP_SUMMARY"'}
        - {id: long, run: 'head -c 1100000 /dev/zero | tr "\\0" x >> "$GITHUB_STEP_SUMMARY"'}
        - {run: 'echo two >> "$GITHUB_STEP_SUMMARY"'}
    """)
    assert job.summary == "one\n\ntwo\n"
    assert job.result == "success"
    assert "upload aborted" in job.step("long").annotations[0].message


@pytest.mark.parametrize(
    "steps",
    [
        """- {run: 'echo ${{ steps.unknown.outputs.x }}'}""",
        """- {run: 'echo ${{ steps.later.outputs.x }}'}\n- {id: later, run: "true"}""",
        """- {id: a, run: "true"}\n- {run: 'echo ${{ steps.a.output.x }}'}""",
        """- {run: 'echo ${{ inputs.x }}'}""",
        """- {run: 'echo ${{ github.evnt_name }}'}""",
        """- {run: 'echo ${{ runner.tmp }}'}""",
        """- {run: 'echo ${{ needs.other.result }}'}""",
        """- {run: 'echo ${{ matrix.v }}'}""",
        """- {run: 'echo ${{ job.stats }}'}""",
        """- {if: "secrets.X != ''", run: "true"}""",
        """
        - {id: c, uses: actions/cache/restore@v4, with: {path: x, key: k}}
        - {run: 'echo ${{ steps.c.outputs.cache_hit }}'}
        """,
    ],
)
def test_a_misspelt_name_is_an_error(run_steps, steps):
    with pytest.raises(ExpressionError):
        run_steps(steps)


@pytest.mark.parametrize(
    "steps",
    [
        """- {rum: "true"}""",
        """- {run: "true", uses: ./x}""",
        """- {run: "true", with: {a: b}}""",
        """- {uses: somebody/else@v1}""",
        """- {uses: docker://alpine}""",
        """- {uses: ./nowhere}""",
        """- {uses: actions/checkout@v4, with: {fetch_depth: 2}}""",
        """- {uses: actions/cache/restore@v4, with: {path: x}}""",
        """- {id: a, run: "true"}\n- {id: A, run: "true"}""",
    ],
)
def test_unsupported_keys_are_an_error(run_steps, steps):
    with pytest.raises(DocumentError):
        run_steps(steps)
