"""A plan as a plot of letters, for terminals of 80 columns and for logs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from energygate.production.routing.plot_axes import LogAxis, pools_of, power_axis, power_labels, short, uncertain_ranges
from energygate.production.routing.pool_costs import best

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.production.routing.plan import Routing
    from energygate.production.routing.pool_costs import PoolCosts

COLUMNS = 56
ROWS = 14
MARGIN = 10
"""Columns left of the plot: a label such as `500 mW`."""

OPEN = "?"
"""Marks rates at which the measurements cannot decide which pool is the best."""


def text_plot(routing: Routing, *, columns: int = COLUMNS) -> list[str]:
    """Draw facility power over the rate, both logarithmic, a letter for each pool.

    The best pool's letter is upper case. The line below the plot is the answer: the pool to use at that rate, or a
    question mark where the measurements cannot decide.

    Args:
        routing: The plan.
        columns: Width of the plot itself, without the `MARGIN` for its labels.

    Returns:
        Lines of at most `columns + MARGIN` characters; none where no pool can be used.
    """
    pools = pools_of(routing)
    if not pools:
        return []
    letters = _letters(pools)
    rates = LogAxis(low=routing.rates.low_per_s, high=routing.rates.high_per_s)
    sampled = [rates.value((column + 0.5) / columns) for column in range(columns)]
    curves = {pool.name: [pool.power_watts(rate) for rate in sampled] for pool in pools}
    values = [value for curve in curves.values() for value in curve if math.isfinite(value)]
    if not values:
        return []
    powers = power_axis(values)
    winners = [best(pools, rate) for rate in sampled]
    grid = [[" "] * columns for _ in range(ROWS)]
    for column in range(columns):
        winner = winners[column]
        for pool in sorted(pools, key=lambda one: one is winner):  # the best one last, on top of the others
            value = curves[pool.name][column]
            if math.isfinite(value):
                letter = letters[pool.name]
                grid[_row(powers, value)][column] = letter.upper() if pool is winner else letter
    ticks = powers.ticks(4)
    labels = dict(zip((_row(powers, one) for one in ticks), power_labels(ticks), strict=True))
    lines = [
        f"{labels.get(row, ''):>{MARGIN - 2}} {'┤' if row in labels else '│'}{''.join(line)}".rstrip()
        for row, line in enumerate(grid)
    ]
    lines.append(" " * (MARGIN - 1) + "└" + "─" * columns)
    lines.append(f"{'best':>{MARGIN - 2}}  {_answer(routing, sampled, winners, letters)}")
    lines.append(" " * MARGIN + _scale(rates, columns))
    return lines


def legend(routing: Routing) -> str:
    """Return what the letters of a plot stand for."""
    letters = _letters(pools_of(routing))
    entries = [f"{letter} {name}" for name, letter in letters.items()]
    if OPEN in "".join(text_plot(routing)[-2:-1]):
        entries.append(f"{OPEN} not certain")
    return ", ".join([*entries, "upper case: the best"])


def _answer(
    routing: Routing, sampled: Sequence[float], winners: Sequence[PoolCosts | None], letters: dict[str, str]
) -> str:
    zones = uncertain_ranges(routing)
    return "".join(
        " "
        if winner is None
        else OPEN
        if any(low < rate < high for low, high in zones)
        else letters[winner.name].upper()
        for rate, winner in zip(sampled, winners, strict=True)
    ).rstrip()


def _letters(pools: Sequence[PoolCosts]) -> dict[str, str]:
    """Return a letter for each pool: the first free one of its name, or of the alphabet."""
    taken: dict[str, str] = {}
    for pool in pools:
        candidates = [one for one in pool.name.lower() if "a" <= one <= "z"] + [*"abcdefghijklmnopqrstuvwxyz"]
        taken[pool.name] = next((one for one in candidates if one not in taken.values()), "*")
    return taken


def _row(powers: LogAxis, value: float) -> int:
    return min(ROWS - 1, max(0, ROWS - 1 - int(powers.at(value) * ROWS)))


def _scale(rates: LogAxis, columns: int) -> str:
    """Return the labels of the rates, each below its position, and their unit."""
    line = [" "] * columns
    for rate in rates.ticks(5):
        label = short(rate)
        start = min(columns - len(label), max(0, round(rates.at(rate) * columns) - len(label) // 2))
        if all(one == " " for one in line[max(0, start - 1) : start + len(label) + 1]):
            line[start : start + len(label)] = label
    return "".join(line).rstrip() + " req/s"
