"""Start a worker."""

from __future__ import annotations

import json
import os
import sys

if __name__ == "__main__":
    # Do not import from the directory of this file: its modules would shadow the user's.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    from energygate_worker.command_loop import answer_commands  # type: ignore[import-not-found]

    sys.path[0] = os.getcwd()  # as `python -m` would
    arguments = json.loads(sys.argv.pop(1))
    answer_commands(arguments["parent_pid"], arguments["cpus"], arguments.get("group"))
