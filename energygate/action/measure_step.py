"""The measuring step: it runs the pull request's code, and so has no token."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.action.handover import Handover, StepFailure
from energygate.action.inputs import OPTION_NAMES, Inputs, Task
from energygate.action.outputs import job_code, outputs_of, result_code
from energygate.errors import EnergygateError, MeasurementError, PolicyError, UsageError, unexpected
from energygate.forge.github.events import Activity, activity, read_event
from energygate.forge.github.step_files import job_variable, write_outputs
from energygate.forge.github.workflow_commands import Annotation, Level, commands_stopped
from energygate.policy import load_policy
from energygate.repository.repository import Repository
from energygate.result.files import read_result_file, read_results
from energygate.run.matrix import matrix
from energygate.run.options import Options
from energygate.run.shards import join, plan_for, whole_run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TextIO

    from energygate.forge.github.events import Event
    from energygate.policy import Policy
    from energygate.result.result import Result
    from energygate.run.shards import WholeRun

FINAL = "energygate-result"
"""The artifact with a run's verdict, which the second stage downloads."""

LEG = "energygate-leg"
"""Prefix of the artifacts of a matrix's legs."""

_RUNNER_FILE = re.compile("(?:add_path|save_state|set_env|set_output|step_summary)_")
"""Names of the runner's files for its steps: https://github.com/actions/runner, FileCommandManager."""

COMPARING = frozenset({Activity.COMPARE_AND_COMMENT, Activity.COMPARE_AND_LEAVE, Activity.COMPARE})

LEGS = "energygate-legs"
PAST = "energygate-past"
"""Directories below RUNNER_TEMP, which `action.yml` names too."""


@dataclass(frozen=True, kw_only=True)
class MeasureStep:
    """The step and its collaborators.

    Attributes:
        environ: The step's variables.
        check: Measures the policy at a path beside a git ref, if there is one, and judges; shows progress.
        show: Shows a result in the log.
        log: Where the runner reads commands.
    """

    environ: Mapping[str, str]
    check: Callable[[Policy, Path, Options, str | None], Result] = field(repr=False)
    show: Callable[[Result], None] = field(repr=False)
    log: TextIO = field(repr=False)

    def run(self) -> None:
        """Do what the event and the inputs ask for, and leave the outcome to the next step.

        Raises:
            UsageError: It runs outside of a job.
        """
        temporary = Path(job_variable(self.environ, "RUNNER_TEMP"))
        handover = Handover(directory=Path(tempfile.mkdtemp(prefix="energygate-", dir=temporary)))
        # If this process is killed, the next step still reports it.
        outputs = {"directory": str(handover.directory), "report": "true"}
        write_outputs(self.environ, outputs)
        try:
            outputs |= self._outcome(handover, temporary)
        except EnergygateError as error:
            outputs |= self._failed(handover, error)
        except Exception as error:  # noqa: BLE001 - a bug is reported like any other failure
            outputs |= self._failed(handover, unexpected(error))
        self._empty_runner_files()
        write_outputs(self.environ, outputs)

    def _empty_runner_files(self) -> None:
        """Empty the files by which steps talk to the runner: the pull request's code may have written to them.

        Those of the whole job share a directory. The action's own are among them, and empty until it ends.
        """
        with contextlib.suppress(OSError):
            for file in Path(job_variable(self.environ, "GITHUB_OUTPUT")).parent.iterdir():
                if _RUNNER_FILE.match(file.name) and file.is_file():
                    file.write_bytes(b"")

    def _outcome(self, handover: Handover, temporary: Path) -> Mapping[str, str]:
        inputs = Inputs.from_environ(self.environ)
        event = read_event(self.environ)
        what = activity(event)
        if what is Activity.NOTHING:
            self._say(f"nothing to do for this event ({event.name})")
            return {"exit-code": "0", "report": ""}
        if what is Activity.RENDER:
            return {"exit-code": "0"}
        project = _Project.of(self.environ, inputs, event)
        if inputs.task is Task.MATRIX:
            return {"exit-code": "0", "report": "", "matrix": self._planned(project, temporary)}
        result = self._merged(project, temporary) if inputs.task is Task.MERGE else self._measured(project)
        if event.pull_request is not None:
            # The checkout is a trial merge; reviewers know the pull request's own commit.
            result = result.model_copy(update={"head_commit": event.head_sha})
        handover.leave_result(result)
        outputs = {**outputs_of(result), "result": str(handover.result_path)}
        if inputs.task is Task.LEG:
            # The merging job decides the run's verdict.
            index = self.environ.get("JOB_INDEX") or "0"
            return {**outputs, "exit-code": "0", "report": "", "artifact": f"{LEG}-{index}"}
        if inputs.task is Task.MERGE:
            outputs["past"] = self._keep_times(handover, temporary)
        code = str(result_code(result, inputs))
        return {**outputs, "exit-code": code, "artifact": FINAL}

    def _failed(self, handover: Handover, error: EnergygateError) -> Mapping[str, str]:
        error.option_names = OPTION_NAMES
        try:
            inputs = Inputs.from_environ(self.environ)
        except UsageError:
            inputs = None
        failure = StepFailure.of(error, policy=inputs.path if inputs else "")
        handover.leave_failure(failure)
        lines = [f"energygate: {error}", *(f"  | {line}" for line in (failure.detail or "").splitlines())]
        with commands_stopped(self.log):
            self.log.write("\n".join(lines) + "\n")
        if inputs is None or inputs.task in {Task.MATRIX, Task.LEG}:  # no step reports for these
            self._print(Annotation(level=Level.ERROR, title="energygate", message=str(error)))
            return {"exit-code": str(failure.exit_code), "report": ""}
        return {"exit-code": str(job_code(failure.exit_code, inputs))}

    def _measured(self, project: _Project) -> Result:
        inputs = project.inputs
        options = Options(
            workloads=inputs.workloads,
            time_limit_s=inputs.time_limit_s,
            python=inputs.python,
            setup=inputs.setup or (None if project.base else project.policy.measurement.setup),
            leg=inputs.task is Task.LEG,
        )
        # From here on, foreign output may reach the log.
        with commands_stopped(self.log):
            result = self.check(project.policy, project.policy_path, options, project.base)
            self.show(result)
        return result

    def _planned(self, project: _Project, temporary: Path) -> str:
        run = project.whole_run()
        for note in run.notes:
            self._say(note)
        past = temporary / PAST / "result.json"
        try:
            earlier = [read_result_file(str(past))] if past.is_file() else []
        except MeasurementError:  # written by an older energygate; it only balances the jobs
            earlier = []
        return json.dumps(matrix(plan_for(run, count=project.inputs.shards, past=earlier)))

    def _merged(self, project: _Project, temporary: Path) -> Result:
        result = join(project.whole_run(), read_results([str(temporary / LEGS)]))
        with commands_stopped(self.log):
            self.show(result)
        return result

    def _keep_times(self, handover: Handover, temporary: Path) -> str:
        """Keep the result, whose times balance the jobs of the next plan."""
        place = temporary / PAST
        place.mkdir(exist_ok=True)
        shutil.copyfile(handover.result_path, place / "result.json")
        return str(place)

    def _say(self, text: str) -> None:
        self._print(Annotation(level=Level.NOTICE, title="energygate", message=text))

    def _print(self, line: object) -> None:
        self.log.write(f"{line}\n")
        self.log.flush()


@dataclass(frozen=True, kw_only=True)
class _Project:
    """The checkout as this run sees it."""

    inputs: Inputs
    policy: Policy
    policy_path: Path
    base: str | None

    @classmethod
    def of(cls, environ: Mapping[str, str], inputs: Inputs, event: Event) -> _Project:
        # A step runs in the workspace, so messages have the paths that people know.
        workspace, path = Path(job_variable(environ, "GITHUB_WORKSPACE")).resolve(), Path(inputs.path)
        if not path.resolve().is_relative_to(workspace):
            raise UsageError("it is outside of the checkout", where="input 'policy'")
        if not path.is_file():
            raise PolicyError("there is no such policy", where=inputs.path, hint="Run energygate init to write one")
        policy = load_policy(inputs.path)
        directory = path.absolute().parent
        base = base_for(event, directory, asked=inputs.base, trial_sha=job_variable(environ, "GITHUB_SHA"))
        return cls(inputs=inputs, policy=policy, policy_path=directory / path.name, base=base)

    def whole_run(self) -> WholeRun:
        return whole_run(
            self.policy,
            self.policy_path.parent,
            self.policy_path.name,
            base=self.base,
            workloads=self.inputs.workloads,
        )


def base_for(event: Event, directory: Path, *, asked: str | None, trial_sha: str) -> str | None:
    """Return the commit, branch or tag to compare with; `None` when head is measured alone.

    A pull request is usually checked out as GitHub's trial merge of it, whose first parent is the commit that it is
    merged into. `base.sha` of the event may be older than that, and would blame others' changes on it.

    Args:
        event: What happened.
        directory: Any directory of the checkout.
        asked: The base that the workflow names; `None` for none.
        trial_sha: `GITHUB_SHA`: for a pull request its trial merge.

    Raises:
        UsageError: The directory is not in a repository.
    """
    if asked is not None:
        return asked
    if activity(event) not in COMPARING:
        return None
    if event.pull_request is not None:
        parents = Repository.find(directory).parents_of(trial_sha)
        if parents[1:] == (event.head_sha,):
            return parents[0]
    return event.base_sha
