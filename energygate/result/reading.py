"""Reading a `result.json` from an untrusted source."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from pydantic import ValidationError

from energygate.document import MAX_PATH, DocumentPart, first_mistake
from energygate.errors import MeasurementError
from energygate.policy.fields import leads_elsewhere, one_line
from energygate.result.contradictions import contradiction
from energygate.result.result import Result, WorkloadResult
from energygate.text import MAX_QUOTE, printable, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

Model = TypeVar("Model", bound=DocumentPart)

MAX_BYTES = 20_000_000
"""Twice what 1,000 workloads of 24 launches each take: 10 MB (bench/merging.py)."""

MAX_VALUES = 1_000_000
"""Values in a result: three times what the same 1,000 workloads hold."""

MAX_WORKLOADS = 5_000
"""A policy of 10,000 values (`MAX_NODES`) has no room for more."""

MAX_VALUES_OF_A_PART = 20_000
"""Values of one workload, or of all outside them: five times what 40 launches and 500 operators take."""

MAX_DEPTH = 16
"""Levels of nesting; a real result has eight."""

MAX_TEXT = 100_000
"""Characters of one text: a process's output is the longest, a few thousand."""

MAX_NUMBER = 1e18
"""More than any count of bytes, requests or seconds: beyond it sums and products could overflow."""

_MAX_NUMERAL = 30
_SCHEMA = Result.model_fields["schema_name"].default
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_result(text: bytes | str, *, name: str) -> Result:
    """Read a result that another job, or a stranger's pull request, left behind.

    Sizes and counts are bounded before anything is built, so that time and memory are bounded too. A result that is
    read fits the schema exactly, does not contradict itself, and can be shown by every report.

    Args:
        text: The file's content; bytes are UTF-8.
        name: What to call it in errors, such as the file's name.

    Raises:
        MeasurementError: It is not a valid result; one sentence.
    """
    try:
        return _read(_utf_8(text))
    except _Unreadable as why:
        raise MeasurementError(
            f"this is not a readable result: {why}",
            where=printable(name, max_length=MAX_QUOTE),
            hint="Measure again with this version of energygate and hand over its result.json as it is",
        ) from None


class _Unreadable(Exception):
    """Why a result is not read, as a clause."""


def _refuse(why: str) -> NoReturn:
    raise _Unreadable(why)


def _utf_8(text: bytes | str) -> str:
    try:
        raw = text.encode() if isinstance(text, str) else text
        if len(raw) > MAX_BYTES:
            _refuse(f"it has over {MAX_BYTES / 1e6:.0f} MB")
        return raw.decode("utf-8-sig")  # editors and shells on Windows write a byte order mark
    except UnicodeError:
        _refuse("it is not UTF-8")


def _read(text: str) -> Result:
    document = _document(text)
    _known_schema(document)
    raw = document.get("workloads")
    if not isinstance(raw, list) or not raw:
        _refuse("it lists no workloads")
    if len(raw) > MAX_WORKLOADS:
        _refuse(f"it lists {len(raw):,} workloads; the maximum is {MAX_WORKLOADS:,}")
    _sensible_values(document)
    _sensible_names(raw)
    # One workload at a time: pydantic lists every mistake, and a million of them take seconds and a gigabyte.
    outside = {**document, "workloads": []}
    if _values_in(outside) > MAX_VALUES_OF_A_PART:
        _refuse(f"it has over {MAX_VALUES_OF_A_PART:,} values outside its workloads")
    frame = _validated(Result, outside, "")
    workloads = tuple(_validated(WorkloadResult, one, f"workload {quote(one['name'])}: ") for one in raw)
    result = frame.model_copy(update={"workloads": workloads})
    if wrong := contradiction(result):
        _refuse(wrong)
    return result


def _document(text: str) -> dict[str, Any]:
    # Every value but the first has a comma or an opening bracket before it. Those inside texts count too, which only
    # refuses a little early.
    if text.count(",") + text.count("[") + text.count("{") > MAX_VALUES:
        _refuse(f"it has over {MAX_VALUES:,} values")
    try:
        document = json.loads(
            text,
            object_pairs_hook=_distinct,
            parse_int=lambda numeral: int(_bounded(numeral)),
            parse_float=lambda numeral: float(_bounded(numeral)),
            parse_constant=lambda word: _refuse(f"{word} is not a number in JSON"),
        )
    except json.JSONDecodeError as error:
        _refuse(f"it is not JSON (line {error.lineno})")
    except RecursionError:
        _refuse(f"it has over {MAX_DEPTH} levels")
    if not isinstance(document, dict):
        _refuse("it is not a JSON object")
    return document


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object, unless a key is repeated: readers differ in which of the two they take."""
    keys = dict(pairs)
    if len(keys) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        _refuse(f"the key {quote(twice)} is given twice")
    return keys


def _bounded(numeral: str) -> str:
    """Return the numeral, unless it is too long to parse or too large to compute with."""
    if len(numeral) > _MAX_NUMERAL or abs(float(numeral)) > MAX_NUMBER:
        _refuse(f"the number {printable(numeral, max_length=_MAX_NUMERAL)} is out of range")
    return numeral


def _known_schema(document: dict[str, Any]) -> None:
    schema = document.get("schema")
    if schema == _SCHEMA:
        return
    if isinstance(schema, str) and schema.startswith("energygate/result/"):
        _refuse(f"its schema is {quote(schema)}, and this version of energygate reads {_SCHEMA}")
    _refuse(f"its schema is not {_SCHEMA}")


def _sensible_values(document: dict[str, Any]) -> None:
    """Refuse what is too deep, too long, or not text; `json` does not check these."""
    rest: list[tuple[Any, int]] = [(document, 1)]
    while rest:
        value, depth = rest.pop()
        if depth > MAX_DEPTH:
            _refuse(f"it has over {MAX_DEPTH} levels")
        if isinstance(value, dict):
            rest += [(one, depth + 1) for pair in value.items() for one in pair]
        elif isinstance(value, list):
            rest += [(one, depth + 1) for one in value]
        elif isinstance(value, str):
            if len(value) > MAX_TEXT:
                _refuse(f"it has a text of {len(value):,} characters; the maximum is {MAX_TEXT:,}")
            if _SURROGATE.search(value):
                _refuse("it has half a surrogate pair")


def _sensible_names(workloads: list[Any]) -> None:
    """Refuse names that no policy allows, that lead out of a directory, or are listed twice; and huge workloads."""
    seen = set()
    for number, workload in enumerate(workloads, 1):
        name = workload.get("name") if isinstance(workload, dict) else None
        if not isinstance(name, str):
            _refuse(f"workload {number} has no name")
        try:
            one_line(name)
        except ValueError as error:
            _refuse(f"the name of workload {number} {error}")
        if leads_elsewhere(name):
            _refuse(f"the name {quote(name)} leads to another directory")
        if name in seen:
            _refuse(f"workload {quote(name)} is listed twice")
        seen.add(name)
        if _values_in(workload) > MAX_VALUES_OF_A_PART:
            _refuse(f"workload {quote(name)} has over {MAX_VALUES_OF_A_PART:,} values")


def _values_in(document: Any) -> int:  # noqa: ANN401 - any piece of JSON
    total, rest = 0, [document]
    while rest:
        value = rest.pop()
        total += 1
        if isinstance(value, dict):
            rest += value.values()
        elif isinstance(value, list):
            rest += value
    return total


def _validated(model: type[Model], document: dict[str, Any], place: str) -> Model:
    """Return the model, unless a type had to be converted, a key is unknown, or one with a default is missing."""
    try:
        part = model.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        _refuse(f"{place}{first_mistake(error)}")
    for path in _left_out(part):
        _refuse(f"{place}{printable(path, max_length=MAX_PATH)}: field required")
    return part


def _left_out(value: object, path: str = "") -> Iterator[str]:
    """Yield the keys with a default that a model, or one inside it, was written without."""
    if isinstance(value, DocumentPart):
        for name, inner in value:
            if name not in value.model_fields_set:
                yield path + name
            if isinstance(inner, (DocumentPart, dict, tuple)):  # leaves are many
                yield from _left_out(inner, f"{path}{name}.")
    elif isinstance(value, (dict, tuple)):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(inner, DocumentPart):
                yield from _left_out(inner, f"{path}{key}.")
