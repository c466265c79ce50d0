"""An AWS account for tests: moto's, plus the behaviour of CloudFormation and CloudWatch that moto lacks.

moto makes no alarms from templates and never evaluates one. Here an alarm of a template is put with the API call that
CloudFormation makes, through boto3, which refuses what the call does not take; and `evaluate` does for an alarm what
CloudWatch documents: M of the last N periods over the threshold, missing ones not breaching.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import io
import json
import os
import sys
import time
import unittest.mock
import zipfile

import boto3
from moto.awslambda.models import lambda_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.common_models import CloudFormationModel

REGION = "eu-central-1"
ACCOUNT = "123456789012"
STACK = "energygate-digits-cnn"
ALARM = f"{STACK}-energy-per-request"


SESSION = boto3.session.Session(
    aws_access_key_id="testing",
    aws_secret_access_key="testing",  # noqa: S106 - moto takes anything
    region_name=REGION,
)
"""Reads boto3's descriptions of services once for all tests."""


class AlarmOfTemplate(CloudFormationModel):
    """Makes AWS::CloudWatch::Alarm known to moto's CloudFormation."""

    __module__ = "moto.cloudwatch.alarm_of_template"  # moto keeps models by the service in their module's name

    WHOLE = ("Period", "EvaluationPeriods", "DatapointsToAlarm")

    def __init__(self, name):
        self.physical_resource_id = name

    @staticmethod
    def cloudformation_name_type():
        return "AlarmName"

    @staticmethod
    def cloudformation_type():
        return "AWS::CloudWatch::Alarm"

    @classmethod
    def create_from_cloudformation_json(cls, _resource_name, cloudformation_json, account_id, region_name, **_others):
        properties = dict(cloudformation_json["Properties"])
        properties |= {name: int(properties[name]) for name in cls.WHOLE}
        properties["Threshold"] = float(properties["Threshold"])
        for name in ("AlarmActions", "OKActions"):  # CloudFormation drops AWS::NoValue from lists
            properties[name] = [one for one in properties[name] if one is not None]
        SESSION.client("cloudwatch", region_name=region_name).put_metric_alarm(**properties)
        assert properties["AlarmName"] in cloudwatch_backends[account_id][region_name].alarms
        return cls(properties["AlarmName"])

    @classmethod
    def delete_from_cloudformation_json(cls, resource_name, _cloudformation_json, _account_id, region_name):
        SESSION.client("cloudwatch", region_name=region_name).delete_alarms(AlarmNames=[resource_name])


class Account:
    """What a test does to the account, and asks it."""

    def __init__(self, directory):
        self._directory = directory
        self._clients = {}
        self.ahead = 0.0
        """Seconds that the account's clocks are ahead of the real one."""
        self.called = []
        """Calls of all clients, named as IAM names them."""

    def client(self, service):
        if service not in self._clients:
            self._clients[service] = SESSION.client(service)
            self._clients[service].meta.events.register("provide-client-params", self._note)
        return self._clients[service]

    def _note(self, model, **_):
        self.called.append(f"{model.service_model.service_name}:{model.name}")

    def now(self):
        return time.time() + self.ahead

    def wait(self, minutes):
        self.ahead += 60 * minutes

    def deploy(self, template, **parameters):
        """Make the stack of a template's text, as `aws cloudformation deploy` does."""
        self.client("cloudformation").create_stack(
            StackName=STACK,
            TemplateBody=template,
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )

    def resource(self, logical_name):
        found = self.client("cloudformation").list_stack_resources(StackName=STACK)
        names = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found["StackResourceSummaries"]}
        return names[logical_name]

    def alarm(self):
        return self.client("cloudwatch").describe_alarms(AlarmNames=[ALARM])["MetricAlarms"][0]

    def answer(self):
        """The function that was deployed, as Lambda would import it: its own file, its own environment."""
        return Answer(self, self._directory)

    def plant(self, *means, requests=100):
        """Send means of energy per request, in joules, one for each of the last periods, the latest last."""
        alarm = self.alarm()
        now = dt.datetime.now(dt.timezone.utc)
        data = [
            {
                "MetricName": alarm["MetricName"],
                "Dimensions": alarm["Dimensions"],
                "Timestamp": now - dt.timedelta(seconds=alarm["Period"] * (age + 0.5)),
                "StatisticValues": {
                    "SampleCount": requests,
                    "Sum": mean * requests,
                    "Minimum": mean,
                    "Maximum": mean,
                },
            }
            for age, mean in enumerate(reversed(means))
        ]
        self.client("cloudwatch").put_metric_data(Namespace=alarm["Namespace"], MetricData=data)

    def evaluate(self):
        """Do what CloudWatch does with the alarm every period; returns the event of its actions."""
        alarm = self.alarm()
        now = dt.datetime.now(dt.timezone.utc)
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
        assert alarm["TreatMissingData"] == "notBreaching"
        found = [self._points(alarm, now, age) for age in range(alarm["EvaluationPeriods"])]
        over = sum(1 for points in found if points and points[0][alarm["Statistic"]] > alarm["Threshold"])
        return self.set_state("ALARM" if over >= alarm["DatapointsToAlarm"] else "OK")

    def _points(self, alarm, now, age):
        end = now - dt.timedelta(seconds=alarm["Period"] * age)
        return self.client("cloudwatch").get_metric_statistics(
            Namespace=alarm["Namespace"],
            MetricName=alarm["MetricName"],
            Dimensions=alarm["Dimensions"],
            StartTime=end - dt.timedelta(seconds=alarm["Period"]),
            EndTime=end,
            Period=alarm["Period"],
            Statistics=[alarm["Statistic"]],
        )["Datapoints"]

    def set_state(self, state):
        """Set the alarm's state, if it is another one; returns the event that CloudWatch calls a function with."""
        before = self.alarm()
        if before["StateValue"] != state:
            self.client("cloudwatch").set_alarm_state(
                AlarmName=ALARM, StateValue=state, StateReason="test", StateReasonData="{}"
            )
            alarm = cloudwatch_backends[ACCOUNT][REGION].alarms[ALARM]
            alarm.state_updated_timestamp += dt.timedelta(seconds=self.ahead)
        return alarm_event(self.alarm(), before)

    def remembered(self):
        """What the function remembers, or None."""
        found = self.client("ssm").get_parameters(Names=[f"/energygate/{STACK}/before-the-alarm"])
        return json.loads(found["Parameters"][0]["Value"]) if found["Parameters"] else None


class Answer:
    """The deployed function: called with an event, it returns what it logs."""

    def __init__(self, account, directory):
        self._account = account
        name = account.resource("Answer")
        self.function = account.client("lambda").get_function(FunctionName=name)["Configuration"]
        with zipfile.ZipFile(io.BytesIO(lambda_backends[ACCOUNT][REGION].get_function(name).code_bytes)) as archive:
            self.code = archive.read("index.py").decode()
        self.settings = {key: str(value) for key, value in self.function["Environment"]["Variables"].items()}
        self.module = _imported(self.code, directory)
        self.client = account.client
        self.called = set()
        """Calls that the function has made, named as IAM names them."""

    def __call__(self, event):
        before = len(self._account.called)
        with unittest.mock.patch.dict(os.environ, self.settings):
            report = self.module.handler(event, None, client=self.client, now=self._account.now)
        self.called |= set(self._account.called[before:])
        return report


def _imported(code, directory):
    module_file, handler = "index.py", "index"
    (directory / module_file).write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(handler, directory / module_file)
    module = importlib.util.module_from_spec(spec)
    with unittest.mock.patch.dict(sys.modules, {handler: module}):
        spec.loader.exec_module(module)
    return module


SCHEDULED = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": ACCOUNT,
    "time": "2026-01-01T00:00:00Z",
    "region": REGION,
    "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{STACK}-Schedule"],
    "detail": {},
}
"""What a schedule calls a function with:
https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-scheduled-event.html."""


def alarm_event(alarm, before):
    """What an alarm calls a function with:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html.
    """
    time_ = alarm["StateUpdatedTimestamp"].astimezone(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm["AlarmArn"],
        "accountId": ACCOUNT,
        "time": time_,
        "region": REGION,
        "alarmData": {
            "alarmName": alarm["AlarmName"],
            "state": {"value": alarm["StateValue"], "reason": alarm["StateReason"], "timestamp": time_},
            "previousState": {
                "value": before["StateValue"],
                "reason": before["StateReason"],
                "reasonData": before["StateReasonData"],
            },
            "configuration": {
                "description": alarm["AlarmDescription"],
                "metrics": [
                    {
                        "id": "8c1b3f1e-0c3a-2f4e-9f3b-7a3b1d6a5c11",
                        "metricStat": {
                            "metric": {
                                "namespace": alarm["Namespace"],
                                "name": alarm["MetricName"],
                                "dimensions": {one["Name"]: one["Value"] for one in alarm["Dimensions"]},
                            },
                            "period": alarm["Period"],
                            "stat": alarm["Statistic"],
                        },
                        "returnData": True,
                    }
                ],
            },
        },
    }
