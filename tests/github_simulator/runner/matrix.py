"""A `strategy` expanded into jobs, by GitHub's rules for `include` and `exclude`."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from github_simulator.runner.expression_values import to_text

MOST_LEGS = 256
"""Of one job in one run."""


class MatrixRefused(Exception):
    """A matrix for which GitHub fails the job before it begins."""


@dataclass(frozen=True, kw_only=True)
class Leg:
    """One job of a matrix, or the only one without a matrix.

    Attributes:
        values: The `matrix` context.
        strategy: The `strategy` context.
    """

    values: Mapping[str, Any]
    strategy: Mapping[str, Any]

    @property
    def suffix(self) -> str:
        """What GitHub adds to the name of a job whose name does not say which leg it is."""
        leaves = [to_text(leaf) for leaf in _leaves(self.values) if leaf is not None]
        return f" ({', '.join(leaves)})" if leaves else ""


def legs_of(strategy: Mapping[str, Any] | None) -> list[Leg]:
    """Spread an evaluated `strategy`.

    Raises:
        MatrixRefused: For a matrix without values, with too many, or that is no matrix.
    """
    given = strategy or {}
    unknown = set(given) - {"matrix", "fail-fast", "max-parallel"}
    if unknown:
        raise MatrixRefused(f"Unexpected value '{', '.join(sorted(unknown))}' in strategy")
    all_values = spread(given["matrix"]) if "matrix" in given else [{}]
    total = len(all_values)
    return [
        Leg(
            values=values,
            strategy={
                "fail-fast": given.get("fail-fast", True),
                "job-index": index,
                "job-total": total,
                "max-parallel": given.get("max-parallel", total),
            },
        )
        for index, values in enumerate(all_values)
    ]


def spread(matrix: object) -> list[dict[str, Any]]:
    """Return the combinations of an evaluated matrix.

    Raises:
        MatrixRefused: As `legs_of` does.
    """
    if not isinstance(matrix, Mapping):
        raise MatrixRefused("Unexpected value: the matrix is no mapping")
    include, exclude = (_objects(matrix.get(name) or [], name) for name in ("include", "exclude"))
    vectors = {name: values for name, values in matrix.items() if name not in {"include", "exclude"}}
    for name, values in vectors.items():
        if not isinstance(values, list):
            raise MatrixRefused(f"Matrix vector '{name}' is no list")
        if not values:
            raise MatrixRefused(f"Matrix vector '{name}' does not contain any values")
    if not vectors and not include:
        raise MatrixRefused("Matrix must define at least one vector")
    made = (
        [dict(zip(vectors, chosen, strict=True)) for chosen in itertools.product(*vectors.values())] if vectors else []
    )
    made = [one for one in made if not any(_matches(one, left_out) for left_out in exclude)]
    combinations = _with_included(made, include)
    if len(combinations) > MOST_LEGS:
        raise MatrixRefused(f"The matrix has {len(combinations)} jobs, and GitHub runs {MOST_LEGS} at most")
    if not combinations:
        raise MatrixRefused("The matrix has no jobs left")
    return combinations


def _with_included(original: list[dict[str, Any]], include: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add each entry to every combination of which it changes no original value, or else as one of its own."""
    combinations, alone = [dict(one) for one in original], []
    for entry in include:
        fits = [
            at for at, one in enumerate(original) if all(one.get(name, value) == value for name, value in entry.items())
        ]
        for at in fits:
            combinations[at] |= entry
        if not fits:
            alone.append(dict(entry))
    return combinations + alone


def _matches(combination: Mapping[str, Any], pattern: Mapping[str, Any]) -> bool:
    return all(name in combination and combination[name] == value for name, value in pattern.items())


def _objects(given: object, name: str) -> list[dict[str, Any]]:
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        raise MatrixRefused(f"{name} is no list of mappings")
    return [dict(one) for one in given]


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    return [leaf for inner in value for leaf in _leaves(inner)] if isinstance(value, list) else [value]
