"""The files in which a step writes its outputs and its summary."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.errors import UsageError
from energygate.forge.github.api_errors import GitHubError
from energygate.report.safe_markdown import MAX_SUMMARY_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_TOKEN_BYTES = 16


def output_text(name: str, value: str, *, token: Callable[[int], str] = secrets.token_hex) -> str:
    """Return what to append to `GITHUB_OUTPUT` so that a later step sees the value, line breaks included.

    The value is between two lines with a random word that cannot be guessed, so a value cannot end early and define
    other outputs.

    Raises:
        UsageError: When the name is invalid, or the value contains the random word.
    """
    if not _NAME.fullmatch(name):
        raise UsageError("an output's name consists of letters, digits, _ and -, and begins with a letter or _")
    word = f"energygate_{token(_TOKEN_BYTES)}"
    if word in value:
        raise UsageError(f"the output {name} contains the word that ends it")
    return f"{name}<<{word}\n{value}\n{word}\n"


def write_outputs(environ: Mapping[str, str], outputs: Mapping[str, str]) -> None:
    """Pass values to the following steps, as they are, without quotes.

    Raises:
        UsageError: Outside of a step, or when a name is invalid; then nothing is written.
        GitHubError: When the runner's file cannot be written.
    """
    _append(environ, "GITHUB_OUTPUT", "".join(output_text(name, value) for name, value in outputs.items()))


def write_summary(environ: Mapping[str, str], markdown: str) -> None:
    """Append to the step's summary.

    Raises:
        UsageError: Outside of a step.
        GitHubError: When it would become longer than GitHub accepts, or the file cannot be written.
    """
    try:
        size = _file(environ, "GITHUB_STEP_SUMMARY").stat().st_size
    except OSError:
        size = 0
    text = markdown.rstrip("\n") + "\n"
    if size + len(text.encode("utf-8", "replace")) > MAX_SUMMARY_BYTES:
        raise GitHubError(
            f"the summary would have more than {MAX_SUMMARY_BYTES:,} bytes, and GitHub would not show any of it",
            where="GITHUB_STEP_SUMMARY",
            hint="Shorten it; the result's JSON has everything",
        )
    _append(environ, "GITHUB_STEP_SUMMARY", text)


def _append(environ: Mapping[str, str], variable: str, text: str) -> None:
    path = _file(environ, variable)
    try:
        # The runner reads UTF-8 with plain line ends, on Windows too.
        with path.open("a", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise GitHubError(f"cannot write the file it names: {error.strerror}", where=variable) from None


def _file(environ: Mapping[str, str], variable: str) -> Path:
    return Path(job_variable(environ, variable))


def job_variable(environ: Mapping[str, str], name: str) -> str:
    """Return a variable that the runner sets.

    Raises:
        UsageError: Outside of a job.
    """
    value = environ.get(name, "")
    if not value:
        raise UsageError("it is not set", where=name, hint="This runs in a job of GitHub Actions, which sets it")
    return value
