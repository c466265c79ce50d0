"""A plan in words: the answer first, then its basis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.policy import JOULES_PER_KWH, METRICS, format_number, format_quantity
from energygate.production.routing.text_plot import legend, text_plot
from energygate.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from energygate.production.routing.plan import RateRow, RoutedPool, Routing, Threshold

MAX_WIDTH = 78
"""Columns of the table of rates; a wider one lists only the best pool of each rate."""

MAX_NAME = 40


def plan_text(routing: Routing) -> str:
    """Return the plan as text without colour."""
    parts = [_heading(routing), [f"  {line}" for line in _answer(routing)], _pools(routing)]
    if routing.rows and any(row.pools for row in routing.rows):
        parts.append(_rates(routing))
        plot = [*text_plot(routing), f"          {legend(routing)}"]
        parts.append(["  Power at the facility, idle replicas included:", *plot])
    parts.append([f"  Note: {note}." for note in routing.notes])
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _heading(routing: Routing) -> list[str]:
    limit = format_quantity(routing.latency.limit_s, "s")
    label = METRICS[routing.latency.metric].label
    source = f" ({routing.latency.source})" if routing.latency.source else ""
    return [f"energygate route: {_name(routing.workload)}, {label} within {limit}{source}"]


def _answer(routing: Routing) -> Iterator[str]:
    fit = [one for one in routing.pools if one.unfit is None]
    if not fit:
        yield "No pool keeps the limits at any load."
        return
    if not routing.thresholds:
        yield _one_answer(routing)
    for one in routing.thresholds:
        yield from _threshold(one)
    beyond = [band for band in routing.bands if band.pool is None]
    if beyond:
        yield f"Above {_rate(beyond[-1].low_per_s)} no pool has enough replicas."


def _one_answer(routing: Routing) -> str:
    """Return the answer without a threshold: one pool, or an uncertain order."""
    names = list(dict.fromkeys(band.pool for band in routing.bands if band.pool is not None))
    span = f"from {_rate(routing.rates.low_per_s)} to {_rate(routing.rates.high_per_s)}"
    if not names:
        return f"No pool can serve {_rate(routing.rates.low_per_s)}."
    sure = all(row.certain for row in routing.rows if row.pool is not None)
    if len(names) == 1:
        return f"{_name(names[0])} is the best {span}{'' if sure else ' by the numbers, but the order is not certain'}."
    return f"{' and '.join(map(_name, names))} alternate {span}: whole replicas make one cheaper, then the other."


def _threshold(one: Threshold) -> Iterator[str]:
    below, above = _name(one.below), _name(one.above)
    yield (
        f"Below {_rate(one.rate_per_s)} {below} ({_replicas(one.below_replicas)} there), "
        f"above it {above} ({one.above_replicas})."
    )
    sure = [
        *([] if one.low_per_s is None else [f"{below} below {_rate(one.low_per_s)}"]),
        *([] if one.high_per_s is None else [f"{above} above {_rate(one.high_per_s)}"]),
    ]
    if not sure:
        yield "The intervals of the two overlap at every rate: their order is not certain."
    elif one.low_per_s != one.high_per_s:
        yield f"{'Certain' if len(sure) > 1 else 'Only certain'}: {' and '.join(sure)}."


def _pools(routing: Routing) -> list[str]:
    rows: list[tuple[str, ...]] = [("pool", "a request adds", "idle", "serves", "of its capacity", "joules are")]
    rows += [_pool(one) for one in routing.pools if one.unfit is None]
    lines = [f"  {line}" for line in _aligned(rows)] if len(rows) > 1 else []
    return lines + [f"  {_name(one.name)} is not used: {one.unfit}." for one in routing.pools if one.unfit is not None]


def _pool(one: RoutedPool) -> tuple[str, ...]:
    return (
        _name(one.name),
        format_quantity(one.active_joules_per_request * one.pue / JOULES_PER_KWH, "kWh"),
        format_quantity(one.idle_watts * one.pue, "W"),
        _rate(one.replica_rate_per_s or 0.0),
        format_quantity(one.utilisation or 0.0, "ratio", digits=2),
        f"{one.method} ± {one.uncertainty * 100:.0f} %",
    )


def _rates(routing: Routing) -> list[str]:
    """Return energy per request and replicas by rate: of each pool, or only of the best where that is too wide."""
    names = [one.name for one in routing.pools if one.unfit is None]
    rates = [format_number(row.rate_per_s) for row in routing.rows]
    best = ["-" if row.pool is None else _name(row.pool) + ("" if row.certain else " ?") for row in routing.rows]
    costs = [[_cost(row, name) for row in routing.rows] for name in names]
    lines = _aligned([("req/s", *map(_name, names), "best"), *zip(rates, *costs, best, strict=True)])
    if max(map(len, lines)) > MAX_WIDTH:
        of_best = [_cost(row, row.pool) for row in routing.rows]
        lines = _aligned([("req/s", "best", "energy per request"), *zip(rates, best, of_best, strict=True)])
    return [
        "  Energy per request, idle replicas and PUE included (replicas):",
        *(f"  {line}" for line in lines),
        *_mixes(routing.rows),
    ]


def _cost(row: RateRow, pool: str | None) -> str:
    for one in row.pools:
        if one.pool == pool:
            return f"{format_quantity(one.joules_per_request / JOULES_PER_KWH, 'kWh')} ({one.replicas})"
    return "-"


def _mixes(rows: Sequence[RateRow]) -> Iterator[str]:
    for row in rows:
        if row.mix is not None:
            shares = " + ".join(f"{one.replicas} {_name(one.pool)}" for one in row.mix.shares)
            saved = format_quantity(row.mix.saving, "ratio", digits=2)
            yield f"  At {_rate(row.rate_per_s)} together: {shares} save {saved}."


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align columns: the first and the last to the left, numbers between them to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    last = len(widths) - 1
    return [
        "  ".join(
            f"{cell:<{width}}" if at in (0, last) else f"{cell:>{width}}"
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _rate(rate_per_s: float) -> str:
    return format_quantity(rate_per_s, "req/s")


def _replicas(number: int) -> str:
    return f"{number:,} replica{'' if number == 1 else 's'}"


def _name(text: str) -> str:
    return printable(text, max_length=MAX_NAME)
