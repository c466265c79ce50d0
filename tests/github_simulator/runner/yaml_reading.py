"""YAML as GitHub reads it: the core schema of YAML 1.2, where `on` is a text and `yes` no boolean."""

from __future__ import annotations

import re
from typing import Any

import yaml


class DocumentError(Exception):
    """A workflow or an action that GitHub would refuse, or that uses what this runner does not know."""


class _Loader(yaml.SafeLoader):
    """Begins with no resolvers of its own: those of YAML 1.1 are its parents'."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - yaml declares it on the instance

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        """Refuse keys that are there twice, as GitHub does."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = {str(key) for key in keys if keys.count(key) > 1}
        if twice:
            raise DocumentError(f"line {node.start_mark.line + 1}: {', '.join(sorted(twice))} is there twice")
        return super().construct_mapping(node, deep)


def _whole(_: _Loader, node: yaml.ScalarNode) -> int:
    # In YAML 1.1 a leading 0 would make it octal.
    return int(node.value, 16 if "x" in node.value else 10)


_Loader.add_constructor("tag:yaml.org,2002:int", _whole)

for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), _first)


def read_yaml(text: str, source: str) -> dict[str, Any]:
    """Read a mapping.

    Raises:
        DocumentError: When it is none, or no YAML, or has a key twice.
    """
    try:
        document = yaml.load(text, _Loader)  # noqa: S506 - it is a safe one
    except (yaml.YAMLError, DocumentError) as error:
        raise DocumentError(f"{source}: {error}") from None
    if not isinstance(document, dict):
        raise DocumentError(f"{source}: it is no mapping")
    return document
