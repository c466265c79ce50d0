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
"""Seconds; CloudWatch evaluates an alarm over at most a day, which 24 periods of any of them keep to."""

REPLICAS = "service"
"""The answer that counts what the policy calls replicas."""

RETENTION = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)
"""Days: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html."""


def alarm_parameters(source: Source, limit: RuntimeLimit) -> dict[str, Any]:
    """What the alarm is made from."""
    name = limit.workload
    return {
        "Workload": {
            "Type": "String",
            "Default": Noted(name, source.policy.where("workloads", name)),
            "Description": "The value of the dimension Workload, as energygate.Recorder sends it.",
        },
        "LimitJoules": {
            "Type": "Number",
            "Default": Noted(_number(joules(limit.value)), f"{limit.source}: {limit.described}"),
            "MinValue": 0,
            "Description": f"Joules per request at the facility, PUE included; being equal to it is within it."
            f" The policy's limit is {limit.described} ({limit.source}).",
        },
        "PeriodSeconds": {
            "Type": "Number",
            "Default": 300,
            "AllowedValues": list(PERIODS),
            "Description": "One data point is the mean over the requests of this long.",
        },
        "EvaluationPeriods": {
            "Type": "Number",
            "Default": 3,
            "MinValue": 1,
            "MaxValue": 24,
            "Description": "N of M out of N: the latest data points that are looked at.",
        },
        "DatapointsToAlarm": {
            "Type": "Number",
            "Default": 2,
            "MinValue": 1,
            "MaxValue": 24,
            "Description": "M of M out of N: data points over the limit that raise the alarm; at most"
            " EvaluationPeriods.",
        },
        "NotificationTopicArn": {
            "Type": "String",
            "Default": "",
            "AllowedPattern": "(arn:[a-zA-Z0-9-]+:sns:[a-z0-9-]+:[0-9]{12}:[a-zA-Z0-9_.-]{1,256})?",
            "ConstraintDescription": "the ARN of an SNS topic, or nothing",
            "Description": "An SNS topic that hears of the alarm, too; nothing for none.",
        },
    }


def answer_parameters(source: Source, kind: str, answer: Answer) -> dict[str, Any]:
    """What the function is made from: what it moves, how far and how fast."""
    return {
        **answer.named,
        **(_numbers(source, kind) if answer.lowers else _SHARES),
        "StepMinutes": {
            "Type": "Number",
            "Default": 15,
            "MinValue": 2,
            "MaxValue": 1440,
            "Description": "Minutes between steps while the alarm is on: long enough for a step to show in it. The"
            " function also looks after the alarm this often.",
        },
        "RestoreMinutes": {
            "Type": "Number",
            "Default": 0,
            "MinValue": 0,
            "MaxValue": 10080,
            "Description": "Minutes that the alarm must have been clear before all is put back.",
        },
        "DryRun": {
            "Type": "String",
            "Default": "true",
            "AllowedValues": ["true", "false"],
            "Description": "With true the function only logs what it would do.",
        },
        "LogRetentionDays": {
            "Type": "Number",
            "Default": 30,
            "AllowedValues": list(RETENTION),
            "Description": "How long the function's log is kept.",
        },
    }


_SHARES: dict[str, Any] = {
    "Minimum": {
        "Type": "Number",
        "Default": 0,
        "MinValue": 0,
        "MaxValue": 1,
        "Description": "The least share of the CPU-only variant while the alarm is on, 0 to 1.",
    },
    "Maximum": {
        "Type": "Number",
        "Default": 0.5,
        "MinValue": 0,
        "MaxValue": 1,
        "Description": "The largest share of the CPU-only variant, 0 to 1; no more than it can serve.",
    },
    "Step": {
        "Type": "Number",
        "Default": 0.1,
        "MinValue": 0.001,
        "MaxValue": 1,
        "Description": "How much the share grows with each step.",
    },
}


def needs_maximum(source: Source, kind: str) -> bool:
    """Whether the template leaves it to whoever deploys it to say what the most is."""
    traffic = source.policy.site.traffic
    return kind != REPLICAS or traffic is None or traffic.max_replicas is None


def _numbers(source: Source, kind: str) -> dict[str, Any]:
    """Limits of what is counted; those of replicas come from the policy, where it has them."""
    least: Any = 1
    most: dict[str, Any] = {}
    traffic = source.policy.site.traffic
    if kind == REPLICAS and traffic is not None and traffic.warm_replicas:
        least = _replicas(source, "warm_replicas", traffic.warm_replicas)
    if traffic is not None and not needs_maximum(source, kind):
        most = {"Default": _replicas(source, "max_replicas", traffic.max_replicas)}
    return {
        "Minimum": {
            "Type": "Number",
            "Default": least,
            "MinValue": 1,
            "Description": "The function goes no lower than this.",
        },
        "Maximum": {
            "Type": "Number",
            **most,
            "MinValue": 1,
            "Description": "The most to be left while the alarm is on. Steps start from what is set, or from here"
            " where nothing is.",
        },
        "Step": {
            "Type": "Number",
            "Default": 1,
            "MinValue": 1,
            "Description": "How much is taken away with each step.",
        },
    }


def _replicas(source: Source, key: str, value: int | None) -> Noted:
    return Noted(value, f"{source.policy.where('site', 'traffic', key)}: {key}")


def _number(value: float) -> int | str:
    """A number that CloudFormation takes: without an exponent, and never rounded."""
    return int(value) if value.is_integer() else format(Decimal(repr(value)), "f")
