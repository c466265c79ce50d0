"""Which workload of base belongs to which of head: pure functions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.policy import TARGET
from energygate.text import suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from energygate.policy import Workload
    from energygate.result.result import State

RUNS = (*TARGET, "ready")
"""The keys that head decides, because they are part of the change; base decides all others."""


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """One workload on both sides.

    Attributes:
        name: Its name; head's where the two differ.
        state: Whether it was added, removed, renamed, or is on both sides.
        head: What runs on head: head's model, code or command under base's settings, so that a change cannot ease its
            own test. `None` when it was removed.
        base: What runs on base: base's definition. `None` when it was added, or there is no base.
        base_name: Its name at base; `None` where `base` is.
        notes: What a reader should know.
    """

    name: str
    state: State
    head: Workload | None = None
    base: Workload | None = None
    base_name: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def workload(self) -> Workload:
        """The workload as it runs on head, or on base if head has removed it."""
        workload = self.head or self.base
        assert workload is not None  # noqa: S101 - a pairing has at least one side
        return workload

    def added(self) -> Pairing:
        """Return it without its base, which turned out not to have the workload."""
        return replace(self, base=None, base_name=None, state="added")


def pair_workloads(base: Mapping[str, Workload] | None, head: Mapping[str, Workload]) -> list[Pairing]:
    """Pair the workloads of both policies: by name, else by what they run.

    A removed and an added workload with the same target are one renamed workload. Without a base (`None`) each of
    head's is alone.
    """
    if base is None:
        return [Pairing(name=name, state="head only", head=workload) for name, workload in head.items()]
    pairings = []
    new = {name: workload for name, workload in head.items() if name not in base}
    for name, workload in base.items():
        if name in head:
            pairings.append(_both(name, name, workload, head[name], "compared"))
            continue
        renamed = next((other for other, one in new.items() if _target(one) == _target(workload)), None)
        if renamed is not None:
            pairings.append(_both(renamed, name, workload, new.pop(renamed), "renamed"))
        else:
            pairings.append(Pairing(name=name, state="removed", base=workload, base_name=name))
    pairings += [Pairing(name=name, state="added", head=workload) for name, workload in new.items()]
    return pairings


def select(pairings: Sequence[Pairing], names: Sequence[str], *, source: str) -> list[Pairing]:
    """Return the workloads of these names, each once; all of them when no name is given.

    Args:
        pairings: All workloads.
        names: Names that the user gave.
        source: The policy's name for messages.

    Raises:
        UsageError: When there is no workload of a name.
    """
    known = {one.name: one for one in pairings}
    for name in names:
        if name not in known:
            hint = suggestion(name, known, otherwise=f"It has {', '.join(map(repr, known))}")
            raise UsageError(f"the policy has no workload {name!r}", where=source, hint=hint)
    return [one for one in pairings if not names or one.name in names]


def _both(name: str, base_name: str, base: Workload, head: Workload, state: State) -> Pairing:
    notes = []
    if state == "renamed":
        notes.append(f"renamed from {base_name}; base's budgets decide")
    different = next((key for key in TARGET if getattr(base, key) != getattr(head, key)), None)
    if different is not None:
        notes.append(f"base runs {_target_text(base, different)}, head runs {_target_text(head, different)}")
    if base.kind == head.kind and base.ready != head.ready:
        notes.append(f"base is ready at {base.ready or 'its port'}, head at {head.ready or 'its port'}")
    changed = sorted(
        key for key in type(base).model_fields if key not in RUNS and getattr(base, key) != getattr(head, key)
    )
    if changed:
        notes.append(f"head's policy changes {', '.join(changed)}; base's decides")
    return Pairing(
        name=name,
        base_name=base_name,
        base=base,
        head=base.model_copy(update={key: getattr(head, key) for key in RUNS}),
        state=state,
        notes=tuple(notes),
    )


def _target(workload: Workload) -> tuple[str | None, ...]:
    return tuple(getattr(workload, key) for key in TARGET)


def _target_text(workload: Workload, key: str) -> str:
    """Return what a side runs, by the key in which the sides differ; by its kind where the kinds differ."""
    target = str((key != "part" and getattr(workload, key)) or getattr(workload, workload.kind))
    return target if workload.part is None else f"{target} ({workload.part})"
