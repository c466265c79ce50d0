"""Control groups: where they are created, what they do to their processes, and what happens without permission."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import spawning_processes as processes
from spawning_processes import is_gone

from energygate.workloads.cgroup import Cgroup, own_directories
from energygate.workloads.worker_processes import WorkerProcesses

ROOT = Path(__file__).parents[2]
MS = 1_000_000
PATIENCE_S = 60
LINUX_ONLY = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="control groups are Linux's")

UNIFIED = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"
FIRST_VERSION = "33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct"


@pytest.fixture
def group():
    """A group of the test's own."""
    made = Cgroup.make()
    if made is None:
        pytest.skip("this user can make no control group here")
    yield made
    if made.path.exists():
        made.kill()
        made.remove()


@pytest.mark.parametrize(
    ("mounts", "membership", "found"),
    [
        (UNIFIED, "0::/user.slice/run.scope", ["/sys/fs/cgroup/user.slice/run.scope"]),
        (UNIFIED, "0::/", ["/sys/fs/cgroup"]),  # in a container with a namespace of its own
        (
            FIRST_VERSION + "\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 none rw",
            "3:cpuset:/\n2:cpuacct:/jobs\n0::/job",
            ["/sys/fs/cgroup/unified/job"],
        ),
        (  # a part of the tree is mounted, as in containers without a namespace
            "30 23 0:26 /docker/3f /sys/fs/cgroup rw - cgroup2 cgroup rw",
            "0::/docker/3f/work",
            ["/sys/fs/cgroup/work"],
        ),
        ("30 23 0:26 /docker/3f /sys/fs/cgroup rw - cgroup2 cgroup rw", "0::/docker/4a", []),
        ("30 23 0:26 / /mnt/my\\040groups rw - cgroup2 none rw", "0::/a", ["/mnt/my groups/a"]),
        (
            UNIFIED + "\n99 1 0:26 / /mnt/second rw - cgroup2 none rw",
            "0::/",
            ["/sys/fs/cgroup", "/mnt/second"],
        ),
        (UNIFIED, "0::/../../elsewhere", []),  # outside this namespace
        (FIRST_VERSION, "2:cpuacct:/", []),
        (FIRST_VERSION, "2:cpuacct:/\n0::/", []),
        ("36 35 98:0 / /cgroup2 rw - ext4 cgroup2 rw", "0::/", []),
        ("", "", []),
    ],
)
def test_where_this_processs_own_group_is_found(mounts, membership, found):
    assert own_directories(mounts, membership) == [Path(path) for path in found]


def test_without_permission_there_is_no_control_group(monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert Cgroup.make() is None


@LINUX_ONLY
def test_a_groups_processes_are_killed_without_cgroup_kill_too(group, monkeypatch):
    # As on a kernel before 5.14, with a group inside the group, as a workload may make one.
    inner = group.path / "inner"
    inner.mkdir()
    sleepers = [
        subprocess.Popen(["/bin/sh", "-c", f"echo 0 >{path}/cgroup.procs; sleep 1000 & sleep 1000 & wait"])
        for path in (group.path, inner)
    ]
    while not all((path / "cgroup.procs").read_text().count("\n") == 3 for path in (group.path, inner)):
        assert all(sleeper.poll() is None for sleeper in sleepers)
    write = Cgroup._write
    monkeypatch.setattr(
        Cgroup, "_write", lambda self, name, *value: name != "cgroup.kill" and write(self, name, *value)
    )
    group.kill()
    assert [sleeper.wait() for sleeper in sleepers] == [-9, -9]
    assert not group.is_populated
    group.remove()
    assert not group.path.exists()


@LINUX_ONLY
def test_a_worker_that_cannot_join_its_group_is_handled_as_a_process_tree(loaded, app, tmp_path, monkeypatch):
    monkeypatch.setattr(WorkerProcesses, "group_path", str(tmp_path / "no-group"))
    source = """
def make():
    stray = child(spin, wait=False, setsid=())
    burned = lambda: time.clock_gettime_ns((~stray << 3) | 2)
    def work():
        enough = burned() + 80 * MS
        child(lambda: until(80))
        while burned() < enough:
            time.sleep(0.001)
    return exactly(20, work)
"""
    diary = tmp_path / "diary"
    serving = loaded(app(processes.source(diary, source)))
    serving.run(1)
    serving.freeze()
    (stray,) = processes.pids(diary)
    deadline = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{stray}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        assert time.monotonic() < deadline
    serving.thaw()
    served = serving.run(2)
    # The stray is counted as well: 80 ms of each request's 180 are its, or more, if it is not paused. Counted twice,
    # it adds another wall's time, or the children 160 ms.
    assert 350 * MS < served.cpu_ns < 200 * MS + served.wall_ns * 1.5
    serving.close()
    assert is_gone(stray)


REAL = """
    import json, sys
    from pathlib import Path
    from energygate.workloads.protocol import WorkerStart
    from energygate.workloads.worker import Worker
    start = WorkerStart(label="w", python=sys.executable, directory=Path({checkout!r}), cpus=(), threads=1)
    with Worker(start, timeout_s=60) as worker:
        worker.load("python", {{"target": "app:make"}}, timeout_s=60)
        worker.run(1)
        group = worker._processes.group_path
        cpu_ns = worker.run(2).cpu_ns
        worker.freeze()
        events = Path(group, "cgroup.events").read_text()
        worker.thaw()
        worker.run(1)
    print(json.dumps([group, cpu_ns, events, Path(group).exists()]))
"""


@LINUX_ONLY
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting takes root")
def test_a_group_on_a_mount_that_only_this_process_sees(app, checkout, tmp_path):
    # Nothing is known of the place but what the kernel says of this process's mounts.
    source = "def make():\n    return exactly(20, lambda: until_closed(lambda: daemon(lambda: until(130))))\n"
    app(processes.source(tmp_path / "diary", source))
    place = tmp_path / "my groups"
    place.mkdir()
    script = tmp_path / "real.py"
    script.write_text(textwrap.dedent(REAL.format(checkout=str(checkout))), encoding="utf-8")
    hidden = "for one in $(awk '/ - cgroup2 / {print $5}' /proc/self/mountinfo); do umount -l $one; done"
    command = f'{hidden}; mount -t cgroup2 none "$1"; exec "$2" "$3"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-ec", command, "sh", str(place), sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    if "mount" in done.stderr or "unshare" in done.stderr:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    group, cpu_ns, events, is_left = json.loads(done.stdout)
    assert Path(group).is_relative_to(place)
    assert 0.97 * 320 * MS < cpu_ns < 1.35 * 320 * MS  # see `whole` in test_cpu_accounting.py
    assert "frozen 1" in events
    assert not is_left
