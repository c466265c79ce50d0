"""Jobs of a run: their order, needs and outputs, matrices, rights, and running again."""

from __future__ import annotations

import pytest
from github_simulator.runner.expression_syntax import ExpressionError
from github_simulator.runner.yaml_reading import DocumentError


def dispatch(scenario, **how):
    (run,) = scenario.run_workflow(scenario.dispatched("check.yml", **how))
    return run


def results(run):
    return {job.name: job.result for job in run.jobs}


def test_outputs_are_passed_to_the_jobs_that_need_them(repository):
    run = dispatch(
        repository("""
        on: workflow_dispatch
        jobs:
          last:
            needs: [first]
            runs-on: ubuntu-latest
            steps:
              - run: echo "${{ needs.first.outputs.x }} ${{ needs.first.result }} [${{ needs.first.outputs.y }}]"
          first:
            runs-on: ubuntu-latest
            outputs: {x: "${{ steps.a.outputs.x }}", y: "${{ steps.a.outputs.y }}"}
            steps: [{id: a, run: echo x=1 >> "$GITHUB_OUTPUT"}]
    """)
    )
    assert run.job("last").log == "1 success []\n"
    assert [job.id for job in run.jobs] == ["first", "last"]


def test_an_output_with_a_secret_in_it_does_not_leave_the_job(repository):
    run = dispatch(
        repository("""
        on: workflow_dispatch
        jobs:
          first:
            runs-on: ubuntu-latest
            outputs: {secret: "${{ steps.a.outputs.s }}", open: "${{ steps.a.outputs.o }}"}
            steps: [{id: a, run: 'echo "::add-mask::hidden"; printf "s=a hidden b\\no=x\\n" >> "$GITHUB_OUTPUT"'}]
    """)
    )
    assert run.job("first").outputs == {"open": "x"}


def test_a_failure_skips_what_needs_it_unless_that_says_otherwise(repository):
    run = dispatch(
        repository("""
        on: workflow_dispatch
        jobs:
          fails: {runs-on: u, steps: [{run: exit 1}]}
          fine: {runs-on: u, steps: [{run: exit 0}]}
          after: {needs: [fails, fine], runs-on: u, steps: [{run: exit 0}]}
          far: {needs: after, runs-on: u, steps: [{run: exit 0}]}
          always: {needs: [fails, after], if: always(), runs-on: u, steps: [{run: 'echo ${{ needs.after.result }}'}]}
          merge: {needs: fails, if: "${{ !cancelled() }}", runs-on: u, steps: [{run: exit 0}]}
          ancestor: {needs: far, if: failure(), runs-on: u, steps: [{run: exit 0}]}
          plain: {needs: fails, if: github.actor == 'maintainer', runs-on: u, steps: [{run: exit 0}]}
    """)
    )
    assert results(run) == {
        **dict.fromkeys(("fails",), "failure"),
        **dict.fromkeys(("fine", "always", "merge", "ancestor"), "success"),
        **dict.fromkeys(("after", "far", "plain"), "skipped"),
    }
    assert run.job("always").log == "skipped\n"
    assert run.conclusion == "failure"


def test_a_skipped_job_skips_all_its_dependents(repository):
    run = dispatch(
        repository("""
        on: workflow_dispatch
        jobs:
          skipped: {if: "false", runs-on: u, steps: [{run: exit 0}]}
          between: {needs: skipped, if: always(), runs-on: u, steps: [{run: exit 0}]}
          down: {needs: between, runs-on: u, steps: [{run: exit 0}]}
    """)
    )
    assert results(run) == {"skipped": "skipped", "between": "success", "down": "skipped"}
    assert run.conclusion == "success"


def test_a_job_with_continue_on_error_does_not_fail_the_run(repository):
    run = dispatch(
        repository("""
        on: workflow_dispatch
        jobs:
          fails: {continue-on-error: true, runs-on: u, steps: [{run: exit 1}]}
          after: {needs: fails, runs-on: u, steps: [{run: 'echo ${{ needs.fails.result }}'}]}
    """)
    )
    assert (run.job("fails").result, run.job("after").log, run.conclusion) == (
        "failure",
        "success\n",
        "success",
    )


PLANNED = """
    on: workflow_dispatch
    jobs:
      plan:
        runs-on: u
        outputs: {{matrix: "${{{{ steps.p.outputs.matrix }}}}"}}
        steps: [{{id: p, run: 'echo ''matrix={matrix}'' >> "$GITHUB_OUTPUT"'}}]
      leg:
        name: energy ${{{{ matrix.index }}}}
        needs: plan
        runs-on: ${{{{ matrix.runs-on }}}}
        strategy: {{fail-fast: {fail_fast}, matrix: "${{{{ fromJSON(needs.plan.outputs.matrix) }}}}"}}
        outputs: {{o: "${{{{ steps.s.outputs.o }}}}"}}
        steps:
          - id: s
            env: {{WORKLOADS: "${{{{ toJSON(matrix.workloads) }}}}"}}
            run: |
              echo "$WORKLOADS" | tr -d '\\n '; echo " ${{{{ strategy.job-index }}}} of ${{{{ strategy.job-total }}}}"
              echo "o=${{{{ matrix.index }}}}" >> "$GITHUB_OUTPUT"
              test "${{{{ matrix.index }}}}" != {failing}
      merge:
        needs: leg
        if: ${{{{ !cancelled() }}}}
        runs-on: u
        steps: [{{run: 'echo "${{{{ needs.leg.result }}}} ${{{{ needs.leg.outputs.o }}}}"'}}]
"""
LEGS = (
    '{"include": [{"index": 0, "runs-on": "ubuntu-latest", "workloads": ["a", "b"]}, '
    '{"index": 1, "runs-on": ["self-hosted", "gpu"], "workloads": ["c"]}]}'
)


def planned(repository, *, matrix=LEGS, fail_fast="false", failing=9):
    return dispatch(repository(PLANNED.format(matrix=matrix, fail_fast=fail_fast, failing=failing)))


def test_an_earlier_job_plans_the_matrix(repository):
    run = planned(repository)
    assert run.job("energy 0").log == '["a","b"] 0 of 2\n'
    assert run.job("energy 1").log == '["c"] 1 of 2\n'
    assert [leg.runs_on for leg in run.legs("leg")] == [["ubuntu-latest"], ["self-hosted", "gpu"]]
    assert run.job("merge").log == "success 1\n"


def test_a_leg_that_fails_lets_the_others_run_only_without_fail_fast(repository):
    run = planned(repository, failing=0)
    assert results(run) == {
        "plan": "success",
        "energy 0": "failure",
        "energy 1": "success",
        "merge": "success",
    }
    assert run.job("merge").log == "failure 1\n"


def test_with_fail_fast_a_failing_leg_cancels_the_others(repository):
    run = planned(repository, failing=0, fail_fast="true")
    assert results(run)["energy 1"] == "cancelled"


def test_an_empty_matrix_fails_its_job(repository):
    run = planned(repository, matrix='{"include": []}')
    assert run.job("leg").result == "failure"
    assert "at least one vector" in run.job("leg").annotations[0].message
    assert run.job("merge").log == "failure \n"


def test_names_of_legs_are_generated_unless_given(repository):
    run = dispatch(
        repository("""
        on: workflow_dispatch
        jobs:
          test: {runs-on: u, strategy: {matrix: {v: [1, x]}}, steps: [{run: exit 0}]}
    """)
    )
    assert [job.name for job in run.jobs] == ["test (1)", "test (x)"]
    with pytest.raises(KeyError, match="2 of"):
        run.job("test")


def test_a_dispatch_has_its_inputs_and_no_others(repository):
    scenario = repository("""
        on:
          workflow_dispatch:
            inputs:
              base: {description: x, default: main}
              needed: {required: true}
        jobs:
          job: {runs-on: u, steps: [{run: 'echo "${{ inputs.base }} ${{ inputs.needed }}"'}]}
    """)
    assert dispatch(scenario, inputs={"needed": "n"}).job("job").log == "main n\n"
    with pytest.raises(DocumentError, match="bse"):
        dispatch(scenario, inputs={"needed": "n", "bse": "x"})
    with pytest.raises(DocumentError, match="needed"):
        dispatch(scenario)


def test_running_again_is_the_next_attempt_of_the_same_event(repository):
    scenario = repository("""
        on: pull_request
        jobs:
          job:
            runs-on: u
            steps: [{run: echo "$GITHUB_RUN_ATTEMPT $GITHUB_SHA $GITHUB_ACTOR $GITHUB_TRIGGERING_ACTOR"}]
    """)
    pull = scenario.pull_request({"x": "y"})
    occasion = scenario.opened(pull)
    (first,) = scenario.run_workflow(occasion)
    scenario.pushed_to(pull, {"x": "z"})
    again = scenario.run_again(first)
    assert again.job("job").log == f"2 {occasion.sha} contributor maintainer\n"
    assert (again.id, again.attempt) == (first.id, 2)
    assert scenario.repository.runs[first.id].attempt == 2


def test_running_what_failed_again_keeps_what_succeeded(repository):
    scenario = repository("""
        on: workflow_dispatch
        jobs:
          fine:
            runs-on: u
            outputs: {o: "${{ steps.s.outputs.o }}"}
            steps: [{id: s, run: 'echo "o=$GITHUB_RUN_ATTEMPT" >> "$GITHUB_OUTPUT"'}]
          flaky: {runs-on: u, strategy: {fail-fast: false, matrix: {v: [1, 2]}},
                  steps: [{run: 'test "$GITHUB_RUN_ATTEMPT$V" != 12', env: {V: "${{ matrix.v }}"}}]}
          after: {needs: [fine, flaky], runs-on: u, steps: [{run: 'echo ${{ needs.fine.outputs.o }}'}]}
    """)
    first = dispatch(scenario)
    assert results(first) == {
        "fine": "success",
        "flaky (1)": "success",
        "flaky (2)": "failure",
        "after": "skipped",
    }
    again = scenario.run_again(first, failed_only=True)
    assert set(results(again).values()) == {"success"}
    assert again.job("after").log == "1\n"


@pytest.mark.parametrize(
    "line",
    [
        "concurrency: energy-${{ gihub.ref }}",
        "run-name: ${{ secrets.X }}",
        "env: {A: '${{ matrix.x }}'}",
    ],
)
def test_what_is_misspelt_above_the_jobs_is_an_error_too(repository, line):
    with pytest.raises(ExpressionError):
        dispatch(repository(f"on: workflow_dispatch\n{line}\njobs: {{a: {{runs-on: u, steps: [{{run: exit}}]}}}}"))


@pytest.mark.parametrize(
    "job",
    [
        "{runs-on: u, needs: other, steps: [{run: exit}]}",
        "{runs-on: u, needs: a, steps: [{run: exit}]}",
        "{steps: [{run: exit}]}",
        "{runs-on: u, steps: []}",
        "{runs-on: u, container: x, steps: [{run: exit}]}",
        "{runs-on: u, permissions: {pull_requests: write}, steps: [{run: exit}]}",
        "{runs-on: '', steps: [{run: exit}]}",
        "{uses: ./.github/workflows/other.yml}",
    ],
)
def test_a_job_that_github_refuses_or_this_runner_does_not_know_is_an_error(repository, job):
    with pytest.raises(DocumentError):
        dispatch(repository(f"on: workflow_dispatch\njobs: {{a: {job}}}"))


@pytest.mark.parametrize("expression", ["needs.b.outputs.o", "needs.a.outputs.p", "needs.a.output"])
def test_a_misspelt_need_is_an_error(repository, expression):
    with pytest.raises(ExpressionError):
        dispatch(
            repository(f"""
            on: workflow_dispatch
            jobs:
              a: {{runs-on: u, outputs: {{o: x}}, steps: [{{run: exit}}]}}
              b: {{needs: a, runs-on: u, steps: [{{run: 'echo ${{{{ {expression} }}}}'}}]}}
        """)
        )


def test_the_environment_of_a_job_is_recorded(repository):
    run = dispatch(
        repository("""
        on: workflow_dispatch
        jobs:
          a: {runs-on: u, environment: gpu, steps: [{run: exit}]}
          b: {runs-on: u, environment: {name: "gpu-${{ github.actor }}", url: x}, steps: [{run: exit}]}
    """)
    )
    assert [job.environment for job in run.jobs] == ["gpu", "gpu-maintainer"]
