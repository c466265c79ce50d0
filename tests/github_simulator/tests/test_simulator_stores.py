"""The simulated cache and artifacts: who sees them, what they accept and what they refuse."""

from __future__ import annotations

import io
import zipfile

import pytest

CACHES = """
    on: [pull_request, push, workflow_dispatch]
    jobs:
      job:
        runs-on: u
        steps:
          - id: restore
            uses: actions/cache/restore@v4
            with: {path: "${{ runner.temp }}/kept", key: "k-${{ github.sha }}", restore-keys: "k-"}
          - run: cat "$RUNNER_TEMP/kept/file" || true
            id: reads
          - id: tells
            run: >
              echo "[${{ steps.restore.outputs.cache-hit }}] [${{ steps.restore.outputs.cache-matched-key }}]
              ${{ steps.restore.outputs.cache-primary-key }}"
          - run: mkdir -p "$RUNNER_TEMP/kept"; echo "$GITHUB_REF" > "$RUNNER_TEMP/kept/file"
          - uses: actions/cache/save@v4
            with: {path: "${{ runner.temp }}/kept", key: "k-${{ github.sha }}"}
"""


def run_of(scenario, occasion):
    (run,) = scenario.run_workflow(occasion)
    assert run.conclusion == "success", run.log
    return run.job("job")


def test_caches_of_the_default_branch_are_shared_and_of_a_pull_request_are_not(repository):
    scenario = repository(CACHES)
    one, two = (
        scenario.pull_request({"b": "2"}, fork="mallory/shop"),
        scenario.pull_request({"c": "2"}, branch="patch-2"),
    )
    assert run_of(scenario, scenario.opened(one)).step("tells").log.startswith("[] [] k-")
    # The first one saved: it finds its own by the next push, and another pull request does not.
    assert run_of(scenario, scenario.pushed_to(one, {"b": "3"})).step("reads").log == "refs/pull/1/merge\n"
    assert run_of(scenario, scenario.opened(two)).step("tells").log.startswith("[] []")
    assert run_of(scenario, scenario.pushed({"a": "1"})).step("tells").log.startswith("[] []")
    three = scenario.pull_request({"d": "2"}, branch="patch-3")
    hit = run_of(scenario, scenario.opened(three))
    assert hit.step("reads").log == "refs/heads/main\n"
    assert hit.step("tells").log.startswith("[false] [k-")


def test_an_exact_key_is_a_hit_and_is_saved_once(repository):
    scenario = repository(CACHES)
    run_of(scenario, scenario.dispatched("check.yml"))
    again = run_of(scenario, scenario.dispatched("check.yml"))
    assert again.step("tells").log.startswith("[true] [k-")
    assert "Unable to reserve" in again.steps[-1].annotations[0].message
    assert len(scenario.caches.entries) == 1


def test_other_paths_make_another_cache(repository):
    scenario = repository(CACHES)
    run_of(scenario, scenario.dispatched("check.yml"))
    moved = CACHES.replace("kept", "moved")
    scenario.commit({".github/workflows/check.yml": moved.replace("\n    ", "\n")})
    assert run_of(scenario, scenario.dispatched("check.yml")).step("tells").log.startswith("[] []")


def test_changes_to_a_restored_file_are_not_in_the_store(repository):
    scenario = repository(CACHES)
    job = run_of(scenario, scenario.pushed({"a": "1"}))
    pull = scenario.pull_request({"x": "y"})
    run_of(scenario, scenario.opened(pull))
    assert run_of(scenario, scenario.dispatched("check.yml")).step("reads").log == "refs/heads/main\n"
    assert job.result == "success"


def test_the_plain_action_saves_at_the_end_of_a_job_that_succeeds(run_steps):
    steps = """
        - {{id: c, uses: actions/cache@v4, with: {{path: kept, key: k}}}}
        - {{run: 'mkdir kept; touch kept/x; {then}'}}
    """
    assert run_steps(steps.format(then="exit 1")).steps[-1].outcome == "skipped"


def test_the_plain_action_saves(run_steps):
    job = run_steps("- {uses: actions/cache@v4, with: {path: kept, key: k}}\n- {run: 'mkdir kept; touch kept/x'}")
    assert job.steps[-1].log == "Cache saved with key: k\n"


def test_a_miss_fails_only_on_request(run_steps):
    job = run_steps("- {id: r, uses: actions/cache/restore@v4, with: {path: x, key: k, fail-on-cache-miss: true}}")
    assert job.step("r").outcome == "failure"


def test_nothing_to_save_is_a_warning(run_steps):
    job = run_steps("- {id: s, uses: actions/cache/save@v4, with: {path: x, key: k}}")
    assert (job.result, job.step("s").annotations[0].level) == ("success", "warning")


UPLOADS = """
    - run: mkdir -p out/deep out/.hidden; echo {{}} > out/result.json; echo x > out/deep/x; touch out/.dot out/.hidden/y
    - {{id: up, uses: actions/upload-artifact@v4, with: {how}}}
"""


def names_in(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return sorted(archive.namelist())


@pytest.mark.parametrize(
    ("how", "names"),
    [
        ("{name: a, path: out/result.json}", ["result.json"]),
        ("{name: a, path: out}", ["deep/x", "result.json"]),
        ("{name: a, path: out/**/*.json}", ["result.json"]),
        ("{name: a, path: 'out/*'}", ["deep/x", "result.json"]),
        ('{name: a, path: "out/\\n!out/deep/**"}', ["result.json"]),
        ('{name: a, path: "out/result.json\\nout/deep/x"}', ["deep/x", "result.json"]),
        ("{name: a, path: out, include-hidden-files: true}", [".dot", ".hidden/y", "deep/x", "result.json"]),
        ("{name: a, path: out/.hidden, include-hidden-files: true}", ["y"]),
    ],
)
def test_an_artifact_has_the_files_below_what_its_paths_have_in_common(run_steps, github, how, names):
    job = run_steps(UPLOADS.replace("{how}", how).replace("{{", "{").replace("}}", "}"))
    (run,) = github.repository("octo/shop").runs.values()
    (artifact,) = run.artifacts
    assert (artifact.name, names_in(artifact.content)) == ("a", names)
    outputs = job.step("up").outputs
    assert outputs["artifact-id"] == str(artifact.id)
    assert outputs["artifact-url"].endswith(f"/octo/shop/actions/runs/{run.id}/artifacts/{artifact.id}")
    assert artifact.digest == f"sha256:{outputs['artifact-digest']}"


@pytest.mark.parametrize(
    ("how", "outcome", "level"),
    [
        ("{path: none}", "success", "warning"),
        ("{path: none, if-no-files-found: ignore}", "success", None),
        ("{path: none, if-no-files-found: error}", "failure", "error"),
        ("{path: out/.hidden}", "success", "warning"),
        ("{name: 'a/b', path: out}", "failure", "error"),
    ],
)
def test_if_no_files_found_is_respected(run_steps, how, outcome, level):
    job = run_steps(UPLOADS.replace("{how}", how).replace("{{", "{").replace("}}", "}"))
    assert job.step("up").outcome == outcome
    assert [one.level for one in job.step("up").annotations] == ([level] if level else [])


def test_an_artifact_name_is_unique_unless_overwritten(run_steps, github):
    job = run_steps("""
        - run: echo 1 > f
        - {id: first, uses: actions/upload-artifact@v4, with: {name: a, path: f}}
        - run: echo 22 > f
        - {id: second, continue-on-error: true, uses: actions/upload-artifact@v4, with: {name: a, path: f}}
        - {id: third, uses: actions/upload-artifact@v4, with: {name: a, path: f, overwrite: true}}
    """)
    assert [job.step(id_).outcome for id_ in ("first", "second", "third")] == [
        "success",
        "failure",
        "success",
    ]
    assert "409" in job.step("second").annotations[0].message
    (run,) = github.repository("octo/shop").runs.values()
    assert [zipfile.ZipFile(io.BytesIO(one.content)).read("f") for one in run.artifacts] == [b"22\n"]


def test_the_next_attempt_may_use_the_name_again_and_both_are_listed(repository):
    scenario = repository("""
        on: workflow_dispatch
        jobs:
          job:
            runs-on: u
            steps:
              - run: echo "$GITHUB_RUN_ATTEMPT" > f
              - {uses: actions/upload-artifact@v4, with: {name: a, path: f}}
              - {uses: actions/download-artifact@v4, with: {name: a, path: down}}
              - {id: s, run: cat down/f}
    """)
    (first,) = scenario.run_workflow(scenario.dispatched("check.yml"))
    again = scenario.run_again(first)
    assert again.job("job").step("s").log == "2\n"
    assert [one.name for one in scenario.repository.runs[first.id].artifacts] == ["a", "a"]


LEGS = """
    on: workflow_dispatch
    jobs:
      leg:
        runs-on: u
        strategy: {matrix: {v: [0, 1]}}
        steps:
          - {run: 'echo ${{ matrix.v }} > result.json; touch only-${{ matrix.v }}'}
          - uses: actions/upload-artifact@v4
            with: {name: "leg-${{ matrix.v }}", path: "result.json\\nonly-${{ matrix.v }}"}
      merge:
        needs: leg
        runs-on: u
        steps:
          - {id: apart, uses: actions/download-artifact@v4, with: {pattern: leg-*, path: apart}}
          - {uses: actions/download-artifact@v4, with: {pattern: leg-*, path: merged, merge-multiple: true}}
          - {uses: actions/download-artifact@v4, with: {name: leg-1, path: one}}
          - {uses: actions/download-artifact@v4, with: {path: all}}
          - {uses: actions/download-artifact@v4, with: {pattern: none-*, path: none}}
          - {id: missing, continue-on-error: true, uses: actions/download-artifact@v4, with: {name: leg-9}}
          - {id: s, run: 'find apart merged one all none -type f | sort; ls -d none'}
"""


def test_artifacts_are_downloaded_separately_merged_or_singly(repository):
    scenario = repository(LEGS)
    (run,) = scenario.run_workflow(scenario.dispatched("check.yml"))
    apart = [f"leg-{v}/{name}" for v in (0, 1) for name in (f"only-{v}", "result.json")]
    assert run.job("merge").step("s").log.split() == [
        *(f"all/{one}" for one in apart),
        *(f"apart/{one}" for one in apart),
        *("merged/only-0", "merged/only-1", "merged/result.json", "one/only-1", "one/result.json", "none"),
    ]
    assert run.job("merge").step("missing").outcome == "failure"
    assert run.job("merge").step("apart").outputs["download-path"].endswith("/shop/shop/apart")


@pytest.mark.parametrize(("permissions", "outcome"), [("actions: read", "success"), ("contents: read", "failure")])
def test_artifacts_of_another_run_need_read_permission(repository, permissions, outcome):
    scenario = repository(LEGS)
    scenario.commit(
        {
            ".github/workflows/later.yml": f"""
on: {{workflow_run: {{workflows: [.github/workflows/check.yml], types: [completed]}}}}
jobs:
  job:
    permissions: {{{permissions}}}
    runs-on: u
    steps:
      - id: d
        uses: actions/download-artifact@v4
        with:
          name: leg-0
          github-token: ${{{{ github.token }}}}
          run-id: ${{{{ github.event.workflow_run.id }}}}
"""
        }
    )
    (first,) = scenario.run_workflow(scenario.dispatched("check.yml"))
    (later,) = scenario.run_workflow(scenario.ran(first))
    assert later.job("job").step("d").outcome == outcome


def test_an_expired_artifact_is_gone(repository):
    scenario = repository(LEGS)
    (first,) = scenario.run_workflow(scenario.dispatched("check.yml"))
    for artifact in scenario.repository.runs[first.id].artifacts:
        artifact.expired = True
    again = scenario.run_again(first, failed_only=True)
    assert again.job("merge").result == "success"  # kept, as it had succeeded


def test_python_and_uv_are_those_of_this_machine(run_steps):
    job = run_steps("""
        - {id: p, uses: actions/setup-python@v6, with: {python-version: "3.13", update-environment: false}}
        - {id: before, run: 'echo "[$pythonLocation]"; command -v uv || echo none'}
        - {id: u, uses: astral-sh/setup-uv@v8, with: {enable-cache: false}}
        - {id: q, uses: actions/setup-python@v6, with: {python-version: "3.13"}}
        - {id: after, run: 'test -n "$pythonLocation"; uv --version; "${{ steps.p.outputs.python-path }}" --version'}
    """)
    assert job.step("before").log == "[]\nnone\n"
    first, second = job.step("after").log.splitlines()
    assert first.startswith(f"uv {job.step('u').outputs['uv-version']}")
    assert second == f"Python {job.step('p').outputs['python-version']}"
    assert job.result == "success"
