"""The exported template, deployed into moto's account: its alarm, and what its function does."""

from __future__ import annotations

import ast
import json
from itertools import pairwise

import pytest
from aws_account import ACCOUNT, ALARM, REGION, SCHEDULED, STACK
from cloudwatch_policies import template
from controlled_resources import THINGS, EcsService, LambdaAlias, ReservedConcurrency, SageMakerEndpoint, Unreserved
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ALARM_ARN = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{ALARM}"


def test_the_alarm_holds_the_policys_limit(account):
    account.deploy(template("none"))
    alarm = account.alarm()
    assert alarm["Threshold"] == 720  # 0.2 Wh
    assert (alarm["Namespace"], alarm["MetricName"]) == ("energygate", "EnergyPerRequest")
    assert alarm["Dimensions"] == [{"Name": "Workload", "Value": "digits-cnn"}]
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"], alarm["Period"]) == (2, 3, 300)
    assert alarm["AlarmActions"] == []


def test_a_stack_may_override_the_limit(account):
    account.deploy(template("none"), LimitJoules="0.00123", EvaluationPeriods="6", DatapointsToAlarm="5")
    assert account.alarm()["Threshold"] == 0.00123
    assert (account.alarm()["DatapointsToAlarm"], account.alarm()["EvaluationPeriods"]) == (5, 6)


def test_the_alarm_notifies_the_topic_and_the_function(account):
    topic = account.client("sns").create_topic(Name="ops")["TopicArn"]
    account.deploy(template("concurrency"), **ReservedConcurrency.parameters, NotificationTopicArn=topic)
    wanted = [topic, account.answer().function["FunctionArn"]]
    assert account.alarm()["AlarmActions"] == account.alarm()["OKActions"] == wanted


@pytest.mark.parametrize(
    ("means", "state"),
    [
        ((900, 900, 900), "ALARM"),
        ((900, 100, 900), "ALARM"),
        ((100, 900, 100), "OK"),
        ((720, 720, 720), "OK"),
        ((721, 721), "ALARM"),
        ((), "OK"),
    ],
)
def test_the_alarm_is_raised_when_two_of_three_periods_are_over(account, means, state):
    account.deploy(template("none"))
    if means:
        account.plant(*means)
    account.evaluate()
    assert account.alarm()["StateValue"] == state


@pytest.mark.parametrize("kind", THINGS, ids=lambda kind: kind.__name__)
def test_a_value_changes_by_steps_during_the_alarm_and_is_then_restored(account, deployed, kind):
    thing, answer = deployed(kind)
    account.plant(900, 900, 900)
    reports = [answer(account.evaluate())]
    assert thing.value() == kind.steps[0]
    account.wait(16)
    reports.append(answer(SCHEDULED))
    assert thing.value() == kind.steps[1]
    account.wait(24 * 60)
    reports.append(answer(SCHEDULED))
    assert thing.value() == kind.steps[2]
    account.plant(*[0] * 3, requests=1e6)
    reports.append(answer(account.evaluate()))
    assert thing.value() == kind.start
    assert account.remembered() is None
    moves = [(one, two) for one, two in pairwise((kind.start, *kind.steps, kind.start)) if one != two]
    assert [(one["from"], one["to"]) for one in reports if one["action"] in {"step", "restore"}] == moves
    assert answer.called <= allowed(account)
    assert_the_role_is_for_this_alone(account)


@pytest.mark.parametrize(
    "kind", [Unreserved, EcsService, LambdaAlias, SageMakerEndpoint], ids=lambda kind: kind.__name__
)
def test_a_dry_run_logs_its_decision_and_changes_nothing(account, deployed, kind):
    thing, answer = deployed(kind, DryRun="true")
    account.plant(900, 900, 900)
    report = answer(account.evaluate())
    assert report["dry_run"] is True
    assert (report["to"] or kind.start) == kind.steps[0]
    account.wait(24 * 60)
    answer(SCHEDULED)
    answer(account.set_state("OK"))
    assert thing.value() == kind.start
    assert account.remembered() is None


def test_a_stack_is_a_dry_run_by_default(account):
    thing = ReservedConcurrency(account)
    thing.create()
    account.deploy(template("concurrency"), **ReservedConcurrency.parameters)
    assert account.answer()(account.set_state("ALARM"))["dry_run"] is True
    assert thing.value() == ReservedConcurrency.start


happenings = st.lists(
    st.one_of(
        st.sampled_from(["ALARM", "OK", "INSUFFICIENT_DATA"]),  # the state, its event still under way
        st.integers(0, 9),  # an event of before arrives: late, twice, or out of order
        st.sampled_from([1.0, 16.0, 200.0]),  # minutes pass
        st.none(),  # the schedule
    ),
    max_size=12,
)


def test_any_sequence_stays_within_limits_and_ends_restored(account, deployed):
    thing, answer = deployed(LambdaAlias)

    @settings(max_examples=10, suppress_health_check=list(HealthCheck))
    @given(happenings, st.integers(0, 9))
    def check(happened, last):
        events = [account.set_state("OK")]
        for one in happened:
            if isinstance(one, str):
                events.append(account.set_state(one))
            elif isinstance(one, float):
                account.wait(one)
            else:
                answer(SCHEDULED if one is None else events[one % len(events)])
            assert thing.value() in {0.0, 0.2, 0.4, 0.5}
        account.set_state("OK")
        answer(events[last % len(events)])  # any event will do
        assert thing.value() == LambdaAlias.start
        assert account.remembered() is None

    check()


def test_only_the_alarm_and_the_schedule_may_call_the_function(account, deployed):
    _, answer = deployed(ReservedConcurrency)
    name = answer.function["FunctionName"]
    policy = json.loads(account.client("lambda").get_policy(FunctionName=name)["Policy"])
    rule = account.client("events").describe_rule(Name=account.resource("Schedule"))
    callers = {one["Principal"]["Service"]: one["Condition"]["ArnLike"]["AWS:SourceArn"] for one in policy["Statement"]}
    assert callers == {
        "lambda.alarms.cloudwatch.amazonaws.com": ALARM_ARN,
        "events.amazonaws.com": rule["Arn"],
    }
    assert rule["ScheduleExpression"] == "rate(15 minutes)"
    targets = account.client("events").list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert [one["Arn"] for one in targets] == [answer.function["FunctionArn"]]


def test_the_retention_of_the_log(account, deployed):
    deployed(ReservedConcurrency, LogRetentionDays="7")
    (group,) = account.client("logs").describe_log_groups()["logGroups"]
    assert (group["logGroupName"], group["retentionInDays"]) == (f"/energygate/{STACK}", 7)


def statements(account):
    role = account.resource("Role")
    found = account.client("iam").get_role_policy(RoleName=role, PolicyName="answer-the-energy-alarm")
    return ast.literal_eval(found["PolicyDocument"])["Statement"]  # moto keeps the text of a dict


def assert_the_role_is_for_this_alone(account):
    assert not any("*" in action for action in allowed(account))
    for statement in statements(account):
        resources = statement["Resource"]
        for resource in [resources] if isinstance(resources, str) else resources:
            assert STACK in resource or "classify" in resource
            assert resource.count("*") == resource.startswith("arn:aws:logs:")


def allowed(account):
    """The actions that the function's role allows."""
    actions = (statement["Action"] for statement in statements(account))
    return {action for one in actions for action in ([one] if isinstance(one, str) else one)}
