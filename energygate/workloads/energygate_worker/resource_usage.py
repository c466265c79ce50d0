"""CPU time and peak memory of the worker, its threads and every process it has started."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress

from .errors import WorkloadError

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

LINUX = sys.platform.startswith("linux")

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
"""From linux/prctl.h."""

MAX_TRIES = 5
"""Repetitions of two readings that were not taken at the same moment."""

UNINTERRUPTED_NS = 30_000
"""Two readings of CPU time at most this far apart were not interrupted; undisturbed they take 3 to 5 µs."""

NOISE_NS = 50_000
"""Difference of two readings by chance. No process lives on less: starting and ending alone costs more."""


def _load_libc() -> Any:
    if LINUX:
        with suppress(ImportError, OSError):
            import ctypes

            return ctypes.CDLL(None)
    return None


_libc = _load_libc()  # at import: nothing can be imported between fork and exec


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends; may run between fork and exec."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class JoinedCgroup:
    """A control group (cgroup v2) that this process has joined: whatever it starts can never leave it.

    Args:
        path: The group's directory, created by the parent.

    Raises:
        OSError: When this process may not join it.
    """

    def __init__(self, path: str) -> None:
        start_ns = time.perf_counter_ns()
        self._path = path
        with open(os.path.join(path, "cgroup.procs"), "w") as members:
            members.write("0")  # this process
        self._stat = os.open(os.path.join(path, "cpu.stat"), os.O_RDONLY | os.O_CLOEXEC)
        self._initial_ns = self._excess_ns()
        self.joining_ns = time.perf_counter_ns() - start_ns
        """How long joining took: the kernel waits until no process forks, about 10 ms."""

    def others_cpu_ns(self) -> int:
        """Return the CPU time in ns of all other processes that are or were in the group."""
        others_ns = self._excess_ns() - self._initial_ns
        return others_ns if others_ns > NOISE_NS else 0

    def _excess_ns(self) -> int:
        """Return how far the group's clock is ahead of this process's.

        The group's clock alone would not do: it has whole µs, and it includes a running thread's time only when that
        thread is interrupted or reads its own clock, which makes it 4 ms late (measured: windows of 5 ms scatter by
        1.7 ms). So read this process's clock first, which updates the group's, and subtract it.
        """
        smallest_gap_ns, excess_ns = -1, 0
        for _ in range(MAX_TRIES):
            own_ns = time.process_time_ns()
            group_ns = self._usage_ns()
            gap_ns = time.process_time_ns() - own_ns
            if smallest_gap_ns < 0 or gap_ns < smallest_gap_ns:
                smallest_gap_ns, excess_ns = gap_ns, group_ns - own_ns
            if gap_ns < UNINTERRUPTED_NS:
                break
        return excess_ns

    def _usage_ns(self) -> int:
        for line in os.pread(self._stat, 4096, 0).splitlines():
            name, _, value = line.partition(b" ")
            if name == b"usage_usec":
                return int(value) * 1000
        raise OSError("%s/cpu.stat has no usage_usec" % self._path)

    def members(self) -> list[int]:
        """Return the ids of the processes in it."""
        try:
            with open(os.path.join(self._path, "cgroup.procs")) as members:
                return [int(pid) for pid in members.read().split()]
        except OSError:
            return []


joined: list[JoinedCgroup] = []
"""The control group of this process, if it has joined one."""


def count_descendants(group: str | None) -> None:
    """Make sure that every process that this one starts can be counted.

    In a control group no process gets lost. Without one, orphans become children of this process, where they are
    counted. Only the workload waits for them: a dead child that has not been waited for keeps its CPU time readable,
    and waiting here for any child would take away those that the workload itself waits for.

    Args:
        group: The control group to join; `None` without one.
    """
    if hasattr(signal, "SIGCHLD") and signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # inherited; it would lose the CPU time of children
    if group is not None:
        with suppress(OSError):  # the parent finds the group empty and works without it
            joined.append(JoinedCgroup(group))
    if _libc is not None and not joined:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def threads() -> list[int]:
    """Return the ids of this process's threads; empty where the system does not list them, or for a single one."""
    try:
        ids = [int(thread) for thread in os.listdir("/proc/self/task")] if LINUX else []
    except OSError:
        return []
    return ids if len(ids) > 1 else []


def process_cpu_time_ns(threads: list[int]) -> int:
    """Return the CPU time of this process in ns, including what its threads currently run on other CPUs.

    The kernel adds that only at its ticks, milliseconds late. Reading a thread's own clock adds it at once
    (`task_sched_runtime` in kernel/sched/core.c); the clock id's layout is in linux/posix-timers.h.
    """
    for thread in threads:
        with suppress(OSError):  # it has ended
            time.clock_gettime_ns((~thread << 3) | 6)
    return time.process_time_ns()


def children_cpu_ns() -> int:
    """Return the CPU time in ns of all processes that this one has started, directly or not.

    In a control group that is exact. Without one it covers the children that have ended and, on Linux, all
    descendants that live or have not been waited for; a descendant's own ended children are then counted in steps of
    10 ms.

    Raises:
        WorkloadError: When children that end would go uncounted.
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

    # A child that is waited for between the two readings would be in neither; then both are repeated.
    for _ in range(MAX_TRIES):
        ended_s = ended()
        living = descendants(os.getpid()) if LINUX else []
        living_ns = sum(map(_process_cpu_ns, living))
        if ended() == ended_s and (not living or descendants(os.getpid()) == living):
            break
    return int(ended_s * 1e9) + living_ns


def descendants(pid: int) -> list[int]:
    """Return the ids of all living descendants, from the kernel's list of each thread's children."""
    children: list[int] = []
    try:
        threads = os.listdir("/proc/%d/task" % pid)
    except OSError:
        return []
    for thread in threads:
        # If the thread has just ended, its children belong to another one now.
        with suppress(OSError), open("/proc/%d/task/%s/children" % (pid, thread)) as listing:
            children.extend(int(child) for child in listing.read().split())
    return children + [grandchild for child in children for grandchild in descendants(child)]


def _process_cpu_ns(pid: int) -> int:
    """Return the CPU time in ns of a living process with all its threads, and of the children it has waited for."""
    try:
        # The kernel's clock of another process; the id's layout is in linux/posix-timers.h (CPUCLOCK_SCHED).
        own = time.clock_gettime_ns((~pid << 3) | 2)
        with open("/proc/%d/stat" % pid) as stat:
            fields = stat.read().rpartition(")")[2].split()
        return own + int((int(fields[13]) + int(fields[14])) * 1e9 / os.sysconf("SC_CLK_TCK"))
    except (OSError, IndexError):
        return 0  # it ended between listing and reading; its time is in the waited-for children now


def peak_memory_bytes() -> int:
    """Return the peak resident memory of this process and all living ones that it has started; 0 when unknown.

    Not the group's `memory.peak`: that includes the page cache, which is charged to whoever reads a file first. Of
    two sides that load the same libraries, the one that starts first would pay for both.
    """
    if not LINUX:
        try:
            import resource
        except ImportError:
            return 0
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    # Not ru_maxrss: after vfork it starts at the size of the process that started this one.
    processes = {os.getpid(), *descendants(os.getpid())}
    for group in joined:
        processes.update(group.members())
    total = 0
    for pid in processes:
        with suppress(OSError), open("/proc/%d/status" % pid) as status:
            total += sum(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    return total
