"""The resources of a workload's CloudFormation template: the alarm, and the function that answers it."""

from __future__ import annotations

from importlib.resources import files as packaged
from typing import TYPE_CHECKING, Any

from energygate.production.metric_names import CLOUDWATCH_DIMENSION, CLOUDWATCH_ENERGY_PER_REQUEST, CLOUDWATCH_NAMESPACE

if TYPE_CHECKING:
    from energygate.production.export.cloudwatch_answers import Answer

_ALARM = "${AWS::StackName}-energy-per-request"
ALARM_NAME = {"Fn::Sub": _ALARM}
"""Given, not made up by CloudFormation: the alarm names the function and the function's settings name the alarm."""

_ALARM_ARN = f"arn:${{AWS::Partition}}:cloudwatch:${{AWS::Region}}:${{AWS::AccountId}}:alarm:{_ALARM}"
_LOG_GROUP = "/energygate/${AWS::StackName}"
_MEMORY = "/energygate/${AWS::StackName}/before-the-alarm"
_PARAMETERS = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter"
_LOGS = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group"

NOTIFIES = "Notifies"
CONDITIONS = {NOTIFIES: {"Fn::Not": [{"Fn::Equals": [{"Ref": "NotificationTopicArn"}, ""]}]}}

OURS = ("DryRun", "Maximum", "Minimum", "RestoreMinutes", "Step", "StepMinutes")
"""Parameters that every function has among its settings."""


def alarm(*, answered: bool) -> dict[str, Any]:
    """Return the alarm by its logical name; it calls the function and notifies the topic, if there is one."""
    actions: list[Any] = [{"Fn::If": [NOTIFIES, {"Ref": "NotificationTopicArn"}, {"Ref": "AWS::NoValue"}]}]
    if answered:
        actions.append({"Fn::GetAtt": ["Answer", "Arn"]})
    return {
        "EnergyPerRequest": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": ALARM_NAME,
                "AlarmDescription": {"Fn::Sub": "Facility joules per request of ${Workload} are over ${LimitJoules}."},
                "Namespace": CLOUDWATCH_NAMESPACE,
                "MetricName": CLOUDWATCH_ENERGY_PER_REQUEST,
                "Dimensions": [{"Name": CLOUDWATCH_DIMENSION, "Value": {"Ref": "Workload"}}],
                "Statistic": "Average",
                "Period": {"Ref": "PeriodSeconds"},
                "EvaluationPeriods": {"Ref": "EvaluationPeriods"},
                "DatapointsToAlarm": {"Ref": "DatapointsToAlarm"},
                "Threshold": {"Ref": "LimitJoules"},
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
                "AlarmActions": actions,
                "OKActions": actions,
            },
        }
    }


def answering(kind: str, answer: Answer) -> dict[str, Any]:
    """Return the function, its permissions, its schedule and its log, by their logical names."""
    return {
        "Log": {
            "Type": "AWS::Logs::LogGroup",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Properties": {
                "LogGroupName": {"Fn::Sub": _LOG_GROUP},
                "RetentionInDays": {"Ref": "LogRetentionDays"},
            },
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": _policy(
                    {"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
                ),
                "Policies": [
                    {
                        "PolicyName": "answer-the-energy-alarm",
                        "PolicyDocument": _policy(*_permissions(answer)),
                    }
                ],
            },
        },
        "Answer": _function(kind, answer),
        "AlarmMayCall": _may_call("lambda.alarms.cloudwatch.amazonaws.com", {"Fn::Sub": _ALARM_ARN}),
        "Schedule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Description": "The next step while the alarm stays on, and what a lost event left undone",
                "ScheduleExpression": {"Fn::Sub": "rate(${StepMinutes} minutes)"},
                "State": "ENABLED",
                "Targets": [{"Id": "answer", "Arn": {"Fn::GetAtt": ["Answer", "Arn"]}}],
            },
        },
        "ScheduleMayCall": _may_call("events.amazonaws.com", {"Fn::GetAtt": ["Schedule", "Arn"]}),
    }


def handler_code() -> str:
    """Return the function's code as one file: the handler with its targets in place of their import."""
    here = packaged("energygate.production.export")
    handler = here.joinpath("cloudwatch_handler.py").read_text(encoding="utf-8")
    targets = here.joinpath("cloudwatch_targets.py").read_text(encoding="utf-8")
    before, line, after = handler.partition(_IMPORT)
    if not line:
        raise ValueError("the handler does not import its targets as expected")
    return before + targets.partition(_BEGINNING)[2].strip() + "\n" + after


_IMPORT = "from energygate.production.export.cloudwatch_targets import DIGITS, TARGETS, NotNow, Target\n"
_BEGINNING = "from __future__ import annotations\n"


def _function(kind: str, answer: Answer) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "ALARM": ALARM_NAME,
        "MEMORY": {"Fn::Sub": _MEMORY},
        "TARGET": kind,
        **{_constant(name): {"Ref": name} for name in OURS},
        **{name: {"Ref": parameter} for name, parameter in answer.settings.items()},
    }
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Description": {"Fn::Sub": f"Moves {answer.what} while ${{Workload}} is over its energy limit"},
            "Runtime": "python3.12",
            "Architectures": ["arm64"],
            "Handler": "index.handler",
            "MemorySize": 256,
            "Timeout": 60,
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "LoggingConfig": {"LogGroup": {"Ref": "Log"}},
            "Environment": {"Variables": dict(sorted(settings.items()))},
            "Code": {"ZipFile": handler_code()},
        },
    }


def _permissions(answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": {"Fn::Sub": f"{_LOGS}:{_LOG_GROUP}:*"},
        },
        {"Action": "cloudwatch:DescribeAlarms", "Resource": {"Fn::Sub": _ALARM_ARN}},
        {
            "Action": ["ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"],
            "Resource": {"Fn::Sub": f"{_PARAMETERS}{_MEMORY}"},
        },
        {"Action": list(answer.actions), "Resource": [{"Fn::Sub": one} for one in answer.resources]},
    ]


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]}


def _may_call(service: str, source: dict[str, Any]) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "FunctionName": {"Ref": "Answer"},
            "Action": "lambda:InvokeFunction",
            "Principal": service,
            "SourceAccount": {"Ref": "AWS::AccountId"},
            "SourceArn": source,
        },
    }


def _constant(parameter: str) -> str:
    """Return a parameter's name as an environment variable: `StepMinutes` is `STEP_MINUTES`."""
    return "".join(f"_{one}" if one.isupper() else one for one in parameter).lstrip("_").upper()
