"""The policy that one part of a test is measured by: from options, markers, the policy's entry and the ini file."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from energygate.errors import PolicyError
from energygate.policy import Measurement, Policy, Site
from energygate.policy.fields import MAX_NAME_LENGTH, own_name
from energygate.policy.mistakes import policy_error
from energygate.policy.model import Comparison
from energygate.pytest_plugin.entries import Entry, naming
from energygate.pytest_plugin.limits import ENERGY, Limits, merged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from energygate.policy import Workload
    from energygate.pytest_plugin.measurer import Wanted
    from energygate.pytest_plugin.settings import Settings

HELD = ("max", "min", "max_increase", "max_decrease", "min_delta")
"""Keys of a budget that are quantities."""

DEFAULT_TIME = "10 s"
"""Shorter than a policy's: somebody waits for a test."""

NO_POLICY = "pytest"
"""What results name as their policy where there is none but the tests."""


class Synthesis:
    """Makes policies.

    Args:
        settings: What the command line and the ini file say.
        policy: The policy that decides; `None` where there is none.
        directory: What node ids in it are relative to.
        head_policy: Head's, where the policy that decides may be base's.
    """

    def __init__(
        self, settings: Settings, policy: Policy | None, *, directory: Path, head_policy: Policy | None = None
    ) -> None:
        self.settings = settings
        self._policy = policy
        self._head_policy = head_policy
        self._directory = directory

    @property
    def python(self) -> str | None:
        """The interpreter to measure with; `None` for the session's own."""
        return None if self._policy is None else self._policy.measurement.python

    @functools.cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The policy's workloads that are tests."""
        policy = self._policy
        if policy is None:
            return ()
        source = _relative(Path(policy.source), self.settings.root)
        named = (
            (name, one.pytest.partition("::"), one.part)
            for name, one in policy.workloads.items()
            if one.pytest
        )
        return tuple(
            Entry(
                name=name,
                path=Path(os.path.abspath(self._directory / file)),  # noqa: PTH100 - links stay
                test=test,
                part=part,
                where=f"{source}:{policy.line(('workloads', name))}",
                has_limits=any(one.level != "off" for one in policy.workloads[name].budgets.values()),
                is_kept=self._is_kept(name),
            )
            for name, (file, _, test), part in named
        )

    def _is_kept(self, name: str) -> bool:
        if self._policy is None or self._head_policy is None or self._policy.comparison.removed == "fail":
            return True
        mine, heads = self._policy.workloads[name], self._head_policy.workloads.get(name)
        return heads is not None and (heads.pytest, heads.part) == (mine.pytest, mine.part)

    def overruled(self, wanted: Wanted, policy: Policy) -> str:
        """What of the policy's entry an option or a marker has replaced, in words; empty where nothing.

        Args:
            wanted: A part of a test.
            policy: As `policy` has made it for that.
        """
        name, entry = self._entry(wanted)
        if name is None or entry is None:
            return ""
        found = []
        for metric, before in entry.budgets.items():
            after = policy.workloads[name].budgets[metric]
            for key in HELD:
                old, new = getattr(before, key), getattr(after, key)
                if (
                    new is not None
                    and (old.value if old else None) != new.value
                    and (old or key == "min_delta")
                ):
                    found.append(f"{metric} {key} {new.text}" + (f" and not {old.text}" if old else ""))
            if after.level != before.level:
                found.append(f"{metric} level {after.level} and not {before.level}")
        where = next(one.where for one in self.entries if one.name == name)
        return f"held to {', '.join(found)}: an option or the marker stands before {where}" if found else ""

    @property
    def source(self) -> str:
        """What results name as their policy."""
        return NO_POLICY if self._policy is None else self._policy.source

    def policy(self, wanted: Wanted) -> Policy:
        """The policy for one part of a test; it has one workload.

        Raises:
            PolicyError: When the limits make no sense; it names the test's line.
        """
        entry_name, entry = self._entry(wanted)
        name = entry_name or name_of(wanted.node_id, wanted.part.name)
        limits = self._limits(wanted, entry)
        try:
            return Policy.model_validate(
                {
                    "version": 1,
                    "site": self._site(),
                    "measurement": self._measurement(wanted),
                    "comparison": self._comparison,
                    "workloads": {name: {**_settings(wanted, entry), "budgets": limits}},
                    "waivers": [
                        one
                        for one in (self._policy.waivers if self._policy else ())
                        if one.workload == name and one.metric in limits
                    ],
                }
            )
        except ValidationError as error:
            where = _relative(wanted.path, self.settings.root)
            raise policy_error(error, where, {(): wanted.line}) from None

    def policy_of_removed(self, node_ids: Sequence[str]) -> Policy:
        """The policy for tests that head does not have: a workload each, by the names of the policy's entries."""
        names = {
            workload.pytest: name
            for name, workload in (self._policy.workloads if self._policy else {}).items()
            if workload.pytest in node_ids
        }
        return Policy.model_validate(
            {
                "version": 1,
                "site": self._site(),
                "comparison": self._comparison,
                "workloads": {names.get(one, name_of(one)): {"pytest": one} for one in node_ids},
            }
        )

    @property
    def _comparison(self) -> Comparison:
        return Comparison() if self._policy is None else self._policy.comparison

    def _limits(self, wanted: Wanted, entry: Workload | None) -> Limits:
        option, ini = self.settings.options["budget"], self.settings.ini["budget"]
        return merged(
            [
                {} if option is None else {ENERGY: {"max": str(option)}},
                wanted.marks.limits(wanted.part.name),
                {} if entry is None else _texts(entry),
                {} if ini is None else {ENERGY: {"max": str(ini)}},
            ]
        )

    def _site(self) -> Site:
        site = Site() if self._policy is None else self._policy.site
        given = str(site.pue) if "pue" in site.model_fields_set else None
        pue = self.settings.text("pue", given)
        return site if pue is None else Site.model_validate({**dict(site), "pue": float(pue)})

    def _measurement(self, wanted: Wanted) -> Measurement:
        """How to measure; base's setup has been run already."""
        measurement = Measurement() if self._policy is None else self._policy.measurement
        given = str(measurement.time_limit) if "time_limit" in measurement.model_fields_set else None
        time = (
            self.settings.text("time", wanted.marks.setting("time", wanted.part.name), given) or DEFAULT_TIME
        )
        return Measurement.model_validate({**dict(measurement), "time_limit": time, "setup": None})

    def _entry(self, wanted: Wanted) -> tuple[str, Workload] | tuple[None, None]:
        """The policy's workload that is this part of this test.

        Raises:
            PolicyError: When two are, so that only one of them would be judged.
        """
        named = naming(self.entries, wanted.path, wanted.node_id)
        found = [one for one in named if one.part == wanted.part.name]
        if self._policy is None or not found:
            return None, None
        if len(found) > 1:
            raise PolicyError(
                f"{found[0].name} and {found[1].name} both name {wanted.node_id}, and a test is judged once",
                where=found[1].where,
                hint="Put their limits into one of them, or tell parts of the test apart with `part`",
            )
        return found[0].name, self._policy.workloads[found[0].name]


def name_of(node_id: str, part: str | None = None) -> str:
    """The name of a part in results: the node id and the part's, shortened and freed of what no name may have."""
    whole = node_id + (f" ({part})" if part else "")
    try:
        return own_name(whole)
    except ValueError:
        digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
        plain = "".join(one if one.isprintable() else "?" for one in whole).replace("..", "…").lstrip("/\\")
        return f"{plain[: MAX_NAME_LENGTH - len(digest) - 2].strip()}… {digest}"


def _settings(wanted: Wanted, entry: Workload | None) -> dict[str, Any]:
    settings: dict[str, Any] = {"pytest": wanted.node_id}
    if entry is not None:
        settings = {name: getattr(entry, name) for name in entry.model_fields_set - {"budgets"}}
        settings["pytest"] = wanted.node_id  # relative to where tests are run, wherever the policy is
    if wanted.part.name is not None:
        settings["part"] = wanted.part.name
    if wanted.part.counts_units:
        settings.setdefault("units", "units")
    for key in ("threads", "units"):
        said = wanted.marks.setting(key, wanted.part.name)
        if said is not None:
            settings[key] = said
    return settings


def _texts(entry: Workload) -> Limits:
    """The limits of a policy's entry as they are written."""
    return {
        name: budget.model_dump(exclude_unset=True, exclude={"metric"})
        for name, budget in entry.budgets.items()
    }


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
