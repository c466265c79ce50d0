"""The worker: serves requests under the user's own interpreter and is controlled over pipes.

It runs as a script, so that the environment under test needs neither energygate nor its dependencies: only the
standard library until a workload is loaded, Python 3.8 and later. Its name is one that no user's module has, since
both live in the same interpreter. One JSON object per line in, one out:

    {"id": 1, "do": "load", ...}  ->  {"id": 1, "ok": {...}}  or  {"id": 1, "error": {"message", "trace"}}

Commands are `load`, `modules`, `bind`, `run`, `answer`, `outputs`, `end_profile` and `shut_down`; each is a method of
`worker_commands.WorkerCommands`.
"""

from __future__ import annotations
