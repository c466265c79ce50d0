"""Launch after launch, until the result is decided or the time is up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from energygate.errors import WorkerDied
from energygate.measure.launch import Launches
from energygate.stats.confidence import MAX_LAUNCHES

if TYPE_CHECKING:
    from collections.abc import Callable

    from energygate.measure.launch import Clock

ENOUGH_LAUNCHES = 6
"""Where no budget asks for more: the interval then reaches about 1.4 standard deviations to each side."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a campaign has come.

    Attributes:
        launches: Launches so far.
        elapsed_s: Time spent.
        time_limit_s: Time it may take.
    """

    launches: int
    elapsed_s: float
    time_limit_s: float


class Campaign:
    """The launches of one workload; can be resumed when there is time left.

    Args:
        launch: Runs one launch.
        clock: The time.
        saved_ns: How much less time than the first launch the next one takes to start.
    """

    def __init__(
        self, launch: Callable[[], Launches], *, clock: Clock, saved_ns: Callable[[], float] = lambda: 0.0
    ) -> None:
        self._launch = launch
        self._clock = clock
        self._saved_ns = saved_ns
        self.retried: str | None = None
        self._longest_s = 0.0
        self.launches = Launches()
        self.elapsed_s = 0.0

    def resume(self, seconds: float, *, decided: Callable[[], bool], on_progress: Callable[[Progress], None]) -> None:
        """Launch until decided; a launch that would exceed the time is not started.

        Args:
            seconds: Time for these launches together. The first launch of a campaign runs however long it takes.
            decided: Whether the launches so far settle every budget.
            on_progress: Called after each launch.

        Raises:
            MeasurementError: When a launch fails; the first time that a worker dies, its launch is repeated.
        """
        limit_s = self.elapsed_s + seconds
        while len(self.launches) < MAX_LAUNCHES:
            if self.launches and self.elapsed_s + self._longest_s - self._saved_ns() * 1e-9 > limit_s:
                return
            started_ns = self._clock()
            self.launches += self._launch_or_retry()
            spent_s = (self._clock() - started_ns) * 1e-9
            self.elapsed_s += spent_s
            self._longest_s = max(self._longest_s, spent_s)
            on_progress(Progress(launches=len(self.launches), elapsed_s=self.elapsed_s, time_limit_s=limit_s))
            if decided():
                return

    def _launch_or_retry(self) -> Launches:
        try:
            return self._launch()
        except WorkerDied as death:
            if self.retried:
                raise
            self.retried = death.what
            return self._launch()
