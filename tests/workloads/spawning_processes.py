"""Workloads that start processes in every possible way, each of which burns an exact amount of CPU time."""

from __future__ import annotations

import time
from pathlib import Path

PRELUDE = """
import os, signal, subprocess, sys, threading, time

DIARY = {diary!r}
MS = 1_000_000

def burn(ms, clock=time.process_time_ns):
    end = clock() + ms * MS
    while clock() < end:
        pass

def until(ms):
    '''Burn until this process has used so much since it began: what starting it cost is in it.'''
    while time.process_time_ns() < ms * MS:
        pass

def exactly(ms, work):
    '''A request that costs this process so much, what starting others costs it included.'''
    def request():
        end = time.process_time_ns() + ms * MS
        work()
        while time.process_time_ns() < end:
            pass
        return 1
    return request

def note():
    with open(DIARY, "a") as diary:
        diary.write("%d\\n" % os.getpid())

def child(work, *, wait=True, **options):
    '''Run it in a child and leave nothing of this process there.'''
    pid = os.fork()
    if not pid:
        try:
            for name, value in options.items():
                getattr(os, name)(*value)
            work()
        finally:
            os._exit(0)
    if wait:
        os.waitpid(pid, 0)
    return pid

def daemon(work):
    '''Fork twice, as daemons do: the middle one ends at once, and `work` becomes an orphan in a session of its own.'''
    def middle():
        os.setsid()
        child(work, wait=False)
        until(10)
    child(middle)

def until_closed(start):
    '''Start something, and wait until no process that it left holds this pipe.'''
    reading, writing = os.pipe()
    start()
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)

def sleep():
    note()
    while True:
        time.sleep(100)

def spin():
    note()
    while True:
        pass
"""


def source(diary, rest):
    """The text of a user's module `app` whose processes write their numbers into `diary`."""
    return PRELUDE.format(diary=str(diary)) + rest


def cpu_ns(pid):
    """The CPU time that a process has used."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def is_gone(pid):
    """Whether a process has ended; its new parent need not have looked yet."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return True
    return text.rpartition(")")[2].split()[0] in "ZX"


def pids(diary):
    """The numbers written so far."""
    path = Path(diary)
    return [int(line) for line in path.read_text("ascii").splitlines()] if path.exists() else []
