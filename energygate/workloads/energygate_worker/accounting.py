"""What a request costs: CPU time of the worker, its threads and its children, and its peak memory."""

from __future__ import annotations

import os
import sys
import time

LINUX = sys.platform.startswith("linux")


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
    """CPU time in ns of children that have exited and of all living descendants (living ones: Linux only)."""
    try:
        import resource
    except ImportError:  # Windows: the parent accounts for children there
        return 0
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = int((usage.ru_utime + usage.ru_stime) * 1e9)
    if LINUX:
        total += sum(_process_cpu_ns(pid) for pid in _descendants(os.getpid()))
    return total


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
    """Peak resident memory of this process plus that of its living descendants, in bytes; 0 when unknown."""
    if not LINUX:
        try:
            import resource
        except ImportError:
            return 0
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    # Not ru_maxrss: after vfork it starts at the size of the process that started this one.
    total = 0
    for pid in [os.getpid(), *_descendants(os.getpid())]:
        try:
            with open("/proc/%d/status" % pid) as status:
                total += sum(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
        except OSError:
            continue
    return total
