"""A worker and all that it has started, as one: frozen, thawed and killed together."""

from __future__ import annotations

import os
import secrets

from energygate.workloads.control_group import ControlGroup
from energygate.workloads.guardian import Guardian
from energygate.workloads.process_tree import MARK, ProcessTree


class Family:
    """Holds a worker's processes together: in a control group where one can be had, else as a tree of processes.

    It is made before the worker starts, told of it right after, and ended in every case.
    """

    def __init__(self) -> None:
        self._mark = f"{os.getpid()}-{secrets.token_hex(8)}"
        self._group = ControlGroup.make()
        self._tree: ProcessTree | None = None
        self._guardian: Guardian | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What the worker's environment must hold."""
        return {MARK: self._mark}

    @property
    def group_path(self) -> str | None:
        """The control group that the worker is to join; `None` without one."""
        return None if self._group is None else str(self._group.path)

    def adopt(self, pid: int) -> None:
        """Take charge of a worker that has just been started."""
        self._tree = ProcessTree(pid, self._mark)
        self._guardian = Guardian(pid, mark=self._mark, group=self.group_path or "")

    def freeze(self) -> None:
        """Stop all of it, so that spinning threads cannot disturb the other side."""
        if (held := self._held()) is not None:
            held.freeze()

    def thaw(self) -> None:
        """Let all of it run again."""
        if (held := self._held()) is not None:
            held.thaw()

    def remember(self) -> None:
        """Note who belongs to it, before the worker is asked to end."""
        held = self._held()
        if isinstance(held, ProcessTree):
            held.remember()

    def end(self) -> None:
        """Kill all of it, wait until it is gone, and leave no trace of it; may be called again."""
        held = self._held()
        if held is not None:
            held.kill()
        self._tree = None  # its number may be another's soon
        if self._group is not None:
            self._group.remove()
        if self._guardian is not None:
            self._guardian.dismiss()
            self._guardian = None

    def _held(self) -> ControlGroup | ProcessTree | None:
        """What holds it: a worker that may not join its group says so by not being there."""
        if self._group is not None and self._group.is_populated:
            return self._group
        return self._tree
