"""A worker without a process: its replies are written beforehand."""

from __future__ import annotations

import io
import json
import queue
from pathlib import Path
from types import SimpleNamespace

from energygate.workloads.protocol import WorkerStart
from energygate.workloads.worker import Worker


class ScriptedWorker(Worker):
    """Replies to each command with the next of `answers`; when none are left it stays silent."""

    def __init__(self, *answers, timeout_s=0.01):
        self._start = WorkerStart(label="workload 'w'", python="python", directory=Path(), cpus=(), threads=1)
        self._timeout_s = timeout_s
        self._number = 0
        self._commands = io.StringIO()
        self._stderr = ()
        self._process = SimpleNamespace(poll=lambda: None)
        self._replies = queue.Queue()
        for number, answer in enumerate(answers, 1):
            self._replies.put(json.dumps({"id": number, "ok": answer}))

    def close(self):
        """Leave everything as it is: there is no process."""
