"""The schemas of an OpenAPI 3.0 description as JSON Schema, and how a value departs from them."""

from __future__ import annotations

from jsonschema_rs import Draft202012, Registry, validator_for

BASE = "urn:github"
_EVENT = "-issue-event"
_LONGEST = 200

KNOWN_NULLS = {
    # A fork may be gone: github/rest-api-description#1811.
    ("pull-request", "head", "repo"),
    ("pull-request-simple", "head", "repo"),
    # The same: github/rest-api-description#1586.
    ("workflow-run", "head_repository"),
    # An account may be gone: the description allows it for an event shown alone (`issue-event`), of the same data.
    ("labeled-issue-event", "actor"),
    ("unlabeled-issue-event", "actor"),
}
"""Where GitHub answers with null although its description does not say so."""


def translated(description):
    """Return the description in JSON Schema's words, closed to fields that it does not name.

    Two things are changed in it: `KNOWN_NULLS`, and that an event must be what it says it is.
    """
    made = _closed(description)
    schemas = made["components"]["schemas"]
    for name, *path in KNOWN_NULLS:
        holder = schemas[name]
        for step in path[:-1]:
            holder = holder["properties"][step]
        holder["properties"][path[-1]] = {"anyOf": [holder["properties"][path[-1]], {"type": "null"}]}
    for one in schemas.values():
        kinds = [kind["$ref"].rpartition("/")[2] for kind in one.get("anyOf", []) if "$ref" in kind]
        if kinds and all(kind.endswith("-event") for kind in kinds):
            # A choice among many is easily met by the wrong one.
            one["allOf"] = [_named(kind) for kind in kinds if kind.endswith(_EVENT)]
    return made


def _named(kind):
    event = {"const": kind.removesuffix(_EVENT).replace("-", "_")}
    return {
        "if": {"properties": {"event": event}, "required": ["event"]},
        "then": {"$ref": f"{BASE}#/components/schemas/{kind}"},
    }


def _closed(value):
    if isinstance(value, list):
        return [_closed(one) for one in value]
    if not isinstance(value, dict):
        return value
    # In full, so that any part of the description can stand alone.
    made = {key: BASE + one if key == "$ref" else _closed(one) for key, one in value.items()}
    if isinstance(made.get("properties"), dict) and "type" in made:
        # A field that is not described is a slip of ours: GitHub would not heed it, or does not send it.
        made.setdefault("additionalProperties", False)
    if made.pop("nullable", None) is not True:
        return made
    if "type" not in made or "$ref" in made:
        return {"anyOf": [made, {"type": "null"}]}
    if "enum" in made:
        made["enum"] = [*made["enum"], None]
    return {**made, "type": [made["type"], "null"]}


class Schemas:
    """The components of a translated description, and validators for the schemas in it."""

    def __init__(self, description):
        self._description = description
        self._registry = Registry([(BASE, description)], draft=Draft202012)
        self._validators = {}

    def at(self, value):
        """Return what a reference refers to, or the value itself."""
        if "$ref" not in value:
            return value
        found = self._description
        for step in value["$ref"].removeprefix(f"{BASE}#/").split("/"):
            found = found[step]
        return found

    def faults(self, value, schema):
        """Say in words where a value is not as its schema, a part of the description, says."""
        # The description stays as it is, so a part of it is known by where it lies.
        validator = self._validators.get(id(schema))
        if validator is None:
            validator = validator_for(schema, registry=self._registry, validate_formats=True)
            self._validators[id(schema)] = validator
        return [_said(error) for error in validator.iter_errors(value)]


def _said(error):
    """Return an error in words: where, and what; of a choice, what its likeliest branch lacks."""
    while branches := getattr(error.kind, "context", None):
        error = max((one for branch in branches for one in branch), key=lambda one: len(one.instance_path))
    where = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in error.instance_path).lstrip(".")
    # What is long begins with the value; what is said of it comes last.
    what = error.message if len(error.message) <= _LONGEST else f"...{error.message[-_LONGEST:]}"
    return f"{where}: {what}" if where else what
