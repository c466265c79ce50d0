"""Trim GitHub's description of its REST API to the operations that energygate uses.

The description is published as the npm package `@octokit/openapi`. To take over a newer one:

    npm pack @octokit/openapi && tar xzf octokit-openapi-*.tgz
    python tests/github_simulator/api/openapi/trim.py package/generated/api.github.com.json

This writes `github.json` and `LICENSE` beside this file. The schemas stay whole; what is only for reading
(descriptions, examples) goes. A new operation is one more line in `OPERATIONS`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

HERE = Path(__file__).parent

_REPO = "/repos/{owner}/{repo}"
OPERATIONS = (
    ("get", "/user"),
    ("get", _REPO),
    ("get", f"{_REPO}/actions/artifacts/{{artifact_id}}/{{archive_format}}"),
    ("get", f"{_REPO}/actions/runs/{{run_id}}"),
    ("get", f"{_REPO}/actions/runs/{{run_id}}/artifacts"),
    ("get", f"{_REPO}/collaborators/{{username}}/permission"),
    ("get", f"{_REPO}/commits/{{commit_sha}}/pulls"),
    ("get", f"{_REPO}/commits/{{ref}}"),
    ("get", f"{_REPO}/contents/{{path}}"),
    ("delete", f"{_REPO}/issues/comments/{{comment_id}}"),
    ("get", f"{_REPO}/issues/comments/{{comment_id}}"),
    ("patch", f"{_REPO}/issues/comments/{{comment_id}}"),
    ("get", f"{_REPO}/issues/{{issue_number}}"),
    ("get", f"{_REPO}/issues/{{issue_number}}/comments"),
    ("post", f"{_REPO}/issues/{{issue_number}}/comments"),
    ("get", f"{_REPO}/issues/{{issue_number}}/events"),
    ("get", f"{_REPO}/issues/{{issue_number}}/labels"),
    ("get", f"{_REPO}/issues/{{issue_number}}/timeline"),
    ("get", f"{_REPO}/pulls"),
    ("get", f"{_REPO}/pulls/{{pull_number}}"),
)

_FOR_READING = {"description", "summary", "example", "examples", "externalDocs", "tags", "title"}
_FOR_TOOLS = {"x-github", "x-octokit", "x-github-breaking-changes"}
_NAMED_BY_USERS = {"properties", "mapping"}
"""Below these, keys are names of fields: a field called `description` stays."""


def trim(description, *, version):
    """Return the description with these operations, and with the components that they lead to."""
    paths = {}
    for method, path in OPERATIONS:
        paths.setdefault(path, {})[method] = _lean(description["paths"][path][method])
    components = {}
    todo = list(_references(paths))
    while todo:
        kind, name = todo.pop().removeprefix("#/components/").split("/")
        if name not in components.setdefault(kind, {}):
            components[kind][name] = _lean(description["components"][kind][name])
            todo += _references(components[kind][name])
    for response in _responses(paths, components):
        # Without one, OpenAPI takes the file for broken.
        response.setdefault("description", "")
    info = description["info"]
    return {
        "openapi": description["openapi"],
        "info": {"title": info["title"], "version": info["version"], "license": info["license"]},
        "x-trimmed-from": f"@octokit/openapi {version}, generated/api.github.com.json",
        "paths": paths,
        "components": {kind: dict(sorted(named.items())) for kind, named in sorted(components.items())},
    }


def _lean(value, *, named=False):
    if isinstance(value, list):
        return [_lean(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = value.items() if named else ((k, v) for k, v in value.items() if k not in _FOR_READING | _FOR_TOOLS)
    return {key: _lean(one, named=not named and key in _NAMED_BY_USERS) for key, one in kept}


def _references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from _references(one)
    elif isinstance(value, list):
        for one in value:
            yield from _references(one)


def _responses(paths, components):
    for operations in paths.values():
        for operation in operations.values():
            yield from (one for one in operation["responses"].values() if "$ref" not in one)
    yield from components.get("responses", {}).values()


def written(trimmed):
    """Return the file's text: a line for each operation and component, so that a newer version is a readable diff."""

    def lines(value, depth):
        if depth == 0 or not isinstance(value, dict):
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        inner = ",\n".join(f"{json.dumps(key)}: {lines(one, depth - 1)}" for key, one in value.items())
        return f"{{\n{inner}\n}}"

    outer = [
        f"{json.dumps(key)}: {lines(one, {'paths': 2, 'components': 2}.get(key, 0))}" for key, one in trimmed.items()
    ]
    return "{\n" + ",\n".join(outer) + "\n}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("description", type=Path, help="generated/api.github.com.json of the unpacked package")
    source = parser.parse_args().description
    package = source.parent.parent
    version = json.loads((package / "package.json").read_text("utf-8"))["version"]
    trimmed = trim(json.loads(source.read_text("utf-8")), version=version)
    (HERE / "github.json").write_text(written(trimmed), encoding="utf-8")
    (HERE / "LICENSE").write_text((package / "LICENSE").read_text("utf-8"), encoding="utf-8")


if __name__ == "__main__":
    main()
