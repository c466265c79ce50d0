"""The parameters of a workload's CloudFormation template, and where their defaults come from."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from energygate.production.export.documents import Noted
from energygate.production.export.promql import joules

if TYPE_CHECKING:
    from energygate.production.export.cloudwatch_answers import Answer
    from energygate.production.export.source import RuntimeLimit, Source

PERIODS = (60, 300, 900, 3600)
"""Seconds. CloudWatch evaluates an alarm over at most a day, and 24 periods of any of these fit."""

REPLICAS = "service"
"""The answer that changes the number of replicas, of which the policy may say something."""

RETENTION_DAYS = tuple(
    int(days)
    for days in "1 3 5 7 14 30 60 90 120 150 180 365 400 545 731 1096 1827 2192 2557 2922 3288 3653".split()  # noqa: SIM905
)
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html."""


def alarm_parameters(source: Source, limit: RuntimeLimit) -> dict[str, Any]:
    """Return the parameters of the alarm."""
    name = limit.workload
    default = Noted(_number(joules(limit.value)), f"{limit.source}: {limit.described}")
    return {
        "Workload": {
            "Type": "String",
            "Default": Noted(name, source.policy.where("workloads", name)),
            "Description": "The value of the dimension Workload, as energygate.Recorder sends it.",
        },
        "LimitJoules": _numeric(
            "Joules per request at the facility, PUE included; being equal to it is within it. "
            f"The policy's limit is {limit.described} ({limit.source}).",
            default,
            minimum=0,
        ),
        "PeriodSeconds": {
            "Type": "Number",
            "Default": 300,
            "AllowedValues": list(PERIODS),
            "Description": "One data point is the mean over the requests of this long.",
        },
        "EvaluationPeriods": _numeric(
            "N of M out of N: the latest data points that are looked at.", 3, minimum=1, maximum=24
        ),
        "DatapointsToAlarm": _numeric(
            "M of M out of N: data points over the limit that raise the alarm; at most EvaluationPeriods.",
            2,
            minimum=1,
            maximum=24,
        ),
        "NotificationTopicArn": {
            "Type": "String",
            "Default": "",
            "AllowedPattern": "(arn:[a-zA-Z0-9-]+:sns:[a-z0-9-]+:[0-9]{12}:[a-zA-Z0-9_.-]{1,256})?",
            "ConstraintDescription": "the ARN of an SNS topic, or nothing",
            "Description": "An SNS topic that is notified of the alarm, too; empty for none.",
        },
    }


def answer_parameters(source: Source, kind: str, answer: Answer) -> dict[str, Any]:
    """Return the parameters of the function: what it moves, how far and how fast."""
    return {
        **answer.named,
        **(_counts(source, kind) if answer.lowers else _shares()),
        "StepMinutes": _numeric(
            "Minutes between steps while the alarm is on: long enough for a step to show in it. The function also "
            "looks after the alarm this often.",
            15,
            minimum=2,
            maximum=1440,
        ),
        "RestoreMinutes": _numeric(
            "Minutes that the alarm must have been clear before all is put back.", 0, minimum=0, maximum=10080
        ),
        "DryRun": {
            "Type": "String",
            "Default": "true",
            "AllowedValues": ["true", "false"],
            "Description": "With true the function only logs what it would do.",
        },
        "LogRetentionDays": {
            "Type": "Number",
            "Default": 30,
            "AllowedValues": list(RETENTION_DAYS),
            "Description": "How long the function's log is kept.",
        },
    }


def _shares() -> dict[str, Any]:
    return {
        "Minimum": _numeric(
            "The least share of the CPU-only variant while the alarm is on, 0 to 1.", 0, minimum=0, maximum=1
        ),
        "Maximum": _numeric(
            "The largest share of the CPU-only variant, 0 to 1; no more than it can serve.",
            0.5,
            minimum=0,
            maximum=1,
        ),
        "Step": _numeric("How much the share grows with each step.", 0.1, minimum=0.001, maximum=1),
    }


def needs_maximum(source: Source, kind: str) -> bool:
    """Return whether whoever deploys the template must give the maximum."""
    traffic = source.policy.site.traffic
    return kind != REPLICAS or traffic is None or traffic.max_replicas is None


def _counts(source: Source, kind: str) -> dict[str, Any]:
    """Return the limits of replicas or concurrency; those of replicas come from the policy, where it has them."""
    least: Any = 1
    most = None
    traffic = source.policy.site.traffic
    if kind == REPLICAS and traffic is not None and traffic.warm_replicas:
        least = _replicas(source, "warm_replicas", traffic.warm_replicas)
    if traffic is not None and not needs_maximum(source, kind):
        most = _replicas(source, "max_replicas", traffic.max_replicas)
    return {
        "Minimum": _numeric("The function goes no lower than this.", least, minimum=1),
        "Maximum": _numeric(
            "The most to be left while the alarm is on. Steps start from what is set, or from here where nothing is.",
            most,
            minimum=1,
        ),
        "Step": _numeric("How much is taken away with each step.", 1, minimum=1),
    }


def _numeric(
    description: str, default: float | Noted | None, *, minimum: float, maximum: float | None = None
) -> dict[str, Any]:
    """Return a parameter that is a number; without a default, whoever deploys the template must give it."""
    return {
        "Type": "Number",
        **({} if default is None else {"Default": default}),
        "MinValue": minimum,
        **({} if maximum is None else {"MaxValue": maximum}),
        "Description": description,
    }


def _replicas(source: Source, key: str, value: int | None) -> Noted:
    return Noted(value, f"{source.policy.where('site', 'traffic', key)}: {key}")


def _number(value: float) -> int | str:
    """Return a number as CloudFormation takes it: without an exponent, and never rounded."""
    return int(value) if value.is_integer() else format(Decimal(repr(value)), "f")
