"""Files of JSON with a published schema, such as a result: what they and their parts share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from energygate.text import printable

if TYPE_CHECKING:
    from pydantic import ValidationError

Finite = Annotated[float, Field(allow_inf_nan=False)]

MAX_PATH = 120


class DocumentPart(BaseModel):
    """A part of such a file: frozen, and no key that the schema does not know."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_serialization_defaults_required=True,  # every key is always written, so readers may count on it
    )


class Document(DocumentPart):
    """A whole file, whose first key is `schema`."""

    model_config = ConfigDict(populate_by_name=True)

    def to_json(self) -> str:
        """Return the text of the file."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"

    @classmethod
    def published_schema(cls) -> dict[str, Any]:
        """Return the published JSON Schema (2020-12) of the file."""
        name = cls.model_fields["schema_name"].default.replace("/", ":")
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:{name}",
            **cls.model_json_schema(by_alias=True, mode="serialization"),
        }


def first_mistake(error: ValidationError) -> str:
    """Return the first of pydantic's findings as a clause: where, and what is wrong."""
    details = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = ".".join(map(str, details["loc"]))
    return f"{printable(path, max_length=MAX_PATH)}: {details['msg'][:1].lower()}{details['msg'][1:]}"
