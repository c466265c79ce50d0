"""What watches a test is not what it costs: tracing, profiling and pytest's own log handlers are off meanwhile."""

from __future__ import annotations

import logging
import sys
import threading
from contextlib import contextmanager

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

TOOLS = range(6)
"""Ids of tools in `sys.monitoring` (Python 3.12 and later)."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Be watched by nobody: coverage, debuggers and profilers that run in this process are back afterwards."""
    trace, profile = sys.gettrace(), sys.getprofile()
    root = logging.getLogger()
    handlers = [one for one in root.handlers if type(one).__module__ == "_pytest.logging"]
    sys.settrace(None)
    sys.setprofile(None)
    threading.settrace(None)
    threading.setprofile(None)
    watching = _stop_monitoring()
    for handler in handlers:
        root.removeHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            root.addHandler(handler)
        for tool, event, callback in watching:
            sys.monitoring.register_callback(tool, event, callback)  # type: ignore[attr-defined]
        sys.setprofile(profile)
        sys.settrace(trace)


def _stop_monitoring() -> list[tuple[int, int, Any]]:
    """Take the callbacks of `sys.monitoring` away; returns tool, event and callback of each."""
    monitoring: Any = getattr(sys, "monitoring", None)
    taken = []
    for tool in TOOLS if monitoring is not None else ():
        if monitoring.get_tool(tool) is None:
            continue
        for event in vars(monitoring.events).values():
            if isinstance(event, int) and event and not event & (event - 1):  # the others are several at once
                callback = monitoring.register_callback(tool, event, None)
                if callback is not None:
                    taken.append((tool, event, callback))
    return taken
