"""Command lines of the policy: through the shell, where `python` is the side's interpreter."""

from __future__ import annotations

import os
import subprocess
import sys

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any


def start(line: str, **options: Any) -> Any:
    """Start a command line in the checkout, as `setup` is: it can ask nothing, and stops at its first failure."""
    arguments = ["/bin/sh", "-e", "-c", "--", line] if os.name == "posix" else line
    return subprocess.Popen(arguments, shell=os.name != "posix", stdin=subprocess.DEVNULL, **options)


def environment(**more: str) -> dict[str, str]:
    """This process's environment as if the interpreter's virtual environment were activated, with `more`."""
    found = dict(os.environ, **more)
    found.pop("VIRTUAL_ENV", None)
    if sys.prefix != sys.base_prefix:
        found["VIRTUAL_ENV"] = sys.prefix
    directory = os.path.dirname(os.path.abspath(sys.executable))
    found["PATH"] = os.pathsep.join(part for part in (directory, found.get("PATH")) if part)
    return found


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that started it is gone: run between fork and exec."""
    if _libc is not None:
        _libc.prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL


def ending(code: int) -> str:
    """How a process ended, as the end of a sentence about it."""
    if code >= 0:
        return "ended with exit code %d" % code
    import signal

    name = next((known.name for known in signal.Signals if known == -code), "signal %d" % -code)
    return "was killed by %s" % name


def _load_libc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    try:
        import ctypes

        return ctypes.CDLL(None)
    except (ImportError, OSError):
        return None


_libc = _load_libc()
