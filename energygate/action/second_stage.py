"""The second stage: what a first stage measured without any rights is judged again here, and told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING

from energygate.action.handover import Trouble
from energygate.action.measuring import FINAL
from energygate.errors import EnergygateError, MeasurementError, PolicyError
from energygate.forge.github.api_errors import GitHubTrouble
from energygate.forge.github.artifact import download_result
from energygate.forge.github.pull_requests import find_pull_request
from energygate.forge.github.repository_file import read_file
from energygate.forge.github.sticky_comment import Marker, Thread
from energygate.policy import parse_policy
from energygate.policy.policy_file import MAX_BYTES
from energygate.result.judging import judge_again
from energygate.result.reading import read_result
from energygate.run.base import policy_text

if TYPE_CHECKING:
    from energygate.action.reporting import Reporting
    from energygate.forge.github.events import FirstStage
    from energygate.forge.github.pull_requests import PullRequest
    from energygate.policy import Policy
    from energygate.result.result import Result


_LEFT_NOTHING = frozenset({None, 410})
"""There is no artifact, or not any more; a refusal is no fault of the first stage."""


def _today() -> date:
    return datetime.now(timezone.utc).date()


@dataclass(frozen=True, kw_only=True)
class SecondStage:
    """The step under `workflow_run`.

    No verdict fails this job: the first stage's has failed already, and this one runs for the default branch.

    Attributes:
        reporting: Tells.
        first: The run that measured.
        today: The date that waivers expire against.
    """

    reporting: Reporting
    first: FirstStage
    today: date = field(default_factory=_today)

    def run(self) -> None:
        """Find the pull request, fetch what was measured, judge it by base's policy, tell.

        Raises:
            UsageError: Outside of a job.
        """
        reporting, event = self.reporting, self.reporting.event
        try:
            pull_request = find_pull_request(reporting.client(), event)
        except EnergygateError as error:
            reporting.tell_trouble(Trouble.of(error), thread=None, marker=None, gates=False)
            return
        thread = Thread(repository=event.repository, number=pull_request.number)
        marker = Marker(
            key=reporting.inputs.key,
            run_id=self.first.run_id,
            attempt=self.first.attempt,
            sha=self.first.head_sha,
        )
        try:
            result = self._judged(pull_request)
        except EnergygateError as error:
            reporting.tell_trouble(Trouble.of(error), thread=thread, marker=marker, gates=False)
            return
        reporting.handover.leave_result(result)
        reporting.tell_result(result, thread=thread, marker=marker, gates=False)

    def _judged(self, pull_request: PullRequest) -> Result:
        reporting, repository = self.reporting, self.reporting.event.repository
        client = reporting.client()
        try:
            content = download_result(client, repository=repository, run_id=self.first.run_id, name=FINAL)
        except GitHubTrouble as trouble:
            if trouble.status not in _LEFT_NOTHING:
                raise
            raise MeasurementError(
                f"the first stage left no result: {trouble.what}",
                hint="Its log says why: it may have failed before anything was measured",
            ) from None
        result = self._placed(read_result(content, name="result.json"), pull_request)
        policy = self._policy(pull_request.base_sha)
        if policy is None:
            raise PolicyError(
                "base has no policy to judge this pull request by",
                where=f"{reporting.inputs.path} at {pull_request.base_sha[:7]}",
                hint="Merge one first",
            )
        judged = judge_again(
            result,
            policy,
            today=self.today,
            head=self._head_policy(),
            workloads=reporting.inputs.workloads or None,
        )
        return reporting.waived(judged, number=pull_request.number)

    def _placed(self, result: Result, pull_request: PullRequest) -> Result:
        """The result with what GitHub says of the run where the result says something, too."""
        if result.head_commit not in {None, self.first.head_sha}:
            raise MeasurementError("the first stage's result is about another commit than its run was for")
        base = result.base and result.base.model_copy(update={"ref": pull_request.base_ref})
        policy = self.reporting.inputs.path
        return result.model_copy(update={"head_commit": self.first.head_sha, "policy": policy, "base": base})

    def _head_policy(self) -> Policy:
        """Head's policy, as data: it shows what became of workloads, whatever the first stage says."""
        policy = self._policy(self.first.head_sha)
        if policy is None:
            raise PolicyError("the pull request removes the policy", where=self.reporting.inputs.path)
        return policy

    def _policy(self, commit: str) -> Policy | None:
        """The policy at a commit, from GitHub and not from what the first stage left; `None` when there is none."""
        reporting = self.reporting
        path = reporting.inputs.path
        where = f"{path} at {commit[:7]}"
        content = read_file(
            reporting.client(),
            repository=reporting.event.repository,
            path=path,
            commit=commit,
            limit_bytes=MAX_BYTES,
        )
        return None if content is None else parse_policy(policy_text(content, where), where)
