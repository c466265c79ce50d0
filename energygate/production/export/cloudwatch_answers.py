"""What the function that answers the energy alarm can move: parameters, settings and permissions as data."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One kind of answer to the alarm.

    Attributes:
        what: What is moved, in words.
        lowers: Whether a whole number goes down; otherwise a share from 0 to 1 goes up.
        named: The template's parameters that name what is moved.
        settings: The function's environment variables, by the parameter that each has its value from.
        actions: IAM actions that it takes to read and to move it.
        resources: What the actions are allowed on, for `Fn::Sub`.
        example: Values of `named`, as `--parameter-overrides` takes them.
    """

    what: str
    lowers: bool
    named: Mapping[str, Mapping[str, Any]]
    settings: Mapping[str, str]
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    example: str


def _name(
    pattern: str, description: str, constraint: str = "a name without account, region or version"
) -> dict[str, Any]:
    return {
        "Type": "String",
        "AllowedPattern": pattern,
        "ConstraintDescription": constraint,
        "Description": description,
    }


_SAGEMAKER_NAME = "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
_FUNCTION = _name("[a-zA-Z0-9-_]{1,64}", "The Lambda function that serves the workload.")
_ALIAS = _name("[a-zA-Z0-9-_]{1,128}", "The function's alias that is called.", "the alias' name alone")
_VERSION = _name(
    "[0-9]{1,18}",
    "The published version of the function that needs no GPU or less energy.",
    "a version's number",
)
_ENDPOINT = _name(
    "[a-z0-9](-*[a-z0-9]){0,62}",
    "The SageMaker endpoint, in small letters as in its ARN.",
    "the endpoint's name in small letters",
)
_VARIANT = _name(_SAGEMAKER_NAME, "The production variant that is to serve less.")
_CPU_VARIANT = _name(_SAGEMAKER_NAME, "The CPU-only production variant.")
_CLUSTER = _name("[a-zA-Z0-9-_]{1,255}", "The ECS cluster.")
_SERVICE = _name("[a-zA-Z0-9-_]{1,255}", "The ECS service of the workload.")

_LAMBDA = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${FunctionName}"
_SAGEMAKER = "arn:${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}:endpoint/${EndpointName}"
_ECS = "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:service/${ClusterName}/${ServiceName}"

ANSWERS: Mapping[str, Answer] = MappingProxyType(
    {
        "alias": Answer(
            what="the share of an alias' requests that go to the function's CPU-only version",
            lowers=False,
            named={"FunctionName": _FUNCTION, "AliasName": _ALIAS, "CpuVersion": _VERSION},
            settings={"FUNCTION": "FunctionName", "ALIAS": "AliasName", "CPU_VERSION": "CpuVersion"},
            actions=("lambda:GetAlias", "lambda:UpdateAlias"),
            resources=(_LAMBDA, f"{_LAMBDA}:${{AliasName}}"),
            example="FunctionName=classify AliasName=live CpuVersion=7",
        ),
        "concurrency": Answer(
            what="the reserved concurrency of a function",
            lowers=True,
            named={"FunctionName": _FUNCTION},
            settings={"FUNCTION": "FunctionName"},
            actions=(
                "lambda:DeleteFunctionConcurrency",
                "lambda:GetFunctionConcurrency",
                "lambda:PutFunctionConcurrency",
            ),
            resources=(_LAMBDA,),
            example="FunctionName=classify",
        ),
        "endpoint": Answer(
            what="the share of an endpoint's requests that its CPU-only variant serves",
            lowers=False,
            named={"EndpointName": _ENDPOINT, "VariantName": _VARIANT, "CpuVariantName": _CPU_VARIANT},
            settings={"ENDPOINT": "EndpointName", "VARIANT": "VariantName", "CPU_VARIANT": "CpuVariantName"},
            actions=("sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"),
            resources=(_SAGEMAKER,),
            example="EndpointName=classify VariantName=gpu CpuVariantName=cpu",
        ),
        "provisioned": Answer(
            what="the provisioned concurrency of a function's alias",
            lowers=True,
            named={"FunctionName": _FUNCTION, "AliasName": _ALIAS},
            settings={"FUNCTION": "FunctionName", "ALIAS": "AliasName"},
            actions=(
                "lambda:DeleteProvisionedConcurrencyConfig",
                "lambda:GetProvisionedConcurrencyConfig",
                "lambda:PutProvisionedConcurrencyConfig",
            ),
            resources=(f"{_LAMBDA}:${{AliasName}}",),
            example="FunctionName=classify AliasName=live",
        ),
        "service": Answer(
            what="the desired count of an ECS service",
            lowers=True,
            named={"ClusterName": _CLUSTER, "ServiceName": _SERVICE},
            settings={"CLUSTER": "ClusterName", "SERVICE": "ServiceName"},
            actions=("ecs:DescribeServices", "ecs:UpdateService"),
            resources=(_ECS,),
            example="ClusterName=production ServiceName=classify",
        ),
    }
)
"""By the value of the function's `TARGET`; `cloudwatch_targets` has the code of each."""

NONE = "none"
"""The alarm alone: it notifies people, and nothing is moved."""
