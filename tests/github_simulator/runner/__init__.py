"""A small runner of GitHub's workflows and composite actions, for tests without GitHub, docker or act.

Begin with `scenario.Scenario`. What it does as GitHub does: expressions, conditions, needs, matrices, outputs, rights,
log commands, the files of a step, composite actions, caches, artifacts, git with credentials, events and attempts.

What it does otherwise: jobs run one after another; `timeout-minutes` and `concurrency` are read and not heeded;
an `environment` waits for nobody. Where GitHub would take a misspelt name for an empty text, and for all that is not
known here (services, containers, reusable workflows, other actions), there is an error.
"""

from __future__ import annotations
