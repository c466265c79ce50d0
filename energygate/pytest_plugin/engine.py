"""How a test is measured: as a workload of a policy built for it, by the engine of `energygate check`."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.extras import require
from energygate.gate import worst
from energygate.policy import RELATIVE, Family, Site, load_policy, parse_quantity
from energygate.policy.policy_diff import policy_changes, policy_digest
from energygate.pytest_plugin.collection import read_collection_settings
from energygate.pytest_plugin.failure_text import OPTIONS
from energygate.pytest_plugin.plugin_options import POLICY_FILE
from energygate.pytest_plugin.policy_builder import PolicyBuilder
from energygate.pytest_plugin.removed_tests import only_at_base, removed_result
from energygate.repository.setup_command import run_setup
from energygate.run.base import check_out_base
from energygate.run.check import check
from energygate.run.options import Observer, Options

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    import pytest

    from energygate.policy import Policy
    from energygate.pytest_plugin.collection import CollectionSettings
    from energygate.pytest_plugin.plugin_options import Name, PluginSettings
    from energygate.pytest_plugin.record import Target
    from energygate.result.result import Result, WorkloadResult
    from energygate.run.base import CheckedOutBase

PATIENCE = 1.15
"""A person waits for the test, so preparation beyond this share of the time limit shortens measuring."""


@dataclass(kw_only=True)
class Engine:
    """Measures tests in workers of their own, beside base where there is one.

    Attributes:
        builder: Builds their policies.
        collection: How the session has collected them.
        base: What to compare with; `None` for nothing.
        changes: What head changes in the policy; `None` when it changes nothing.
        observer: Receives progress.
        closing: What to undo at the end.
        policies: The policies that were used, by the names of their workloads.
    """

    builder: PolicyBuilder
    collection: CollectionSettings
    base: CheckedOutBase | None
    changes: tuple[str, ...] | None
    observer: Observer
    closing: contextlib.ExitStack
    policies: dict[str, Policy] = field(default_factory=dict)

    @classmethod
    def open(cls, config: pytest.Config, settings: PluginSettings) -> Engine:
        """Read the policy, if there is one, and check base out, if an option names it.

        Raises:
            UsageError: An option is invalid, base cannot be found, or a package is missing.
            PolicyError: A policy is invalid.
            MeasurementError: The setup of base fails.
        """
        require("measure", purpose="measuring tests")
        _check_options(settings)
        path = settings.policy_file
        head_policy = None if path is None else load_policy(path)
        ref = settings.text("base")
        with contextlib.ExitStack() as closing:
            base = base_policy = None
            if ref is not None:
                file = _base_file(path, settings.root)
                base = closing.enter_context(check_out_base(settings.root, file, ref=ref))
                base_policy = base.policy if base else None
            policy = base_policy or head_policy
            changes = None
            if base_policy is not None and head_policy is not None and base_policy != head_policy:
                changes = policy_changes(base_policy, head_policy)
            if base is not None and policy is not None and policy.measurement.setup is not None:
                run_setup(policy.measurement.setup, base.directory, label="base")
            builder = PolicyBuilder(
                settings,
                policy,
                directory=settings.root if path is None else path.parent,
                head_policy=head_policy,
            )
            return cls(
                builder=builder,
                collection=read_collection_settings(config, settings.root),
                base=base,
                changes=changes,
                observer=_Waiting(config),
                closing=closing.pop_all(),
            )

    def measure(self, target: Target) -> Result:
        """Measure and judge one part of a test: a result with one workload.

        Raises:
            PolicyError: Its limits contradict each other.
        """
        policy = self.builder.policy(target)
        self.policies |= dict.fromkeys(policy.workloads, policy)
        patience_s = PATIENCE * policy.measurement.time_limit.value
        options = Options(
            patience_s=math.inf if self.base is None else patience_s,
            observer=self.observer,
            pytest_options=self.collection.options_for(target.path),
            option_names=OPTIONS,
        )
        # The policy holds the limits already, base's among them.
        base = None if self.base is None else replace(self.base, policy=None)
        result = check(policy, self.builder.settings.root, options, base=base)
        notes = [*self.builder.notes(target, policy)]
        if base is None:
            notes += _unjudged(policy, "without --energy-base")
        elif result.workloads[0].state == "added":
            notes.append(f"added: base {base.name} has no such test, or does not measure it")
            notes += _unjudged(policy, "for an added test")
        (workload,) = result.workloads
        noted = workload.model_copy(update={"notes": (*workload.notes, *notes)})
        return result.model_copy(update={"workloads": (noted,)})

    def removed(self, known: Collection[str]) -> tuple[Result | None, list[str]]:
        """Find the energy tests that only base has, with base's own pytest, outside of any measurement.

        Args:
            known: Node ids of head's tests.

        Returns:
            A result with one workload each, `None` where there are none; and what could not be determined.
        """
        base = self.base
        if base is None:
            return None, []
        tests, notes = only_at_base(base, self.collection, known, python=self.builder.python)
        if not tests:
            return None, notes
        policy = self.builder.policy_of_removed(tests)
        self.policies |= dict.fromkeys(policy.workloads, policy)
        return removed_result(policy, base, self.builder.settings.root), notes

    def joined(self, results: Sequence[Result], notes: Sequence[str]) -> Result:
        """Join the results of the session, at least one; what they share is taken from the first."""
        workloads: list[WorkloadResult] = [one for result in results for one in result.workloads]
        policies = [self.policies[one.name] for one in workloads]
        whole = policies[0].model_copy(
            update={
                "workloads": {name: one for policy in policies for name, one in policy.workloads.items()},
                "waivers": tuple(dict.fromkeys(waiver for policy in policies for waiver in policy.waivers)),
            }
        )
        return results[0].model_copy(
            update={
                "seconds": sum(result.seconds for result in results),
                "verdict": worst(one.verdict for one in workloads),
                "policy": self.builder.source,
                "policy_digest": policy_digest(whole),
                "policy_changed": self.changes is not None,
                "policy_changes": self.changes or (),
                "notes": tuple(notes),
                "workloads": tuple(workloads),
            }
        )

    def close(self) -> None:
        """Remove base's checkout."""
        self.closing.close()


class _Waiting(Observer):
    """Prints on the terminal why nothing happens."""

    def __init__(self, config: pytest.Config) -> None:
        self._plugins = config.pluginmanager

    def waiting(self, reason: str) -> None:
        """Print it in spite of pytest's output capture."""
        reporter = self._plugins.get_plugin("terminalreporter")
        capturing = self._plugins.get_plugin("capturemanager")
        if reporter is not None:
            with capturing.global_and_fixture_disabled() if capturing else contextlib.nullcontext():
                reporter.ensure_newline()
                reporter.write_line(f"energygate: {reason}")


def _base_file(path: Path | None, root: Path) -> str:
    """Return the name by which base's policy is looked up."""
    if path is None:
        return POLICY_FILE
    if path.parent.absolute() != root:
        raise UsageError(
            f"with a base the policy must be in the tests' root directory, {root}, unlike {path}",
            hint="Name a policy there, or measure without --energy-base",
        )
    return path.name


def _check_options(settings: PluginSettings) -> None:
    """Refuse invalid values, naming where each was given."""
    for source, values in (("--energy-", settings.options), ("ini file: energy_", settings.ini)):
        for name in ("budget", "time", "pue"):
            text = values[name]
            try:
                if text is not None:
                    _check_option(name, str(text))
            except ValueError as error:
                raise UsageError(str(error), where=f"{source}{name}") from None


def _check_option(name: Name, text: str) -> None:
    if name == "pue":
        try:
            Site.model_validate({"pue": float(text)})
        except ValueError:
            raise ValueError(f"PUE is facility energy over IT energy, from 1.0 to 3.0, not {text}") from None
    else:
        parse_quantity(text, Family.TIME if name == "time" else Family.ENERGY)


def _unjudged(policy: Policy, why: str) -> list[str]:
    """Return a note on the limits that are not judged, since there is nothing to compare with."""
    (workload,) = policy.workloads.values()
    texts = [
        f"{key} {limit}"
        for budget in workload.budgets.values()
        for key in sorted(RELATIVE)
        if (limit := getattr(budget, key)) is not None
    ]
    texts += [name for name, budget in workload.budgets.items() if budget.about.compares]
    return [f"not judged {why}: {', '.join(texts)}"] if texts else []
