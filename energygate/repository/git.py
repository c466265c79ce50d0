"""The git command, asked so that nothing of the repository it looks into can run or answer for it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from energygate.errors import MeasurementError, UsageError
from energygate.repository.processes import CommandRunner, CompletedCommand, run_command

if TYPE_CHECKING:
    from collections.abc import Mapping

GUARDS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    # A pull request can carry a whole bare repository, with a configuration of its own, in its files.
    "safe.bareRepository=explicit",
    "protocol.ext.allow=never",
    # What stands in for a commit here would not in the checkout that borrows it.
    "core.useReplaceRefs=false",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "fetch.writeCommitGraph=false",
)
"""Configuration that stands above the repository's own: no hooks, no helpers, nothing in the background."""

REPOSITORY_VARIABLES = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NAMESPACE",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_QUARANTINE_PATH",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)
"""What says which repository is meant (`git rev-parse --local-env-vars`); set in hooks, and wrong for base.

The variables that carry configuration (GIT_CONFIG_COUNT and its like) are not among them: CI systems say
`safe.directory` in those.
"""

_BEHAVIOUR_VARIABLES = frozenset(
    {
        "GIT_DEFAULT_HASH",
        "GIT_DIFF_OPTS",
        "GIT_EXTERNAL_DIFF",
        "GIT_GLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
        "GIT_LITERAL_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_TEMPLATE_DIR",
    }
)

LAST_LINES = 10
"""Lines of git's own words kept for an error."""


class GitFailed(MeasurementError):
    """Git could not do something that it should have been able to."""


@dataclass(frozen=True, kw_only=True)
class Git:
    """Git in one repository.

    Attributes:
        directory: Where it runs: the working tree's root, or `git_dir` itself when that is given.
        git_dir: The repository, when it is not to be found from `directory`.
        run: Starts the command.
    """

    directory: Path
    git_dir: Path | None = None
    run: CommandRunner = run_command

    def attempt(
        self,
        *arguments: str,
        stdin: bytes = b"",
        settings: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> CompletedCommand:
        """Run a git command that may well fail.

        Args:
            arguments: The command and its arguments.
            stdin: What it reads.
            settings: More configuration, each `key=value`.
            environment: More variables.
            timeout_s: The longest it may take; `None` for no limit.

        Raises:
            UsageError: When git is not installed.
            GitFailed: When it took too long.
        """
        command = ["git", *(part for one in (*GUARDS, *settings) for part in ("-c", one))]
        if self.git_dir is not None:
            # A submodule's repository names its working tree, which may be gone: then git would not start.
            command += [f"--git-dir={self.git_dir}", f"--work-tree={self.directory}"]
        try:
            return self.run(
                [*command, *arguments],
                directory=self.directory,
                environment={**git_environment(os.environ), **(environment or {})},
                stdin=stdin,
                timeout_s=timeout_s,
            )
        except subprocess.TimeoutExpired:
            raise GitFailed(f"git {arguments[0]} did not finish within {timeout_s:.0f} s") from None
        except FileNotFoundError as error:
            if error.filename != "git":
                raise UsageError(f"{self.directory} does not exist any more") from None
            raise UsageError(
                "git is not installed", hint=lambda options: f"Install it, or {options.without_git}"
            ) from None

    def answer(
        self,
        *arguments: str,
        stdin: bytes = b"",
        settings: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> bytes:
        """Run a git command that has no reason to fail, and return what it says.

        Raises:
            UsageError: When git is not installed.
            GitFailed: When it fails after all, with its last words.
        """
        finished = self.attempt(
            *arguments, stdin=stdin, settings=settings, environment=environment, timeout_s=timeout_s
        )
        if finished.returncode != 0:
            raise GitFailed(
                f"git {arguments[0]} failed in {self.directory}", detail=output_tail(finished.stderr)
            )
        return finished.stdout

    def line(self, *arguments: str) -> str:
        """Return a one-line answer without its end; what is in it, even a line break, stays."""
        return os.fsdecode(self.answer(*arguments).removesuffix(b"\n"))

    def path(self, name: str) -> Path:
        """Return where the repository keeps something, such as `objects`: right in linked worktrees too."""
        return Path(self.directory, self.line("rev-parse", "--git-path", name)).absolute()

    def setting(self, key: str) -> str | None:
        """Return a configured value; `None` when there is none."""
        finished = self.attempt("config", "--null", "--get", key)
        return os.fsdecode(finished.stdout.removesuffix(b"\0")) if finished.returncode == 0 else None

    def has_commit(self, sha: str) -> bool:
        """Tell whether a commit is here, without asking a remote for it."""
        finished = self.attempt("cat-file", "-e", f"{sha}^{{commit}}", environment={"GIT_NO_LAZY_FETCH": "1"})
        return finished.returncode == 0


def git_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables git runs with: nobody is asked, nothing is locked, messages are in English."""
    return {
        **without_repository(environment),
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
    }


def without_repository(environment: Mapping[str, str]) -> dict[str, str]:
    """Return variables without those by which a hook tells its children what repository they work for."""
    dropped = REPOSITORY_VARIABLES | _BEHAVIOUR_VARIABLES
    return {
        name: value
        for name, value in environment.items()
        if name not in dropped and not name.startswith("GIT_TRACE")
    }


def output_tail(output: bytes, *, lines: int = LAST_LINES) -> str | None:
    """Return the end of a command's output, fit for any terminal; `None` when it said nothing.

    Progress bars count by their last state, control characters are dropped, long lines are cut.
    """
    text = output.decode("utf-8", "replace")
    # A progress bar rewrites its line: what follows the last carriage return is what a reader saw.
    shown = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    clean = [
        "".join(c for c in line if c.isprintable() or c == "\t")[:_LONGEST_LINE].rstrip() for line in shown
    ]
    return "\n".join([line for line in clean if line][-lines:]) or None


_LONGEST_LINE = 500
