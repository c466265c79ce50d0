"""Run git so that nothing in the inspected repository can execute code or change the answer."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energygate.errors import MeasurementError, UsageError
from energygate.repository.processes import CommandRunner, CompletedCommand, run_command

if TYPE_CHECKING:
    from collections.abc import Mapping

GUARDS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    # A pull request can contain a whole bare repository with its own configuration.
    "safe.bareRepository=explicit",
    "protocol.ext.allow=never",
    # The checkout that borrows these objects would not see a replacement.
    "core.useReplaceRefs=false",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "fetch.writeCommitGraph=false",
)
"""Settings that override the repository's own: no hooks, no helpers, no background work."""

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
"""Variables that select a repository (`git rev-parse --local-env-vars`); hooks set them, and they are wrong for base.

Variables that carry configuration (such as GIT_CONFIG_COUNT) stay: CI systems set `safe.directory` with them.
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

MAX_OUTPUT_LINES = 10
"""Lines of git's output that an error quotes."""

MAX_LINE_LENGTH = 500


class GitFailed(MeasurementError):
    """A git command failed unexpectedly."""


@dataclass(frozen=True, kw_only=True)
class Git:
    """Git in one repository.

    Attributes:
        directory: Working directory: the root of the working tree, or `git_dir` itself when that is given.
        git_dir: The repository, when git cannot find it from `directory`.
        runner: Starts the command.
    """

    directory: Path
    git_dir: Path | None = None
    runner: CommandRunner = run_command

    def run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        settings: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> CompletedCommand:
        """Run a git command whose failure is a normal answer.

        Args:
            arguments: The command and its arguments.
            stdin: Its input.
            settings: More configuration, each `key=value`.
            environment: More variables.
            timeout_s: Time limit in seconds; `None` for no limit.

        Raises:
            UsageError: When git is not installed.
            GitFailed: When it exceeds the time limit.
        """
        command = ["git", *(part for one in (*GUARDS, *settings) for part in ("-c", one))]
        if self.git_dir is not None:
            # A submodule's repository records its working tree; if that is gone, git would not start.
            command += [f"--git-dir={self.git_dir}", f"--work-tree={self.directory}"]
        try:
            return self.runner(
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
                raise UsageError(f"{self.directory} no longer exists") from None
            raise UsageError(
                "git is not installed", hint=lambda options: f"Install it, or {options.without_git}"
            ) from None

    def output(self, *arguments: str, **options: Any) -> bytes:  # noqa: ANN401 - those of `run`
        """Run a git command that should succeed, and return its stdout; `options` are those of `run`.

        Raises:
            UsageError: When git is not installed.
            GitFailed: When it fails after all; the end of its stderr is the detail.
        """
        finished = self.run(*arguments, **options)
        if finished.returncode != 0:
            raise GitFailed(f"git {arguments[0]} failed in {self.directory}", detail=output_tail(finished.stderr))
        return finished.stdout

    def line(self, *arguments: str) -> str:
        """Return the output of a command without its final newline; newlines inside it stay."""
        return os.fsdecode(self.output(*arguments).removesuffix(b"\n"))

    def path(self, name: str) -> Path:
        """Return the path of a repository file or directory, such as `objects`; correct in linked worktrees too."""
        return Path(self.directory, self.line("rev-parse", "--git-path", name)).absolute()

    def setting(self, key: str) -> str | None:
        """Return the value of a setting; `None` when it is not set."""
        finished = self.run("config", "--null", "--get", key)
        return os.fsdecode(finished.stdout.removesuffix(b"\0")) if finished.returncode == 0 else None

    def has_commit(self, sha: str) -> bool:
        """Return whether the repository has a commit, without asking a remote."""
        finished = self.run("cat-file", "-e", f"{sha}^{{commit}}", environment={"GIT_NO_LAZY_FETCH": "1"})
        return finished.returncode == 0


def git_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for git: no prompts, no optional locks, messages in English."""
    return {
        **without_repository(environment),
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
    }


def without_repository(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the variables that select a repository, as hooks set them."""
    dropped = REPOSITORY_VARIABLES | _BEHAVIOUR_VARIABLES
    return {
        name: value for name, value in environment.items() if name not in dropped and not name.startswith("GIT_TRACE")
    }


def output_tail(output: bytes, *, max_lines: int = MAX_OUTPUT_LINES) -> str | None:
    """Return the last lines of a command's output, safe for any terminal; `None` when there are none.

    Of a progress bar only the last state counts. Control characters are dropped and long lines are cut.
    """
    text = output.decode("utf-8", "replace")
    # A progress bar rewrites its line: a reader saw what follows the last carriage return.
    shown = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    clean = ["".join(c for c in line if c.isprintable() or c == "\t")[:MAX_LINE_LENGTH].rstrip() for line in shown]
    return "\n".join([line for line in clean if line][-max_lines:]) or None
