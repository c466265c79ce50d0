"""The machine that a job runs on: its folders, its programs, and a clean environment."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_STEP_S = 1800
"""Nothing in a test takes so long; what does is hung."""

SYSTEM_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"

SHELLS = {
    "bash": "bash --noprofile --norc -eo pipefail {0}",
    "sh": "sh -e {0}",
    "python": "python {0}",
}
"""What the runner starts for each `shell:`."""

UNSPECIFIED_SHELL = "bash -e {0}"
"""Where nothing says which shell."""

_SUFFIXES = {"bash": ".sh", "sh": ".sh", "python": ".py"}


def base_python() -> Path:
    """Find the Python behind this one's virtual environment."""
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A runner's machine, below one folder.

    Every job of a hosted runner finds it new; a self-hosted one keeps its home and the last job's workspace.

    Attributes:
        root: Where its folders are; the same for every job, so that a restored cache fits.
        programs: What is on PATH besides the system's: names and the files they stand for.
        variables: What its owner sets for every job, as the `.env` of a self-hosted runner does.
    """

    root: Path
    programs: Mapping[str, Path] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """The user's folder."""
        return self.root / "home"

    @property
    def temp(self) -> Path:
        """RUNNER_TEMP: empty when a job begins."""
        return self.root / "work" / "_temp"

    @property
    def tools(self) -> Path:
        """RUNNER_TOOL_CACHE."""
        return self.root / "tools"

    @property
    def programs_folder(self) -> Path:
        """First on PATH."""
        return self.root / "bin"

    @property
    def logs(self) -> Path:
        """What processes say, until it is read: nothing that a job can name."""
        return self.root / "logs"

    def workspace(self, repository: str) -> Path:
        """GITHUB_WORKSPACE, whose name is the repository's, twice."""
        name = repository.partition("/")[2]
        return self.root / "work" / name / name

    def prepare(self, repository: str, *, self_hosted: bool) -> None:
        """Make the folders as a job finds them."""
        stale = [self.logs, self.temp, *([] if self_hosted else [self.home, self.root / "work"])]
        for folder in stale:
            shutil.rmtree(folder, ignore_errors=True)
        for folder in (
            self.logs,
            self.home,
            self.temp,
            self.tools,
            self.programs_folder,
            self.workspace(repository),
        ):
            folder.mkdir(parents=True, exist_ok=True)
        python = base_python()
        for name, program in {"python3": python, "python": python, **self.programs}.items():
            link = self.programs_folder / name
            link.unlink(missing_ok=True)
            link.symlink_to(program)

    def environment(self, *, self_hosted: bool) -> dict[str, str]:
        """Return what every process of a job has, before GitHub's own variables."""
        return {
            "PATH": f"{self.programs_folder}:{SYSTEM_PATH}",
            "HOME": str(self.home),
            "USER": "runner",
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            "CI": "true",
            "RUNNER_OS": "Linux",
            "RUNNER_ARCH": "X64",
            "RUNNER_NAME": "simulator",
            "RUNNER_ENVIRONMENT": "self-hosted" if self_hosted else "github-hosted",
            "RUNNER_TEMP": str(self.temp),
            "RUNNER_TOOL_CACHE": str(self.tools),
            "RUNNER_WORKSPACE": str(self.temp.parent),
            **self.variables,
        }


@dataclass(kw_only=True)
class Processes:
    """The processes of one job; those that steps leave behind end with it, as on a runner."""

    log_folder: Path
    _groups: list[int] = field(default_factory=list)

    def run(
        self, script: str, *, shell: str | None, folder: Path, environment: Mapping[str, str], file: Path
    ) -> tuple[int, str]:
        """Run a script as the runner does; return the exit code and what it said, errors among it.

        Args:
            script: What to run, its `${{ }}` evaluated.
            shell: `bash`, `sh`, `python`, a command with `{0}`, or `None` where nothing says.
            folder: Where.
            environment: All of it.
            file: Where to put the script, without suffix.

        Raises:
            ValueError: For a shell that this runner does not know.
            TimeoutError: When it was killed, as this does itself to what takes absurdly long.
        """
        template = UNSPECIFIED_SHELL if shell is None else SHELLS.get(shell, shell)
        if "{0}" not in template:
            raise ValueError(f"this runner does not know the shell {shell}")
        script_file = file.with_suffix(_SUFFIXES.get(shell or "bash", ""))
        script_file.write_text(script.replace("\r\n", "\n") + "\n", "utf-8")
        command = [part.replace("{0}", str(script_file)) for part in template.split()]
        # Into a file and not a pipe: a process left behind must not keep the step from ending.
        said = self.log_folder / f"{file.name}.log"
        with said.open("wb") as output:
            process = subprocess.Popen(
                [shutil.which(command[0], path=environment["PATH"]) or command[0], *command[1:]],
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._groups.append(process.pid)
        # Waiting with a limit would poll.
        hung = threading.Timer(LONGEST_STEP_S, os.killpg, (process.pid, signal.SIGKILL))
        hung.daemon = True
        hung.start()
        code = process.wait()
        hung.cancel()
        if code == -signal.SIGKILL:
            raise TimeoutError(f"{script!r} was killed; after {LONGEST_STEP_S} s this runner does so itself")
        return code, said.read_bytes().decode("utf-8", "replace")

    def end(self) -> None:
        """End what is still running."""
        for group in self._groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        self._groups.clear()
