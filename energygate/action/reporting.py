"""The step that tells: it has the token, and runs nothing of the pull request."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.action.annotating import annotations_of
from energygate.action.handover import Trouble
from energygate.action.outcome import job_code, one_line, outputs_of, result_code
from energygate.errors import EnergygateError, UsageError
from energygate.forge.comment import When, post_result
from energygate.forge.github.events import Activity, activity
from energygate.forge.github.labels import label_set
from energygate.forge.github.step_files import write_outputs, write_summary
from energygate.forge.github.sticky_comment import MAX_COMMENT, Marker, Thread, post_sticky, room_for_text
from energygate.forge.github.token_owner import own_identity
from energygate.forge.github.workflow_commands import Annotation, Level, annotation_lines
from energygate.policy import load_policy
from energygate.report.markdown import comment_without_result, summary
from energygate.result.waiving import waive_by_label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TextIO

    from energygate.action.handover import Handover
    from energygate.action.inputs import Inputs
    from energygate.forge.github.client import GitHubClient
    from energygate.forge.github.events import Event
    from energygate.result.result import Result


@dataclass(frozen=True, kw_only=True)
class Reporting:
    """The step and its collaborators.

    Attributes:
        environ: The step's variables, without the token.
        inputs: What the workflow asks for.
        event: What happened.
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
        """Tell what was found, in the order in which most is left should something break: the comment comes last.

        Raises:
            UsageError: Outside of a job.
        """
        try:
            result = self.handover.result()
        except EnergygateError as error:
            self.tell_trouble(Trouble.of(error), thread=self._thread, marker=self._marker)
            return
        if result is None:
            self.tell_trouble(self.handover.trouble(), thread=self._thread, marker=self._marker)
            return
        if self.event.pull_request is not None:
            result = self.waived(result, number=self.event.pull_request)
        self.handover.leave_result(result)
        self.tell_result(result, thread=self._thread, marker=self._marker)

    def tell_result(
        self, result: Result, *, thread: Thread | None, marker: Marker | None, gates: bool = True
    ) -> None:
        """Summary, outputs, annotations, comment.

        Args:
            result: What the gate found.
            thread: The pull request to comment on; `None` for none.
            marker: The comment's; `None` without a thread.
            gates: Whether the verdict decides about this job.
        """
        self._guarded(lambda: write_summary(self.environ, summary(result)))
        code = result_code(result, self.inputs) if gates else 0
        outputs = {**outputs_of(result), "result": str(self.handover.result_path), "exit-code": str(code)}
        self._guarded(lambda: write_outputs(self.environ, outputs))
        if gates:
            self._annotate(result)
        if thread is not None and marker is not None:
            self._guarded(lambda: self._comment(result, thread, marker))

    def tell_trouble(
        self, said: Trouble, *, thread: Thread | None, marker: Marker | None, gates: bool = True
    ) -> None:
        """The same where there is no result: that nothing was judged, and why."""
        body = self._trouble_text(said, limit=MAX_COMMENT)
        self._guarded(lambda: write_summary(self.environ, body))
        code = job_code(said.exit_code, self.inputs) if gates else 0
        sentence = one_line(said.message)
        outputs = {"verdict": "error", "summary": sentence, "result": "", "exit-code": str(code)}
        self._guarded(lambda: write_outputs(self.environ, outputs))
        self._print(
            Annotation(
                level=Level.ERROR if code else Level.WARNING,
                title="energygate: nothing was judged",
                message=f"{said.message}. {said.hint}" if said.hint else said.message,
                file=self.inputs.path if said.line else None,
                line=said.line,
            )
        )
        if thread is not None and marker is not None and self.inputs.comment is not When.NEVER:
            self._guarded(lambda: self._comment_trouble(said, thread, marker))

    def waived(self, result: Result, *, number: int) -> Result:
        """The result, waived by a label where the pull request has it at this moment."""
        label = self.inputs.label
        if label is None:
            return result
        try:
            found = label_set(self.client(), repository=self.event.repository, number=number, name=label)
        except EnergygateError as error:
            self._warn(f"whether the label {label} is set cannot be told, so nothing is waived: {error}")
            return result
        if found is None:
            return result
        return waive_by_label(result, label=found.name, who=found.who, when=found.when)

    @property
    def run_url(self) -> str | None:
        """Where people see this run."""
        server, repository = self.environ.get("GITHUB_SERVER_URL"), self.environ.get("GITHUB_REPOSITORY")
        return f"{server}/{repository}/actions/runs/{self.event.run_id}" if server and repository else None

    @property
    def _thread(self) -> Thread | None:
        """The pull request of this event, where the token may comment on it."""
        comments = False
        with contextlib.suppress(UsageError):  # an event that energygate does not run under
            comments = activity(self.event) is Activity.COMPARE_AND_COMMENT
        if not comments or self.event.pull_request is None:
            return None
        return Thread(repository=self.event.repository, number=self.event.pull_request)

    @property
    def _marker(self) -> Marker | None:
        if self._thread is None:
            return None
        event = self.event
        return Marker(key=self.inputs.key, run_id=event.run_id, attempt=event.attempt, sha=event.head_sha)

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

    def _comment_trouble(self, said: Trouble, thread: Thread, marker: Marker) -> None:
        client = self.client()
        text = self._trouble_text(said, limit=room_for_text(marker))
        posted = post_sticky(client, thread=thread, author=own_identity(client), marker=marker, text=text)
        self._print(f"energygate: comment {posted.outcome.value}: {posted.url}")

    def _trouble_text(self, said: Trouble, *, limit: int) -> str:
        return comment_without_result(
            said.message,
            hint=said.hint,
            detail=said.detail,
            run_url=self.run_url,
            exit_code=said.exit_code,
            limit=limit,
        )

    def _guarded(self, tells: Callable[[], None]) -> None:
        """Trouble in telling is a warning: it never changes a verdict, nor keeps the rest from being told."""
        try:
            tells()
        except EnergygateError as error:
            self._warn(f"{error}. The verdict stands")
        except Exception as error:  # noqa: BLE001 - a bug of ours must not keep the rest from being told either
            self._warn(
                f"internal error, please report it: {type(error).__name__}: {error}. The verdict stands"
            )

    def _warn(self, message: str) -> None:
        self._print(
            Annotation(level=Level.WARNING, title="energygate could not tell everything", message=message)
        )

    def _print(self, line: object) -> None:
        self.log.write(f"{line}\n")
        self.log.flush()
