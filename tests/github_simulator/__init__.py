"""A simulator of GitHub: its REST API (`api`), its runner of workflows (`runner`), and a lint of workflows (`lint`).

Its own tests are in `tests/`. They check the simulator and nothing of energygate, so a plain `pytest` runs them only
where the simulator has changed; `.ci/run` always does.
"""

from __future__ import annotations
