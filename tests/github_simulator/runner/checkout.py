"""`actions/checkout`, by real git from a real bare repository."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
from pathlib import Path

from github_simulator.runner.simulated_actions import ActionFailed, SimulatedAction, Use

_SHA = re.compile(r"[0-9a-f]{40}")


def checkout(use: Use) -> None:
    """Fetch what the event is about, or `ref`, as deep as `fetch-depth` says, and check it out."""
    unlike = {name for name in _UNUSED if use.inputs[name] != (_INPUTS[name] or "")}
    if unlike:
        raise ActionFailed(f"the simulated actions/checkout does not support {', '.join(sorted(unlike))}")
    if use.inputs["repository"] not in use.around.repositories:
        raise ActionFailed(f"Not Found: there is no repository {use.inputs['repository']}")
    folder = Path(os.path.normpath(use.workspace / use.inputs["path"]))
    if use.workspace not in {folder, *folder.parents}:
        raise ActionFailed(f"Repository path '{folder}' is not under '{use.workspace}'")
    reference, commit = _wanted(use)
    _emptied(use, folder)
    git = _Git(use, folder)
    git.begin(f"{use.around.git_url}/{use.inputs['repository']}", use.inputs["token"])
    _fetch(use, git, reference, commit)
    _switch(git, reference, commit)
    head = git.run("rev-parse", "HEAD")
    if use.flag("persist-credentials"):
        use.afterwards.append((lambda _: git.forget_credentials(), False))
    else:
        git.forget_credentials()
    if use.flag("set-safe-directory"):
        with (use.around.machine.home / ".gitconfig").open("a", encoding="utf-8") as config:
            config.write(f"[safe]\n\tdirectory = {folder}\n")
    use.outputs |= {"ref": reference, "commit": head}
    use.log.note(f"Checked out {reference or commit} at {head}")


def _wanted(use: Use) -> tuple[str, str]:
    """Return the ref and the commit; either may be empty."""
    asked = use.inputs["ref"]
    own = use.inputs["repository"].lower() == use.repository.lower()
    if not asked:
        return (str(use.github["ref"]), str(use.github["sha"])) if own else ("refs/heads/main", "")
    return ("", asked) if _SHA.fullmatch(asked) else (asked, "")


def _emptied(use: Use, folder: Path) -> None:
    if folder.exists() and use.flag("clean"):
        for inside in folder.iterdir():
            if inside.is_dir() and not inside.is_symlink():
                shutil.rmtree(inside)
            else:
                inside.unlink()
    folder.mkdir(parents=True, exist_ok=True)


def _fetch(use: Use, git: _Git, reference: str, commit: str) -> None:
    depth = int(use.inputs["fetch-depth"])
    tags = [] if use.flag("fetch-tags") or depth <= 0 else ["--no-tags"]
    common = ["fetch", "--quiet", "--prune", "--no-recurse-submodules", *tags]
    if depth <= 0:
        everything = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]
        own = [_refspec(reference, commit)] if reference.startswith("refs/pull/") or not reference else []
        git.run(*common, "origin", *everything, *own)
        return
    git.run(*common, f"--depth={depth}", "origin", _refspec(reference, commit))


def _refspec(reference: str, commit: str) -> str:
    if not reference:
        return commit
    for begin, local in _LOCAL.items():
        if reference.startswith(begin):
            return f"+{commit or reference}:{local}{reference.removeprefix(begin)}"
    return f"+refs/heads/{reference}:refs/remotes/origin/{reference}"


_LOCAL = {
    "refs/heads/": "refs/remotes/origin/",
    "refs/pull/": "refs/remotes/pull/",
    "refs/tags/": "refs/tags/",
}


def _switch(git: _Git, reference: str, commit: str) -> None:
    if reference.startswith("refs/pull/"):
        git.run("checkout", "--quiet", "--force", f"refs/remotes/{reference.removeprefix('refs/')}")
    elif not reference:
        git.run("checkout", "--quiet", "--force", "--detach", commit)
    elif reference.startswith("refs/tags/"):
        git.run("checkout", "--quiet", "--force", reference)
    else:
        branch = reference.removeprefix("refs/heads/")
        start = commit or f"refs/remotes/origin/{branch}"
        git.run("checkout", "--quiet", "--force", "-B", branch, start)


class _Git:
    """Git in the folder of the checkout, with the environment of the step."""

    def __init__(self, use: Use, folder: Path) -> None:
        self._environment = {**use.environment, "GIT_TERMINAL_PROMPT": "0"}
        self._folder = folder
        self._site = f"{use.around.git_url}/"

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ActionFailed(f"The process 'git' failed with exit code {done.returncode}: {done.stderr.strip()}")
        return done.stdout.strip()

    def begin(self, remote: str, token: str) -> None:
        self.run("init", "--quiet", "--initial-branch", "main", "--template=")
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        # Written as `git config` and `git remote` would: they are a process for each line.
        with self._config.open("a", encoding="utf-8") as config:
            config.write(f'[remote "origin"]\n\turl = {remote}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n')
            config.write(f'[gc]\n\tauto = 0\n[http "{self._site}"]\n\textraheader = {_HEADER}{basic}\n')

    def forget_credentials(self) -> None:
        if self._config.exists():
            lines = self._config.read_text("utf-8").splitlines(keepends=True)
            self._config.write_text("".join(line for line in lines if _HEADER not in line), "utf-8")

    @property
    def _config(self) -> Path:
        return self._folder / ".git" / "config"


_HEADER = "AUTHORIZATION: basic "

_INPUTS: dict[str, str | None] = {
    "repository": "${{ github.repository }}",
    "ref": None,
    "token": "${{ github.token }}",
    "ssh-key": None,
    "ssh-known-hosts": None,
    "ssh-strict": "true",
    "ssh-user": "git",
    "persist-credentials": "true",
    "path": None,
    "clean": "true",
    "filter": None,
    "sparse-checkout": None,
    "sparse-checkout-cone-mode": "true",
    "fetch-depth": "1",
    "fetch-tags": "false",
    "show-progress": "true",
    "lfs": "false",
    "submodules": "false",
    "set-safe-directory": "true",
    "github-server-url": None,
}
_UNUSED = (
    "ssh-key",
    "ssh-known-hosts",
    "filter",
    "sparse-checkout",
    "lfs",
    "submodules",
    "github-server-url",
)

ACTIONS = {"actions/checkout": SimulatedAction(inputs=_INPUTS, outputs=("ref", "commit"), do=checkout)}
