"""The resources whose values the function changes, created in an account, and how to read the values."""

from __future__ import annotations

import io
import zipfile
from types import MappingProxyType

from botocore.validate import ParamValidator

FUNCTION, ALIAS, ENDPOINT = "classify", "live", "classify"


class Thing:
    """One kind of thing that is moved.

    Attributes:
        answer: The kind of answer it belongs to.
        parameters: Of the stack.
        start: The value before any alarm.
        steps: The values after one step, after two, and however long the alarm stays on.
    """

    def __init__(self, account):
        self.account = account

    def create(self):
        raise NotImplementedError

    def value(self):
        raise NotImplementedError

    def set(self, value):
        raise NotImplementedError

    def client(self, service):
        """What the function gets as its client."""
        return self.account.client(service)


class ReservedConcurrency(Thing):
    answer = "concurrency"
    parameters = MappingProxyType({"FunctionName": FUNCTION, "Minimum": "5", "Maximum": "20", "Step": "4"})
    start, steps = 12, (8, 5, 5)

    def create(self):
        create_function(self.account)
        self.set(self.start)

    def value(self):
        found = self.account.client("lambda").get_function_concurrency(FunctionName=FUNCTION)
        return found.get("ReservedConcurrentExecutions")

    def set(self, value):
        client = self.account.client("lambda")
        if value is None:
            client.delete_function_concurrency(FunctionName=FUNCTION)
        else:
            client.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=value)


class Unreserved(ReservedConcurrency):
    """Where nothing is reserved, steps go down from the maximum, and at the end nothing is reserved again."""

    start, steps = None, (16, 12, 5)


class ProvisionedConcurrency(Thing):
    """moto has no provisioned concurrency; botocore's own description of the calls checks them here."""

    answer = "provisioned"
    parameters = MappingProxyType(
        {"FunctionName": FUNCTION, "AliasName": ALIAS, "Minimum": "1", "Maximum": "5", "Step": "2"}
    )
    start, steps = 8, (5, 4, 1)

    def create(self):
        self._value = self.start

    def value(self):
        return self._value

    def set(self, value):
        self._value = value

    def client(self, service):
        return self if service == "lambda" else super().client(service)

    @property
    def exceptions(self):
        return self.account.client("lambda").exceptions

    def get_provisioned_concurrency_config(self, **parameters):
        self._check("GetProvisionedConcurrencyConfig", parameters)
        if not self._value:
            raise self.exceptions.ProvisionedConcurrencyConfigNotFoundException({}, "GetProvisionedConcurrency")
        return {"RequestedProvisionedConcurrentExecutions": self._value}

    def put_provisioned_concurrency_config(self, **parameters):
        self._check("PutProvisionedConcurrencyConfig", parameters)
        self._value = parameters["ProvisionedConcurrentExecutions"]

    def delete_provisioned_concurrency_config(self, **parameters):
        self._check("DeleteProvisionedConcurrencyConfig", parameters)
        self._value = 0

    def _check(self, operation, parameters):
        self.account.called.append(f"lambda:{operation}")
        model = self.account.client("lambda").meta.service_model.operation_model(operation)
        report = ParamValidator().validate(parameters, model.input_shape)
        assert not report.has_errors(), report.generate_report()
        assert (parameters["FunctionName"], parameters["Qualifier"]) == (FUNCTION, ALIAS)


class NothingProvisioned(ProvisionedConcurrency):
    """There is nothing to take away."""

    start, steps = 0, (0, 0, 0)


class EcsService(Thing):
    answer = "service"
    parameters = MappingProxyType(
        {"ClusterName": "production", "ServiceName": "classify", "Minimum": "2", "Maximum": "8"}
    )
    start, steps = 4, (3, 2, 2)

    def create(self):
        ecs = self.account.client("ecs")
        ecs.create_cluster(clusterName="production")
        ecs.register_task_definition(
            family="classify", containerDefinitions=[{"name": "one", "image": "one", "memory": 128}]
        )
        ecs.create_service(
            cluster="production", serviceName="classify", taskDefinition="classify", desiredCount=self.start
        )

    def value(self):
        found = self.account.client("ecs").describe_services(cluster="production", services=["classify"])
        return found["services"][0]["desiredCount"]

    def set(self, value):
        self.account.client("ecs").update_service(cluster="production", service="classify", desiredCount=value)


class LambdaAlias(Thing):
    """Version 1 serves, version 2 is the CPU-only one."""

    answer = "alias"
    parameters = MappingProxyType({"FunctionName": FUNCTION, "AliasName": ALIAS, "CpuVersion": "2", "Step": "0.2"})
    start, steps = 0.0, (0.2, 0.4, 0.5)

    def create(self):
        create_function(self.account)
        client = self.account.client("lambda")
        client.publish_version(FunctionName=FUNCTION)
        client.update_function_code(FunctionName=FUNCTION, ZipFile=archive("CPU"))
        client.publish_version(FunctionName=FUNCTION)
        client.create_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion="1")

    def value(self):
        found = self.account.client("lambda").get_alias(FunctionName=FUNCTION, Name=ALIAS)
        assert found["FunctionVersion"] == "1"
        return (found.get("RoutingConfig") or {}).get("AdditionalVersionWeights", {}).get("2", 0.0)

    def set(self, value, version="2"):
        self.account.client("lambda").update_alias(
            FunctionName=FUNCTION, Name=ALIAS, RoutingConfig={"AdditionalVersionWeights": {version: value}}
        )


class SageMakerEndpoint(Thing):
    """Weights that do not sum to 1, and a third variant that must be left alone."""

    answer = "endpoint"
    parameters = MappingProxyType(
        {
            "EndpointName": ENDPOINT,
            "VariantName": "gpu",
            "CpuVariantName": "cpu",
            "Minimum": "0.3",
            "Maximum": "0.7",
        }
    )
    start, steps = 0.25, (0.35, 0.45, 0.7)

    def create(self):
        sagemaker = self.account.client("sagemaker")
        sagemaker.create_model(ModelName="one", ExecutionRoleArn="arn:aws:iam::123456789012:role/any")
        weights = {"gpu": 3.0, "cpu": 1.0, "shadow": 2.0}
        sagemaker.create_endpoint_config(
            EndpointConfigName="one",
            ProductionVariants=[
                {
                    "VariantName": name,
                    "ModelName": "one",
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": 1,
                    "InitialVariantWeight": weight,
                }
                for name, weight in weights.items()
            ],
        )
        sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName="one")

    def value(self):
        found = self.account.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
        weights = {one["VariantName"]: one["DesiredWeight"] for one in found["ProductionVariants"]}
        assert weights["shadow"] == 2.0
        assert round(weights["gpu"] + weights["cpu"], 6) == 4.0
        return round(weights["cpu"] / 4, 6)

    def set(self, value):
        self.account.client("sagemaker").update_endpoint_weights_and_capacities(
            EndpointName=ENDPOINT,
            DesiredWeightsAndCapacities=[
                {"VariantName": "gpu", "DesiredWeight": 4 * (1 - value)},
                {"VariantName": "cpu", "DesiredWeight": 4 * value},
            ],
        )


THINGS = (
    ReservedConcurrency,
    Unreserved,
    ProvisionedConcurrency,
    NothingProvisioned,
    EcsService,
    LambdaAlias,
    SageMakerEndpoint,
)


def create_function(account):
    role = account.client("iam").create_role(RoleName="classify", AssumeRolePolicyDocument="{}")
    account.client("lambda").create_function(
        FunctionName=FUNCTION,
        Runtime="python3.12",
        Role=role["Role"]["Arn"],
        Handler="index.handler",
        Code={"ZipFile": archive("GPU")},
    )


def archive(text):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as one:
        one.writestr("index.py", f"# {text}\n")
    return packed.getvalue()
