"""Numbers for people: in a suitable unit, with a limited number of digits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import TYPE_CHECKING

from energygate.policy.unit_families import Family
from energygate.policy.units import unit_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MINUS = "\N{MINUS SIGN}"
# Below this a plain decimal is mostly zeros (0.0000123); an exponent is easier to read.
_SMALLEST_PLAIN = Decimal("0.0001")
_ARITHMETIC = Context(prec=50, traps=[])


@dataclass(frozen=True, kw_only=True, slots=True)
class _Scale:
    """One unit in which values of a family may be shown."""

    text: str
    size: Decimal
    """In canonical units."""
    starts: Decimal
    """The smallest absolute value, in canonical units, that is shown in this unit."""


def _scales(family: Family, *texts: str, starts: Mapping[str, int] | None = None) -> tuple[_Scale, ...]:
    """Return a family's scales from small to large; each starts at 1 of its unit, or at what `starts` says."""
    sizes = {text: unit_size(text, family) for text in texts}
    exact = {text: _ARITHMETIC.divide(Decimal(s.numerator), Decimal(s.denominator)) for text, s in sizes.items()}
    late = starts or {}
    return tuple(_Scale(text=text, size=exact[text], starts=exact[text] * late.get(text, 1)) for text in texts)


# Minutes and hours start late: "90 s" reads better than "1.50 min", and neither is decimal.
_BY_UNIT: Mapping[str, tuple[_Scale, ...]] = {
    "kWh": _scales(Family.ENERGY, "nWh", "µWh", "mWh", "Wh", "kWh", "MWh"),
    "gCO2e": _scales(Family.CARBON, "ng CO₂e", "µg CO₂e", "mg CO₂e", "g CO₂e", "kg CO₂e", "t CO₂e"),
    "s": _scales(Family.TIME, "ns", "µs", "ms", "s", "min", "h", starts={"min": 10, "h": 2}),
    "B": _scales(Family.SIZE, "B", "kB", "MB", "GB", "TB"),
    "ratio": _scales(Family.RATIO, "%"),
    "W": _scales(Family.POWER, "µW", "mW", "W", "kW"),
    "L": _scales(Family.WATER, "µL", "mL", "L"),
    "gCO2e/kWh": _scales(Family.INTENSITY, "g CO₂e/kWh"),
}
# A zero has no size to choose a scale by; these are the units that people expect.
_UNIT_OF_ZERO = {"kWh": "Wh", "gCO2e": "g CO₂e", "s": "s", "W": "W", "L": "L"}


def format_quantity(value: float, unit: str, *, digits: int = 3) -> str:
    """Return a value for people, in a suitable scale.

    Args:
        value: The number in `unit`; may be zero, negative or infinite.
        unit: A canonical unit as in `result.json`; one without scales (`req/s`, `USD`) is kept as it is.
        digits: Significant digits. Whole numbers keep all of theirs: `1,234 req/s`.

    Returns:
        Such as `1.92 µWh`, `97.8 %`, `3.10 ms`, `0.0123 USD`, `∞ h`. `parse_quantity` reads it back, except
        thousands separators and infinities.
    """
    scale = _choose(abs(value), unit, digits=digits)
    return f"{_shown(value, scale, digits=digits)} {scale.text}"


def scale_for(values: Iterable[float], unit: str, *, digits: int = 3) -> tuple[float, str]:
    """Return one scale for values shown side by side, as in `1.92 → 2.57 µWh`.

    Args:
        values: Numbers in `unit`; the largest finite one decides.
        unit: A canonical unit as in `result.json`.
        digits: Significant digits that will be shown.

    Returns:
        The factor for the values, and the unit of the products, which `format_number` formats.
    """
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    scale = _choose(largest, unit, digits=digits)
    return float(_ARITHMETIC.divide(Decimal(1), scale.size)), scale.text


def format_number(number: float, *, digits: int = 3) -> str:
    """Return a bare number with `digits` significant digits: `1.92`, `0.0123`, `1,234`, `0`, `∞`."""
    return _plain_text(_decimal(number), digits=digits)


def _choose(size: float, unit: str, *, digits: int) -> _Scale:
    """Return the largest scale that starts at or below the rounded `size`."""
    scales = _BY_UNIT.get(unit) or (_Scale(text=unit, size=Decimal(1), starts=Decimal(0)),)
    rounded = _round(_decimal(size), digits=digits)
    if not rounded.is_finite() or rounded == 0:
        default = _UNIT_OF_ZERO.get(unit, scales[0].text)
        return next(scale for scale in scales if scale.text == default)
    return next((scale for scale in reversed(scales) if scale.starts <= rounded), scales[0])


def _shown(value: float, scale: _Scale, *, digits: int) -> str:
    number = _ARITHMETIC.divide(_decimal(value), scale.size)
    if scale.text == "B" and number.is_finite():
        whole = number.to_integral_value()
        return _signed(whole, f"{abs(whole):,f}")
    return _plain_text(number, digits=digits)


def _plain_text(number: Decimal, *, digits: int) -> str:
    if number.is_nan():
        return "NaN"
    if number.is_infinite():
        return _signed(number, "∞")
    size = _round(abs(number), digits=digits)
    if size == 0:
        return "0"
    if size < _SMALLEST_PLAIN:
        return _signed(number, f"{size:.{digits - 1}e}")
    decimals = max(0, digits - 1 - size.adjusted())
    return _signed(number, f"{abs(number):,.{decimals}f}")


def _decimal(number: float) -> Decimal:
    """Return the shortest decimal that reads back as `number`, which may be numpy's."""
    return Decimal(repr(float(number)))


def _round(number: Decimal, *, digits: int) -> Decimal:
    return Context(prec=digits, traps=[]).plus(number)


def _signed(number: Decimal, text: str) -> str:
    return f"{_MINUS}{text}" if number < 0 else text
