"""Reading a `result.json` that came from elsewhere: whoever wrote it may have written anything."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from pydantic import ValidationError

from energygate.errors import MeasurementError
from energygate.policy.fields import one_line
from energygate.result.contradictions import contradiction
from energygate.result.result import Result, WorkloadResult
from energygate.result.result_model import ResultModel
from energygate.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

Model = TypeVar("Model", bound=ResultModel)

MAX_BYTES = 20_000_000
"""What 1,000 workloads need, twice over: of 24 launches each, they fill 9.7 MB (bench/merging.py)."""

MAX_VALUES = 1_000_000
"""Values in a result: three times what the same 1,000 workloads hold."""

MAX_WORKLOADS = 5_000
"""A policy of 10,000 values (`policy.tree.MAX_NODES`) has no room for more."""

MAX_VALUES_OF_A_PART = 20_000
"""Values of one workload, or of all beside them: five times what 40 launches and 500 operators come to."""

MAX_DEPTH = 16
"""Levels in it; a real one has eight."""

MAX_TEXT = 100_000
"""Characters of one text: a process's last words are the longest, a few thousand."""

MAX_NUMBER = 1e18
"""Beyond any count of bytes, requests or seconds: from here on sums and factors could overflow."""

_MAX_NUMERAL = 30
_LONGEST_QUOTE = 60
_MAX_PATH = 120
_SCHEMA = Result.model_fields["schema_name"].default
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_result(text: bytes | str, *, name: str) -> Result:
    """Read a result that another job, or a stranger's pull request, left behind.

    Sizes and counts are bounded before anything is built, so that time and memory are bounded too. What is read
    fits the schema to the letter, does not contradict itself, and can be told by every report.

    Args:
        text: What the file holds; bytes are UTF-8.
        name: What to call it in errors, such as the file's name.

    Raises:
        MeasurementError: It cannot be trusted to be a result; one sentence.
    """
    try:
        return _read(_utf_8(text))
    except _Unreadable as why:
        raise MeasurementError(
            f"no result can be read here: {why}",
            where=printable(name, max_length=_LONGEST_QUOTE),
            hint="Measure again with this version of energygate and hand over its result.json as it is",
        ) from None


class _Unreadable(Exception):
    """Why a result is not read: the rest of a sentence."""


def _refuse(why: str) -> NoReturn:
    raise _Unreadable(why)


def _quote(text: str) -> str:
    return f"'{printable(text, max_length=_LONGEST_QUOTE)}'"


def _utf_8(text: bytes | str) -> str:
    if len(text) > MAX_BYTES:
        _refuse(f"it has over {MAX_BYTES / 1e6:.0f} MB")
    try:
        raw = text.encode() if isinstance(text, str) else text
        if len(raw) > MAX_BYTES:
            _refuse(f"it has over {MAX_BYTES / 1e6:.0f} MB")
        return raw.decode("utf-8-sig")  # editors and shells of Windows put a mark before it
    except UnicodeError:
        _refuse("it is not UTF-8")


def _read(text: str) -> Result:
    document = _document(text)
    _known_schema(document)
    raw = document.get("workloads")
    if not isinstance(raw, list) or not raw:
        _refuse("it lists no workloads")
    if len(raw) > MAX_WORKLOADS:
        _refuse(f"it lists {len(raw):,} workloads, and {MAX_WORKLOADS:,} are the most")
    _sensible_values(document)
    _sensible_names(raw)
    # One part at a time: pydantic lists every mistake, and a million of them take seconds and a gigabyte.
    beside = {**document, "workloads": []}
    if _values_in(beside) > MAX_VALUES_OF_A_PART:
        _refuse(f"it has over {MAX_VALUES_OF_A_PART:,} values beside its workloads")
    frame = _validated(Result, beside, "")
    workloads = tuple(_validated(WorkloadResult, one, f"workload {_quote(one['name'])}: ") for one in raw)
    result = frame.model_copy(update={"workloads": workloads})
    if wrong := contradiction(result):
        _refuse(wrong)
    return result


def _document(text: str) -> dict[str, Any]:
    # Every value but the first has a comma or an opening bracket before it. Those in texts count too: so be it.
    if text.count(",") + text.count("[") + text.count("{") > MAX_VALUES:
        _refuse(f"it has over {MAX_VALUES:,} values")
    try:
        document = json.loads(
            text,
            object_pairs_hook=_distinct,
            parse_int=_whole,
            parse_float=_number,
            parse_constant=lambda word: _refuse(f"{word} is no number in JSON"),
        )
    except json.JSONDecodeError as error:
        _refuse(f"it is not JSON (line {error.lineno})")
    except RecursionError:
        _refuse(f"it has over {MAX_DEPTH} levels")
    if not isinstance(document, dict):
        _refuse("it is not a JSON object")
    return document


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of a JSON document; of two equal keys one reader takes the first and another the last."""
    keys = dict(pairs)
    if len(keys) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        _refuse(f"the key {_quote(twice)} is there twice")
    return keys


def _whole(numeral: str) -> int:
    return int(_sized(numeral))


def _number(numeral: str) -> float:
    return float(_sized(numeral))


def _sized(numeral: str) -> str:
    """The numeral, which is neither endless to read nor too large to count with."""
    if len(numeral) > _MAX_NUMERAL or abs(float(numeral)) > MAX_NUMBER:
        _refuse(f"the number {printable(numeral, max_length=_MAX_NUMERAL)} is out of all bounds")
    return numeral


def _known_schema(document: dict[str, Any]) -> None:
    schema = document.get("schema")
    if schema == _SCHEMA:
        return
    if isinstance(schema, str) and schema.startswith("energygate/result/"):
        _refuse(f"it is written in the schema {_quote(schema)}, and this energygate reads {_SCHEMA}")
    _refuse(f"it does not say that its schema is {_SCHEMA}")


def _sensible_values(document: dict[str, Any]) -> None:
    """Refuse what is too deep, too long, or no text; `json` has no say in these."""
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
                _refuse(f"it holds a text of {len(value):,} characters, and {MAX_TEXT:,} are the most")
            if _SURROGATE.search(value):
                _refuse("it holds half a character (a lone surrogate)")


def _sensible_names(workloads: list[Any]) -> None:
    """Refuse names that no policy has, that lead out of a directory, or that are there twice; and giants."""
    seen = set()
    for number, workload in enumerate(workloads, 1):
        name = workload.get("name") if isinstance(workload, dict) else None
        if not isinstance(name, str):
            _refuse(f"workload {number} of it has no name")
        try:
            one_line(name)
        except ValueError as error:
            _refuse(f"the name of workload {number} of it {str(error).partition(';')[0]}")
        if _leads_elsewhere(name):
            _refuse(f"the name {_quote(name)} leads to another directory")
        if name in seen:
            _refuse(f"workload {_quote(name)} is there twice")
        seen.add(name)
        if _values_in(workload) > MAX_VALUES_OF_A_PART:
            _refuse(f"workload {_quote(name)} has over {MAX_VALUES_OF_A_PART:,} values")


def _leads_elsewhere(name: str) -> bool:
    first, *more = re.split(r"[/\\]", name)
    return not first or ".." in (first, *more) or name == "." or (first[1:] == ":" and bool(more))


def _values_in(part: Any) -> int:  # noqa: ANN401 - any part of a JSON document
    total, rest = 0, [part]
    while rest:
        value = rest.pop()
        total += 1
        if isinstance(value, dict):
            rest += value.values()
        elif isinstance(value, list):
            rest += value
    return total


def _validated(model: type[Model], document: dict[str, Any], place: str) -> Model:
    """The part as the schema has it: no type bent, no key unknown, none left out that has a default."""
    try:
        part = model.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(map(str, details["loc"]))
        said = details["msg"][:1].lower() + details["msg"][1:]
        _refuse(f"{place}{printable(path, max_length=_MAX_PATH)}: {said}")
    for path in _left_out(part):
        _refuse(f"{place}{printable(path, max_length=_MAX_PATH)}: field required")
    return part


def _left_out(value: object, path: str = "") -> Iterator[str]:
    """The keys with a default that a part, or one in it, was written without."""
    if isinstance(value, ResultModel):
        for name, inner in value:
            if name not in value.model_fields_set:
                yield path + name
            if isinstance(inner, (ResultModel, dict, tuple)):  # leaves are many
                yield from _left_out(inner, f"{path}{name}.")
    elif isinstance(value, (dict, tuple)):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(inner, ResultModel):
                yield from _left_out(inner, f"{path}{key}.")
