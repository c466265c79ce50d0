"""`energygate export cloudwatch`: for each workload a template with its energy alarm and what answers the alarm."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from energygate.errors import PolicyError
from energygate.production.cloudwatch_metric import name_fault
from energygate.production.export.cloudwatch_answers import ANSWERS, NONE
from energygate.production.export.cloudwatch_parameters import alarm_parameters, answer_parameters, needs_maximum
from energygate.production.export.cloudwatch_resources import CONDITIONS, alarm, answering
from energygate.production.export.documents import made_by, yaml_text

if TYPE_CHECKING:
    from collections.abc import Container

    from energygate.production.export.source import RuntimeLimit, Source

KIND = "cloudwatch"
METRIC = "energy_per_request"


def files(source: Source, *, answer: str = "concurrency") -> dict[str, str]:
    """Return one template for each workload that has a limit on energy per request.

    Args:
        source: The policy.
        answer: What the function moves while the alarm is on, a key of `ANSWERS`; `none` for the alarm alone.

    Raises:
        PolicyError: No workload has such a limit, one has only a relative limit and there is no result, or CloudWatch
            does not take a workload's name.
    """
    limited = [name for name in source.policy.workloads if _has_limit(source, name)]
    templates: dict[str, str] = {}
    for name in limited or list(source.policy.workloads)[:1]:
        limit = source.needed_limit(name, METRIC, exporter=KIND)
        fault = name_fault(name)
        if fault is not None:
            raise PolicyError(
                f"workload {name!r} is not a valid dimension for CloudWatch",
                where=source.policy.where("workloads", name),
                hint=f"Give it another name: {fault}",
            )
        templates[_file_name(name, templates)] = _template(source, limit, answer)
    return templates


def unlimited(source: Source) -> list[str]:
    """Return the workloads that `files` has no template for."""
    return [name for name in source.policy.workloads if not _has_limit(source, name)]


def deploying(source: Source, file: str, kind: str) -> str:
    """Return the command that deploys a template in the directory `{output}`, with example names to replace."""
    command = f"aws cloudformation deploy --template-file {{output}}/{file} --stack-name energygate-{file[:-5]}"
    answer = ANSWERS.get(kind)
    if answer is None:
        return command
    maximum = " Maximum=20" if answer.lowers and needs_maximum(source, kind) else ""
    return f"{command} --capabilities CAPABILITY_IAM --parameter-overrides {answer.example}{maximum}"


def _template(source: Source, limit: RuntimeLimit, kind: str) -> str:
    answer = ANSWERS.get(kind)
    outputs: dict[str, Any] = {"AlarmName": {"Description": "The energy alarm", "Value": {"Ref": "EnergyPerRequest"}}}
    document: dict[str, Any] = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "energygate: the alarm on energy per request, and what answers it",
        "Parameters": alarm_parameters(source, limit),
        "Conditions": CONDITIONS,
        "Resources": alarm(answered=answer is not None),
        "Outputs": outputs,
    }
    if answer is not None:
        document["Parameters"] |= answer_parameters(source, kind, answer)
        document["Resources"] |= answering(kind, answer)
        outputs["FunctionName"] = {"Description": "What answers the alarm", "Value": {"Ref": "Answer"}}
        outputs["LogGroupName"] = {"Description": "Where it says what it does", "Value": {"Ref": "Log"}}
    while_over = f"a function moves {answer.what}" if answer else "the alarm is on; nothing is moved"
    heading = [
        made_by(KIND, source.policy.source),
        "",
        f"While energy per request is over its limit, {while_over}.",
        "Energy is in joules at the facility, PUE included, as energygate.Recorder sends it to CloudWatch.",
    ]
    return yaml_text(document, heading=heading)


def _has_limit(source: Source, workload: str) -> bool:
    budget = source.policy.workloads[workload].budgets.get(METRIC)
    return budget is not None and budget.level != "off"


def _file_name(workload: str, taken: Container[str]) -> str:
    """Return a file's name that is valid everywhere and unique among the workloads."""
    stem = re.sub("[^a-z0-9-]+", "-", workload.lower()).strip("-") or "workload"
    number, name = 1, f"{stem}.yaml"
    while name in taken:
        number += 1
        name = f"{stem}-{number}.yaml"
    return name


KINDS = (*ANSWERS, NONE)
"""What the answer of `files` may be."""
