"""A plan as an SVG: power over the rate, a line for each pool, and where to switch."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from energygate.policy import format_quantity
from energygate.production.routing.plot_axes import LogAxis, pools_of, power_axis, power_labels, short, uncertain_ranges
from energygate.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from energygate.production.routing.plan import Routing
    from energygate.production.routing.pool_costs import PoolCosts

WIDTH, HEIGHT = 760, 430
LEFT, RIGHT, TOP, BOTTOM = 80, 90, 64, 70
SAMPLES = 600
MAX_POINTS = 4_000
LABEL_HEIGHT = 16

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5f5f5f")
"""Okabe and Ito's palette, which readers who see few colours can tell apart too."""

_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-size:16px;font-weight:600}.minor{fill:#59636e}"
    ".grid{stroke:#d1d9e0}.axis{stroke:#59636e}.doubt{fill:#59636e;fill-opacity:.13}.switch{stroke:#59636e;"
    "stroke-dasharray:4 3}path{fill:none;stroke-width:2;stroke-linejoin:round}"
)
_LONGEST_NAME = 24
_LONGEST_TITLE = 60


def svg_plot(routing: Routing) -> str:
    """Draw a plan.

    Shaded is where the measurements do not tell which pool is the best; a dashed line says where to switch.

    Returns:
        A whole SVG file; without a usable pool one that says so.
    """
    pools = pools_of(routing)
    rates = LogAxis(low=routing.rates.low_per_s, high=routing.rates.high_per_s)
    curves = [(pool, _curve(pool, rates)) for pool in pools]
    values = [watts for _, curve in curves for _, watts in curve]
    title = f"{printable(routing.workload, max_length=_LONGEST_TITLE)}: power by load"
    limit = format_quantity(routing.latency.limit_s, "s")
    subtitle = f"p{routing.latency.metric[-2:]} latency within {limit}, idle replicas and PUE included"
    box = f"0 0 {WIDTH} {HEIGHT}"
    body = [_text(LEFT, HEIGHT / 2, "no pool keeps the limit at any load")]
    if values:
        body = list(_plot(routing, curves, rates, power_axis(values)))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{WIDTH}" height="{HEIGHT}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
            _text(LEFT, 26, title, "title"),
            _text(LEFT, 46, subtitle, "minor"),
            *body,
            "</svg>\n",
        ]
    )


def _plot(
    routing: Routing,
    curves: Sequence[tuple[PoolCosts, list[tuple[float, float]]]],
    rates: LogAxis,
    powers: LogAxis,
) -> Iterator[str]:
    floor = HEIGHT - BOTTOM
    for low, high in uncertain_ranges(routing):
        left, right = _x(rates, low), _x(rates, high)
        yield f'<rect class="doubt" x="{left:.1f}" y="{TOP}" width="{right - left:.1f}" height="{floor - TOP}"/>'
    ticks = powers.ticks(6)
    for watts, label in zip(ticks, power_labels(ticks), strict=True):
        y = _y(powers, watts)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield _text(LEFT - 8, y + 4, label, "minor", anchor="end")
    for rate in rates.ticks(9):
        x = _x(rates, rate)
        yield f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{floor}" y2="{floor + 5}"/>'
        yield _text(x, floor + 20, short(rate), "minor", anchor="middle")
    yield f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{floor}" y2="{floor}"/>'
    yield _text((LEFT + WIDTH - RIGHT) / 2, floor + 40, "requests a second", "minor", anchor="middle")
    yield from _switches(routing, rates, floor)
    yield from _lines(curves, rates, powers)
    if routing.thresholds:
        yield _text(LEFT, HEIGHT - 10, "dashed: where to switch; shaded: the measurements do not tell", "minor")


def _lines(
    curves: Sequence[tuple[PoolCosts, list[tuple[float, float]]]], rates: LogAxis, powers: LogAxis
) -> Iterator[str]:
    drawn = [(pool, curve, COLOURS[number % len(COLOURS)]) for number, (pool, curve) in enumerate(curves) if curve]
    for _, curve, colour in drawn:
        points = " ".join(f"{_x(rates, rate):.1f},{_y(powers, watts):.1f}" for rate, watts in curve)
        yield f'<path stroke="{colour}" d="M{points}"/>'
    ends = _apart([_y(powers, curve[-1][1]) for _, curve, _ in drawn])
    for (pool, curve, colour), y in zip(drawn, ends, strict=True):
        name = printable(pool.name, max_length=_LONGEST_NAME)
        x = _x(rates, curve[-1][0]) + 6
        yield f'<text x="{x:.1f}" y="{y + 4:.1f}" style="fill:{colour};font-weight:600">{escape(name)}</text>'


def _switches(routing: Routing, rates: LogAxis, floor: int) -> Iterator[str]:
    for number, one in enumerate(routing.thresholds):
        x = _x(rates, one.rate_per_s)
        yield f'<line class="switch" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{floor}"/>'
        label = f"{printable(one.below, max_length=_LONGEST_NAME)} → {printable(one.above, max_length=_LONGEST_NAME)}"
        late = x > (LEFT + WIDTH - RIGHT) / 2
        yield _text(
            x + (-6 if late else 6),
            TOP + 14 + LABEL_HEIGHT * (number % 4),
            f"{label} at {short(one.rate_per_s)} req/s",
            anchor="end" if late else "start",
        )


def _curve(pool: PoolCosts, rates: LogAxis) -> list[tuple[float, float]]:
    """Points of a pool's curve; both sides of each step, as long as steps can be seen."""
    sampled = {rates.value(number / SAMPLES) for number in range(SAMPLES + 1)}
    steps = [*pool.steps(rates.low, rates.high)]
    if len(steps) < MAX_POINTS:
        sampled |= {side for one in steps for side in (one, min(one * (1 + 1e-6), rates.high))}
    found = [(rate, pool.power_watts(rate)) for rate in sorted(sampled)]
    return [(rate, watts) for rate, watts in found if math.isfinite(watts)]


def _apart(places: Sequence[float]) -> list[float]:
    """The same places, moved down where labels would cover each other."""
    order = sorted(range(len(places)), key=lambda at: places[at])
    moved = list(places)
    for before, after in pairwise(order):
        moved[after] = max(moved[after], moved[before] + LABEL_HEIGHT)
    return moved


def _x(rates: LogAxis, rate: float) -> float:
    return LEFT + rates.at(rate) * (WIDTH - LEFT - RIGHT)


def _y(powers: LogAxis, watts: float) -> float:
    return HEIGHT - BOTTOM - powers.at(watts) * (HEIGHT - TOP - BOTTOM)


def _text(x: float, y: float, text: str, style: str = "", *, anchor: str = "start") -> str:
    style = f' class="{style}"' if style else ""
    return f'<text{style} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
