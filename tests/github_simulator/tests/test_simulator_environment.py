"""The environment of a step's processes, and which of it other steps see."""

from __future__ import annotations


def test_a_step_inherits_outer_environments_and_keeps_its_own(run_steps):
    job = run_steps(
        """
        - id: first
          env: {A: step, SEEN: "${{ env.B }} ${{ env.A }}"}
          run: echo "$A $B $SEEN"
        - {id: second, run: 'echo "$A $B ${{ env.A }}"'}
        """,
        above="env: {A: job, B: below}",
    )
    assert job.step("first").log == "step below below job\n"
    assert job.step("second").log == "job below job\n"


def test_exported_variables_apply_to_later_steps_only(run_steps):
    job = run_steps("""
        - id: exports
          run: |
            echo "A=new" >> "$GITHUB_ENV"
            echo "GITHUB_SHA=forged" >> "$GITHUB_ENV"
            echo "RUNNER_TEMP=forged" >> "$GITHUB_ENV"
            mkdir -p "$RUNNER_TEMP/tools" && printf '#!/bin/sh\\necho tool\\n' > "$RUNNER_TEMP/tools/ls"
            chmod +x "$RUNNER_TEMP/tools/ls" && echo "$RUNNER_TEMP/tools" >> "$GITHUB_PATH"
            echo "[$A]"
        - {id: later, run: 'echo "$A ${{ env.A }} $GITHUB_SHA $RUNNER_TEMP ${{ env.GITHUB_SHA }}"; ls'}
        - id: own
          env: {A: mine, GITHUB_ACTOR: forged, RUNNER_OS: forged}
          run: echo "$A $GITHUB_ACTOR $RUNNER_OS"
    """)
    assert job.step("exports").log == "[]\n"
    assert "forged" not in job.log
    assert job.step("later").log.startswith("new new ")
    assert job.step("later").log.endswith("\ntool\n")
    assert job.step("own").log == "mine maintainer Linux\n"


def test_the_old_command_for_variables_sets_nothing_and_fails_its_step(run_steps):
    job = run_steps("""
        - {id: tries, continue-on-error: true, run: "echo '::set-env name=A::b'"}
        - {id: later, run: 'echo "[$A]"'}
    """)
    assert job.step("tries").outcome == "failure"
    assert job.step("later").log == "[]\n"


def test_nothing_of_this_machine_is_in_the_environment(run_steps, monkeypatch):
    for name in (
        "VIRTUAL_ENV",
        "PYTHONPATH",
        "CODECARBON_LOG_LEVEL",
        "GITHUB_TOKEN",
        "UV_PROJECT",
        "HARNESS_SECRET",
    ):
        monkeypatch.setenv(name, "leaked")
    job = run_steps("""- {id: shows, run: "env; command -v python; python -c 'import sys; print(sys.prefix)'"}""")
    lines = dict(line.partition("=")[::2] for line in job.step("shows").log.splitlines() if "=" in line)
    beginnings = ("GITHUB_", "RUNNER_")
    others = {name for name in lines if not name.startswith(beginnings)}
    assert others <= {"CI", "HOME", "USER", "PATH", "SHELL", "LANG", "PWD", "OLDPWD", "SHLVL", "_"}
    assert "leaked" not in job.log
    assert ".venv" not in job.log
    assert lines["PATH"].endswith(":/usr/bin:/bin:/usr/sbin:/sbin")
    assert {lines[name] for name in ("CI", "GITHUB_ACTIONS")} == {"true"}
    assert "GITHUB_TOKEN" not in lines


def test_every_variable_of_the_runner_is_there(run_steps):
    job = run_steps("""- {id: shows, run: env}""")
    names = {line.partition("=")[0] for line in job.step("shows").log.splitlines()}
    assert names >= {
        *[
            "GITHUB_ACTION",
            "GITHUB_ACTOR",
            "GITHUB_ACTOR_ID",
            "GITHUB_API_URL",
            "GITHUB_BASE_REF",
            "GITHUB_ENV",
        ],
        *[
            "GITHUB_EVENT_NAME",
            "GITHUB_EVENT_PATH",
            "GITHUB_GRAPHQL_URL",
            "GITHUB_HEAD_REF",
            "GITHUB_JOB",
            "GITHUB_OUTPUT",
        ],
        *[
            "GITHUB_PATH",
            "GITHUB_REF",
            "GITHUB_REF_NAME",
            "GITHUB_REF_PROTECTED",
            "GITHUB_REF_TYPE",
            "GITHUB_REPOSITORY",
        ],
        *[
            "GITHUB_REPOSITORY_ID",
            "GITHUB_REPOSITORY_OWNER",
            "GITHUB_REPOSITORY_OWNER_ID",
            "GITHUB_RETENTION_DAYS",
        ],
        *[
            "GITHUB_RUN_ATTEMPT",
            "GITHUB_RUN_ID",
            "GITHUB_RUN_NUMBER",
            "GITHUB_SERVER_URL",
            "GITHUB_SHA",
            "GITHUB_STATE",
        ],
        *[
            "GITHUB_STEP_SUMMARY",
            "GITHUB_TRIGGERING_ACTOR",
            "GITHUB_WORKFLOW",
            "GITHUB_WORKFLOW_REF",
            "GITHUB_WORKFLOW_SHA",
        ],
        *[
            "GITHUB_WORKSPACE",
            "RUNNER_ARCH",
            "RUNNER_ENVIRONMENT",
            "RUNNER_NAME",
            "RUNNER_OS",
            "RUNNER_TEMP",
            "RUNNER_TOOL_CACHE",
        ],
    }
    assert "GITHUB_ACTION_PATH" not in names


def test_the_token_is_in_the_contexts_and_masked_in_the_log_and_the_summary(run_steps):
    job = run_steps("""
        - id: shows
          env: {A: "${{ github.token }}", B: "${{ secrets.GITHUB_TOKEN }}"}
          run: |
            test -n "$A" && test "$A" = "$B" && echo "$A" | tee -a "$GITHUB_STEP_SUMMARY"
    """)
    assert job.step("shows").log == "***\n"
    assert job.summary == "***\n"


def test_a_secret_is_masked_and_an_unset_one_is_empty(run_steps):
    job = run_steps(
        """- {id: shows, env: {A: "${{ secrets.MINE }}[${{ secrets.NONE }}]"}, run: echo "$A"}""",
        secrets={"MINE": "s3cret"},
    )
    assert job.step("shows").log == "***[]\n"


def test_a_process_left_behind_neither_holds_the_step_nor_outlives_the_job(run_steps, has_ended):
    job = run_steps("""- {id: leaves, run: "sleep 1000 & echo $!"}""")
    assert has_ended(int(job.step("leaves").log))


def test_a_hosted_machine_is_new_for_every_job_and_a_self_hosted_one_is_not(repository):
    scenario = repository("""
        on: workflow_dispatch
        jobs:
          hosted: {runs-on: ubuntu-latest, steps: [{run: 'ls -A . ~; touch left ~/left'}]}
          again: {needs: hosted, runs-on: ubuntu-latest, steps: [{run: 'ls -A . ~; touch left ~/left'}]}
          own: {needs: again, runs-on: [self-hosted, gpu], steps: [{run: 'ls -A . ~; echo $RUNNER_ENVIRONMENT'}]}
    """)
    (run,) = scenario.run_workflow(scenario.dispatched("check.yml"))
    assert "left" not in run.job("hosted").log + run.job("again").log
    assert run.job("own").log.count("left") == 2
    assert run.job("own").log.endswith("self-hosted\n")
    assert run.job("own").runs_on == ["self-hosted", "gpu"]


def test_the_last_added_path_comes_first(run_steps):
    job = run_steps("""
        - run: printf '/first\\n/second\\n' >> "$GITHUB_PATH"
        - run: echo /third >> "$GITHUB_PATH"
        - {id: shows, run: 'echo "$PATH"'}
    """)
    assert job.step("shows").log.split(":")[:3] == ["/third", "/second", "/first"]
