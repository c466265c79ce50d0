"""Launch after launch, until what they say is decided or the time is up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeVar

from energygate.errors import WorkerDied
from energygate.stats.confidence import MAX_LAUNCHES, MIN_LAUNCHES

if TYPE_CHECKING:
    from collections.abc import Callable

    from energygate.measure.launch import Clock
    from energygate.measure.windows import Plan

ENOUGH_LAUNCHES = 6
"""Where no budget asks for more: the interval is then about 1.4 standard deviations wide to each side."""

LaunchT = TypeVar("LaunchT")
LaunchT_co = TypeVar("LaunchT_co", covariant=True)


class Launching(Protocol[LaunchT_co]):
    """Runs launches."""

    plan: Plan | None
    """What every launch does; made by the first."""

    mode: Literal["paired", "alternating"]
    """How two sides take turns; without meaning for one."""

    def launch(self) -> LaunchT_co:
        """Run one launch."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a campaign is.

    Attributes:
        launches: Launches so far.
        elapsed_s: Time spent.
        time_limit_s: Time it may take.
    """

    launches: int
    elapsed_s: float
    time_limit_s: float


class Campaign(Generic[LaunchT]):
    """The launches of one workload; may be taken up again when time is left.

    Args:
        launcher: Runs one launch.
        clock: The time.
    """

    def __init__(self, launcher: Launching[LaunchT], *, clock: Clock) -> None:
        self._launcher = launcher
        self._clock = clock
        self.retried: str | None = None
        self._longest_s = 0.0
        self.launches: list[LaunchT] = []
        self.elapsed_s = 0.0

    def go_on(
        self, seconds: float, *, decided: Callable[[], bool], on_progress: Callable[[Progress], None]
    ) -> None:
        """Launch until decided; a launch that would overrun the time is not started.

        Args:
            seconds: Time for these launches together. The first of a campaign is run whatever it takes.
            decided: Whether the launches so far settle all that is asked of them.
            on_progress: Told after each launch.

        Raises:
            MeasurementError: When a launch fails; a worker that died is given one more chance first.
        """
        limit_s = self.elapsed_s + seconds
        while len(self.launches) < MAX_LAUNCHES:
            if self.launches and self.elapsed_s + self._longest_s > limit_s:
                return
            started_ns = self._clock()
            self.launches.append(self._launch())
            spent_s = (self._clock() - started_ns) * 1e-9
            self.elapsed_s += spent_s
            self._longest_s = max(self._longest_s, spent_s)
            on_progress(Progress(launches=len(self.launches), elapsed_s=self.elapsed_s, time_limit_s=limit_s))
            if len(self.launches) >= MIN_LAUNCHES and decided():
                return

    def _launch(self) -> LaunchT:
        try:
            return self._launcher.launch()
        except WorkerDied as death:
            if self.retried:
                raise
            self.retried = death.what
            return self._launcher.launch()
