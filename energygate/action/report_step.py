"""The reporting step: it has the token, and runs nothing of the pull request."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from energygate.action.annotations import annotations_of
from energygate.action.handover import StepFailure
from energygate.action.outputs import job_code, one_line, outputs_of, result_code
from energygate.errors import EnergygateError, UsageError, unexpected
from energygate.forge.comment import When, post_result
from energygate.forge.github.events import Activity, activity
from energygate.forge.github.labels import label_set
from energygate.forge.github.step_files import write_outputs, write_summary
from energygate.forge.github.sticky_comment import Marker, Thread, post_sticky, room_for_text
from energygate.forge.github.token_owner import own_identity
from energygate.forge.github.workflow_commands import Annotation, Level, annotation_lines
from energygate.policy import load_policy
from energygate.report.markdown import comment_without_result, summary
from energygate.report.safe_markdown import MAX_COMMENT
from energygate.result.waiving import waive_by_label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TextIO

    from energygate.action.handover import Handover
    from energygate.action.inputs import Inputs
    from energygate.forge.github.client import GitHubClient
    from energygate.forge.github.events import Event
    from energygate.result.result import Result


Place: TypeAlias = tuple[Thread, Marker]
"""The pull request to comment on, and the comment's marker."""


@dataclass(frozen=True, kw_only=True)
class ReportStep:
    """The step and its collaborators.

    Attributes:
        environ: The step's variables, without the token.
        inputs: The action's inputs.
        event: The event that started the workflow.
        handover: What the measuring step left.
        client: Makes the API's client, with the token.
        log: Where the runner reads commands.
    """

    environ: Mapping[str, str]
    inputs: Inputs
    event: Event
    handover: Handover
    client: Callable[[], GitHubClient] = field(repr=False)
    log: TextIO = field(repr=False)

    def run(self) -> None:
        """Report the outcome; the comment comes last, as it is the likeliest to fail.

        Raises:
            UsageError: It runs outside of a job.
        """
        try:
            result = self.handover.result()
        except EnergygateError as error:
            self.report_failure(StepFailure.of(error), place=self._place)
            return
        if result is None:
            self.report_failure(self.handover.failure(), place=self._place)
            return
        if self.event.pull_request is not None:
            result = self.waived(result, number=self.event.pull_request)
        self.handover.leave_result(result)
        self.report_result(result, place=self._place)

    def report_result(self, result: Result, *, place: Place | None, gates: bool = True) -> None:
        """Write summary, outputs, annotations and comment.

        Args:
            result: The result to report.
            place: Where to comment; `None` for no comment.
            gates: Whether the verdict may fail this job.
        """
        self._guarded(lambda: write_summary(self.environ, summary(result)))
        code = result_code(result, self.inputs) if gates else 0
        outputs = {**outputs_of(result), "result": str(self.handover.result_path), "exit-code": str(code)}
        self._guarded(lambda: write_outputs(self.environ, outputs))
        if gates:
            self._annotate(result)
        if place is not None:
            self._guarded(lambda: self._comment(result, *place))

    def report_failure(self, failure: StepFailure, *, place: Place | None, gates: bool = True) -> None:
        """Report in the same places why nothing was judged."""
        body = self._failure_text(failure, limit=MAX_COMMENT)
        self._guarded(lambda: write_summary(self.environ, body))
        code = job_code(failure.exit_code, self.inputs) if gates else 0
        sentence = one_line(failure.message)
        outputs = {"verdict": "error", "summary": sentence, "result": "", "exit-code": str(code)}
        self._guarded(lambda: write_outputs(self.environ, outputs))
        self._print(
            Annotation(
                level=Level.ERROR if code else Level.WARNING,
                title="energygate: nothing was judged",
                message=f"{failure.message}. {failure.hint}" if failure.hint else failure.message,
                file=self.inputs.path if failure.line else None,
                line=failure.line,
            )
        )
        if place is not None and self.inputs.comment is not When.NEVER:
            self._guarded(lambda: self._comment_failure(failure, *place))

    def waived(self, result: Result, *, number: int) -> Result:
        """Return the result, waived if the pull request has the label for it now."""
        label = self.inputs.label
        if label is None:
            return result
        try:
            current = label_set(self.client(), repository=self.event.repository, number=number, name=label)
        except EnergygateError as error:
            self._warn(f"cannot find out whether the label {label} is set, so nothing is waived: {error}")
            return result
        if current is None:
            return result
        return waive_by_label(result, label=current.name, who=current.who, when=current.when)

    @property
    def run_url(self) -> str | None:
        """The address of this run."""
        server, repository = self.environ.get("GITHUB_SERVER_URL"), self.environ.get("GITHUB_REPOSITORY")
        return f"{server}/{repository}/actions/runs/{self.event.run_id}" if server and repository else None

    @property
    def _place(self) -> Place | None:
        """The pull request of this event, if the token may comment on it."""
        event, comments = self.event, False
        with contextlib.suppress(UsageError):  # an event that energygate does not handle
            comments = activity(event) is Activity.COMPARE_AND_COMMENT
        if not comments or event.pull_request is None:
            return None
        marker = Marker(key=self.inputs.key, run_id=event.run_id, attempt=event.attempt, sha=event.head_sha)
        return Thread(repository=event.repository, number=event.pull_request), marker

    def _annotate(self, result: Result) -> None:
        policy = None
        with contextlib.suppress(EnergygateError):
            policy = load_policy(self.inputs.path) if Path(self.inputs.path).is_file() else None
        for line in annotation_lines(annotations_of(result, policy=policy, path=self.inputs.path)):
            self.log.write(f"{line}\n")

    def _comment(self, result: Result, thread: Thread, marker: Marker) -> None:
        posted = post_result(
            self.client(),
            result,
            thread=thread,
            marker=marker,
            when=self.inputs.comment,
            strict=self.inputs.strict,
            run_url=self.run_url,
            artifact_url=self.environ.get("ARTIFACT_URL") or None,
        )
        if posted is not None:
            self._print(f"energygate: comment {posted.outcome.value}: {posted.url}")

    def _comment_failure(self, failure: StepFailure, thread: Thread, marker: Marker) -> None:
        client = self.client()
        text = self._failure_text(failure, limit=room_for_text(marker))
        posted = post_sticky(client, thread=thread, author=own_identity(client), marker=marker, text=text)
        self._print(f"energygate: comment {posted.outcome.value}: {posted.url}")

    def _failure_text(self, failure: StepFailure, *, limit: int) -> str:
        return comment_without_result(
            failure.message,
            hint=failure.hint,
            detail=failure.detail,
            run_url=self.run_url,
            exit_code=failure.exit_code,
            limit=limit,
        )

    def _guarded(self, report: Callable[[], None]) -> None:
        """Turn errors in reporting into warnings: they neither change a verdict nor stop the rest of the report."""
        try:
            report()
        except Exception as error:  # noqa: BLE001 - a bug must not stop the rest of the report either
            shown = error if isinstance(error, EnergygateError) else unexpected(error)
            self._warn(f"{shown}. The verdict stands")

    def _warn(self, message: str) -> None:
        self._print(Annotation(level=Level.WARNING, title="energygate could not report everything", message=message))

    def _print(self, line: object) -> None:
        self.log.write(f"{line}\n")
        self.log.flush()
