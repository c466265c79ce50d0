"""Real git repositories with a base and a head, and the real command in them."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - a field's type

import commands
from commands import FIXTURES, by_name, read_result, write_policy

GIT = shutil.which("git") or "git"

IDENTITY = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")

SPIN = """
import time


def spin(milliseconds):
    def request():
        end = time.process_time_ns() + milliseconds * 1e6
        while time.process_time_ns() < end:
            pass
        return 42

    return request


def make():
    return spin({milliseconds})
"""


PATIENT = ("--base", "main", "--total-time-limit", "240 s")
"""A verdict has to come out: what the policy's time leaves open on a busy machine gets more time, and nobody
waits for it elsewhere."""

QUICK = "4 s"
"""A time limit for what is launched once: that may take an eighth of it. A worker may be silent for longer."""

BRIEF = ("--base", "main", "--total-time-limit", "1 s")
"""Nothing rests on how sure the energy is: a launch each."""


def limit(max_increase="20 %", **more):
    return {"energy_per_request": {"max_increase": max_increase, **more}}


@dataclass(frozen=True, kw_only=True)
class Checked:
    """Exit code and output of one run of the command, and its result; `None` when it wrote none."""

    ran: commands.Ran
    result: dict | None

    @property
    def workloads(self):
        return by_name(self.result)


@dataclass(frozen=True, kw_only=True)
class Project:
    """A user's repository. Every check in it also checks that it leaves everything as it was."""

    root: Path

    def __post_init__(self):
        for directory in (self.root, self.temporary):
            directory.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    @property
    def temporary(self):
        """The only place for temporary files."""
        return self.root.parent / "temporary"

    def git(self, *arguments):
        done = subprocess.run([GIT, *IDENTITY, *arguments], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def write(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        return path

    def spin(self, name, milliseconds):
        return self.write(name, SPIN.format(milliseconds=milliseconds))

    def copy(self, fixture, name):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(FIXTURES / fixture, path)
        return path

    def policy(self, workloads, *, time_limit="30 s", measurement=None, **sections):
        return write_policy(
            self.root, workloads, measurement={"time_limit": time_limit, **(measurement or {})}, **sections
        )

    def commit(self, *, branch=None):
        """Commit whatever is there; with `branch`, go on there."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")
        if branch is not None:
            self.git("checkout", "--quiet", "-b", branch)

    def state(self):
        """Everything that a check could disturb: files, index, refs, stash, configuration, worktrees."""
        asked = (
            ("status", "--porcelain=v2", "--branch", "--ignored", "--untracked-files=all"),
            ("for-each-ref",),
            ("stash", "list"),
            ("config", "--local", "--list"),
            ("worktree", "list", "--porcelain"),
        )
        files = [path for path in sorted(self.root.rglob("*")) if ".git" not in path.parts]
        return {
            **{question: self.git(*question) for question in asked},
            "files": {path: _fingerprint(path) for path in files},
            "index": _fingerprint(self.root / ".git" / "index"),
            # No `.ses` either, onnxruntime's telemetry; the lock of a check's turn stays, empty.
            "temporary": sorted(path for path in self.temporary.iterdir() if path.suffix != ".lock"),
        }

    def environment(self, **changes):
        # Compiled modules beside head's sources are Python's doing; `test_check_base_unchanged` has them.
        return {"TMPDIR": str(self.temporary), "PYTHONDONTWRITEBYTECODE": "1", **changes}

    def check(self, *arguments, cwd=None, launches=None, run=commands.in_process, **environment):
        """Run `energygate check` with so many launches at most; keywords in capitals change its environment.

        With `run=commands.energygate` it has a process of its own.
        """
        path = self.root.parent / "result.json"
        path.unlink(missing_ok=True)
        before = self.state()
        ran = run(
            *("check", "--json", path, *arguments),
            cwd=cwd or self.root,
            launches=launches,
            **self.environment(**environment),
        )
        after = self.state()
        changed = {what: after[what] for what in after if after[what] != before[what]}
        assert changed == {}, changed
        assert "Traceback" not in ran.said, ran.said
        assert "internal error" not in ran.said, ran.said
        return Checked(ran=ran, result=read_result(path) if path.exists() else None)

    def interrupt(self, *arguments, address, number, **environment):
        """Run `energygate check --base main` until a workload connects to the address, then send it a signal."""
        with socket.socket(socket.AF_UNIX) as started:
            started.bind(str(address))
            started.listen()
            started.settimeout(commands.GENEROUS_S)
            process = subprocess.Popen(
                [*commands.COMMAND, "check", "--base", "main", *arguments],
                cwd=self.root,
                env=commands.environment(**self.environment(**environment)),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - a background shell ignores it
            )
            started.accept()[0].close()
        os.killpg(process.pid, number)
        out, err = process.communicate(timeout=commands.GENEROUS_S)
        return commands.Ran(code=process.returncode, out=out, err=err)


def _fingerprint(path):
    if path.is_symlink():
        return str(path.readlink())
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
