"""How a test is measured: as a workload of a policy made for it, by the engine of `energygate check`."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.gate import worst
from energygate.policy import RELATIVE, Family, load_policy, parse_quantity
from energygate.policy.changes import policy_changes, policy_digest
from energygate.pytest_plugin.collecting import read_collecting
from energygate.pytest_plugin.measurer import Removed
from energygate.pytest_plugin.removal import only_at_base, removed_result
from energygate.pytest_plugin.settings import POLICY_FILE
from energygate.pytest_plugin.synthesis import Synthesis
from energygate.repository.preparation import run_setup
from energygate.run.base import base_from_git
from energygate.run.check import check
from energygate.run.compare import Options, compare
from energygate.run.shared import Observer

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    import pytest

    from energygate.policy import Policy
    from energygate.pytest_plugin.collecting import Collecting
    from energygate.pytest_plugin.entries import Entry
    from energygate.pytest_plugin.measurer import Wanted
    from energygate.pytest_plugin.settings import Settings
    from energygate.result.result import Result, WorkloadResult
    from energygate.run.base import Base

LONGEST_PUE, SHORTEST_PUE = 3.0, 1.0

PATIENCE = 1.15
"""Somebody waits for a test: what preparing takes over this, of the time limit, is taken from measuring."""


class Engine:
    """Measures tests in workers of their own, beside base where there is one.

    Args:
        synthesis: Makes their policies.
        collecting: How the session has collected them.
        base: What to compare with; `None` for nothing.
        changes: What head changes of the policy; `None` when it changes nothing.
        observer: Is told of progress.
        closing: What to undo at the end.
    """

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        synthesis: Synthesis,
        collecting: Collecting,
        *,
        base: Base | None,
        changes: tuple[str, ...] | None,
        observer: Observer,
        closing: contextlib.ExitStack,
    ) -> None:
        self._synthesis = synthesis
        self._collecting = collecting
        self._root = synthesis.settings.root
        self._base = base
        self._changes = changes
        self._observer = observer
        self._closing = closing
        self._policies: dict[str, Policy] = {}

    @classmethod
    def open(cls, config: pytest.Config, settings: Settings) -> Engine:
        """Read the policy, if there is one, and check base out, if it is asked for.

        Raises:
            UsageError: When an option makes no sense, or base cannot be found.
            PolicyError: When a policy makes no sense.
            MeasurementError: When the setup of base fails.
        """
        _check_texts(settings)
        path = settings.policy_file
        head_policy = None if path is None else load_policy(path)
        ref = settings.text("base")
        with contextlib.ExitStack() as closing:
            base = base_policy = None
            if ref is not None:
                base = closing.enter_context(
                    base_from_git(ref, settings.root, _base_file(path, settings.root))
                )
                base_policy = base.policy()
            policy = base_policy or head_policy
            changes = None
            if base_policy is not None and head_policy is not None and base_policy != head_policy:
                changes = policy_changes(base_policy, head_policy)
            if base is not None and policy is not None and policy.measurement.setup is not None:
                run_setup(policy.measurement.setup, base.directory, label="base")
            synthesis = Synthesis(
                settings,
                policy,
                directory=settings.root if path is None else path.parent,
                head_policy=head_policy,
            )
            return cls(
                synthesis,
                read_collecting(config, settings.root),
                base=base,
                changes=changes,
                observer=_Waiting(config),
                closing=closing.pop_all(),
            )

    def refuse(self, wanted: Wanted) -> None:
        """Make a part's policy, which says what is wrong with its limits.

        Raises:
            PolicyError: When they make no sense.
        """
        self._synthesis.policy(wanted)

    def is_strict(self, wanted: Wanted) -> bool:
        """Tell whether an inconclusive verdict fails the test."""
        return self._synthesis.settings.flag("strict", wanted.marks.setting("strict", wanted.part.name))

    def measure(self, wanted: Wanted) -> Result:
        """Measure and judge one part of a test.

        Raises:
            PolicyError: When its limits make no sense together.
        """
        policy = self._synthesis.policy(wanted)
        self._policies |= dict.fromkeys(policy.workloads, policy)
        options = self._collecting.options_for(wanted.path)
        if self._base is None:
            result = check(policy, self._root, observer=self._observer, pytest_options=options)
            return _noting(
                result, [*_unjudged(policy, "without --energy-base"), *self._overruled(wanted, policy)]
            )
        # Limits are the tests', and base's policy is part of them already.
        base = replace(self._base, policy_text=None)
        result = compare(
            policy,
            self._root,
            base,
            Options(
                patience_s=PATIENCE * policy.measurement.time_limit.value,
                observer=self._observer,
                pytest_options=options,
            ),
        )
        is_new = result.workloads[0].state == "added"
        notes = []
        if is_new:
            added = f"added: base {base.name} has no such test, or measures nothing of it"
            notes = [added, *_unjudged(policy, "beside that")]
        return _noting(result, [*notes, *self._overruled(wanted, policy)])

    def _overruled(self, wanted: Wanted, policy: Policy) -> list[str]:
        found = self._synthesis.overruled(wanted, policy)
        return [found] if found else []

    @property
    def entries(self) -> Sequence[Entry]:
        """The policy's entries that name tests."""
        return self._synthesis.entries

    def removed(self, known: Collection[str]) -> Removed:
        """Let base's pytest collect, outside of any measurement, and list what `known`, head's tests, lack."""
        base = self._base
        if base is None:
            return Removed()
        tests, notes = only_at_base(base, self._collecting, known, python=self._synthesis.python)
        if not tests:
            return Removed(notes=tuple(notes))
        policy = self._synthesis.policy_of_removed(tests)
        self._policies |= dict.fromkeys(policy.workloads, policy)
        result = removed_result(
            tests, policy, base, self._root, source=self._synthesis.source, observer=self._observer
        )
        return Removed(result=result, notes=tuple(notes))

    def joined(self, results: Sequence[Result], notes: Sequence[str]) -> Result:
        """Join the results of the session: what they share is that of the first."""
        workloads: list[WorkloadResult] = [one for result in results for one in result.workloads]
        policies = [self._policies[one.name] for one in workloads]
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
                "policy": self._synthesis.source,
                "policy_digest": policy_digest(whole),
                "policy_changed": self._changes is not None,
                "policy_changes": self._changes or (),
                "notes": tuple(notes),
                "workloads": tuple(workloads),
            }
        )

    def finish(self) -> None:
        """Remove base's checkout."""
        self._closing.close()


class _Waiting(Observer):
    """Says why nothing happens."""

    def __init__(self, config: pytest.Config) -> None:
        self._plugins = config.pluginmanager

    def waiting(self) -> None:
        """Say it past the capturing of output."""
        reporter = self._plugins.get_plugin("terminalreporter")
        capturing = self._plugins.get_plugin("capturemanager")
        if reporter is not None:
            with capturing.global_and_fixture_disabled() if capturing else contextlib.nullcontext():
                reporter.ensure_newline()
                reporter.write_line("energygate: waiting for another check on this machine to end")


def _base_file(path: Path | None, root: Path) -> str:
    """The name of the policy, which base's is looked for by."""
    if path is None:
        return POLICY_FILE
    if path.parent.absolute() != root:
        raise UsageError(
            f"with a base the policy is the one in the tests' root directory, {root}, not {path}",
            hint="Name a policy there, or measure without --energy-base",
        )
    return path.name


def _check_texts(settings: Settings) -> None:
    """Refuse values that mean nothing, by where they are given."""
    for source, values in (("--energy-", settings.options), ("ini file: energy_", settings.ini)):
        for name, family in (("budget", Family.ENERGY), ("time", Family.TIME)):
            text = values[name]  # type: ignore[index]  # the names above are among them
            if text is not None:
                try:
                    parse_quantity(str(text), family)
                except ValueError as error:
                    raise UsageError(f"{source}{name}: {error}") from None
        pue = values["pue"]
        if pue is not None and not _is_pue(str(pue)):
            raise UsageError(
                f"{source}pue: PUE is facility energy over IT energy, from 1.0 to 3.0, not {pue}"
            )


def _is_pue(text: str) -> bool:
    try:
        return SHORTEST_PUE <= float(text) <= LONGEST_PUE
    except ValueError:
        return False


def _unjudged(policy: Policy, why: str) -> list[str]:
    """What is not judged where there is nothing to compare with."""
    (workload,) = policy.workloads.values()
    texts = [
        f"{key} {limit}"
        for budget in workload.budgets.values()
        for key in sorted(RELATIVE)
        if (limit := getattr(budget, key)) is not None
    ]
    texts += [name for name, budget in workload.budgets.items() if budget.about.compares]
    return [f"not judged {why}: {', '.join(texts)}"] if texts else []


def _noting(result: Result, notes: Sequence[str]) -> Result:
    (workload,) = result.workloads
    noted = workload.model_copy(update={"notes": (*workload.notes, *notes)})
    return result.model_copy(update={"workloads": (noted,)})
