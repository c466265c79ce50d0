"""The check of requests and responses against GitHub's own description of its API.

Validators are made when they are first needed, once for all tests. What the description says of OpenAPI 3.0 but
not of JSON Schema (`nullable`) is translated when it is read.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from github_simulator.api.schemas import BASE, Schemas, translated

DESCRIPTION = Path(__file__).parent / "openapi" / "github.json"

JSON = "application/json"
MOST_PER_PAGE = 100
"""GitHub says so in words only; whoever asks for more takes 100 for all."""

VERSION = "2022-11-28"
"""Of the API, as the description describes it."""

_ACCEPTED = re.compile(r"\*/\*|application/(json|vnd\.github(\.v3)?(\.(raw|object|html|text|full|sha|diff))?(\+json)?)")
_REFUSED = 400
_GENERAL = {"$ref": f"{BASE}#/components/schemas/basic-error"}
"""What GitHub answers with where the description says nothing of a refusal; any operation may answer with these."""

_REFUSALS = {400, 401, 403, 404, 410, 422, 429, 500, 502, 503, 504}
_RAW = "application/vnd.github.raw"
"""The description has this way to read a file in its words only."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A path and method that the description has, such as `get` and `/repos/{owner}/{repo}`."""

    method: str
    template: str
    described: dict
    pattern: re.Pattern

    @property
    def name(self):
        return f"{self.method.upper()} {self.template}"


class Contract:
    """What GitHub describes; `faults_of_request` and `faults_of_answer` say what is not so."""

    def __init__(self, description):
        self._schemas = Schemas(description)
        self.operations = [
            self._operation(method, template, described)
            for template, operations in description["paths"].items()
            for method, described in operations.items()
        ]
        # What is said in more words goes before what may be anything: a branch may be called `x/pulls`.
        self.operations.sort(key=lambda one: len(re.sub(r"\{\w+\}", "", one.template)), reverse=True)

    def _operation(self, method, template, described):
        described = {
            **described,
            "parameters": [self._schemas.at(one) for one in described.get("parameters", [])],
        }
        paths = {one["name"]: one for one in described["parameters"] if one["in"] == "path"}

        def group(found):
            many = paths[found[1]].get("x-multi-segment")
            return f"(?P<{found[1]}>{'.+' if many else '[^/]+'})"

        pattern = re.compile(re.sub(r"\\{(\w+)\\}", group, re.escape(template)))
        return Operation(method=method, template=template, described=described, pattern=pattern)

    def find(self, method, path):
        """Return the operation and its path's parameters; `None` twice when there is none."""
        for one in self.operations:
            if one.method == method.lower() and (found := one.pattern.fullmatch(path)):
                return one, {name: unquote(value) for name, value in found.groupdict().items()}
        return None, None

    def faults_of_request(self, seen, path):
        """List what GitHub does not know of a request to this path, the API's prefix taken off."""
        operation, values = self.find(seen.method, path)
        if operation is None:
            return [f"{seen.method} {path}: the description has no such operation"]
        known = {(one["in"], one["name"]): one for one in operation.described["parameters"]}
        asked = parse_qsl(seen.query, keep_blank_values=True)
        given = [("path", *one) for one in values.items()] + [("query", *one) for one in asked]
        faults = []
        for where, name, value in given:
            if (where, name) not in known:
                faults.append(f"the query has {name}, which is not described")
                continue
            schema = known[where, name]["schema"]
            faults += [f"{where} {name}: {said}" for said in self._schemas.faults(_typed(value, schema), schema)]
        faults += self._odd_query(dict(asked), len(asked))
        faults += self._odd_body(seen, operation)
        faults += self._odd_headers(seen.headers)
        return [f"{operation.name}: {said}" for said in faults]

    @staticmethod
    def _odd_query(query, count):
        if len(query) != count:
            yield "the query says something twice"
        if (size := query.get("per_page", "1")).isdigit() and not 1 <= int(size) <= MOST_PER_PAGE:
            yield f"query per_page: {size} is not 1 to {MOST_PER_PAGE}"
        if query.get("page", "1") == "0":
            yield "query page: pages begin with 1"

    def _odd_body(self, seen, operation):
        described = operation.described.get("requestBody")
        if described is None:
            return ["there is a body, and none is described"] if seen.content else []
        if not seen.content:
            return ["there is no body"] if described.get("required") else []
        if seen.headers.get("content-type", "").partition(";")[0] != JSON:
            return [f"the body is not said to be {JSON}"]
        schema = described["content"][JSON]["schema"]
        return [f"the body: {said}" for said in self._schemas.faults(seen.body, schema)]

    @staticmethod
    def _odd_headers(headers):
        types = [one.partition(";")[0].strip() for one in headers.get("accept", "*/*").split(",")]
        if not any(_ACCEPTED.fullmatch(one) for one in types):
            yield f"Accept has nothing that GitHub gives: {headers['accept']}"
        if headers.get("x-github-api-version", VERSION) != VERSION:
            yield f"the version of the API is not {VERSION}: {headers['x-github-api-version']}"
        if not headers.get("user-agent"):
            yield "there is no User-Agent, without which GitHub refuses"

    def faults_of_answer(self, seen, path, answer):
        """List where an answer departs from its description; undescribed errors are checked against the general one."""
        operation, _ = self.find(seen.method, path)
        if operation is None:
            return []
        name = f"{operation.name} answered with {answer.status}"
        return [f"{name}: {said}" for said in self._odd_answer(operation, answer)]

    def _odd_answer(self, operation, answer):
        responses = operation.described["responses"]
        response = self._schemas.at(responses.get(str(answer.status), {}))
        if str(answer.status) not in responses and answer.status not in _REFUSALS:
            return ["it is not described"]
        faults = [
            f"there is no {header}"
            for header in ("Location",)
            if header in response.get("headers", {}) and header not in answer.headers
        ]
        content = response.get("content") or ({JSON: {"schema": _GENERAL}} if answer.status >= _REFUSED else {})
        kind = answer.headers.get("Content-Type", "").partition(";")[0].replace("+json", "")
        if not content:
            return [*faults, "there is a body, and none is described"] if answer.content else faults
        if kind == _RAW and operation.template.endswith("/contents/{path}"):
            return faults
        if kind not in content:
            return [*faults, f"its content is {kind or 'of no type'}, not one of {', '.join(content)}"]
        return faults + self._schemas.faults(answer.read(), content[kind]["schema"])


def _typed(value, schema):
    """Return a parameter as what its schema wants, if it can be."""
    kind = schema.get("type")
    if kind == "integer" and re.fullmatch(r"-?\d+", value, re.ASCII):
        return int(value)
    return {"true": True, "false": False}.get(value, value) if kind == "boolean" else value


@functools.cache
def github():
    """Return what GitHub describes, read once."""
    return Contract(translated(json.loads(DESCRIPTION.read_text("utf-8"))))
