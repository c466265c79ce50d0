"""The step that measures: it runs the pull request's code, and so has no token."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from energygate.action.basis import base_for
from energygate.action.handover import Handover, Trouble
from energygate.action.inputs import Inputs, Task
from energygate.action.outcome import job_code, outputs_of, result_code
from energygate.errors import EnergygateError, MeasurementError, PolicyError, UsageError
from energygate.forge.github.events import Activity, activity, read_event
from energygate.forge.github.step_files import write_outputs
from energygate.forge.github.workflow_commands import Annotation, Level, commands_stopped
from energygate.policy import load_policy
from energygate.result.files import gather, read_result_file
from energygate.run.compare import Options
from energygate.run.matrix import matrix
from energygate.run.shards import join, plan_for, whole_run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

    from energygate.forge.github.events import Event
    from energygate.policy import Policy
    from energygate.result.result import Result
    from energygate.run.shards import WholeRun

FINAL = "energygate-result"
"""The artifact that holds the verdict of a run: what the second stage asks for."""

LEG = "energygate-leg"
"""What artifacts of a matrix's legs begin with."""

_RUNNERS_FILE = re.compile("(?:add_path|save_state|set_env|set_output|step_summary)_")
"""What the runner calls them: https://github.com/actions/runner, FileCommandManager."""

LEGS = "energygate-legs"
PAST = "energygate-past"
"""Directories in the runner's temporary one that `action.yml` names too."""


class Check(Protocol):
    """Checks, and shows it in the log."""

    def __call__(self, policy: Policy, directory: Path, policy_file: str, options: Options) -> Result:
        """Measure and judge."""


class Show(Protocol):
    """Shows a result in the log."""

    def __call__(self, result: Result) -> None:
        """Print it."""


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """The step and its collaborators.

    Attributes:
        environ: The step's variables.
        check: Checks, and shows it in the log.
        show: Shows a result in the log.
        log: Where the runner reads commands.
    """

    environ: Mapping[str, str]
    check: Check = field(repr=False)
    show: Show = field(repr=False)
    log: TextIO = field(repr=False)

    def run(self) -> None:
        """Do what the event and the inputs ask for; whatever comes of it is left for the next step.

        Raises:
            UsageError: Outside of a job.
        """
        temporary = Path(_needed(self.environ, "RUNNER_TEMP"))
        handover = Handover(directory=Path(tempfile.mkdtemp(prefix="energygate-", dir=temporary)))
        # Should this process be killed, the next step still tells that it was.
        outputs = {"directory": str(handover.directory), "report": "true"}
        write_outputs(self.environ, outputs)
        try:
            outputs |= self._done(handover, temporary)
        except EnergygateError as error:
            outputs |= self._troubled(handover, error)
        except Exception as error:  # noqa: BLE001 - a bug of ours is told like any other trouble
            outputs |= self._troubled(handover, _bug(error))
        self._forget_others()
        write_outputs(self.environ, outputs)

    def _forget_others(self) -> None:
        """Empty the files in which steps speak to the runner: what others wrote there is not energygate's word.

        All of one job lie side by side; those of the action as a whole are among them, and empty by right, too.
        """
        with contextlib.suppress(OSError):
            for file in Path(_needed(self.environ, "GITHUB_OUTPUT")).parent.iterdir():
                if _RUNNERS_FILE.match(file.name) and file.is_file():
                    file.write_bytes(b"")

    def _done(self, handover: Handover, temporary: Path) -> Mapping[str, str]:
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
            # What is checked out is a trial merge, which nobody has seen.
            result = result.model_copy(update={"head_commit": event.head_sha})
        handover.leave_result(result)
        found = {**outputs_of(result), "result": str(handover.result_path)}
        if inputs.task is Task.LEG:
            # Its verdict is not the run's: that is the merging job's to say.
            index = self.environ.get("JOB_INDEX") or "0"
            return {**found, "exit-code": "0", "report": "", "artifact": f"{LEG}-{index}"}
        if inputs.task is Task.MERGE:
            found["past"] = self._kept(handover, temporary)
        code = str(result_code(result, inputs))
        return {**found, "exit-code": code, "artifact": FINAL}

    def _troubled(self, handover: Handover, error: EnergygateError) -> Mapping[str, str]:
        try:
            inputs = Inputs.from_environ(self.environ)
        except UsageError:
            inputs = None
        trouble = Trouble.of(error, policy=inputs.path if inputs else "")
        handover.leave_trouble(trouble)
        said = [f"energygate: {error}", *(f"  | {line}" for line in (trouble.detail or "").splitlines())]
        with commands_stopped(self.log):
            self.log.write("\n".join(said) + "\n")
        if inputs is None or inputs.task in {Task.MATRIX, Task.LEG}:  # nobody reports for these
            self._print(Annotation(level=Level.ERROR, title="energygate", message=str(error)))
            return {"exit-code": str(trouble.exit_code), "report": ""}
        return {"exit-code": str(job_code(trouble.exit_code, inputs))}

    def _measured(self, project: _Project) -> Result:
        inputs = project.inputs
        options = Options(
            workloads=inputs.workloads,
            base=project.base,
            time_limit_s=inputs.time_limit_s,
            python=inputs.python,
            setup=inputs.setup or (None if project.base else project.policy.measurement.setup),
            leg=inputs.task is Task.LEG,
        )
        # From here on others' words may reach the log.
        with commands_stopped(self.log):
            return self.check(project.policy, project.policy_path.parent, project.policy_path.name, options)

    def _planned(self, project: _Project, temporary: Path) -> str:
        run = project.whole_run()
        for note in run.notes:
            self._say(note)
        past = temporary / PAST / "result.json"
        try:
            earlier = [read_result_file(str(past))] if past.is_file() else []
        except MeasurementError:  # an older energygate's; it would only have balanced the jobs
            earlier = []
        return json.dumps(matrix(plan_for(run, count=project.inputs.shards, past=earlier)))

    def _merged(self, project: _Project, temporary: Path) -> Result:
        result = join(project.whole_run(), gather([str(temporary / LEGS)]))
        with commands_stopped(self.log):
            self.show(result)
        return result

    def _kept(self, handover: Handover, temporary: Path) -> str:
        """Keep how long workloads took, for the next plan."""
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
        # A step runs in the workspace, so paths in messages are as people know them.
        workspace, path = Path(_needed(environ, "GITHUB_WORKSPACE")).resolve(), Path(inputs.path)
        if not path.resolve().is_relative_to(workspace):
            raise UsageError("it leads out of the checkout", where="input 'policy'")
        if not path.is_file():
            raise PolicyError(
                "there is no such policy", where=inputs.path, hint="Run energygate init to write one"
            )
        policy = load_policy(inputs.path)
        directory = path.absolute().parent
        base = base_for(event, directory, asked=inputs.base, trial_sha=_needed(environ, "GITHUB_SHA"))
        return cls(inputs=inputs, policy=policy, policy_path=directory / path.name, base=base)

    def whole_run(self) -> WholeRun:
        return whole_run(
            self.policy,
            self.policy_path.parent,
            self.policy_path.name,
            base=self.base,
            workloads=self.inputs.workloads,
        )


def _bug(error: Exception) -> EnergygateError:
    """What the system refused, or a bug of ours."""
    if isinstance(error, OSError):
        return MeasurementError(error.strerror or type(error).__name__, where=error.filename)
    return MeasurementError(f"internal error, please report it: {type(error).__name__}: {error}")


def _needed(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise UsageError(
            "it is not set", where=name, hint="This is what the steps of energygate's action.yml run"
        )
    return value
