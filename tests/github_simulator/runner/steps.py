"""The steps of a job or a composite action, run in order: conditions, environment, files, outcome."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from github_simulator.runner.expression_syntax import ExpressionError
from github_simulator.runner.expression_values import truthy
from github_simulator.runner.expressions import holds
from github_simulator.runner.log import Log
from github_simulator.runner.records import StepRun
from github_simulator.runner.running_step import RUNNERS_OWN, RunningStep
from github_simulator.runner.step_files import FileTrouble, StepFiles
from github_simulator.runner.uses import declared_outputs, use_action
from github_simulator.runner.yaml_reading import DocumentError

if TYPE_CHECKING:
    from github_simulator.runner.job_state import Frame, JobState
    from github_simulator.runner.workflow_files import Step


def run_steps(steps: Iterable[Step], job: JobState, frame: Frame) -> list[StepRun]:
    """Run steps in their frame; after a failing one only those run whose condition says so.

    Raises:
        ExpressionError: For an expression that GitHub would refuse or take for an empty text.
        DocumentError: For an action or a shell that this runner does not know.
    """
    records = []
    for step in steps:
        if job.cancel_at is not None and job.cancel_at in {step.id, step.title}:
            job.status = "cancelled"
        try:
            records.append(_run_step(step, job, frame))
        except ExpressionError as error:
            raise ExpressionError(f"job {job.record.id}, step {step.title}: {error}") from None
    return records


def _run_step(step: Step, job: JobState, frame: Frame) -> StepRun:
    files = StepFiles.made(job.around.machine.temp / "_runner_file_commands")
    record = StepRun(name=step.title, id=step.id, uses=step.uses)
    running = RunningStep(
        step=step,
        job=job,
        frame=frame,
        github={**frame.github, "action": frame.name_for(step), **_named(files)},
        log=Log(masks=job.masks),
        record=record,
    )
    # In one go: a step's own variables do not see each other.
    running.env = {name: running.text(value) for name, value in _env(running).items()}
    record.name = running.text(step.title)
    declared = None if step.uses is None else declared_outputs(step, job, frame)
    if holds(step.condition, running.condition_scope):
        _do(running, files)
    frame.add(record, declared)
    if record.conclusion == "failure" and frame.action_path is None and job.status == "success":
        job.status = "failure"
    return record


def _do(running: RunningStep, files: StepFiles) -> None:
    record, log = running.record, running.log
    done = _run_script(running, files) if running.step.uses is None else use_action(running, run_steps)
    record.outputs = {**log.outputs, **record.outputs}
    read = _take_files(running, files)
    ok = done and read and not log.failed
    record.outcome = "success" if ok else "failure"
    forgiven = ok or truthy(running.value(running.step.continue_on_error))
    record.conclusion = "success" if forgiven else "failure"
    record.log, record.annotations, record.hidden = log.text, log.annotations, log.hidden


def _run_script(running: RunningStep, files: StepFiles) -> bool:
    step, job, log = running.step, running.job, running.log
    defaults = job.defaults if running.frame.action_path is None else {}
    shell = step.shell or defaults.get("shell")
    folder = job.workspace / running.text(step.working_directory or defaults.get("working-directory"))
    if not folder.is_dir():
        log.complain(f"An error occurred trying to start process with working directory '{folder}'. No such directory")
        return False
    try:
        code, said = job.processes.run(
            running.text(step.run),
            shell=None if shell is None else running.text(shell),
            folder=folder,
            environment=running.environment(files.variables),
            file=job.around.machine.temp / f"script-{next(job.counter)}",
        )
    except ValueError as error:
        raise DocumentError(f"{step.title}: {error}") from None
    log.say(said)
    running.record.exit_code = code
    if code:
        log.complain(f"Process completed with exit code {code}.")
    return code == 0


def _take_files(running: RunningStep, files: StepFiles) -> bool:
    """Heed what the step wrote into its files; tell whether the runner could read them."""
    job, log, record = running.job, running.log, running.record
    ok = True
    try:
        exported = files.exported()
        job.variables |= {name: one for name, one in exported.items() if not name.upper().startswith(RUNNERS_OWN)}
        record.outputs |= files.pairs("GITHUB_OUTPUT")
        files.pairs("GITHUB_STATE")
    except FileTrouble as error:
        log.complain("Unable to process file command successfully.")
        log.complain(str(error))
        ok = False
    job.paths[:0] = reversed(files.paths())
    try:
        record.summary = job.masks.hide(files.summary())
    except FileTrouble as error:
        # The runner says so, and the step's outcome is none the worse.
        log.complain(str(error))
    return ok


def _named(files: StepFiles) -> dict[str, str]:
    return {name.removeprefix("GITHUB_").lower(): path for name, path in files.variables.items()}


def _env(running: RunningStep) -> Mapping[str, object]:
    value = running.value(running.step.env)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise DocumentError(f"{running.step.title}: env is no mapping")
    return value
