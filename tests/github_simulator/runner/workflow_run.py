"""A run of one workflow: its jobs in the order of their needs, each with the permissions that the event allows."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from github_simulator.runner.contexts import Contexts, github_context
from github_simulator.runner.expression_syntax import ExpressionError
from github_simulator.runner.expression_values import Known, truthy
from github_simulator.runner.expressions import holds, interpolate_all
from github_simulator.runner.jobs import Setting, job_record, leg_contexts, run_job
from github_simulator.runner.matrix import Leg, MatrixRefused, legs_of
from github_simulator.runner.records import Annotation, JobRun, Run, StepRun
from github_simulator.runner.yaml_reading import DocumentError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from github_simulator.runner.events import Event
    from github_simulator.runner.simulated_actions import Surroundings
    from github_simulator.runner.workflow_files import Job, Workflow


@dataclass(kw_only=True)
class Runner:
    """Runs workflows.

    Attributes:
        actions: Folders of actions that are not on GitHub, by `owner/name`.
        secrets: The repository's; runs of untrusted events have none of them.
        variables: The repository's, for `vars`.
    """

    around: Surroundings
    actions: Mapping[str, Path] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(
        self,
        workflow: Workflow,
        event: Event,
        run: Run,
        *,
        cancel_at: str | None = None,
        kept: Mapping[str, list[JobRun]] | None = None,
    ) -> Run:
        """Run all jobs; the run given is filled in, and returned.

        Args:
            workflow: As it is at `event.workflow_sha`.
            event: What happened.
            run: Its record, which says id, number and attempt.
            cancel_at: The name or id of the step at which somebody cancels the run.
            kept: Jobs of the attempt before that are not run again.

        Raises:
            ExpressionError: For an expression that GitHub would refuse or take for an empty text.
            DocumentError: For what this runner does not know.
        """
        setting = self._setting(workflow, event, run, cancel_at)
        self.around.platform.record(event.repository, run, status="in_progress")
        _Jobs(setting, kept or {}).run()
        results = {"success" if job.forgiven else job.result for job in run.jobs}
        run.conclusion = next((one for one in ("failure", "cancelled", "success") if one in results), "skipped")
        self.around.platform.record(event.repository, run, status="completed")
        return run

    def _setting(self, workflow: Workflow, event: Event, run: Run, cancel_at: str | None) -> Setting:
        github = self._github(workflow, event, run)
        secrets = {} if event.untrusted else dict(self.secrets)
        values = {
            "github": github_context(github),
            "vars": dict(self.variables),
            "inputs": Known("inputs", _dispatch_inputs(workflow, event)),
            "secrets": secrets,
        }
        contexts = Contexts(values=values)
        scope = contexts.scope("workflow")
        interpolate_all([workflow.run_name, workflow.concurrency], scope)  # to find what is misspelt in them
        return Setting(
            workflow=workflow,
            event=event,
            run=run,
            around=self.around,
            github=github,
            contexts=contexts,
            secrets=secrets,
            actions=self.actions,
            cancel_at=cancel_at,
        )

    def _github(self, workflow: Workflow, event: Event, run: Run) -> dict[str, Any]:
        platform, payload = self.around.platform, event.payload
        owner, _, _ = event.repository.partition("/")
        kind = "tag" if event.ref.startswith("refs/tags/") else "branch"
        name = event.ref.removeprefix("refs/").partition("/")[2]
        return {
            "server_url": platform.server_url,
            "api_url": platform.api_url,
            "graphql_url": platform.graphql_url,
            "event_name": event.name,
            "event": payload,
            "repository": event.repository,
            "repository_id": str(payload["repository"]["id"]),
            "repository_owner": owner,
            "repository_owner_id": str(payload["repository"]["owner"]["id"]),
            "ref": event.ref,
            "ref_name": name,
            "ref_type": kind,
            "ref_protected": False,
            "sha": event.sha,
            "head_ref": event.head_ref,
            "base_ref": event.base_ref,
            "actor": event.actor,
            "actor_id": str(platform.github.user(event.actor).id),
            "triggering_actor": run.triggering_actor,
            "workflow": workflow.name,
            "workflow_ref": f"{event.repository}/{workflow.path}@{event.ref}",
            "workflow_sha": event.workflow_sha,
            "run_id": str(run.id),
            "run_number": str(run.number),
            "run_attempt": str(run.attempt),
            "retention_days": "90",
        }


def _dispatch_inputs(workflow: Workflow, event: Event) -> dict[str, Any]:
    if event.name != "workflow_dispatch":
        return {}
    declared = workflow.on["workflow_dispatch"].get("inputs") or {}
    unknown = set(event.inputs) - set(declared)
    if unknown:
        raise DocumentError(f"{workflow.path}: there is no input {', '.join(sorted(unknown))} to dispatch with")
    values = {name: event.inputs.get(name, (one or {}).get("default", "")) for name, one in declared.items()}
    missing = [name for name, one in declared.items() if (one or {}).get("required") and values[name] == ""]
    if missing:
        raise DocumentError(f"{workflow.path}: dispatching needs {', '.join(missing)}")
    return values


class _Jobs:
    """The jobs of one run, and what those before tell those after."""

    def __init__(self, setting: Setting, kept: Mapping[str, list[JobRun]]) -> None:
        self._setting = setting
        self._kept = kept
        self._jobs = setting.workflow.jobs
        self._results: dict[str, str] = {}
        self._outputs: dict[str, dict[str, str]] = {}

    def run(self) -> None:
        for job in _in_order(self._jobs, self._setting.workflow.path):
            legs = self._legs(job)
            self._setting.run.jobs += legs
            self._results[job.id] = _together([leg.result if not leg.forgiven else "success" for leg in legs])
            # Of a matrix, a later leg's output replaces an earlier one's unless it is empty.
            outputs: dict[str, str] = {}
            for leg in legs:
                outputs |= {name: value for name, value in leg.outputs.items() if value or name not in outputs}
            self._outputs[job.id] = outputs

    def _legs(self, job: Job) -> list[JobRun]:
        where = f"{self._setting.workflow.path}: job {job.id}"
        needs = self._needs(job)
        before = self._setting.contexts.having(needs=needs)
        try:
            if not holds(job.condition, before.scope("job if", self._status(job))):
                return [JobRun(id=job.id, name=job.name or job.id)]
            strategy = interpolate_all(job.strategy, before.scope("strategy"))
        except ExpressionError as error:
            raise ExpressionError(f"{where}: {error}") from None
        try:
            legs = legs_of(strategy)
        except MatrixRefused as error:
            return [_refused(job, str(error))]
        names = dict.fromkeys(name for leg in legs for name in leg.values)
        records: list[JobRun] = []
        for leg in legs:
            records.append(self._leg(job, leg, leg_contexts(self._setting, job, needs, leg, names), records))
        return records

    def _leg(self, job: Job, leg: Leg, contexts: Contexts, before: list[JobRun]) -> JobRun:
        scope = contexts.scope("job")
        record = job_record(job, leg, scope, self._setting)
        for old in self._kept.get(job.id, []):
            if old.name == record.name:
                return copy.deepcopy(old)
        # One after the other here, side by side on GitHub: there, too, the first failure cancels the others.
        if leg.strategy["fail-fast"] is True and any(one.result == "failure" and not one.forgiven for one in before):
            record.result = "cancelled"
            return record
        record.forgiven = truthy(interpolate_all(job.continue_on_error, scope))
        run_job(self._setting, job, record, contexts)
        record.forgiven = record.forgiven and record.result == "failure"
        return record

    def _needs(self, job: Job) -> Known:
        return Known(
            "needs",
            {
                id_: Known(
                    f"needs.{id_}",
                    {
                        "result": self._results[id_],
                        "outputs": Known(f"needs.{id_}.outputs", self._outputs[id_], list(self._jobs[id_].outputs)),
                    },
                )
                for id_ in job.needs
            },
        )

    def _status(self, job: Job) -> dict[str, Any]:
        results = {self._results[id_] for id_ in _ancestors(job, self._jobs)}
        cancelled = any(one.result == "cancelled" for one in self._setting.run.jobs) and bool(self._setting.cancel_at)
        return {
            "success": lambda: results <= {"success"} and not cancelled,
            "failure": lambda: "failure" in results,
            "cancelled": lambda: cancelled,
            "always": lambda: True,
        }


def _in_order(jobs: Mapping[str, Job], path: str) -> list[Job]:
    ordered: dict[str, Job] = {}
    for job in jobs.values():
        for need in job.needs:
            if need not in jobs:
                raise DocumentError(f"{path}: job {job.id} needs {need}, which is no job")
    while len(ordered) < len(jobs):
        ready = [job for id_, job in jobs.items() if id_ not in ordered and set(job.needs) <= set(ordered)]
        if not ready:
            raise DocumentError(f"{path}: jobs need each other")
        ordered[ready[0].id] = ready[0]
    return list(ordered.values())


def _ancestors(job: Job, jobs: Mapping[str, Job]) -> set[str]:
    found = set(job.needs)
    for need in job.needs:
        found |= _ancestors(jobs[need], jobs)
    return found


def _together(results: list[str]) -> str:
    return next(one for one in ("failure", "cancelled", "success", "skipped") if one in results)


def _refused(job: Job, why: str) -> JobRun:
    error = Annotation(level="error", message=why)
    begin = StepRun(name="Set up job", outcome="failure", conclusion="failure", annotations=[error], log=f"{why}\n")
    return JobRun(id=job.id, name=job.name or job.id, result="failure", steps=[begin])
