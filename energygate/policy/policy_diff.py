"""A policy's digest, and the differences between two policies in words: pure functions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from energygate.policy.fields import Section
from energygate.policy.load import Load
from energygate.policy.units import Quantity
from energygate.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.policy.model import Policy, Waiver

MAX_CHANGES = 50
"""Differences that are listed; the rest are only counted."""

MAX_CHANGE_LENGTH = 250
"""Characters per difference: room for the longest name, a metric and two shortened values."""

_MAX_VALUE_LENGTH = 50
_NONE = "none"

# What loosens a gate is listed first, so that many harmless changes cannot push it off the list.
_WAIVERS, _BUDGETS, _WORKLOADS, _SITE, _REST = range(5)
_RANK_OF_SECTION = {"site": _SITE, "comparison": _SITE}

_Change = tuple[int, str]
"""Its rank, lowest first, and the text."""


def policy_digest(policy: Policy) -> str:
    """Return the SHA-256 of what a policy means, in 64 hexadecimal digits.

    Comments, the order of keys and of waivers, units (`0.2 Wh`, `200 mWh`) and defaults that are written out do not
    change it; everything else does.
    """
    meaning = {**_meaning(policy), "waivers": _meaning(_by_budget(policy.waivers))}
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()


def policy_changes(base: Policy, head: Policy) -> tuple[str, ...]:
    """Return what head's policy changes, one text per key.

    For example `digits-cnn, energy_per_request, max_increase: 5 % → 50 %`, `digits-mlp: removed`,
    `site.pue: 1.1 → 1.5`.

    Args:
        base: The policy that decides.
        head: The one that is proposed.

    Returns:
        At most `MAX_CHANGES` texts of one line and `MAX_CHANGE_LENGTH` characters; where there are more, the last
        one counts them. What loosens a gate comes first: waivers, budgets, workloads, the site, the rest.
    """
    changes = sorted({*_waivers(base, head), *_workloads(base, head), *_sections(base, head)})
    texts = [printable(text, max_length=MAX_CHANGE_LENGTH - 1) for _, text in changes]
    if len(texts) > MAX_CHANGES:
        texts[MAX_CHANGES - 1 :] = [f"and {len(texts) - MAX_CHANGES + 1} more"]
    return tuple(texts)


def _meaning(value: Any) -> Any:  # noqa: ANN401 - any value of a policy
    """Return a value for JSON, without defaults: a new key must not change the digests of old policies."""
    if isinstance(value, Section):
        return {name: _meaning(one) for name, one in _given(value)}
    if isinstance(value, Quantity):
        return [value.value, value.unit]
    if isinstance(value, Mapping):
        return {str(key): _meaning(one) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [_meaning(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value


def _given(section: Section) -> Iterator[tuple[str, Any]]:
    """Yield the keys of a section whose values are not the default."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if field.is_required() or value != field.get_default(call_default_factory=True):
            yield name, value


def _by_budget(waivers: tuple[Waiver, ...]) -> dict[str, dict[str, Waiver]]:
    """Return the waivers by workload and metric; a policy has at most one per budget."""
    by_budget: dict[str, dict[str, Waiver]] = {}
    for waiver in waivers:
        by_budget.setdefault(waiver.workload, {})[waiver.metric] = waiver
    return by_budget


def _waivers(base: Policy, head: Policy) -> Iterator[_Change]:
    before = {(one.workload, one.metric): one for one in base.waivers}
    after = {(one.workload, one.metric): one for one in head.waivers}
    for budget in before.keys() | after.keys():
        name = f"waiver of {budget[0]}, {budget[1]}"
        old, new = before.get(budget), after.get(budget)
        if old is None and new is not None:
            owner = printable(new.owner, max_length=_MAX_VALUE_LENGTH)
            yield _WAIVERS, f"{name}: added, until {new.expires} by {owner}"
        elif new is None:
            yield _WAIVERS, f"{name}: removed"
        else:
            for path, was, will in _differences(old, new):
                yield _WAIVERS, _text(f"{name}, {'.'.join(path)}", was, will)


def _workloads(base: Policy, head: Policy) -> Iterator[_Change]:
    for name in base.workloads.keys() | head.workloads.keys():
        if name not in base.workloads:
            yield _WORKLOADS, f"{name}: added"
        elif name not in head.workloads:
            yield _WORKLOADS, f"{name}: removed"
        else:
            for (first, *rest), was, will in _differences(base.workloads[name], head.workloads[name]):
                if first == "budgets":
                    yield _BUDGETS, _text(", ".join([name, *rest]), was, will)
                else:
                    yield _REST, _text(f"{name}, {'.'.join([first, *rest])}", was, will)


def _sections(base: Policy, head: Policy) -> Iterator[_Change]:
    for section in type(base).model_fields.keys() - {"workloads", "waivers"}:
        for path, was, will in _differences(getattr(base, section), getattr(head, section), (section,)):
            yield _RANK_OF_SECTION.get(section, _REST), _text(".".join(path), was, will)


def _differences(
    before: object, after: object, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], object, object]]:
    """Yield what differs, by the innermost key that both sides have."""
    if before == after:
        return
    old, new = _parts(before), _parts(after)
    if old is None or new is None:
        yield path, before, after
        return
    for key in old.keys() | new.keys():
        yield from _differences(old.get(key), new.get(key), (*path, key))


def _parts(value: object) -> dict[str, object] | None:
    """Return the parts of a value, defaults included; `None` for one that is shown as a whole."""
    if isinstance(value, Section) and not isinstance(value, Load):
        return {name: getattr(value, name) for name in type(value).model_fields}
    return {str(key): one for key, one in value.items()} if isinstance(value, Mapping) else None


def _text(place: str, before: object, after: object) -> str:
    old, new = (printable(_written(value), max_length=_MAX_VALUE_LENGTH) for value in (before, after))
    return f"{printable(place, max_length=MAX_CHANGE_LENGTH - 2 * _MAX_VALUE_LENGTH - 10)}: {old} → {new}"


def _written(value: object) -> str:
    """Return a value roughly as in a policy, on one line."""
    if value is None:
        return _NONE
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Section) and not isinstance(value, Load):
        # A budget's metric is its key.
        given = (f"{name}: {_written(one)}" for name, one in _given(value) if name != "metric")
        return f"{{{', '.join(given)}}}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_written(one)}' for key, one in value.items())}}}"
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_written, value))}]"
    return str(value)
