"""A small runner of GitHub's workflows and composite actions, for tests without GitHub, docker or act.

Start with `scenario.Scenario`. It does as GitHub does: expressions, conditions, needs, matrices, outputs, rights,
log commands, the files of a step, composite actions, caches, artifacts, git with credentials, events and attempts.

It differs from GitHub: jobs run one after another; `timeout-minutes` and `concurrency` are read but ignored; an
`environment` needs no approval. A misspelt name, which GitHub treats as an empty text, is an error here, and so is
everything unsupported (services, containers, reusable workflows, other actions).
"""

from __future__ import annotations
