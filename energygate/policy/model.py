"""The policy as a whole: site, measurement, workloads with their budgets, and waivers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date  # noqa: TC003 - pydantic reads annotations at run time
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field, PrivateAttr

from energygate.policy.fields import Section, Text, WorkloadName, iso_date
from energygate.policy.measurement import Measurement
from energygate.policy.metrics import METRICS
from energygate.policy.site import Site
from energygate.policy.workload import Workload  # noqa: TC001 - pydantic reads annotations at run time
from energygate.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KeyPath = tuple[str | int, ...]


def _version(raw: object) -> object:
    if str(raw).strip() != "1":
        raise ValueError(f"this energygate reads version 1 of the policy, not {raw!r}")
    return 1


class Comparison(Section):
    """What to do with workloads that only one side of a comparison has."""

    added: Literal["judge", "fail"] = Field(
        default="judge",
        description="A workload that base does not have: judge it by its absolute limits, or fail.",
    )
    removed: Literal["list", "fail"] = Field(
        default="list", description="A workload that head does not have: list it, or fail."
    )


class Waiver(Section):
    """An accepted excess of one budget: why, who is responsible, and until when."""

    workload: str = Field(description="Name of the workload.")
    metric: str = Field(
        description="Name of the metric; the workload has a budget for it.",
        json_schema_extra={"enum": [*METRICS]},
    )
    reason: Text = Field(description="Why breaking the budget is acceptable.")
    owner: Text = Field(description="Who is responsible, such as a team's handle.", examples=["@ml"])
    expires: Annotated[date, BeforeValidator(iso_date)] = Field(
        description="The last day on which the waiver is valid, as YYYY-MM-DD.",
        examples=["2027-01-31"],
        json_schema_extra={"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    )

    def expired(self, today: date) -> bool:
        """Return whether the waiver is past its last day."""
        return today > self.expires


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a policy was read: its file and the line of each key. Does not count when policies are compared."""

    source: str = field(default="policy", compare=False)
    lines: Mapping[KeyPath, int] = field(default_factory=dict, compare=False)


class Policy(Section):
    """The contents of `energygate.yml`.

    Example:
        >>> from energygate.policy import load_policy
        >>> load_policy("energygate.yml").workloads["digits-cnn"].budgets["energy_per_request"].max
        Quantity(value=0.0002, family=<Family.ENERGY: 'energy'>, unit='kWh', text='0.2 Wh')
    """

    version: Annotated[Literal[1], BeforeValidator(_version)] = Field(description="Version of the policy's format: 1.")
    site: Site = Field(default_factory=Site, description="Where production runs: PUE, carbon, price, traffic.")
    measurement: Measurement = Field(
        default_factory=Measurement, description="How to measure: how long, and with what."
    )
    comparison: Comparison = Field(
        default_factory=Comparison, description="What to do with workloads that only one side has."
    )
    workloads: dict[WorkloadName, Workload] = Field(min_length=1, description="What is measured, by name.")
    waivers: tuple[Waiver, ...] = Field(default=(), description="Budgets that may be exceeded until a date.")

    _origin: Origin = PrivateAttr(default=Origin())

    @property
    def source(self) -> str:
        """The file that the policy was read from, as the user named it."""
        return self._origin.source

    def line(self, path: KeyPath) -> int | None:
        """Return the line of a key.

        Args:
            path: Keys from the top, such as `("workloads", "digits-cnn", "budgets", "model_size", "max")`.

        Returns:
            The line, counted from 1; that of the nearest key above where the key itself is not written out (a
            default, a budget's short form); `None` when no key of the path is, or there is no file.
        """
        above = (path[:end] for end in range(len(path), 0, -1))
        return next((self._origin.lines[one] for one in above if one in self._origin.lines), None)

    def where(self, *path: str | int) -> str:
        """Return the place of a key, such as `energygate.yml:12`; without a line, only the file."""
        line = self.line(path)
        return self.source if line is None else f"{self.source}:{line}"

    def read_from(self, origin: Origin) -> Policy:
        """Return a copy that knows where it was read."""
        copy = self.model_copy()
        copy._origin = origin  # noqa: SLF001 - its own class
        return copy

    def _mistakes(self) -> Iterator[tuple[KeyPath, str]]:
        yield from self._site_mistakes()
        yield from self._waiver_mistakes()

    def _site_mistakes(self) -> Iterator[tuple[KeyPath, str]]:
        for name, workload in self.workloads.items():
            for metric, budget in workload.budgets.items():
                path: KeyPath = ("workloads", name, "budgets", metric)
                if lacking := self.site.lacks(metric):
                    yield path, lacking
                for key, sentence in self.site.foreign_limits(metric, budget):
                    yield (*path, key), sentence

    def _waiver_mistakes(self) -> Iterator[tuple[KeyPath, str]]:
        first: dict[tuple[str, str], int] = {}
        for index, waiver in enumerate(self.waivers):
            workload = self.workloads.get(waiver.workload)
            if workload is None:
                guess = _guess(waiver.workload, self.workloads)
                yield ("waivers", index, "workload"), f"there is no workload '{waiver.workload}'; {guess}"
            elif waiver.metric not in workload.budgets:
                guess = _guess(waiver.metric, workload.budgets)
                sentence = f"workload '{waiver.workload}' has no budget for '{waiver.metric}'; {guess}"
                yield ("waivers", index, "metric"), sentence
            else:
                earlier = first.setdefault((waiver.workload, waiver.metric), index)
                if earlier != index:
                    yield (
                        ("waivers", index),
                        f"waives the same budget as waiver {earlier + 1}; keep one of them",
                    )


def _guess(name: str, known: Mapping[str, object]) -> str:
    return did_you_mean(name, known, otherwise=f"there are {', '.join(known) or 'none'}")
