"""The policy that one part of a test is measured by: from markers, the policy's entry, options and the ini file."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from energygate.errors import PolicyError
from energygate.policy import Family, Measurement, Policy, Site, parse_quantity
from energygate.policy.error_messages import policy_error
from energygate.policy.fields import MAX_NAME_LENGTH, workload_name
from energygate.policy.model import Comparison
from energygate.pytest_plugin.collection import relative_to
from energygate.pytest_plugin.entries import PolicyEntry, entries_for
from energygate.pytest_plugin.markers import BUDGET_KEYS, ENERGY, Limits, merged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from energygate.policy import Budget, Workload
    from energygate.pytest_plugin.plugin_options import PluginSettings
    from energygate.pytest_plugin.record import Target

DEFAULT_TIME = "10 s"
"""Shorter than a policy's, since a person waits for the test."""

NO_POLICY = "pytest"
"""The name of the policy in results where there are only tests."""


_EMPTY = Policy.model_construct(
    version=1, site=Site(), measurement=Measurement(), comparison=Comparison(), workloads={}, waivers=()
)
"""What tests without a policy are measured by: every setting at its default."""


class PolicyBuilder:
    """Builds policies.

    Args:
        settings: The settings of the command line and the ini file.
        policy: The policy that decides; `None` where there is none. Its name in results is `source`.
        directory: The directory that node ids in it are relative to.
        head_policy: Head's, where the policy that decides may be base's.
    """

    def __init__(
        self,
        settings: PluginSettings,
        policy: Policy | None,
        *,
        directory: Path,
        head_policy: Policy | None = None,
    ) -> None:
        self.settings = settings
        self.source = NO_POLICY if policy is None else policy.source
        self._policy = policy or _EMPTY
        self._head_policy = head_policy
        self._directory = directory

    @property
    def python(self) -> str | None:
        """The interpreter to measure with; `None` for the session's own."""
        return self._policy.measurement.python

    @functools.cached_property
    def entries(self) -> tuple[PolicyEntry, ...]:
        """The policy's workloads that are tests."""
        policy = self._policy
        file = relative_to(Path(self.source), self.settings.root)
        named = ((name, one, one.pytest.partition("::")) for name, one in policy.workloads.items() if one.pytest)
        return tuple(
            PolicyEntry(
                name=name,
                path=Path(os.path.abspath(self._directory / test_file)),  # noqa: PTH100 - links stay
                test=test,
                part=workload.part,
                place=f"{file}:{policy.line(('workloads', name))}",
                has_limits=any(one.level != "off" for one in workload.budgets.values()),
                is_in_head=self._is_in_head(name),
            )
            for name, workload, (test_file, _, test) in named
        )

    def _is_in_head(self, name: str) -> bool:
        if self._head_policy is None or self._policy.comparison.removed == "fail":
            return True
        ours, heads = self._policy.workloads[name], self._head_policy.workloads.get(name)
        return heads is not None and (heads.pytest, heads.part) == (ours.pytest, ours.part)

    def notes(self, target: Target, policy: Policy) -> Iterator[str]:
        """Note which limits of the policy's entry a marker replaces, and a limit that is looser than the option's.

        Args:
            target: A part of a test.
            policy: The policy that `policy` has built for it.
        """
        ((name, built),) = policy.workloads.items()
        if entry := self._entry(target):
            ours = self._policy.workloads[name].budgets
            changes = [one for metric, old in ours.items() for one in _changes(old, built.budgets[metric])]
            if changes:
                yield f"overridden by the marker: {', '.join(changes)} ({entry.place})"
        option = self.settings.options["budget"]
        if option is not None:
            own = built.budgets[ENERGY]
            is_higher = own.max is not None and own.max.value > parse_quantity(str(option), Family.ENERGY).value
            if is_higher or own.level != "error":
                level = "" if own.level == "error" else f", level {own.level}"
                yield f"its own limit, max {own.max}{level}, is looser than --energy-budget {option}"

    def policy(self, target: Target) -> Policy:
        """Build the policy for one part of a test; it has one workload.

        Raises:
            PolicyError: The limits are invalid; it names the test's line.
        """
        entry = self._entry(target)
        name = name_of(target.node_id, target.part.name) if entry is None else entry.name
        workload = None if entry is None else self._policy.workloads[name]
        limits = self._limits(target, workload)
        try:
            return Policy.model_validate(
                {
                    "version": 1,
                    "site": self._site(),
                    "measurement": self._measurement(target),
                    "comparison": self._policy.comparison,
                    "workloads": {name: {**_workload_settings(target, workload), "budgets": limits}},
                    "waivers": [one for one in self._policy.waivers if one.workload == name and one.metric in limits],
                }
            )
        except ValidationError as error:
            where = relative_to(target.path, self.settings.root)
            raise policy_error(error, where, {(): target.line}) from None

    def policy_of_removed(self, node_ids: Sequence[str]) -> Policy:
        """Build the policy for tests that head does not have: a workload each, named as the policy's entries."""
        names = {
            workload.pytest: name for name, workload in self._policy.workloads.items() if workload.pytest in node_ids
        }
        return Policy.model_validate(
            {
                "version": 1,
                "site": self._site(),
                "comparison": self._policy.comparison,
                "workloads": {names.get(one, name_of(one)): {"pytest": one} for one in node_ids},
            }
        )

    def _limits(self, target: Target, workload: Workload | None) -> Limits:
        option, ini = self.settings.options["budget"], self.settings.ini["budget"]
        entry = {} if workload is None else workload.budgets
        return merged(
            [
                target.marks.limits(target.part.name),
                {name: budget.model_dump(exclude_unset=True, exclude={"metric"}) for name, budget in entry.items()},
                {} if option is None else {ENERGY: {"max": str(option)}},
                {} if ini is None else {ENERGY: {"max": str(ini)}},
            ]
        )

    def _site(self) -> Site:
        site = self._policy.site
        given = str(site.pue) if "pue" in site.model_fields_set else None
        pue = self.settings.text("pue", given)
        return site if pue is None else Site.model_validate({**dict(site), "pue": float(pue)})

    def _measurement(self, target: Target) -> Measurement:
        """Return how to measure; base's setup has been run already."""
        measurement = self._policy.measurement
        given = str(measurement.time_limit) if "time_limit" in measurement.model_fields_set else None
        marked = target.marks.setting("time", target.part.name)
        time = self.settings.text("time", marked, given) or DEFAULT_TIME
        return Measurement.model_validate({**dict(measurement), "time_limit": time, "setup": None})

    def _entry(self, target: Target) -> PolicyEntry | None:
        """Return the policy's entry for this part of this test.

        Raises:
            PolicyError: There are two, and only one of them would be judged.
        """
        named = entries_for(self.entries, target.path, target.node_id)
        matching = [one for one in named if one.part == target.part.name]
        if len(matching) > 1:
            raise PolicyError(
                f"{matching[0].name} and {matching[1].name} both name {target.node_id}, and a test is judged once",
                where=matching[1].place,
                hint="Put their limits into one of them, or tell parts of the test apart with `part`",
            )
        return matching[0] if matching else None


def name_of(node_id: str, part: str | None = None) -> str:
    """Return the name of a part in results: node id and part, shortened, without characters that names exclude."""
    whole = node_id + (f" ({part})" if part else "")
    try:
        return workload_name(whole)
    except ValueError:
        digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
        plain = "".join(one if one.isprintable() else "?" for one in whole).replace("..", "…").lstrip("/\\")
        return f"{plain[: MAX_NAME_LENGTH - len(digest) - 2].strip()}… {digest}"


def _changes(before: Budget, after: Budget) -> Iterator[str]:
    """List in words the limits that differ between two budgets; a limit that the latter adds is not an override."""
    for key in BUDGET_KEYS:
        old, new = getattr(before, key), getattr(after, key)
        if new != old and new is not None and (old is not None or key == "min_delta"):
            yield f"{before.metric} {key} {new}" + (f" instead of {old}" if old else "")


def _workload_settings(target: Target, entry: Workload | None) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if entry is not None:
        settings = {name: getattr(entry, name) for name in entry.model_fields_set - {"budgets"}}
    settings["pytest"] = target.node_id  # relative to where tests are run, wherever the policy is
    if target.part.name is not None:
        settings["part"] = target.part.name
    if target.part.counts_units:
        settings.setdefault("units", "units")
    for key in ("threads", "units"):
        marked = target.marks.setting(key, target.part.name)
        if marked is not None:
            settings[key] = marked
    return settings
