"""Recorders of one machine that know of each other: who takes part, each one's share, and hostile files."""

from __future__ import annotations

import os

import pytest

from energygate.production.recorder.peers import MIN_PEER_TIMEOUT_NS, SLOTS, NoPeers, OwnUsage, PeerTable

SECOND = 1_000_000_000


def look(cpu=0, in_flight=0, begun=1):
    return OwnUsage(cpu_ns=cpu, in_flight_ns=in_flight, begun=begun)


@pytest.fixture
def now():
    return [10 * SECOND]


@pytest.fixture
def joined(tmp_path, now):
    tables = []

    def join(pid, parent=1):
        now[0] += 1  # nobody is born at the same time
        table = PeerTable(interval_ns=SECOND, file=tmp_path / "table", pid=pid, parent=parent, clock=lambda: now[0])
        tables.append(table)
        table.exchange(look())
        return table

    yield join
    for table in tables:
        table.leave()


def test_a_single_recorder_bears_everything(joined):
    found = joined(100).exchange(look(cpu=5, in_flight=3))
    assert (found.share, found.cpu_ns, found.in_flight_ns, found.pids) == (1, 5, 3, frozenset())
    alone = NoPeers()
    alone.exchange(look())
    assert alone.exchange(look(cpu=5, in_flight=3)) == found


def test_several_recorders_share_evenly_and_know_the_total(joined):
    one, two, three = joined(100), joined(200), joined(300)
    two.exchange(look(cpu=20, in_flight=2))
    three.exchange(look(cpu=300, in_flight=30))
    one.exchange(look())
    three.exchange(look(cpu=350, in_flight=31))
    found = one.exchange(look(cpu=7, in_flight=5))
    assert found.share == pytest.approx(1 / 3)
    assert found.pids == {200, 300}
    assert (found.cpu_ns, found.in_flight_ns) == (7 + 0 + 50, 5 + 0 + 1)


def test_a_closed_recorder_leaves_at_once_and_a_dead_one_after_a_while(joined, now):
    one, two, three = joined(100), joined(200), joined(300)
    two.leave()
    assert one.exchange(look()).share == pytest.approx(1 / 2)
    now[0] += MIN_PEER_TIMEOUT_NS + 1
    assert one.exchange(look()).share == 1
    assert three.exchange(look()).share == pytest.approx(1 / 2)  # it was only slow


def test_a_process_that_only_starts_others_has_no_share(joined):
    arbiter = joined(100)
    assert arbiter.exchange(look(begun=0)).share == 1
    worker, other = joined(200, parent=100), joined(300, parent=100)
    assert arbiter.exchange(look(begun=0)).share == 0
    assert worker.exchange(look(begun=0)).share == pytest.approx(1 / 2)
    assert other.exchange(look(begun=9)).share == pytest.approx(1 / 2)
    assert arbiter.exchange(look(begun=1)).share == pytest.approx(1 / 3)  # it serves as well


def test_a_table_from_before_a_reboot_is_empty(joined, now):
    joined(100)
    now[0] = SECOND
    assert joined(200).exchange(look()).share == 1


def test_a_slot_taken_by_another_process_is_given_up(joined, now):
    slow = joined(100)
    now[0] += MIN_PEER_TIMEOUT_NS + 1
    quick = joined(200)  # takes the first place that is free, which was the slow one's
    assert slow.exchange(look()).share == pytest.approx(1 / 2)
    assert quick.exchange(look()).share == pytest.approx(1 / 2)


def test_a_full_table_is_an_error(joined):
    for pid in range(1, SLOTS + 1):
        joined(pid)
    with pytest.raises(OSError, match="no free slot"):
        joined(SLOTS + 1)


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "precious").write_text("precious", encoding="utf-8")
    (tmp_path / "table").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic link"):
        PeerTable(interval_ns=SECOND, file=tmp_path / "table")
    assert (tmp_path / "precious").read_text("utf-8") == "precious"


def test_only_a_regular_file_is_accepted(tmp_path):
    (tmp_path / "table").mkdir()
    with pytest.raises(OSError, match="directory"):
        PeerTable(interval_ns=SECOND, file=tmp_path / "table")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a file of this user"):
        PeerTable(interval_ns=SECOND, file=tmp_path / "pipe")


def test_only_its_user_may_read_it(tmp_path):
    table = PeerTable(interval_ns=SECOND, file=tmp_path / "table")
    table.leave()
    assert (tmp_path / "table").stat().st_mode & 0o777 == 0o600


def test_invalid_content_does_not_raise(tmp_path, now):
    (tmp_path / "table").write_bytes(os.urandom(SLOTS * 64))
    table = PeerTable(interval_ns=SECOND, file=tmp_path / "table", clock=lambda: now[0])
    assert 0 <= table.exchange(look()).share <= 1
    table.leave()
