"""The files through which a step passes outputs and variables to the runner (GITHUB_OUTPUT, GITHUB_ENV, ...)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONGEST_SUMMARY_BYTES = 1024 * 1024
"""Of one step; the runner uploads nothing of a longer one."""

FILES = {
    "GITHUB_OUTPUT": "set_output",
    "GITHUB_ENV": "set_env",
    "GITHUB_PATH": "add_path",
    "GITHUB_STATE": "save_state",
    "GITHUB_STEP_SUMMARY": "step_summary",
}
"""The variable that names each file, and how the runner calls it."""


class FileTrouble(Exception):
    """A file that the runner refuses; the step fails for it."""


@dataclass(frozen=True, kw_only=True)
class StepFiles:
    """One step's own files, empty at its start.

    Attributes:
        folder: Where they lie.
        suffix: What their names end in.
    """

    folder: Path
    suffix: str

    @classmethod
    def made(cls, folder: Path) -> StepFiles:
        """Make empty files, whose names no other step's have, in a folder that all steps share."""
        folder.mkdir(parents=True, exist_ok=True)
        made = cls(folder=folder, suffix=str(uuid.uuid4()))
        for variable in FILES:
            made.path(variable).touch()
        return made

    def path(self, variable: str) -> Path:
        """Where the file is that a variable names."""
        return self.folder / f"{FILES[variable]}_{self.suffix}"

    @property
    def variables(self) -> dict[str, str]:
        """What the step's environment says of them."""
        return {variable: str(self.path(variable)) for variable in FILES}

    def pairs(self, variable: str) -> dict[str, str]:
        """Read names and values; a later value of a name replaces an earlier one.

        Raises:
            FileTrouble: When the file is not in the format.
        """
        return read_pairs(self._text(variable))

    def exported(self) -> dict[str, str]:
        """Read variables for later steps.

        Raises:
            FileTrouble: As `pairs` does, and for the one that the runner refuses.
        """
        found = self.pairs("GITHUB_ENV")
        if any(name.upper() == "NODE_OPTIONS" for name in found):
            raise FileTrouble("Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command.")
        return found

    def paths(self) -> list[str]:
        """Read what is to be put before PATH, in the order written."""
        return [line for line in self._text("GITHUB_PATH").splitlines() if line]

    def summary(self) -> str:
        """Read the step's Markdown.

        Raises:
            FileTrouble: When it is longer than the runner uploads.
        """
        size = self.path("GITHUB_STEP_SUMMARY").stat().st_size
        if size > LONGEST_SUMMARY_BYTES:
            raise FileTrouble(
                f"$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k, got {size // 1024}k."
            )
        return self._text("GITHUB_STEP_SUMMARY")

    def _text(self, variable: str) -> str:
        path = self.path(variable)
        return path.read_text("utf-8-sig", "replace") if path.exists() else ""


def read_pairs(text: str) -> dict[str, str]:
    """Read `name=value` lines, and `name<<WORD` with the lines up to WORD alone.

    Raises:
        FileTrouble: For a line that is neither, an empty name, and a value that does not end.
    """
    found: dict[str, str] = {}
    lines = iter(text.replace("\r\n", "\n").split("\n"))
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, value = line[:equals], line[equals + 1 :]
        elif heredoc >= 0:
            name, word = line[:heredoc], line[heredoc + 2 :]
            if not name or not word:
                raise FileTrouble(f"Invalid format '{line}'. Name and delimiter must not be empty")
            value = _until(lines, word)
        else:
            raise FileTrouble(f"Invalid format '{line}'")
        if not name:
            raise FileTrouble(f"Invalid format '{line}'. Name must not be empty")
        found[name] = value
    return found


def _until(lines: Iterator[str], word: str) -> str:
    inside: list[str] = []
    for line in lines:
        if line == word:
            return "\n".join(inside)
        inside.append(line)
    raise FileTrouble(f"Invalid value. Matching delimiter not found '{word}'")
