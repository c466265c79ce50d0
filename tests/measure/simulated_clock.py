"""A simulated clock for a whole process: nothing really waits, and nothing is late however busy the machine is."""

from __future__ import annotations

import time

LOOK_NS = 20_000
"""What a look at the clock takes."""


class SimulatedClock:
    """What `time` says from now on: it goes on by a look when it is asked, and by what somebody sleeps.

    Args:
        show: Receives each new time, in seconds: for what has no Python to ask.
    """

    def __init__(self, show=lambda _: None):
        self._now_ns = 1_000_030_000_000  # somewhere within a period of every counter
        self._show = show
        self._goes_on_by(0)
        time.perf_counter_ns = lambda: self._goes_on_by(LOOK_NS)
        time.perf_counter = lambda: self._goes_on_by(LOOK_NS) * 1e-9
        time.sleep = lambda seconds: self._goes_on_by(round(seconds * 1e9))

    def _goes_on_by(self, passed_ns):
        self._now_ns += passed_ns
        self._show(self._now_ns * 1e-9)
        return self._now_ns
