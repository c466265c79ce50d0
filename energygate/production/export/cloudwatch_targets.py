"""The values that the function for the energy alarm can change; exported together with `cloudwatch_handler`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DIGITS = 4
"""Shares are compared to so many digits: SageMaker keeps weights in single precision."""


class NotNow(Exception):
    """The value cannot be changed at the moment; the next run tries again."""


class Target(Protocol):
    """A value to change; `read` raises NotNow where it cannot be changed at the moment."""

    lowers: bool

    def read(self) -> float | None:
        """Return the current value."""

    def write(self, value: float | None) -> None:
        """Set the value."""


class ReservedConcurrency:
    """Reserved concurrency of a function; None is none reserved."""

    lowers = True

    def __init__(self, client: Callable[[str], Any], settings: Mapping[str, str]) -> None:
        self._lambda = client("lambda")
        self._function = {"FunctionName": settings["FUNCTION"]}

    def read(self) -> float | None:
        found: int | None = self._lambda.get_function_concurrency(**self._function).get("ReservedConcurrentExecutions")
        return found

    def write(self, value: float | None) -> None:
        if value is None:
            self._lambda.delete_function_concurrency(**self._function)
        else:
            self._lambda.put_function_concurrency(**self._function, ReservedConcurrentExecutions=int(value))


class ProvisionedConcurrency:
    """Provisioned concurrency of a function's alias; 0 is none provisioned."""

    lowers = True

    def __init__(self, client: Callable[[str], Any], settings: Mapping[str, str]) -> None:
        self._lambda = client("lambda")
        self._alias = {"FunctionName": settings["FUNCTION"], "Qualifier": settings["ALIAS"]}

    def read(self) -> float | None:
        try:
            found = self._lambda.get_provisioned_concurrency_config(**self._alias)
        except self._lambda.exceptions.ProvisionedConcurrencyConfigNotFoundException:
            return 0
        return int(found["RequestedProvisionedConcurrentExecutions"])

    def write(self, value: float | None) -> None:
        if not value:
            self._lambda.delete_provisioned_concurrency_config(**self._alias)
        else:
            self._lambda.put_provisioned_concurrency_config(**self._alias, ProvisionedConcurrentExecutions=int(value))


class EcsService:
    """Desired count of an ECS service."""

    lowers = True

    def __init__(self, client: Callable[[str], Any], settings: Mapping[str, str]) -> None:
        self._ecs = client("ecs")
        self._cluster, self._service = settings["CLUSTER"], settings["SERVICE"]

    def read(self) -> float | None:
        found = self._ecs.describe_services(cluster=self._cluster, services=[self._service])
        if not found["services"]:
            raise ValueError(f"there is no service {self._service} in cluster {self._cluster}")
        return int(found["services"][0]["desiredCount"])

    def write(self, value: float | None) -> None:
        self._ecs.update_service(cluster=self._cluster, service=self._service, desiredCount=int(value or 0))


class LambdaAlias:
    """The share of an alias' requests that goes to the function's CPU-only version."""

    lowers = False

    def __init__(self, client: Callable[[str], Any], settings: Mapping[str, str]) -> None:
        self._lambda = client("lambda")
        self._alias = {"FunctionName": settings["FUNCTION"], "Name": settings["ALIAS"]}
        self._version = settings["CPU_VERSION"]
        self._revision = ""

    def read(self) -> float | None:
        found = self._lambda.get_alias(**self._alias)
        self._revision = found["RevisionId"]  # so that a deployment at the same moment is not overwritten
        weights = (found.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        if set(weights) - {self._version}:
            raise NotNow(f"the alias is being shifted between other versions: {sorted(weights)}")
        if found["FunctionVersion"] == self._version:
            return 1.0
        return round(float(weights.get(self._version, 0)), DIGITS)

    def write(self, value: float | None) -> None:
        weights = {self._version: value} if value else {}
        self._lambda.update_alias(
            **self._alias, RoutingConfig={"AdditionalVersionWeights": weights}, RevisionId=self._revision
        )


class SageMakerEndpoint:
    """The CPU-only one's share of two SageMaker variants' requests; the sum of their weights stays as it is."""

    lowers = False

    def __init__(self, client: Callable[[str], Any], settings: Mapping[str, str]) -> None:
        self._sagemaker = client("sagemaker")
        self._endpoint = settings["ENDPOINT"]
        self._variants = (settings["VARIANT"], settings["CPU_VARIANT"])
        self._together = 1.0

    def read(self) -> float | None:
        found = self._sagemaker.describe_endpoint(EndpointName=self._endpoint)
        if found["EndpointStatus"] != "InService":
            raise NotNow(f"the endpoint is {found['EndpointStatus']}")
        weights = {one["VariantName"]: one.get("DesiredWeight", 0.0) for one in found["ProductionVariants"]}
        missing = set(self._variants) - set(weights)
        if missing:
            raise ValueError(f"endpoint {self._endpoint} has no variant {sorted(missing)}")
        self._together = sum(weights[name] for name in self._variants) or 1.0
        return round(float(weights[self._variants[1]] / self._together), DIGITS)

    def write(self, value: float | None) -> None:
        share = value or 0.0
        weights = zip(self._variants, (1 - share, share), strict=True)
        self._sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=self._endpoint,
            DesiredWeightsAndCapacities=[
                {"VariantName": name, "DesiredWeight": round(part * self._together, 6)} for name, part in weights
            ],
        )


TARGETS: dict[str, Callable[[Callable[[str], Any], Mapping[str, str]], Target]] = {
    "alias": LambdaAlias,
    "concurrency": ReservedConcurrency,
    "endpoint": SageMakerEndpoint,
    "provisioned": ProvisionedConcurrency,
    "service": EcsService,
}
