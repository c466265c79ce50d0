"""YAML with comments: what goes in comes out, whatever it is, and comments stand where they explain."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from energygate.production.export.documents import MARK, Noted, json_text, made_by, yaml_text

AMBIGUOUS = (
    "yes",
    "Off",
    "n",
    "1e3",
    "0x1f",
    "2020-01-01",
    "1:30",
    ".inf",
    "=",
    "<<",
    "null",
    "~",
    "",
    "- a",
)
SYNTAX = (
    "a: b",
    "|",
    "x #y",
    "---",
    "...",
    "a:",
    "#",
    "a\nb",
    "a\nb\n",
    "\n",
    " a\nb",
    "a\n\n\nb\n\n",
    "\ta",
)
texts = (
    st.text(st.characters(exclude_categories=["Cs"]))
    | st.text("ab \n#:-'\"{}[]?|>&*!%@`,\\~é\t🙂", max_size=12)
    | st.sampled_from(AMBIGUOUS + SYNTAX)
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts


def noted(values):
    return values | st.builds(Noted, values, texts) | st.builds(Noted, values, st.just("why " * 40))


documents = st.recursive(
    scalars,
    lambda parts: st.lists(noted(parts), max_size=4) | st.dictionaries(texts, noted(parts), max_size=4),
    max_leaves=15,
)


def bare(value):
    if isinstance(value, Noted):
        return bare(value.value)
    if isinstance(value, dict):
        return {key: bare(one) for key, one in value.items()}
    return [bare(one) for one in value] if isinstance(value, list) else value


@given(st.lists(noted(documents), min_size=1, max_size=3), st.lists(texts, max_size=2))
def test_any_data_survives_a_round_trip(parts, heading):
    text = yaml_text(*parts, heading=heading)
    assert list(yaml.safe_load_all(text)) == [bare(one) for one in parts]


def test_comments_stand_beside_what_they_explain_and_above_where_there_is_no_room():
    document = {
        "a": Noted(0.2, "200 ms, energygate.yml:12"),
        "expr": Noted("first\nsecond", "two lines"),
        "long": Noted("x" * 100, "no room beside"),
        "list": [Noted({"b": 1}, "an item"), Noted(2, "a number")],
        "map": Noted({"c": None}, "a mapping"),
    }
    assert yaml_text(document, heading=["what it is", ""]).splitlines() == [
        "# what it is",
        "#",
        "a: 0.2  # 200 ms, energygate.yml:12",
        "expr: |-  # two lines",
        "  first",
        "  second",
        "# no room beside",
        f"long: {'x' * 100}",
        "list:",
        "  # an item",
        "  - b: 1",
        "  - 2  # a number",
        "map:  # a mapping",
        "  c: null",
    ]


def test_a_comment_cannot_become_yaml():
    text = yaml_text({"a": Noted(1, "energygate.yml\nb: 2")}, heading=["x\nc: 3"])
    assert yaml.safe_load(text) == {"a": 1}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_and_infinity_are_refused(value):
    with pytest.raises(ValueError, match=r"not a finite number|not JSON compliant"):
        yaml_text({"a": value})
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"a": value})


def test_other_types_are_refused():
    with pytest.raises(TypeError, match="cannot write as YAML: set"):
        yaml_text({"a": {1}})


def test_json_keeps_order_and_unicode():
    assert json_text({"b": "é🙂", "a": 1}) == '{\n  "b": "é🙂",\n  "a": 1\n}\n'
    assert json.loads(json_text({"x": "\u2028"})) == {"x": "\u2028"}


def test_a_file_says_who_made_it_on_one_line():
    assert made_by("prometheus", "a\nb.yml") == f"{MARK} prometheus from a\\nb.yml. Edit that and export again."
