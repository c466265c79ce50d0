"""The clients that share the calls of a window: one thread, several threads, or tasks on an event loop."""

from __future__ import annotations

import asyncio
import mmap
import os
import queue
import threading
import time

from .errors import FORKED, ForkedCopy, WorkloadError, forked
from .window_calls import wait_until

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

    from .window_calls import SharedCalls


class SingleClient:
    """The worker's own thread."""

    def __init__(self, workload: Any) -> None:
        self._workload = workload

    def __call__(self, calls: SharedCalls) -> None:
        """Serve all calls."""
        _serve(self._workload, calls)
        if forked:
            raise ForkedCopy


class ThreadClients:
    """Threads that serve window after window, so that their connections and other per-thread state stay open."""

    def __init__(self, workload: Any, count: int) -> None:
        self._workload = workload
        self._windows: Any = queue.SimpleQueue()
        self._done: Any = queue.SimpleQueue()
        # Shared memory: a forked copy of this process has no other way to report itself.
        self._copy_returned = mmap.mmap(-1, 1)
        self._count = count
        for _ in range(count):
            threading.Thread(target=self._client, daemon=True).start()

    def __call__(self, calls: SharedCalls) -> None:
        """Serve all calls."""
        for _ in range(self._count):
            self._windows.put(calls)
        for _ in range(self._count):
            self._done.get()
        if self._copy_returned[0]:
            raise WorkloadError(FORKED)

    def _client(self) -> None:
        while True:
            _serve(self._workload, self._windows.get())
            if forked:  # the only thread of a copy: the loop that answers commands is in the other process
                self._copy_returned[0] = 1
                os._exit(86)
            self._done.put(None)


class TaskClients:
    """Tasks on the event loop of a coroutine function."""

    def __init__(self, workload: Any, count: int) -> None:
        self._workload = workload
        self._count = count

    def __call__(self, calls: SharedCalls) -> None:
        """Serve all calls."""
        self._workload.event_loop.run_until_complete(self._all(calls))

    async def _all(self, calls: SharedCalls) -> None:
        await asyncio.gather(*(self._client(calls) for _ in range(self._count)))

    async def _client(self, calls: SharedCalls) -> None:
        clock = time.perf_counter_ns
        for position, feed, due_ns in calls:
            if (left_ns := due_ns - clock()) > 0:  # epoll has millisecond resolution, so it may be one late
                await asyncio.sleep(left_ns * 1e-9)
            start_ns = due_ns or clock()
            try:
                answer = await self._workload.serve_coroutine(feed)
            except BaseException as error:
                if forked:
                    raise ForkedCopy from None
                calls.raised(position, start_ns, clock(), error)
            else:
                calls.answered(position, start_ns, clock(), answer)


def _serve(workload: Any, calls: SharedCalls) -> None:
    """Serve all calls; return early if this turns out to be a copy that the workload forked."""
    clock = time.perf_counter_ns
    for position, feed, due_ns in calls:
        wait_until(due_ns)
        start_ns = due_ns or clock()
        try:
            answer = workload.serve(feed)
        except BaseException as error:
            if forked:
                return
            calls.raised(position, start_ns, clock(), error)
        else:
            calls.answered(position, start_ns, clock(), answer)


def clients_for(workload: Any, count: int) -> Any:
    """Return the clients of a workload: a function that serves all calls of a window."""
    if getattr(workload, "event_loop", None) is not None:
        return TaskClients(workload, count)
    return SingleClient(workload) if count == 1 else ThreadClients(workload, count)
