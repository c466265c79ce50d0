"""The second stage: it judges again what a first stage measured without permissions, and reports it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING

from energygate.action.handover import StepFailure
from energygate.action.measure_step import FINAL
from energygate.errors import EnergygateError, MeasurementError, PolicyError
from energygate.forge.github.api_errors import GitHubError
from energygate.forge.github.artifact import download_result
from energygate.forge.github.pull_requests import find_pull_request
from energygate.forge.github.repository_file import read_file
from energygate.forge.github.sticky_comment import Marker, Thread
from energygate.policy import parse_policy
from energygate.policy.policy_file import MAX_BYTES
from energygate.result.reading import read_result
from energygate.result.rejudging import judge_again

if TYPE_CHECKING:
    from energygate.action.report_step import ReportStep
    from energygate.forge.github.events import FirstStage
    from energygate.forge.github.pull_requests import PullRequest
    from energygate.policy import Policy
    from energygate.result.result import Result


_NO_ARTIFACT = frozenset({None, 410})
"""Statuses of an artifact that does not exist or has expired; any other is GitHub's refusal."""


@dataclass(frozen=True, kw_only=True)
class SecondStage:
    """The step under `workflow_run`.

    No verdict fails this job: the first stage's has failed already, and this one runs for the default branch.

    Attributes:
        step: Reports.
        first: The run that measured.
        today: The date on which waivers are judged.
    """

    step: ReportStep
    first: FirstStage
    today: date = field(default_factory=lambda: datetime.now(timezone.utc).date())

    def run(self) -> None:
        """Find the pull request, download the result, judge it by base's policy, and report it.

        Raises:
            UsageError: It runs outside of a job.
        """
        step, event = self.step, self.step.event
        try:
            pull_request = find_pull_request(step.client(), event)
        except EnergygateError as error:
            step.report_failure(StepFailure.of(error), place=None, gates=False)
            return
        thread = Thread(repository=event.repository, number=pull_request.number)
        marker = Marker(
            key=step.inputs.key,
            run_id=self.first.run_id,
            attempt=self.first.attempt,
            sha=self.first.head_sha,
        )
        try:
            result = self._judged(pull_request)
        except EnergygateError as error:
            step.report_failure(StepFailure.of(error), place=(thread, marker), gates=False)
            return
        step.handover.leave_result(result)
        step.report_result(result, place=(thread, marker), gates=False)

    def _judged(self, pull_request: PullRequest) -> Result:
        step, repository = self.step, self.step.event.repository
        client = step.client()
        try:
            content = download_result(client, repository=repository, run_id=self.first.run_id, name=FINAL)
        except GitHubError as error:
            if error.status not in _NO_ARTIFACT:
                raise
            raise MeasurementError(
                f"the first stage left no result: {error.what}",
                hint="Its log says why: it may have failed before it measured",
            ) from None
        result = self._placed(read_result(content, name="result.json"), pull_request)
        policy = self._policy(pull_request.base_sha)
        if policy is None:
            raise PolicyError(
                "base has no policy to judge this pull request by",
                where=f"{step.inputs.path} at {pull_request.base_sha[:7]}",
                hint="Merge one first",
            )
        judged = judge_again(
            result,
            policy,
            today=self.today,
            head=self._head_policy(),
            workloads=step.inputs.workloads or None,
        )
        return step.waived(judged, number=pull_request.number)

    def _placed(self, result: Result, pull_request: PullRequest) -> Result:
        """Return the result with commit, policy and base from GitHub, not as the result claims them."""
        if result.head_commit not in {None, self.first.head_sha}:
            raise MeasurementError("the first stage's result is about a different commit than its run")
        base = result.base and result.base.model_copy(update={"ref": pull_request.base_ref})
        policy = self.step.inputs.path
        return result.model_copy(update={"head_commit": self.first.head_sha, "policy": policy, "base": base})

    def _head_policy(self) -> Policy:
        """Return head's policy: it shows which workloads head has, whatever the first stage claims."""
        policy = self._policy(self.first.head_sha)
        if policy is None:
            raise PolicyError("the pull request removes the policy", where=self.step.inputs.path)
        return policy

    def _policy(self, commit: str) -> Policy | None:
        """Return the policy at a commit, from GitHub and not from the first stage; `None` when there is none."""
        step = self.step
        path = step.inputs.path
        where = f"{path} at {commit[:7]}"
        content = read_file(
            step.client(),
            repository=step.event.repository,
            path=path,
            commit=commit,
            limit_bytes=MAX_BYTES,
        )
        return None if content is None else parse_policy(content, where)
