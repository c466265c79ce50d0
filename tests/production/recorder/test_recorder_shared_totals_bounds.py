"""Shared totals stay bounded, whatever processes count and whatever else is in their directory."""

from __future__ import annotations

import json
import logging
import os

import pytest
from recorder_harness import ScriptedMeter, manual_recorder

from energygate.production.recorder.labels import MAX_UNITS, MAX_WORKLOADS, OTHER
from energygate.production.recorder.shared_totals import ENDED, MAX_FILE_BYTES

GONE = 2**22 + 1
"""No process has such an id: Linux ends at 2^22."""


def ends(directory, worker, serve):
    """A process of the service that serves, and is gone."""
    others = set(directory.iterdir())
    recorder = manual_recorder(ScriptedMeter(), multiprocess_dir=directory)
    serve(recorder, worker)
    recorder.sample()
    (own,) = set(directory.glob(f"{os.getpid()}-*.json")) - others
    own.rename(directory / f"{GONE}-{worker:016x}.json")


def hostile(recorder, worker):
    with recorder.request():
        pass
    for number in range(40):
        with recorder.request(f"{worker} made up {number} " + "\U0001f600" * 90) as request:
            request.units(1, f"{worker} {number}")
    with recorder.request() as request:
        request.units(1, f"{worker} tokens")


def requests_of(snapshot):
    return sum(one.requests for one in snapshot.workloads.values())


def test_names_of_many_processes_are_bounded_as_those_of_one_and_nothing_is_lost(tmp_path):
    """Each process keeps to the bounds by itself; their union did not, until its file was too large to be read."""
    shown = manual_recorder(multiprocess_dir=tmp_path)
    for worker in range(60):
        ends(tmp_path, worker, hostile)
        snapshot = shown.service_snapshot()
        assert requests_of(snapshot) == 42 * (worker + 1)
    assert len(snapshot.workloads) <= 1 + MAX_WORKLOADS + 1
    assert all(len(one.units) <= MAX_UNITS + 1 for one in snapshot.workloads.values())
    assert sum(sum(one.units.values()) for one in snapshot.workloads.values()) == 41 * 60
    assert snapshot.workloads["cnn"].requests == 120
    assert snapshot.workloads[OTHER].requests >= 40 * 59
    assert len(shown.metrics_text()) < 500_000
    assert not list(tmp_path.glob(f"{GONE}-*"))


def test_exported_names_are_kept(tmp_path):
    """A series that went over into `other` would be counted twice by every rate."""
    shown = manual_recorder(multiprocess_dir=tmp_path)
    before = {}
    for round_ in range(4):
        for worker in (2 * round_, 2 * round_ + 1):
            live = manual_recorder(multiprocess_dir=tmp_path)
            for number in range(10):
                with live.request(f"{worker} {number}") as request:
                    request.units(1, f"{worker} {number}")
            with live.request() as request:
                for number in range(4):
                    request.units(1, f"{9 - worker} {number}")
            live.sample()
        now = {
            (name, unit): count
            for name, one in shown.service_snapshot().workloads.items()
            for unit, count in [("", one.requests), *one.units.items()]
        }
        assert {key: count for key, count in now.items() if key in before and count < before[key]} == {}
        assert before.keys() <= now.keys()
        before = now


def test_workloads_of_the_policy_take_precedence_over_others(tmp_path):
    ends(tmp_path, 1, hostile)
    policy = tmp_path / "energygate.yml"
    policy.write_text("version: 1\nworkloads: {cnn: {onnx: a.onnx}, mlp: {onnx: b.onnx}}\n", encoding="utf-8")
    shown = manual_recorder(policy=policy, workload="cnn", multiprocess_dir=tmp_path)
    shown.service_snapshot()
    with shown.request("mlp"):
        pass
    assert shown.service_snapshot().workloads["mlp"].requests == 1


def test_too_large_sums_are_an_error_and_not_reset(tmp_path):
    shown = manual_recorder(multiprocess_dir=tmp_path)
    shown.service_snapshot()
    os.truncate(tmp_path / ENDED, MAX_FILE_BYTES + 1)
    ends(tmp_path, 1, hostile)
    with pytest.raises(OSError, match=rf"{ENDED} is larger than .*Empty the directory"):
        shown.service_snapshot()
    assert (tmp_path / ENDED).stat().st_size > MAX_FILE_BYTES
    assert list(tmp_path.glob(f"{GONE}-*"))


def test_unserialisable_amounts_do_not_lose_the_totals(tmp_path):
    def generous(recorder, _):
        with recorder.request() as request:
            for _ in range(3):
                request.units(1.7e308)
            request.bytes_out(10**30)

    ends(tmp_path, 1, generous)
    ends(tmp_path, 2, generous)
    shown = manual_recorder(multiprocess_dir=tmp_path)
    assert shown.service_snapshot().workloads["cnn"].requests == 2
    assert shown.service_snapshot().workloads["cnn"].requests == 2
    assert 'energygate_requests_total{outcome="ok",workload="cnn"} 2.0' in shown.metrics_text()


def own_file(directory):
    return next(directory.glob(f"{os.getpid()}-*.json"))


ODD = {
    "infinite": lambda plain: plain["workloads"]["cnn"].update(ok=float("inf")),
    "no number": lambda plain: plain["workloads"]["cnn"].update(energy_joules=float("nan")),
    "negative": lambda plain: plain["workloads"]["cnn"].update(error=-1),
    "huge": lambda plain: plain["workloads"]["cnn"].update(response_bytes=10**400),
    "other buckets": lambda plain: plain["workloads"]["cnn"].update(counts=[1]),
    "no text": lambda plain: plain["workloads"].update({"\ud800": plain["workloads"]["cnn"]}),
    "long": lambda plain: plain["workloads"].update({"x" * 1000: plain["workloads"]["cnn"]}),
    "start": lambda plain: plain.update(start_seconds=float("-inf")),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_impossible_numbers_are_ignored(tmp_path, odd):
    shown = manual_recorder(multiprocess_dir=tmp_path)
    with shown.request():
        pass
    expected = shown.metrics_text()
    plain = json.loads(own_file(tmp_path).read_text("utf-8"))
    odd(plain)
    for name in (f"{os.getpid()}-{1:016x}.json", f"{GONE}-{1:016x}.json", ENDED):
        (tmp_path / name).write_text(json.dumps(plain), encoding="utf-8")
    shown.metrics_text()
    assert shown.metrics_text().replace("internal_errors_total 1.0", "internal_errors_total 0.0") == expected


def test_files_with_odd_names_are_ignored_with_one_warning(tmp_path, caplog):
    shown = manual_recorder(multiprocess_dir=tmp_path)
    with shown.request():
        pass
    shown.sample()
    usual = own_file(tmp_path).read_text("utf-8")
    for name in ("9" * 40 + "-a.json", "²-a.json", "0-a.json", "-1-a.json", f"{GONE} -a.json"):
        (tmp_path / name).write_text(usual, encoding="utf-8")
    (tmp_path / f"{GONE}-deep.json").write_text("[" * 200_000, encoding="utf-8")
    (tmp_path / f"{GONE}-large.json").write_text(usual, encoding="utf-8")
    os.truncate(tmp_path / f"{GONE}-large.json", MAX_FILE_BYTES + 1)
    (tmp_path / f"{GONE}-folder.json").mkdir()
    with caplog.at_level(logging.WARNING, logger="energygate.recorder"):
        for _ in range(3):
            assert shown.service_snapshot().workloads["cnn"].requests == 1
    (said,) = caplog.messages
    assert "is not the service's" in said
    assert shown.snapshot().internal_errors == 1


def test_a_deleted_directory_is_created_again(tmp_path):
    pool = tmp_path / "pool"
    shown = manual_recorder(multiprocess_dir=pool)
    with shown.request():
        pass
    shown.sample()
    for file in pool.iterdir():
        file.unlink()
    pool.rmdir()
    assert shown.service_snapshot().workloads["cnn"].requests == 1


def test_files_do_not_accumulate_without_scrapes(tmp_path):
    for worker in range(600):
        (tmp_path / f"{GONE}-{worker:016x}.json").write_text("", encoding="utf-8")
    shown = manual_recorder(multiprocess_dir=tmp_path)
    with shown.request():
        pass
    shown.sample()
    plain = own_file(tmp_path).read_text("utf-8")
    for worker in range(600):
        (tmp_path / f"{GONE}-{worker:016x}.json").write_text(plain, encoding="utf-8")
    next_one = manual_recorder(multiprocess_dir=tmp_path)  # which only writes
    assert not list(tmp_path.glob(f"{GONE}-*"))
    assert next_one.service_snapshot().workloads["cnn"].requests == 601
