"""CPU time and peak memory of the worker, its threads and every process it has started."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress

from .errors import WorkloadError

TRIES = 5
"""How often two clocks are read again that were not read at the same moment."""

CLOSE_NS = 30_000
"""Readings of CPU time this near to each other were not interrupted; undisturbed they take 3 to 5 µs."""

NOISE_NS = 50_000
"""What two readings may be apart by chance. Nobody lives on so little: starting and ending alone costs more."""


class JoinedCgroup:
    """A control group that this process has joined, so that all it starts is in it for good.

    Whatever a process does, it stays in its group: leaving the session, the parent or this world loses nothing.

    Args:
        path: The group's directory, made by the parent.

    Raises:
        OSError: When this process may not join it.
    """

    def __init__(self, path: str) -> None:
        start_ns = time.perf_counter_ns()
        self._path = path
        with open(os.path.join(path, "cgroup.procs"), "w") as members:
            members.write("0")  # this process
        self._stat = os.open(os.path.join(path, "cpu.stat"), os.O_RDONLY | os.O_CLOEXEC)
        self._beginning_ns = self._apart_ns()
        self.joining_ns = time.perf_counter_ns() - start_ns
        """How long that took: the kernel waits for a moment in which nobody forks, some 10 ms."""

    def others_cpu_ns(self) -> int:
        """CPU time in ns of all in the group but this process, those that have ended included."""
        others_ns = self._apart_ns() - self._beginning_ns
        return others_ns if others_ns > NOISE_NS else 0

    def _apart_ns(self) -> int:
        """By how much the group's clock is ahead of this process's.

        The group's clock alone would not do: it has whole µs, and a running thread's time is booked in it only when
        that thread is interrupted or asks for its own clock, which makes it 4 ms late (measured: windows of 5 ms
        scatter by 1.7 ms). So this process's clock is read first, which books, and what it says is taken off.
        """
        closest_ns, apart_ns = -1, 0
        for _ in range(TRIES):
            own_ns = time.process_time_ns()
            all_ns = self._usage_ns()
            gap_ns = time.process_time_ns() - own_ns
            if closest_ns < 0 or gap_ns < closest_ns:
                closest_ns, apart_ns = gap_ns, all_ns - own_ns
            if gap_ns < CLOSE_NS:
                break
        return apart_ns

    def _usage_ns(self) -> int:
        for line in os.pread(self._stat, 4096, 0).splitlines():
            name, _, value = line.partition(b" ")
            if name == b"usage_usec":
                return int(value) * 1000
        raise OSError("%s/cpu.stat has no usage_usec" % self._path)

    def members(self) -> list[int]:
        """Process ids of all that live in it."""
        try:
            with open(os.path.join(self._path, "cgroup.procs")) as members:
                return [int(pid) for pid in members.read().split()]
        except OSError:
            return []


LINUX = sys.platform.startswith("linux")

PR_SET_CHILD_SUBREAPER = 36
"""From linux/prctl.h: orphans among the descendants become children of this process, not of init."""

joined: list[JoinedCgroup] = []
"""The control group of this process, if there is one."""


def begin(path: str | None) -> None:
    """Hold together what this process will start.

    In a control group nothing gets lost. Without one, orphans are to come to this process, where they are counted.
    Nobody but the workload waits for them: a dead child that nobody waits for keeps its CPU time readable, and
    waiting here for any child would take away those that the workload itself waits for.

    Args:
        path: The control group to join; `None` without one.
    """
    if hasattr(signal, "SIGCHLD") and signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # inherited; it would lose the CPU time of children
    if path is not None:
        with suppress(OSError):  # the parent finds the group empty, and does without it too
            joined.append(JoinedCgroup(path))
    if LINUX and not joined:
        with suppress(ImportError, OSError, AttributeError):
            import ctypes

            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def threads() -> list[int]:
    """Ids of this process's threads; empty where the system does not list them, or there is only one."""
    try:
        found = [int(thread) for thread in os.listdir("/proc/self/task")] if LINUX else []
    except OSError:
        return []
    return found if len(found) > 1 else []


def process_cpu_time_ns(threads: list[int]) -> int:
    """CPU time of this process in ns, with what its threads are running at this moment on other CPUs.

    The kernel books that at its ticks only, milliseconds late. Reading a thread's own clock books it at once
    (`task_sched_runtime` in kernel/sched/core.c); the clock id's layout is in linux/posix-timers.h.
    """
    for thread in threads:
        try:
            time.clock_gettime_ns((~thread << 3) | 6)
        except OSError:  # it has ended
            continue
    return time.process_time_ns()


def children_cpu_ns() -> int:
    """CPU time in ns of all that this process has started, directly or not.

    In a control group that is everything. Without one it is the children that have ended and, on Linux, all
    descendants that live or that nobody has waited for. A descendant's own children that have ended come in steps
    of 10 ms then.

    Raises:
        Trouble: When children that end would go uncounted.
    """
    if joined:
        return joined[0].others_cpu_ns()
    try:
        import resource
    except ImportError:  # Windows: the parent accounts for children there
        return 0
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        message = (
            "the workload ignores SIGCHLD, so that the CPU time of its children is lost without a control group; "
            "let it wait for them, or give energygate a cgroup v2 group it may write to"
        )
        raise WorkloadError(message)

    def ended() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    # One that is waited for between the two looks would be in neither; then both looks are taken again.
    for _ in range(TRIES):
        ended_s = ended()
        family = _descendants(os.getpid()) if LINUX else []
        living_ns = sum(map(_process_cpu_ns, family))
        if ended() == ended_s and (not family or _descendants(os.getpid()) == family):
            break
    return int(ended_s * 1e9) + living_ns


def _descendants(pid: int) -> list[int]:
    """Process ids of all living descendants, through the kernel's own list of each thread's children."""
    found: list[int] = []
    try:
        threads = os.listdir("/proc/%d/task" % pid)
    except OSError:
        return []
    for thread in threads:
        try:
            with open("/proc/%d/task/%s/children" % (pid, thread)) as listing:
                found.extend(int(child) for child in listing.read().split())
        except OSError:
            continue  # the thread has just ended; its children belong to another one now
    return found + [grandchild for child in found for grandchild in _descendants(child)]


def _process_cpu_ns(pid: int) -> int:
    """CPU time in ns of a living process with all its threads, and of the children it has waited for."""
    try:
        # The kernel's clock of another process; the id's layout is in linux/posix-timers.h (CPUCLOCK_SCHED).
        own = time.clock_gettime_ns((~pid << 3) | 2)
        with open("/proc/%d/stat" % pid) as stat:
            fields = stat.read().rpartition(")")[2].split()
        return own + int((int(fields[13]) + int(fields[14])) * 1e9 / os.sysconf("SC_CLK_TCK"))
    except (OSError, IndexError):
        return 0  # it ended between listing and reading; its time is in the waited-for children now


def peak_memory_bytes() -> int:
    """Peak resident memory of this process plus that of all it has started that still live; 0 when unknown.

    Not the group's `memory.peak`: that counts the page cache too, which is charged to whoever reads a file first.
    Of two sides that load the same libraries, the one that starts first would pay for both.
    """
    if not LINUX:
        try:
            import resource
        except ImportError:
            return 0
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    # Not ru_maxrss: after vfork it starts at the size of the process that started this one.
    family = {os.getpid(), *_descendants(os.getpid())}
    for group in joined:
        family.update(group.members())
    total = 0
    for pid in family:
        try:
            with open("/proc/%d/status" % pid) as status:
                total += sum(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
        except OSError:
            continue
    return total
