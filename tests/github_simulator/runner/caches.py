"""`actions/cache`, `actions/cache/restore` and `actions/cache/save`, on a folder that all runs share.

An entry belongs to the ref of the run that saved it. A run sees those of its own ref, of its pull request's base and
of the default branch, in this order: what a pull request saves, no other ref can restore. An entry is never replaced.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from github_simulator.runner.simulated_actions import ActionFailed, SimulatedAction, Use

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One saved cache.

    Attributes:
        ref: Whose it is.
        version: Of the paths it was saved for; restoring with others does not find it.
        number: Later ones have greater ones.
        folder: Its files, by the number of the path they are of.
    """

    repository: str
    ref: str
    key: str
    version: str
    number: int
    folder: Path


@dataclass(kw_only=True)
class CacheStore:
    """What runs saved.

    Attributes:
        folder: Where.
        linking: Restore by hard links, for environments of many files; what a job then changes in place, it
            changes in the store.
        entries: Oldest first.
    """

    folder: Path
    linking: bool = False
    entries: list[Entry] = field(default_factory=list)

    def find(self, repository: str, refs: list[str], keys: list[str], version: str) -> Entry | None:
        """Find an entry: scope by scope the first key as it is, then the newest that begins with one of them."""
        mine = [one for one in reversed(self.entries) if (one.repository, one.version) == (repository, version)]
        for ref in refs:
            here = [one for one in mine if one.ref == ref]
            for exact in (True, False):
                for key in keys[:1] if exact else keys:
                    for one in here:
                        if one.key == key if exact else one.key.startswith(key):
                            return one
        return None

    def save(self, repository: str, ref: str, key: str, version: str, paths: list[Path]) -> bool:
        """Keep copies of what there is at the paths; tell whether the key was free."""
        if any((o.repository, o.ref, o.key, o.version) == (repository, ref, key, version) for o in self.entries):
            return False
        number = len(self.entries) + 1
        folder = self.folder / str(number)
        for position, path in enumerate(paths):
            if path.exists():
                self._copy(path, folder / str(position), shutil.copy2)
        entry = Entry(repository=repository, ref=ref, key=key, version=version, number=number, folder=folder)
        self.entries.append(entry)
        return True

    def seed(self, repository: str, key: str, path: Path, *, ref: str = "refs/heads/main") -> None:
        """Save one path as an earlier run did: by default one of the default branch, which all may restore."""
        version = version_of([str(path)])
        if not self.save(repository, ref, key, version, [path]):
            raise ValueError(f"{key} is there already")

    def restore(self, entry: Entry, paths: list[Path]) -> None:
        """Put an entry's files where they were."""
        for position, path in enumerate(paths):
            saved = entry.folder / str(position)
            if saved.exists():
                self._copy(saved, path, self._link if self.linking else shutil.copy2)

    @staticmethod
    def _link(source: str, target: str) -> None:
        Path(target).unlink(missing_ok=True)
        os.link(source, target)

    @staticmethod
    def _copy(source: Path, target: Path, copy: Callable[[str, str], object]) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, copy_function=copy, dirs_exist_ok=True)
        else:
            copy(str(source), str(target))


def version_of(paths: list[str]) -> str:
    """Return what tells apart entries of a key: the paths as they are written, as the toolkit has it."""
    return hashlib.sha256("|".join(paths).encode()).hexdigest()


def _paths(use: Use) -> list[Path]:
    written = use.lines("path")
    if any(character in line for line in written for character in "*?[!"):
        raise ActionFailed(f"the simulated actions/cache supports plain paths only, not {written}")
    return [use.below_workspace(line) for line in written]


def _own_ref(use: Use) -> str:
    return str(use.github["ref"])


def _refs(use: Use) -> list[str]:
    default = use.github["event"]["repository"]["default_branch"]
    base = use.github["base_ref"]
    seen = [_own_ref(use), *([f"refs/heads/{base}"] if base else []), f"refs/heads/{default}"]
    return list(dict.fromkeys(seen))


def restore(use: Use) -> None:
    """Restore an entry, if there is one this run may see."""
    _checked_key(use.inputs["key"])
    keys = [use.inputs["key"], *use.lines("restore-keys")]
    entry = use.around.caches.find(use.repository, _refs(use), keys, version_of(use.lines("path")))
    use.outputs["cache-primary-key"] = keys[0]
    if entry is None:
        if use.flag("fail-on-cache-miss"):
            raise ActionFailed(
                f"Failed to restore cache entry. Exiting as fail-on-cache-miss is set. Input key: {keys[0]}"
            )
        use.log.note(f"Cache not found for input keys: {', '.join(keys)}")
        return
    if not use.flag("lookup-only"):
        use.around.caches.restore(entry, _paths(use))
    use.outputs["cache-matched-key"] = entry.key
    use.outputs["cache-hit"] = "true" if entry.key == keys[0] else "false"
    use.log.note(f"Cache restored from key: {entry.key}")


def save(use: Use) -> None:
    """Save an entry; that there is one already is no failure."""
    key = _checked_key(use.inputs["key"])
    paths = _paths(use)
    if not any(path.exists() for path in paths):
        use.log.annotate(
            "warning", "Path Validation Error: Path(s) specified in the action for caching do(es) not exist"
        )
        return
    if use.around.caches.save(use.repository, _own_ref(use), key, version_of(use.lines("path")), paths):
        use.log.note(f"Cache saved with key: {key}")
    else:
        use.log.annotate(
            "warning",
            f"Failed to save: Unable to reserve cache with key {key}, another job may be creating it.",
        )


def restore_and_save(use: Use) -> None:
    """Restore, and save when the job succeeded without an exact hit."""
    restore(use)
    if use.outputs.get("cache-hit") != "true":
        use.afterwards.append((save, True))
    use.outputs = {name: value for name, value in use.outputs.items() if name == "cache-hit"}


def _checked_key(key: str) -> str:
    if not key or len(key) > 512 or "," in key:
        raise ActionFailed(f"Key Validation Error: {key} is empty, longer than 512 characters or has a comma.")
    return key


_RESTORES = {
    "path": None,
    "key": None,
    "restore-keys": None,
    "enableCrossOsArchive": "false",
    "fail-on-cache-miss": "false",
    "lookup-only": "false",
}
_SAVES = {"path": None, "key": None, "upload-chunk-size": None, "enableCrossOsArchive": "false"}
_NEEDED = frozenset({"path", "key"})

ACTIONS = {
    "actions/cache": SimulatedAction(
        inputs={**_RESTORES, "upload-chunk-size": None, "save-always": "false"},
        outputs=("cache-hit",),
        do=restore_and_save,
        required=_NEEDED,
    ),
    "actions/cache/restore": SimulatedAction(
        inputs=_RESTORES,
        outputs=("cache-hit", "cache-primary-key", "cache-matched-key"),
        do=restore,
        required=_NEEDED,
    ),
    "actions/cache/save": SimulatedAction(inputs=_SAVES, outputs=(), do=save, required=_NEEDED),
}
