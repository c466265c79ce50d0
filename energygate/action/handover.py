"""What the measuring step leaves to the reporting step: the result, or why there is none."""

from __future__ import annotations

import json
import re
import stat
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from energygate.result.reading import MAX_BYTES, read_result

if TYPE_CHECKING:
    from pathlib import Path

    from energygate.errors import EnergygateError
    from energygate.result.result import Result

LONGEST_DETAIL = 20_000
"""Characters of a process's last words: more than a comment has room for."""


TROUBLES = (2, 3)
"""Exit codes without a result."""

_LINE = re.compile("[0-9]{1,9}")


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why nothing was judged.

    Attributes:
        message: One sentence, with its place.
        line: The policy's line that it is about; `None` where it is about none.
        hint: What to do about it; `None` when the sentence says it all.
        detail: A process's last words; `None` without any.
        exit_code: What it leads to.
    """

    message: str
    hint: str | None
    detail: str | None
    exit_code: int
    line: int | None = None

    @classmethod
    def of(cls, error: EnergygateError, *, policy: str = "") -> Trouble:
        """The same as an error says; `policy` is how it calls the policy that reviewers see."""
        place = f"{error.where}: " if error.where else ""
        line = (error.where or "").removeprefix(f"{policy}:")
        return cls(
            message=f"{place}{error.what}",
            hint=error.hint,
            detail=error.detail[-LONGEST_DETAIL:] if error.detail else None,
            exit_code=error.exit_code,
            line=int(line) if _LINE.fullmatch(line) else None,
        )


@dataclass(frozen=True, kw_only=True)
class Handover:
    """A directory between two steps of one job.

    The pull request's code could write there too, as it could into anything that its job may: whoever reads it
    trusts no more of it than of an artifact.
    """

    directory: Path

    @property
    def result_path(self) -> Path:
        """Where the result is, if there is one."""
        return self.directory / "result.json"

    @property
    def _trouble_path(self) -> Path:
        return self.directory / "trouble.json"

    def leave_result(self, result: Result) -> None:
        """Write the result."""
        self.result_path.unlink(missing_ok=True)  # never through a link that leads elsewhere
        self.result_path.write_text(result.to_json(), encoding="utf-8", newline="\n")

    def leave_trouble(self, trouble: Trouble) -> None:
        """Write why there is none."""
        self._trouble_path.write_text(json.dumps(asdict(trouble)), encoding="utf-8")

    def result(self) -> Result | None:
        """Read the result; `None` when there is none.

        Raises:
            MeasurementError: When it cannot be trusted to be one.
        """
        content = _content(self.result_path)
        return None if content is None else read_result(content, name="result.json")

    def trouble(self) -> Trouble:
        """Read why there is no result; when nobody wrote that either, the measuring broke off."""
        try:
            said = json.loads(_content(self._trouble_path) or b"")
            if said["exit_code"] not in TROUBLES:
                raise ValueError(said["exit_code"])  # noqa: TRY301 - nobody but energygate leaves one
            texts = {key: None if said[key] is None else str(said[key]) for key in ("hint", "detail")}
            line = None if said["line"] is None else int(said["line"])
            return Trouble(message=str(said["message"]), exit_code=int(said["exit_code"]), line=line, **texts)
        except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError):
            return Trouble(
                message="the measuring step ended without a result",
                hint="Its log says how far it came",
                detail=None,
                exit_code=3,
            )


def _content(path: Path) -> bytes | None:
    """What a file of its own holds, or as much as shows that it is too long; `None` for anything else."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError:
        return None
