"""Trim the published schemas of GitHub's webhook payloads to the events that energygate runs under.

They are published as the npm package `@octokit/webhooks-schemas`, under the MIT licence. To take over newer ones:

    npm pack @octokit/webhooks-schemas && tar xzf octokit-webhooks-schemas-*.tgz
    python tests/github_simulator/webhooks/trim.py package/schema.json

This writes `schema.json` beside this file: what is only for reading goes, and what GitHub sends since is added.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent

EVENTS = (
    *(f"pull_request${kind}" for kind in ("opened", "synchronize", "reopened", "labeled", "unlabeled", "closed")),
    *("merge_group$checks_requested", "merge_group$destroyed", "push$event", "workflow_dispatch$event"),
    "workflow_run$completed",
)

SINCE = {"user": {"user_view_type": {"type": "string"}}}
"""By definition: fields that GitHub's description of its API has, and these schemas do not have yet."""

_FOR_READING = {"description", "title", "tsAdditionalProperties", "$id"}


def trim(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the definitions of these events, and those that they lead to."""
    kept: dict[str, Any] = {}
    todo = list(EVENTS)
    while todo:
        name = todo.pop()
        if name not in kept:
            kept[name] = _lean(schema["definitions"][name])
            todo += _references(kept[name])
    for name, fields in SINCE.items():
        kept[name]["properties"] |= fields
    return {"$schema": schema["$schema"], "definitions": dict(sorted(kept.items()))}


def _lean(value: Any) -> Any:
    if isinstance(value, list):
        return [_lean(one) for one in value]
    if not isinstance(value, dict):
        return value
    # A field may be called `description` or `title`: then there is a schema behind it, and no text.
    return {key: _lean(one) for key, one in value.items() if key not in _FOR_READING or isinstance(one, dict)}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _references(one)
    elif isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].rpartition("/")[2]
        for one in value.values():
            yield from _references(one)


def main() -> None:
    """Write what is kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("schema", type=Path)
    schema = json.loads(parser.parse_args().schema.read_text("utf-8"))
    (HERE / "schema.json").write_text(json.dumps(trim(schema), separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
