"""What the measuring step passes to the reporting step: the result, or why there is none."""

from __future__ import annotations

import json
import stat
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from energygate.result.reading import MAX_BYTES, read_result

if TYPE_CHECKING:
    from pathlib import Path

    from energygate.errors import EnergygateError
    from energygate.result.result import Result

MAX_DETAIL = 20_000
"""Characters of a process's stderr: more than a comment has room for."""

EXIT_CODES = (2, 3)
"""Exit codes without a result."""


@dataclass(frozen=True, kw_only=True)
class StepFailure:
    """Why nothing was judged.

    Attributes:
        message: One sentence that begins with the place.
        hint: What to do next; `None` when the message is enough.
        detail: The stderr of a process; `None` without any.
        exit_code: The exit code.
        line: The policy's line that it is about; `None` for none.
    """

    message: str
    hint: str | None
    detail: str | None
    exit_code: int
    line: int | None = None

    @classmethod
    def of(cls, error: EnergygateError, *, policy: str = "") -> StepFailure:
        """Make it from an error; `policy` is the path of the policy that reviewers see."""
        place = f"{error.where}: " if error.where else ""
        return cls(
            message=f"{place}{error.what}",
            hint=error.hint,
            detail=error.detail[-MAX_DETAIL:] if error.detail else None,
            exit_code=error.exit_code,
            line=error.line if error.file == policy else None,
        )


@dataclass(frozen=True, kw_only=True)
class Handover:
    """A directory between two steps of one job.

    The pull request's code could write there too, so nothing in it is trusted more than an artifact.
    """

    directory: Path

    @property
    def result_path(self) -> Path:
        """The file of the result, if there is one."""
        return self.directory / "result.json"

    @property
    def _failure_path(self) -> Path:
        return self.directory / "failure.json"

    def leave_result(self, result: Result) -> None:
        """Write the result."""
        self.result_path.unlink(missing_ok=True)  # never through a link
        self.result_path.write_text(result.to_json(), encoding="utf-8", newline="\n")

    def leave_failure(self, failure: StepFailure) -> None:
        """Write why there is none."""
        self._failure_path.write_text(json.dumps(asdict(failure)), encoding="utf-8")

    def result(self) -> Result | None:
        """Read the result; `None` when there is none.

        Raises:
            MeasurementError: It is not a valid result.
        """
        content = _content(self.result_path)
        return None if content is None else read_result(content, name="result.json")

    def failure(self) -> StepFailure:
        """Read why there is no result; if that is missing too, the measuring step was killed."""
        try:
            read = json.loads(_content(self._failure_path) or b"")
            if read["exit_code"] not in EXIT_CODES:
                raise ValueError(read["exit_code"])  # noqa: TRY301 - energygate writes no other
            texts = {key: None if read[key] is None else str(read[key]) for key in ("hint", "detail")}
            line = None if read["line"] is None else int(read["line"])
            return StepFailure(message=str(read["message"]), exit_code=int(read["exit_code"]), line=line, **texts)
        except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError):
            return StepFailure(
                message="the measuring step ended without a result",
                hint="Its log shows how far it got",
                detail=None,
                exit_code=3,
            )


def _content(path: Path) -> bytes | None:
    """Read a regular file, or enough of it to show that it is too long; return `None` for anything else."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError:
        return None
