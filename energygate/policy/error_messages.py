"""Pydantic's validation errors as sentences, each with the line of the policy it is about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from energygate.errors import PolicyError
from energygate.policy.budget import Budget
from energygate.policy.load import Load
from energygate.policy.measurement import Measurement, PowerModel
from energygate.policy.model import Policy, Waiver
from energygate.policy.site import Carbon, EmbodiedCarbon, Replica, Site, Training
from energygate.policy.traffic import Traffic
from energygate.policy.workload import Workload
from energygate.text import MAX_QUOTE, did_you_mean, printable, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from energygate.policy.fields import Section
    from energygate.policy.model import KeyPath

MAX_SHOWN = 20  # mistakes in one message
# `None` stands for any name or index.
_SECTIONS: Mapping[tuple[str | None, ...], type[Section]] = {
    (): Policy,
    ("site",): Site,
    ("site", "carbon"): Carbon,
    ("site", "traffic"): Traffic,
    ("site", "replica"): Replica,
    ("site", "replica", "embodied_carbon"): EmbodiedCarbon,
    ("site", "training"): Training,
    ("measurement",): Measurement,
    ("measurement", "power_model"): PowerModel,
    ("workloads", None): Workload,
    ("workloads", None, "load"): Load,
    ("workloads", None, "budgets", None): Budget,
    ("waivers", None): Waiver,
}


class PolicyErrors(PolicyError):
    """Several mistakes in one policy, one per line.

    `what`, `where` and `hint` are those of the first one.
    """

    def __init__(self, mistakes: Sequence[PolicyError]) -> None:
        first = mistakes[0]
        super().__init__(first.what, where=first.file, line=first.line, hint=first.hint)
        self.mistakes = tuple(mistakes)
        """All of them, in the order of the file."""

    def __str__(self) -> str:
        shown = [str(mistake) for mistake in self.mistakes[:MAX_SHOWN]]
        left = len(self.mistakes) - len(shown)
        return "\n".join([*shown, *([f"and {left} more"] if left else [])])


def policy_error(error: ValidationError, source: str, lines: Mapping[KeyPath, int]) -> PolicyError:
    """Translate a validation error.

    Args:
        error: From validating what `unfold` returned as a `Policy`.
        source: The file's name, as the user gave it.
        lines: The line of every path, as `unfold` returned them.

    Returns:
        A `PolicyError` for one mistake, `PolicyErrors` for several, in the order of the file.
    """
    places = set()
    for details in error.errors(include_url=False):
        path = _path(details)
        places.add((_line(path, lines), _sentence(details, path)))
    mistakes = [PolicyError(sentence, where=source, line=line) for line, sentence in sorted(places)]
    return mistakes[0] if len(mistakes) == 1 else PolicyErrors(mistakes)


def _path(details: ErrorDetails) -> KeyPath:
    """Return the path of a mistake as it is in the file."""
    path = tuple(key for key in details["loc"] if key != "[key]")
    # A budget gets its metric from its key, so an unknown metric is a mistake in that key.
    is_metric = path[-1:] == ("metric",) and _fits(path[:-1], ("workloads", None, "budgets", None))
    return path[:-1] if is_metric and details["type"] == "value_error" else path


def _line(path: KeyPath, lines: Mapping[KeyPath, int]) -> int:
    return next(lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in lines)


def _sentence(details: ErrorDetails, path: KeyPath) -> str:
    kind = details["type"]
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind == "missing":
        return f"'{path[-1]}' is missing{_inside(path[:-1])}"
    message = _MESSAGES.get(kind)
    sentence = message(details.get("ctx", {}), details["input"]) if message else details["msg"]
    return f"{_name(path)}: {sentence}" if path else sentence


def _unknown_key(path: KeyPath) -> str:
    *above, key = path
    section = next((_SECTIONS[shape] for shape in _SECTIONS if _fits(tuple(above), shape)), Policy)
    keys = [name for name, field in section.model_fields.items() if not field.exclude]
    guess = did_you_mean(str(key), keys, otherwise=f"keys are {', '.join(keys)}")
    return f"unknown key {_quote(key)}{_inside(tuple(above))}; {guess}"


def _fits(path: KeyPath, shape: tuple[str | None, ...]) -> bool:
    return len(path) == len(shape) and all(part in (None, key) for key, part in zip(path, shape, strict=True))


def _inside(path: KeyPath) -> str:
    return f" in {_name(path)}" if path else ""


def _name(path: KeyPath) -> str:
    """Name a place for a person: `budgets.model_size.max of workload 'digits-cnn'`."""
    section = {"workloads": "workload", "waivers": "waiver"}.get(str(path[0]))
    if section is None or len(path) == 1:
        return _dotted(path)
    which = _quote(path[1]) if isinstance(path[1], str) else str(path[1] + 1)
    rest = _dotted(path[2:])
    return f"{rest} of {section} {which}" if rest else f"{section} {which}"


def _dotted(path: KeyPath) -> str:
    return ".".join(printable(str(key), max_length=MAX_QUOTE) for key in path)


def _quote(raw: object) -> str:
    if raw is None:
        return "nothing"
    if isinstance(raw, (dict, list, tuple)):
        return "a mapping" if isinstance(raw, dict) else "a list"
    return quote(str(raw))


def _needs(what: str) -> Callable[[dict[str, Any], object], str]:
    """Return the message function of one error type; `{}` in `what` is filled from pydantic's context."""
    return lambda context, raw: f"needs {what.format(**context)}, not {_quote(raw)}"


def _choice(context: dict[str, Any], raw: object) -> str:
    words = re.findall(r"'([^']+)'", context["expected"])
    guess = did_you_mean(str(raw).casefold(), words, otherwise="")
    return f"needs {' or '.join(words)}, not {_quote(raw)}" + (f"; {guess}" if guess else "")


_MAPPING = _needs("keys and values below it")
_WHOLE = _needs("a whole number")
_MESSAGES: Mapping[str, Callable[[dict[str, Any], object], str]] = {
    "value_error": lambda context, _: str(context["error"]),
    "mistake": lambda context, _: str(context["sentence"]),
    "model_type": _MAPPING,
    "dict_type": _MAPPING,
    "tuple_type": _needs("a list, each item behind a '-'"),
    "too_short": _needs("at least one entry"),
    "string_type": _needs("text"),
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _needs("a number"),
    "float_parsing": _needs("a number"),
    "finite_number": _needs("a finite number"),
    "greater_than": _needs("a number above {gt:g}"),
    "greater_than_equal": _needs("a number from {ge:g} up"),
    "less_than_equal": _needs("a number up to {le:,.0f}"),
    "literal_error": _choice,
}
