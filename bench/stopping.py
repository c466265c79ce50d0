"""How many launches a verdict takes, and how often it is wrong: the decision rule on simulated launches.

    uv run python bench/stopping.py

Launches are simulated at a distance from the limit, and every look is judged by the product's own half-widths. At the
limit no rule can decide; there the tables show how often the rule fails what is exactly at the limit. Noise is given as
a multiple of the recorded scatter, which the first looks assume and the later ones do not use. The scatter of a
launch's own blocks, which only widens intervals, is left out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from energygate.gate.estimates import ALPHA
from energygate.measure.scatter import BY_BLOCKS
from energygate.stats.confidence import MAX_LAUNCHES, MIN_LAUNCHES, SIMULATED_SCATTER, half_width

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 20_000
ERRORS = (ALPHA / 2, ALPHA / 2 / 12)
"""One-sided: a policy's only limit, and each of twelve."""
MULTIPLES = (0.5, 1.0, 2.0, 3.0)
BEYOND = (4.0, 6.0)


def noise_kinds(generator: np.random.Generator) -> dict[str, Callable[[int], np.ndarray]]:
    """Kinds of noise by name, each with a deviation of one in all."""

    def normal(runs: int) -> np.ndarray:
        return generator.normal(0, 1, (runs, MAX_LAUNCHES))

    def some(runs: int, share: float) -> np.ndarray:
        return generator.random((runs, MAX_LAUNCHES)) < share

    return {
        "normal": normal,
        "t with 3 degrees": lambda runs: generator.standard_t(3, (runs, MAX_LAUNCHES)) / math.sqrt(3),
        "5 % spikes of 10 sd": lambda runs: normal(runs) * np.where(some(runs, 0.05), 10, 1) / math.sqrt(0.95 + 5),
        "two modes 3 sd apart": lambda runs: (
            (normal(runs) + 1.5 * np.where(some(runs, 0.5), 1, -1)) / math.sqrt(1 + 1.5**2)
        ),
    }


def stops(
    values: np.ndarray, *, error: float, expected_sd: float, at_passes: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """When each run stops, and on which side of the limit: 1 for a fail, -1 for a pass, 0 for neither.

    Args:
        values: Distances from the limit, a row per run and a column per launch.
        error: One-sided error of a fail; a pass has its own.
        expected_sd: The deviation that was recorded, as the rule assumes; infinite where none was.
        at_passes: Whether a pass ends a run; where another limit is still open it does not.
    """
    sums, squares = np.cumsum(values, axis=1), np.cumsum(values * values, axis=1)
    stop = np.full(len(values), values.shape[1])
    side = np.zeros(len(values), dtype=int)
    for n in range(1, values.shape[1] + 1):
        mean = sums[:, n - 1] / n
        sd = np.sqrt(np.maximum(squares[:, n - 1] - n * mean * mean, 0) / max(1, n - 1))
        # half-widths are multiples of the expected deviation, later of the own one
        unit = np.maximum(1.0, sd / SIMULATED_SCATTER / expected_sd) if n < MIN_LAUNCHES else sd
        fails = mean > unit * half_width(n, 1.0, alpha=2 * error, expected_sd=expected_sd)
        passes = -mean > unit * half_width(n, 1.0, alpha=ALPHA, expected_sd=expected_sd)
        now = (fails | (passes & at_passes)) & (side == 0)
        side[now] = np.where(fails, 1, -1)[now]
        stop[now] = n
    return stop, side


def print_durations(generator: np.random.Generator) -> None:
    """Print how many launches a verdict takes."""
    print("launches to a verdict (mean, median), and wrong verdicts, by the true value's distance from the limit")
    print("in deviations; noise as recorded. Wald: the fewest, on average, of any rule that knows the deviation.")
    print(f"{'distance':>8} {'Wald':>6} {'scatter recorded':>26} {'not recorded':>26} {'one of 12 limits':>26}")
    for distance in (0.5, 1.0, 2.0, 5.0, 10.0, 50.0):
        values = generator.normal(distance, 1, (RUNS, MAX_LAUNCHES))
        cells = ""
        for error, expected_sd in ((ERRORS[0], 1.0), (ERRORS[0], math.inf), (ERRORS[1], 1.0)):
            stop, side = stops(values, error=error, expected_sd=expected_sd)
            cells += f"{stop.mean():11.1f} {np.median(stop):4.0f} {np.mean(side < 0):10.2%}"
        print(f"{distance:8} {max(1, 5.3 / distance**2):6.1f} {cells}")


def print_block_counts(generator: np.random.Generator) -> float:
    """Print false fails for each row of the recorded scatter; returns the most up to three times the scatter."""
    print("\nfalse fails when the truth is the limit, normal noise of so many times the recorded scatter, 5 % allowed")
    print(f"{'launches of':34}" + "".join(f"{multiple:9g}" for multiple in MULTIPLES + BEYOND))
    most = 0.0
    for threads, rows in BY_BLOCKS.items():
        for blocks, expected_sd in rows:
            shares = []
            for multiple in MULTIPLES + BEYOND:
                values = generator.normal(0, multiple * expected_sd, (RUNS, MAX_LAUNCHES))
                _, side = stops(values, error=ERRORS[0], expected_sd=expected_sd, at_passes=False)
                shares.append(float(np.mean(side > 0)))
            most = max(most, *shares[: len(MULTIPLES)])
            name = f"{blocks}+ blocks, {threads} ({expected_sd:.1%})"
            print(f"{name:34}" + "".join(f"{share:9.2%}" for share in shares))
    return most


def print_kinds(generator: np.random.Generator) -> dict[float, float]:
    """Print false fails for other noise, and return the most of each error up to three times the scatter."""
    most = dict.fromkeys(ERRORS, 0.0)
    for error in ERRORS:
        print(f"\nthe same, {error:.2%} allowed; deviation in all, modes and spikes included")
        print(f"{'noise':34}" + "".join(f"{multiple:9g}" for multiple in MULTIPLES + BEYOND))
        for kind, draw in noise_kinds(generator).items():
            values = draw(RUNS if error > 0.01 else 8 * RUNS)
            shares = []
            for multiple in MULTIPLES + BEYOND:
                _, side = stops(multiple * values, error=error, expected_sd=1.0, at_passes=False)
                shares.append(float(np.mean(side > 0)))
            most[error] = max(most[error], *shares[: len(MULTIPLES)])
            print(f"{kind:34}" + "".join(f"{share:9.2%}" for share in shares))
    return most


def main() -> None:
    """Print the tables."""
    generator = np.random.default_rng(0)
    print_durations(generator)
    by_blocks = print_block_counts(generator)
    print("without any recorded scatter (p95, cold start, memory, at a rate, ...), from the fourth launch on:", end=" ")
    _, side = stops(
        generator.normal(0, 1, (8 * RUNS, MAX_LAUNCHES)), error=ERRORS[0], expected_sd=math.inf, at_passes=False
    )
    print(f"{np.mean(side > 0):.2%}")
    most = print_kinds(generator)
    most[ERRORS[0]] = max(most[ERRORS[0]], by_blocks)
    print("\nmost, up to three times the recorded scatter: ", end="")
    print("; ".join(f"{share:.2%} of {error:.2%}" for error, share in most.items()))


if __name__ == "__main__":
    main()
