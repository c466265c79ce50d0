"""How many launches a verdict takes, and how often it is wrong: the decision rule on simulated launches.

    uv run python bench/stopping.py

Launches are simulated at a distance of so many standard deviations from the limit. Wald's bound is the least
number of launches that any rule with an error of 5 % on each side needs on average, even if it knew the deviation:
5.3 / distance². At distance 0 no rule can decide; there the table shows how often one side is declared wrongly.
"""

from __future__ import annotations

import math

import numpy as np

from energygate.stats.confidence import MAX_LAUNCHES, MIN_LAUNCHES, critical_r

RUNS = 20_000
ALPHA = 0.10


def stops(values: np.ndarray, critical: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """When each run stops, and on which side (0: never)."""
    sums, squares = np.cumsum(values, axis=1), np.cumsum(values * values, axis=1)
    stop = np.full(len(values), values.shape[1])
    side = np.zeros(len(values), dtype=int)
    for n in range(MIN_LAUNCHES, values.shape[1] + 1):
        r = sums[:, n - 1] / np.sqrt(squares[:, n - 1])
        now = (np.abs(r) >= critical[n]) & (side == 0)
        side[now] = np.sign(r[now]).astype(int)
        stop[now] = n
    return stop, side


def old_rule(n: int, alpha: float, phi: float = 1.0) -> float:
    """The normal mixture's critical r (Lai 1976): what this rule is compared with."""
    k = phi / (phi + n)
    q = (1 / (alpha * math.sqrt(k))) ** (2 / n)
    if k * q >= 1:
        return math.inf
    half = math.sqrt((n - 1) * (q - 1) / (1 - k * q) / n)  # in sample deviations
    return math.sqrt(n) * half / math.sqrt(half * half + (n - 1) / n)


def main() -> None:
    """Print the tables."""
    generator = np.random.default_rng(0)
    rules = {
        "energygate": [math.inf] * MIN_LAUNCHES + [critical_r(n, ALPHA / 2) for n in range(MIN_LAUNCHES, 121)],
        "normal mixture": [math.inf] * MIN_LAUNCHES + [old_rule(n, ALPHA) for n in range(MIN_LAUNCHES, 121)],
    }
    print("mean launches to a verdict (times Wald's bound), and wrong verdicts")
    for distance in (0.5, 1.0, 2.0, 5.0):
        values = generator.normal(distance, 1, (RUNS, 120))
        cells = []
        for name, critical in rules.items():
            stop, side = stops(values, critical)
            bound = 5.3 / distance**2
            cells.append(f"{name}: {stop.mean():5.1f} ({stop.mean() / bound:5.2f}), wrong {np.mean(side < 0):.2%}")
        print(f"{distance:4} deviations from the limit   " + "   ".join(cells))
    shapes = {
        "normal": generator.normal(0, 1, (10 * RUNS, MAX_LAUNCHES)),
        "t with 3 degrees": generator.standard_t(3, (RUNS, MAX_LAUNCHES)),
        "5 % spikes of 10 sd": generator.normal(0, 1, (RUNS, MAX_LAUNCHES))
        * np.where(generator.random((RUNS, MAX_LAUNCHES)) < 0.05, 10, 1),
        "two modes 3 sd apart": generator.normal(0, 1, (RUNS, MAX_LAUNCHES))
        + 1.5 * np.where(generator.random((RUNS, MAX_LAUNCHES)) < 0.5, 1, -1),
    }
    print(f"\nfalse fails when the truth is the limit, over all looks from {MIN_LAUNCHES} to {MAX_LAUNCHES} launches")
    for shape, values in shapes.items():
        cells = []
        for alpha in (0.10, 0.05, 0.02, 0.01):
            critical = [math.inf] * MIN_LAUNCHES + [
                critical_r(n, alpha / 2) for n in range(MIN_LAUNCHES, MAX_LAUNCHES + 1)
            ]
            _, side = stops(values, critical)
            cells.append(f"{np.mean(side > 0):.2%} of {alpha / 2:.1%}")
        print(f"{shape:24} " + "   ".join(cells))


if __name__ == "__main__":
    main()
