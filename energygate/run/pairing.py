"""Which workload of base belongs to which of head, and what becomes of those that are alone: pure functions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from energygate.policy import TARGET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from energygate.policy import Workload
    from energygate.result.result import State

RUNS = (*TARGET, "ready")
"""What is head's to choose, as part of the change itself; everything else is base's."""


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """One workload as it stands on both sides.

    Attributes:
        name: Its name; head's where the two differ.
        base_name: Its name at base; `None` when it was added.
        base: What runs on base: base's definition. `None` when it was added.
        head: What runs on head: head's model, code or command under base's settings, so that a change cannot ease its
            own test. `None` when it was removed.
        state: What became of it.
        notes: What a reader should know.
    """

    name: str
    base_name: str | None
    base: Workload | None
    head: Workload | None
    state: State
    notes: tuple[str, ...] = ()

    @property
    def workload(self) -> Workload:
        """What the workload is: head's, or base's where there is no head any more."""
        workload = self.head or self.base
        assert workload is not None  # noqa: S101 - a pairing has at least one side
        return workload

    def added(self) -> Pairing:
        """The same without a base, which has turned out to have no such thing."""
        return replace(self, base=None, base_name=None, state="added")


def pair_workloads(base: Mapping[str, Workload], head: Mapping[str, Workload]) -> list[Pairing]:
    """Pair the workloads of both policies: by name, else by what they run.

    A workload that is gone and one that is new are the same one renamed when they run the same thing.
    """
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
            pairings.append(Pairing(name=name, base_name=name, base=workload, head=None, state="removed"))
    pairings += [
        Pairing(name=name, base_name=None, base=None, head=workload, state="added")
        for name, workload in new.items()
    ]
    return pairings


def _both(name: str, base_name: str, base: Workload, head: Workload, state: State) -> Pairing:
    notes = []
    if state == "renamed":
        notes.append(f"renamed from {base_name}; base's budgets decide")
    different = next((key for key in TARGET if getattr(base, key) != getattr(head, key)), None)
    if different is not None:
        notes.append(f"base runs {_words(base, different)}, head runs {_words(head, different)}")
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


def _words(workload: Workload, key: str) -> str:
    """What a side runs, by the key that tells it from the other; by its kind where the kinds differ."""
    said = str((key != "part" and getattr(workload, key)) or getattr(workload, workload.kind))
    return said if workload.part is None else f"{said} ({workload.part})"
