"""Launch after launch, until what they say is decided or the time is up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from energygate.measure.launch import Clock, Launch
    from energygate.measure.launchers import Launcher

MIN_LAUNCHES = 4
"""Fewer give no interval at an error of 10 %."""

ENOUGH_LAUNCHES = 6
"""Where no budget asks for more: the interval is then about 1.7 standard deviations wide to each side."""

MAX_LAUNCHES = 40
"""A cap for short launches under a long time limit: beyond it the interval hardly narrows."""


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


def run_campaign(
    launcher: Launcher,
    *,
    decided: Callable[[Sequence[Launch]], bool],
    time_limit_s: float,
    clock: Clock,
    on_progress: Callable[[Sequence[Launch], Progress], None],
) -> tuple[Launch, ...]:
    """Launch until decided; a launch that would overrun the time limit is not started.

    Args:
        launcher: Runs one launch.
        decided: Whether the launches so far settle all that is asked of them.
        time_limit_s: Time for all launches together. The first is run whatever it takes.
        clock: The time.
        on_progress: Told after each launch.

    Raises:
        MeasurementError: When a launch fails.
    """
    launches: list[Launch] = []
    started_ns = clock()
    longest_s = 0.0
    while len(launches) < MAX_LAUNCHES:
        before_ns = clock()
        launches.append(launcher.launch())
        elapsed_s = (clock() - started_ns) * 1e-9
        longest_s = max(longest_s, (clock() - before_ns) * 1e-9)
        on_progress(
            launches, Progress(launches=len(launches), elapsed_s=elapsed_s, time_limit_s=time_limit_s)
        )
        if len(launches) >= MIN_LAUNCHES and decided(launches):
            break
        if elapsed_s + longest_s > time_limit_s:
            break
    return tuple(launches)
