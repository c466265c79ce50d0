"""The deployed function when others change things, calls fail, or events are malformed."""

from __future__ import annotations

import pytest
from aws_account import ALARM, SCHEDULED
from controlled_resources import LambdaAlias, ReservedConcurrency, SageMakerEndpoint


@pytest.mark.parametrize("kind", [ReservedConcurrency, LambdaAlias], ids=lambda kind: kind.__name__)
def test_a_value_set_by_somebody_else_during_an_alarm_is_kept(account, deployed, kind):
    thing, answer = deployed(kind)
    answer(account.set_state("ALARM"))
    theirs = 0.6 if kind.start < 1 else 7
    thing.set(theirs)
    account.wait(60)
    assert answer(SCHEDULED)["action"] == "leave"
    assert answer(SCHEDULED)["action"] == "keep"
    assert answer(account.set_state("OK"))["action"] == "forget"
    assert thing.value() == theirs
    assert account.remembered() is None
    assert answer(account.set_state("ALARM"))["action"] in {"step", "keep"}  # the next alarm begins anew
    answer(account.set_state("OK"))
    assert thing.value() == theirs


def test_a_value_already_beyond_its_limit_is_not_changed(account, deployed):
    thing, answer = deployed(ReservedConcurrency)
    thing.set(3)  # below the minimum of 5
    assert answer(account.set_state("ALARM"))["action"] == "keep"
    assert thing.value() == 3


def test_the_value_is_restored_only_after_the_restore_time(account, deployed):
    thing, answer = deployed(ReservedConcurrency, RestoreMinutes="30")
    answer(account.set_state("ALARM"))
    account.wait(16)
    answer(SCHEDULED)
    low = thing.value()
    assert answer(account.set_state("OK"))["action"] == "keep"
    account.wait(20)
    answer(account.set_state("ALARM"))  # again, before all was put back: steps begin anew but never lead back
    assert thing.value() == low
    account.set_state("OK")
    account.wait(31)
    assert answer(SCHEDULED)["action"] == "restore"
    assert thing.value() == ReservedConcurrency.start


def test_with_too_little_data_nothing_changes(account, deployed):
    thing, answer = deployed(ReservedConcurrency)
    answer(account.set_state("ALARM"))
    account.wait(60)
    assert answer(account.set_state("INSUFFICIENT_DATA"))["action"] == "keep"
    assert thing.value() == ReservedConcurrency.steps[0]


def test_an_alias_with_another_traffic_shift_is_left_alone(account, deployed):
    thing, answer = deployed(LambdaAlias)
    account.client("lambda").publish_version(FunctionName="classify")
    thing.set(0.1, version="1")
    report = answer(account.set_state("ALARM"))
    assert report["action"] == "keep"
    assert "other versions" in report["why"]


def test_a_deployment_at_the_same_moment_is_not_overwritten(account, deployed):
    """Lambda refuses an update of another revision of the alias than the one that was read; moto takes any."""
    _, answer = deployed(LambdaAlias)
    calls = {}

    class Deploying:
        def get_alias(self, **parameters):
            calls["read"] = account.client("lambda").get_alias(**parameters)
            return calls["read"]

        def update_alias(self, **parameters):
            calls["written"] = parameters

    answer.client = lambda service: Deploying() if service == "lambda" else account.client(service)
    answer(account.set_state("ALARM"))
    assert calls["written"]["RevisionId"] == calls["read"]["RevisionId"]
    assert "FunctionVersion" not in calls["written"]


def test_an_endpoint_that_is_being_updated_is_left_for_later(account, deployed):
    thing, answer = deployed(SageMakerEndpoint)

    class Updating:
        def describe_endpoint(self, **parameters):
            found = account.client("sagemaker").describe_endpoint(**parameters)
            return {**found, "EndpointStatus": "Updating"}

    answer.client = lambda service: Updating() if service == "sagemaker" else account.client(service)
    assert "Updating" in answer(account.set_state("ALARM"))["why"]
    answer.client = account.client
    answer(SCHEDULED)
    assert thing.value() == SageMakerEndpoint.steps[0]


def test_the_next_run_completes_an_interrupted_one(account, deployed):
    thing, answer = deployed(ReservedConcurrency)

    class Throttled:
        exceptions = account.client("lambda").exceptions

        def get_function_concurrency(self, **parameters):
            return account.client("lambda").get_function_concurrency(**parameters)

        def put_function_concurrency(self, **_):
            raise ConnectionError("throttled")

    def broken(service):
        return Throttled() if service == "lambda" else account.client(service)

    answer.client = broken
    event = account.set_state("ALARM")
    with pytest.raises(ConnectionError):
        answer(event)  # Lambda calls again
    answer.client = account.client
    answer(event)
    assert thing.value() == ReservedConcurrency.steps[0]
    answer.client = broken
    with pytest.raises(ConnectionError):
        answer(account.set_state("OK"))
    answer.client = account.client
    answer(SCHEDULED)
    assert thing.value() == ReservedConcurrency.start


def test_of_two_concurrent_runs_one_stores_the_memory(account, deployed):
    """The other must not take the value that the first has set for the original."""
    _, answer = deployed(ReservedConcurrency)
    remembered = answer.module.MemoryStore(account.client("ssm"), answer.settings["MEMORY"])
    remembered.write(answer.module.Memory(12, (12, 8)), anew=True)
    with pytest.raises(account.client("ssm").exceptions.ParameterAlreadyExists):
        remembered.write(answer.module.Memory(8, (8, 5)), anew=True)


@pytest.mark.parametrize("event", [None, {"source": "aws.cloudwatch", "alarmData": {"alarmName": "another"}}])
def test_other_events_change_nothing(account, deployed, event):
    thing, answer = deployed(ReservedConcurrency)
    account.set_state("ALARM")
    assert answer(event)["action"] == "ignore"
    assert thing.value() == ReservedConcurrency.start


def test_a_deleted_alarm_changes_nothing(account, deployed):
    thing, answer = deployed(ReservedConcurrency)
    event = account.set_state("ALARM")
    account.client("cloudwatch").delete_alarms(AlarmNames=[ALARM])
    assert answer(event)["action"] == "ignore"
    assert thing.value() == ReservedConcurrency.start


def test_contradictory_limits_are_refused_before_any_change(account, deployed):
    thing, answer = deployed(ReservedConcurrency, Minimum="9", Maximum="3")
    with pytest.raises(ValueError, match="needs 0 <= Minimum <= Maximum"):
        answer(account.set_state("ALARM"))
    assert thing.value() == ReservedConcurrency.start
