"""What the sinks send to CloudWatch: correct numbers in valid forms, without disturbing the service."""

from __future__ import annotations

import datetime as dt
import io
import math
import os
import sys

import pytest
from aws_account import SESSION
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.stub import Stubber
from cloudwatch_policies import source
from emf_format import assert_is_emf
from hypothesis import given
from hypothesis import strategies as st
from sink_snapshots import METER, Feed, Kept, snapshot, totals

from energygate import Recorder
from energygate.errors import UsageError
from energygate.production.cloudwatch_metric import MetricPoint, name_fault
from energygate.production.export.cloudwatch import files
from energygate.production.recorder.config import Clocks
from energygate.production.recorder.emf import EmfSink, emf_line
from energygate.production.recorder.put_metric_data import PutMetricDataSink
from energygate.production.recorder.samples import SampleEnergy


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def put(kept):
    return Feed(PutMetricDataSink(client=lambda: kept))


@pytest.fixture
def written():
    return io.StringIO()


@pytest.fixture
def emf(written):
    return Feed(EmfSink(written))


def test_a_statistic_set_has_the_requests_and_their_facility_energy(put, kept):
    put(cnn=totals(8, 100.0, errors=3))
    put(cnn=totals(12, 140.0, errors=3))
    first, second = (one["MetricData"][0] for one in kept.sent)
    assert kept.sent[0]["Namespace"] == "energygate"
    assert first == {
        "MetricName": "EnergyPerRequest",
        "Dimensions": [{"Name": "Workload", "Value": "cnn"}],
        "Timestamp": dt.datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=dt.timezone.utc),
        "StatisticValues": {"SampleCount": 8.0, "Sum": 125.0, "Minimum": 15.625, "Maximum": 15.625},
    }
    assert second["StatisticValues"] == {"SampleCount": 4.0, "Sum": 50.0, "Minimum": 12.5, "Maximum": 12.5}


def test_a_line_has_the_mean_with_the_count_of_requests(emf, written):
    emf(cnn=totals(3, 6.0, idle=2.0), mlp=totals(5000, 1000.0))
    cnn, mlp = map(assert_is_emf, written.getvalue().splitlines())
    assert cnn["_aws"]["Timestamp"] == 1_767_225_600_500
    assert cnn["_aws"]["CloudWatchMetrics"] == [
        {"Namespace": "energygate", "Dimensions": [["Workload"]], "Metrics": [{"Name": "EnergyPerRequest"}]}
    ]
    assert (cnn["Workload"], cnn["EnergyPerRequest"]) == ("cnn", [2.5, 2.5, 2.5])
    assert (cnn["requests"], cnn["energy_joules"], cnn["idle_energy_joules"]) == (3, 7.5, 2.5)
    assert (mlp["requests"], mlp["EnergyPerRequest"]) == (5000, [0.25] * 100)


@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=100),
    st.integers(1, 10**9),
    st.floats(1e-12, 1e15),
    st.floats(-1.0, 1e15),
)
def test_every_line_is_in_the_embedded_metric_format(name, requests, joules, idle):
    line = emf_line(
        MetricPoint(
            workload=name,
            requests=requests,
            energy_joules=joules,
            idle_energy_joules=idle,
            time_seconds=1.7e9,
        )
    )
    assert line.isascii()
    document = assert_is_emf(line)
    assert document["Workload"] == name
    assert math.isclose(document["EnergyPerRequest"][0], joules / requests, rel_tol=1e-8)


@given(st.lists(st.tuples(st.integers(0, 300), st.floats(0, 1e4), st.booleans()), max_size=20))
def test_sent_sums_equal_served_sums_despite_refusals(steps):
    """The average over everything that was sent is all energy over all requests."""
    kept = Kept()
    put = Feed(PutMetricDataSink(client=lambda: kept))
    requests, joules = 0, 0.0
    for more, energy, refused in [*steps, (1, 1.0, False)]:
        requests, joules = requests + more, joules + energy
        kept.refusals = [ConnectionError("throttled")] if refused else []
        put(cnn=totals(requests, joules))
    sets = [one["StatisticValues"] for parameters in kept.sent for one in parameters["MetricData"]]
    assert sum(one["SampleCount"] for one in sets) == requests
    assert math.isclose(sum(one["Sum"] for one in sets), joules * 1.25)


def test_without_requests_nothing_is_sent(put, kept, emf, written):
    for feed in (put, emf):
        feed(cnn=totals(0, 0.0))
        feed(cnn=totals(0, 50.0))
    assert kept.sent == []
    assert not written.getvalue()


def test_requests_are_sent_once_their_energy_is_read(put, kept):
    put(cnn=totals(4, 0.0))
    assert kept.sent == []
    put(cnn=totals(10, 8.0))
    assert kept.sets()["cnn"]["SampleCount"] == 10


@pytest.mark.parametrize("trouble", [{"meter": None}, {"meter_errors": 1}])
@pytest.mark.parametrize("recovered", [0.0, 100.0])
def test_requests_without_an_energy_reading_are_never_sent(put, kept, trouble, recovered):
    """Whether it is lost, or comes with the next reading that succeeds."""
    errors = trouble.get("meter_errors", 0)
    put(cnn=totals(4, 8.0))
    put(cnn=totals(100, 9.0), **trouble)
    put(cnn=totals(110, 29.0 + recovered), meter_errors=errors)
    put(cnn=totals(114, 37.0 + recovered), meter_errors=errors)
    assert [one["MetricData"][0]["StatisticValues"]["Sum"] for one in kept.sent] == [10.0, 10.0]


def test_a_failing_sink_does_not_disturb_the_service(kept, written):
    """With the recorder itself: the trouble is counted, other sinks get theirs, and nothing is lost in the end."""
    clock = iter(range(10**9))
    kept.refusals = [NoCredentialsError(), ConnectionError("throttled")]
    recorder = Recorder(
        workload="cnn",
        pue=1.25,
        sinks=[PutMetricDataSink(client=lambda: kept), EmfSink(written)],
        background=False,
        meter=TwoJoulesALook,
        clocks=Clocks(steady_ns=lambda: next(clock) * 10**6, cpu_ns=lambda: next(clock) * 10**6),
    )
    recorder.sample()  # opens the meter
    for _ in range(3):
        with recorder.request():
            pass
        recorder.flush()
    recorder.close()
    lines = [assert_is_emf(line) for line in written.getvalue().splitlines()]
    assert recorder.snapshot().internal_errors == 2
    assert sum(line["requests"] for line in lines) == 3
    assert sum(line["energy_joules"] for line in lines) == 7.5
    assert [(one["SampleCount"], one["Sum"]) for one in [kept.sets()["cnn"]]] == [(3.0, 7.5)]


class TwoJoulesALook:
    """A meter that has requests draw 2 J in every window in which there were any."""

    info = METER
    period_ns = 0

    def begin(self):
        pass

    def read(self, window):
        return SampleEnergy(requests_joules=2.0 if window.begun else 0.0, idle_joules=1.0)

    def close(self):
        pass


def test_a_name_that_cloudwatch_refuses_does_not_affect_others(put, kept, caplog):
    for requests in (1, 2):
        put(cnn=totals(requests, 1.0 * requests), größer=totals(requests, 1.0 * requests))
    assert set(kept.sets()) == {"cnn"}
    assert len(kept.sent) == 2
    assert len(caplog.records) == 1
    assert "größer" in caplog.text


@pytest.mark.parametrize("name", ["", " ", "é", "a\nb", "x" * 1025, "\x7f"])
def test_names_that_cloudwatch_refuses(name):
    assert name_fault(name)


def test_workloads_are_sent_in_batches_and_only_once(put, kept):
    workloads = {f"w{number:04}": totals(1, 1.0) for number in range(2500)}
    put()
    sizes = []

    def refuse_the_second(**parameters):
        sizes.append(len(parameters["MetricData"]))
        if len(sizes) == 2:
            raise ConnectionError("throttled")
        kept.sent.append(parameters)

    kept.put_metric_data = refuse_the_second
    put(**workloads)
    put(**workloads)
    assert sizes == [1000, 1000, 1000, 500]
    assert len(put.raised) == 1
    assert sum(len(parameters["MetricData"]) for parameters in kept.sent) == len(kept.sets()) == 2500


def test_a_forked_process_starts_at_zero_with_its_own_connections(monkeypatch):
    """The parent's client would share sockets, and its totals are not the child's."""
    clients = []

    def connect():
        clients.append(Kept())
        return clients[-1]

    sink = PutMetricDataSink(client=connect)
    sink.export(snapshot(cnn=totals(10, 10.0)), None)
    sink.export(snapshot(cnn=totals(20, 20.0)), snapshot())
    monkeypatch.setattr(os, "getpid", lambda: -2)
    sink.close()  # in a child that exported nothing
    monkeypatch.setattr(os, "getpid", lambda: -1)
    sink.export(snapshot(cnn=totals(3, 6.0)), None)
    assert [len(one.sent) for one in clients] == [2, 1]
    assert clients[1].sets()["cnn"]["SampleCount"] == 3
    sink.close()
    assert [one.closed for one in clients] == [False, True]


def test_requests_follow_amazons_description_of_the_call(put):
    """botocore refuses parameters that PutMetricData does not have or take."""
    client = SESSION.client("cloudwatch")
    put.sink = PutMetricDataSink(client=lambda: client)
    with Stubber(client) as stubber:
        stubber.add_response("put_metric_data", {})
        stubber.add_client_error("put_metric_data", "Throttling", http_status_code=400)
        put(cnn=totals(4, 8.0))
        put(cnn=totals(8, 9.0))
    assert [type(error) for error in put.raised] == [ClientError]


def test_missing_credentials_are_counted_as_errors_of_the_recorder(put, monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("AWS_")]:  # as a runner of Amazon's has them
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    put.sink = PutMetricDataSink(region="eu-central-1")
    put(cnn=totals(4, 8.0))
    put.sink.close()
    assert [type(error) for error in put.raised] == [NoCredentialsError]


def test_a_missing_boto3_is_an_error_when_the_sink_is_created(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(UsageError, match=r"^PutMetricDataSink needs boto3: pip install 'energygate\[aws\]'$"):
        PutMetricDataSink()


def test_lines_go_to_the_current_standard_output(capsys):
    EmfSink().export(snapshot(cnn=totals(1, 1.0)), None)
    assert assert_is_emf(capsys.readouterr().out.rstrip("\n"))["requests"] == 1


def test_a_closed_stream_is_counted_as_an_error_of_the_recorder(emf, written):
    written.close()
    emf(cnn=totals(1, 1.0))
    assert len(emf.raised) == 1


@pytest.mark.parametrize("joules", [575, 577])
def test_sinks_send_the_metric_that_the_exported_alarm_uses(account, joules):
    """576 J of IT energy at a PUE of 1.25 are the policy's 0.2 Wh."""
    account.deploy(files(source(), answer="none")["digits-cnn.yaml"])
    put = Feed(PutMetricDataSink(client=lambda: account.client("cloudwatch")))
    now = account.now()
    for age, requests in ((400, 10), (90, 40)):
        done = put.last.workloads["digits-cnn"].requests if put.last else 0
        put(seconds=now - age, **{"digits-cnn": totals(done + requests, (done + requests) * float(joules))})
    account.evaluate()
    assert account.alarm()["StateValue"] == ("ALARM" if joules > 576 else "OK")
