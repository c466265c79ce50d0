"""Quantities with units: `0.2 Wh` is read exactly, and near misses are refused."""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import TYPE_CHECKING

from energygate.policy.unit_families import FAMILIES, Family

if TYPE_CHECKING:
    from fractions import Fraction


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """A number with its unit.

    Two quantities are equal when they mean the same: `1 Wh` equals `0.001 kWh`.

    Example:
        >>> parse_quantity("10 MB", Family.SIZE).value
        10000000.0
    """

    value: float
    """The number in `unit`; always finite."""
    family: Family
    unit: str
    """The family's canonical unit, as `result.json` prints it: `kWh`, `gCO2e`, `s`, `B`, `ratio`, `W`,
    `req/s`, `gCO2e/kWh`, `L`, `L/kWh`, and with their currency `USD/kWh`, `USD/h`, `USD/GB` and `USD`."""
    text: str = field(compare=False)
    """As the policy writes it, whitespace normalised; reports quote it verbatim."""

    def __str__(self) -> str:
        return self.text


# The form of ISO 4217 codes. Any such code is accepted, since the list of currencies changes.
_CURRENCY = re.compile(r"(?P<currency>[A-Z]{3})(?P<per>/[A-Za-z]+)?")
_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_STRICT_NUMBER = re.compile(rf"[+-]?{_NUMBER}")
_SPLIT = re.compile(
    r"(?P<number>[+-]?(?:(?i:nan|inf(?:inity)?)\b|[0-9.,_]*[0-9][0-9.,_]*(?:[eE][+-]?[0-9]+)?))\s*(?P<unit>.*)"
)
_MAX_LENGTH = 60  # longer than any sensible quantity, and short enough to quote
# Precise enough for any number that people write; without traps, so that 1e999999999 is an error message, not a crash.
_ARITHMETIC = Context(prec=50, traps=[])


def parse_quantity(text: str, family: Family) -> Quantity:
    """Read a number, an optional space and a unit of `family`.

    Args:
        text: Such as `0.2 Wh`, `10MB`, `5 %`, `0.25 USD/kWh`. Micro may be either micro sign or `u`; case matters,
            since a `mWh` is a billionth of a `MWh`.
        family: The only family that is accepted.

    Returns:
        The quantity in the family's canonical unit, computed exactly and rounded to a float once.

    Raises:
        ValueError: One sentence, without a full stop: what is wrong, and what to write instead.
    """
    text = " ".join(text.split())
    number_text, unit_text = _split(text, family)
    number = _number(number_text, text, family)
    facts = FAMILIES[family]
    if not unit_text:
        raise ValueError(f"{text} has no unit; write for example {_with_unit(number, family)}")
    size_and_unit = _look_up(_normalised(unit_text), family)
    if size_and_unit is None:
        raise ValueError(_wrong_unit(text, number, unit_text, family))
    size, canonical = size_and_unit
    value = float(_scale(number, size))
    if math.isinf(value) or (value == 0 and number != 0):
        raise ValueError(f"{text} is too {'large' if value else 'small'} to compute with")
    if number.is_signed():
        raise ValueError(f"{text} is negative; {facts.noun} must be at least zero here")
    return Quantity(value=value or 0.0, family=family, unit=canonical, text=text)


def example_of(family: Family) -> str:
    """Return a short, valid example of a quantity of `family`, such as `5 Wh`."""
    return _with_unit(Decimal(5), family)


def other_family(text: str, family: Family, needed: Family, *, example: str | None = None) -> str:
    """Return the sentence about a quantity of one family where another is needed."""
    noun, needed_noun = FAMILIES[family].noun, FAMILIES[needed].noun
    return f"{text} is {noun}, but {needed_noun} is needed here, for example {example or example_of(needed)}"


def quantity_pattern(family: Family) -> str:
    """Return the regular expression (ECMA 262 and Python alike) that every valid text of `family` matches."""
    per = FAMILIES[family].per
    if per:
        pers = "|".join(one.removeprefix("/") for one in per)
        units = "[A-Z]{3}" + (rf"\s?/\s?(?:{pers})" if pers else "")
    else:
        spellings = (_spelling(unit) for unit in FAMILIES[family].units)
        units = "|".join(spellings)
    return rf"^\s*\+?{_NUMBER}\s*(?:{units})\s*$"


def written_unit(text: str, family: Family) -> str:
    """Return the unit of a valid quantity of `family` as it is written: `mWh` of `0.5 mWh`."""
    return _split(" ".join(text.split()), family)[1]


def unit_size(unit: str, family: Family) -> Fraction:
    """Return how many canonical units of `family` one `unit` is, exactly.

    Raises:
        KeyError: `unit` is not a unit of the family.
    """
    size_and_unit = _look_up(_normalised(unit), family)
    if size_and_unit is None:
        raise KeyError(unit)
    return size_and_unit[0]


def _split(text: str, family: Family) -> tuple[str, str]:
    example = example_of(family)
    if not text:
        raise ValueError(f"there is no value; write for example {example}")
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"'{text[:_MAX_LENGTH]}…' is too long for a quantity; write for example {example}")
    match = _SPLIT.fullmatch(text.replace("\N{MINUS SIGN}", "-"))
    if match is None:
        raise ValueError(f"'{text}' does not begin with a number; write for example {example}")
    return match["number"], match["unit"]


def _number(number_text: str, text: str, family: Family) -> Decimal:
    if number_text.lstrip("+-")[:1].isalpha():
        raise ValueError(f"'{text}' is not a finite number; write for example {example_of(family)}")
    if not _STRICT_NUMBER.fullmatch(number_text):
        advice = "use a point for decimals and nothing between thousands"
        raise ValueError(f"'{number_text}' is not a number; {advice}, for example {example_of(family)}")
    return _ARITHMETIC.create_decimal(number_text)


def _scale(number: Decimal, size: Fraction) -> Decimal:
    product = _ARITHMETIC.multiply(number, Decimal(size.numerator))
    return _ARITHMETIC.divide(product, Decimal(size.denominator))


def _normalised(unit: str) -> str:
    """Normalise the spelling of a unit: micro signs, subscripts, CO2eq, inner spaces."""
    unit = unit.replace("\N{MICRO SIGN}", "u").replace("\N{GREEK SMALL LETTER MU}", "u")
    unit = unit.replace("\N{SUBSCRIPT TWO}", "2")
    unit = re.sub(r"(?<=[a-zA-Z]) ?CO2eq?\b", "CO2e", unit)
    return re.sub(r" ?/ ?", "/", unit)


def _spelling(unit: str) -> str:
    """Return a pattern of all spellings that `_normalised` normalises to `unit`."""
    pattern = re.sub(r"^u", "[uµμ]", re.escape(unit))
    return pattern.replace("CO2e", r"\s?CO[2₂]eq?").replace("/", r"\s?/\s?")


def _look_up(unit: str, family: Family) -> tuple[Fraction, str] | None:
    """Return the size of a normalised `unit` and the canonical unit; `None` when it is not of `family`."""
    facts = FAMILIES[family]
    if facts.per:
        match = _CURRENCY.fullmatch(unit)
        size = None if match is None else facts.per.get(match["per"] or "")
        return None if match is None or size is None else (size, match["currency"] + facts.canonical)
    size = facts.units.get(unit)
    return None if size is None else (size, facts.canonical)


def _wrong_unit(text: str, number: Decimal, unit_text: str, family: Family) -> str:
    facts, unit = FAMILIES[family], _normalised(unit_text)
    same_letters = _other_case(unit, family)
    if same_letters:
        return f"'{unit_text}' in {text} has the wrong case; did you mean {' or '.join(same_letters)}?"
    for other in FAMILIES:
        if other is not family and _look_up(unit, other):
            return other_family(text, other, family, example=_with_unit(number, family))
    folded = {known.casefold(): known for known in facts.units}
    near = difflib.get_close_matches(unit.casefold(), folded, n=1)
    guess = f"did you mean {_pretty(folded[near[0]])}? Units" if near else "units"
    return f"'{unit_text}' in {text} is not a unit of {family.value}; {guess} are {facts.shown}"


def _other_case(unit: str, family: Family) -> list[str]:
    """Return the units of `family` that differ from `unit` only in case."""
    if FAMILIES[family].per:
        currency, slash, per = unit.partition("/")
        pers = [one for one in FAMILIES[family].per if one.casefold() == f"{slash}{per}".casefold()]
        candidates = [f"{currency.upper()}{one}" for one in pers]
        return [candidate for candidate in candidates if _look_up(candidate, family)]
    folded = unit.casefold()
    return [_pretty(known) for known in FAMILIES[family].units if known.casefold() == folded]


def _pretty(unit: str) -> str:
    return re.sub("^u", "\N{MICRO SIGN}", unit)


def _with_unit(number: Decimal, family: Family) -> str:
    """Return `number` with a common unit of `family`."""
    unit = FAMILIES[family].shown.split(",")[0]
    if family is Family.RATIO and abs(number) <= 1:
        number = _ARITHMETIC.multiply(number, Decimal(100)).normalize(_ARITHMETIC)
    shown = f"{number:f}" if number.is_finite() and abs(number.adjusted()) < 10 else str(number)  # noqa: PLR2004 - longer numbers read better with an exponent
    return f"{shown} {unit}"
