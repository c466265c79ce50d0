"""Types of the policy's fields: what each accepts, and the sentence that refuses anything else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, WithJsonSchema, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema

from energygate.policy.units import Quantity, example_of, other_family, parse_quantity, quantity_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from typing_extensions import Self

    from energygate.policy.unit_families import Family

MAX_NAME_LENGTH = 100
MAX_INT = 2**31 - 1  # a C int: what the runtimes that receive these numbers can hold


class Section(BaseModel):
    """The base of all parts of a policy: frozen, unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse_any(type(self).__name__, self._mistakes())
        return self

    def _mistakes(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield the mistakes that concern several keys: the path of the offending one, and the sentence about it."""
        yield from ()


@dataclass(frozen=True, slots=True)
class Of:
    """The one family that a `Quantity` field accepts: `Annotated[Quantity, Of(Family.TIME)]`."""

    family: Family

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            partial(to_quantity, family=self.family),
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )

    def __get_pydantic_json_schema__(
        self, _schema: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return quantity_json_schema(self.family)


def to_quantity(raw: object, family: Family) -> Quantity:
    """Convert a value of a policy to a quantity of `family`.

    Raises:
        ValueError: It is not a text, or not a quantity of `family`; one sentence.
    """
    if isinstance(raw, Quantity):
        if raw.family is not family:
            raise ValueError(other_family(raw.text, raw.family, family))
        return raw
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        raw = str(raw)  # the parser has the best message for a number without its unit
    if not isinstance(raw, str):
        # pydantic gives a ValueError its place in the file; a TypeError would end the program.
        raise ValueError(f"needs a number with a unit, for example {example_of(family)}")  # noqa: TRY004
    return parse_quantity(raw, family)


def quantity_json_schema(family: Family) -> dict[str, Any]:
    """Return the JSON Schema of a quantity of `family`: a string."""
    return {"type": "string", "pattern": quantity_pattern(family), "examples": [example_of(family)]}


def one_line(text: str) -> str:
    """Return a name unchanged; refuse one that would break a table, a heading or a terminal.

    Raises:
        ValueError: One sentence.
    """
    if not text.strip():
        raise ValueError("is empty; write a name that people will recognise")
    if len(text) > MAX_NAME_LENGTH:
        raise ValueError(f"has {len(text)} characters; the maximum is {MAX_NAME_LENGTH}")
    if not text.isprintable():
        raise ValueError("contains a line break or another unprintable character; write plain text")
    if text != text.strip():
        raise ValueError("begins or ends with a space; remove it")
    return text


def workload_name(text: str) -> str:
    """Return a workload's name unchanged; refuse one that would break a line or, as a path, leave its directory.

    Raises:
        ValueError: One sentence.
    """
    if leads_elsewhere(one_line(text)):
        raise ValueError("leads to another directory; leave out '..' and a leading slash")
    return text


def leads_elsewhere(name: str) -> bool:
    """Return whether a name, as a path, would lead out of its directory on any system."""
    first, *more = re.split(r"[/\\]", name)
    return not first or ".." in (first, *more) or name == "." or (first[1:] == ":" and bool(more))


def positive(quantity: Quantity) -> Quantity:
    """Return a quantity unchanged; refuse zero.

    Raises:
        ValueError: One sentence.
    """
    if quantity.value <= 0:
        raise ValueError(f"{quantity} must be greater than zero; give a value, or remove the key")
    return quantity


def not_blank(text: str) -> str:
    """Return a text unchanged; refuse an empty one.

    Raises:
        ValueError: One sentence.
    """
    if not text.strip():
        raise ValueError("is empty; write a text, or remove the key")
    return text


def iso_date(raw: object) -> date:
    """Read a date written YYYY-MM-DD; other forms, which libraries guess at, are refused.

    Raises:
        ValueError: One sentence.
    """
    if isinstance(raw, date):
        return raw
    if not isinstance(raw, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", raw):
        raise ValueError(f"needs a date as YYYY-MM-DD, for example 2027-01-31, not {raw!r}")
    try:
        return date.fromisoformat(raw)
    except ValueError:
        raise ValueError(f"{raw} is not a calendar date") from None


Name = Annotated[str, AfterValidator(one_line)]
WorkloadName = Annotated[str, AfterValidator(workload_name)]
Text = Annotated[str, AfterValidator(not_blank), WithJsonSchema({"type": "string", "pattern": r"\S"})]


def refuse_any(title: str, mistakes: Iterable[tuple[tuple[str | int, ...], str]]) -> None:
    """Refuse mistakes that concern several fields at once.

    Args:
        title: The name of the model that found them.
        mistakes: The path of the offending key below that model, and the sentence about it.

    Raises:
        ValidationError: There is a mistake; the error keeps the path of each.
    """
    details = [
        InitErrorDetails(
            type=PydanticCustomError("mistake", "{sentence}", {"sentence": sentence}), loc=path, input=None
        )
        for path, sentence in mistakes
    ]
    if details:
        raise ValidationError.from_exception_data(title, details)
