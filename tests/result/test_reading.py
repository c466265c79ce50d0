"""`result.json` from elsewhere: what is not a result is refused in one sentence, what is read can be reported."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import time
import tracemalloc

import pytest
from builders import (
    component_result,
    failed_workload_result,
    finding_result,
    judged,
    launch_result,
    metric_result,
    provenance,
    result,
    workload_result,
)
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from energygate.errors import EnergygateError, MeasurementError
from energygate.gate import Verdict
from energygate.report.console import print_report
from energygate.result import reading
from energygate.result.reading import read_result
from energygate.result.result import BaseResult, Change, ComparisonResult
from energygate.workloads.operators import OperatorResult

COMPARISON = ComparisonResult(
    mode="paired",
    blocks_per_launch=4,
    log_ratios=(0.01, 0.02),
    seconds_to_decide=12.0,
    agreement=None,
    operators=(OperatorResult(operator="Conv", base_share=0.8, contribution=-0.1, is_new=False, is_gone=False),),
    base_model=None,
    head_model=None,
    base_versions={"python": "3.12.0"},
)

CHANGED = metric_result(
    finding_result(Verdict.INCONCLUSIVE, kind="max_increase", limit=0.05, limit_text="5 %")
).model_copy(update={"base": 1.9e-9, "change": Change(estimate=0.05, low=0.01, high=0.09)})

RESULT = result(
    workload_result(
        metrics={"energy_per_request": CHANGED},
        state="compared",
        comparison=COMPARISON,
        provenance=provenance(components=(component_result(),), launches=(launch_result(),)),
        notes=("a note",),
    ),
    judged(Verdict.PASS, name="digits-mlp"),
    base=BaseResult(ref="main", commit="ab" * 20),
)
DOCUMENT = json.loads(RESULT.to_json())


def read(document, name="leg-1.json"):
    return read_result(document if isinstance(document, (str, bytes)) else json.dumps(document), name=name)


def refused(document):
    with pytest.raises(MeasurementError) as caught:
        read(document)
    said = str(caught.value)
    assert said.startswith("leg-1.json: this is not a readable result: ")
    assert "\n" not in said
    assert len(said) < 500
    return said


def changed(*path, to):
    document = copy.deepcopy(DOCUMENT)
    at(document, path[:-1])[path[-1]] = to
    return document


def at(document, path):
    for key in path:
        document = document[key]
    return document


@pytest.mark.parametrize(
    "one",
    [
        RESULT,
        result(judged(Verdict.FAIL), judged(Verdict.WAIVED, name="b"), judged(Verdict.WARN, name="c")),
        result(failed_workload_result(detail="Killed\n\x1b[31m")),
        result(workload_result(name="models/größe µ", metrics={})),
        result(
            workload_result(
                state="removed",
                verdict=Verdict.FAIL,
                metrics={},
                notes=("gone",),
                method=None,
                provenance=None,
            )
        ),
    ],
    ids=["compared", "all verdicts", "error", "any script", "removed"],
)
def test_what_energygate_writes_is_read_as_it_was(one):
    assert read(one.to_json()) == one
    assert read(one.to_json().encode()) == one
    assert read(b"\xef\xbb\xbf" + one.to_json().encode()) == one


# What is not a result


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON (line 1)"),
        ("{\n]", "not JSON (line 2)"),
        ("[]", "not a JSON object"),
        ("null", "not a JSON object"),
        ("12", "not a JSON object"),
        ("{}", "its schema is not"),
        ('{"schema": 1}', "its schema is not"),
        ('{"schema": "energygate/result/2"}', "its schema is 'energygate/result/2'"),
        ('{"schema": "energygate/result/1"}', "lists no workloads"),
        ('{"schema": "energygate/result/1", "workloads": {}}', "lists no workloads"),
        ('{"schema": "energygate/result/1", "workloads": []}', "lists no workloads"),
        ('{"schema": "energygate/result/1", "workloads": [1]}', "workload 1 has no name"),
        ('{"schema": "energygate/result/1", "workloads": [{"name": 1}]}', "workload 1 has no name"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        ('"\ud800"', "not UTF-8"),
        ('{"a": NaN}', "NaN is not a number"),
        ('{"a": -Infinity}', "-Infinity is not a number"),
        ('{"a": 1e999}', "the number 1e999 is out of range"),
        ('{"a": ' + "9" * 5_000 + "}", "out of range"),
        ('{"a": 0.' + "9" * 5_000 + "}", "out of range"),
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' is given twice"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_not_a_result_is_refused(text, why):
    assert why in refused(text)


# Bombs: each is refused before it goes off.

BOMBS = {
    "a file too large": (lambda: b" " * 50_000_000, "has over 20 MB"),
    "a text of many bytes": (lambda: "µ" * 15_000_000, "has over 20 MB"),
    "many workloads": (
        lambda: '{"schema": "energygate/result/1", "workloads": [' + "{}," * 1_000_000 + "{}]}",
        "has over 1,000,000 values",
    ),
    "some workloads too many": (
        lambda: '{"schema": "energygate/result/1", "workloads": [' + "{}," * 5_000 + "{}]}",
        "lists 5,001 workloads",
    ),
    "many lists": (lambda: "[" + "[]," * 6_000_000 + "[]]", "has over 1,000,000 values"),
    "deep lists": (lambda: "[" * 900_000 + "]" * 900_000, "has over 16 levels"),
    "deep objects": (lambda: '{"a":' * 900_000 + "1" + "}" * 900_000, "has over 16 levels"),
    "deep enough": (lambda: changed("machine", "system", to=json.loads("[" * 20 + "]" * 20)), "16 levels"),
    "an unfinished text": (lambda: '{"a": "' + '\\"' * 9_000_000, "not JSON"),
    "a long number": (lambda: '{"a": 1' + "0" * 19_000_000 + "}", "out of range"),
    "a long fraction": (lambda: '{"a": 0.' + "1" * 19_000_000 + "}", "out of range"),
    "a long text": (lambda: changed("policy", to="x" * 19_000_000), "a text of 19,000,000 characters"),
    "a long key": (lambda: changed("x" * 19_000_000, to=1), "a text of 19,000,000 characters"),
    "a wide workload": (
        lambda: changed("workloads", 0, "comparison", "log_ratios", to=["x"] * 200_000),
        "has over 20,000 values",
    ),
    "many mistakes": (
        lambda: changed("workloads", 0, "comparison", "log_ratios", to=["x"] * 19_000),
        "workload 'digits-cnn': comparison.log_ratios.0: input should be a valid number",
    ),
    "mistakes everywhere": (
        lambda: changed("notes", to=list(range(200_000))),
        "has over 20,000 values outside its workloads",
    ),
}

TIME_S = 10
"""Ten times what the slowest takes on a busy machine; the bombs take minutes, or end the process."""

MEMORY_BYTES = 600_000_000


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_bounded_time_and_memory(name):
    make, why = BOMBS[name]
    text = make() if callable(make) else make
    text = text if isinstance(text, (str, bytes)) else json.dumps(text)
    started = time.process_time()
    assert why in refused(text)
    assert time.process_time() - started < TIME_S
    tracemalloc.start()
    try:
        refused(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MEMORY_BYTES


# What fits JSON but not the schema


def places(document, path=()):
    if isinstance(document, dict):
        yield path
        for key, value in document.items():
            yield from places(value, (*path, key))
    if isinstance(document, list):
        for index, value in enumerate(document):
            yield from places(value, (*path, index))


FIXED = [path for path in places(DOCUMENT) if not path or path[-1] not in {"metrics", "versions", "base_versions"}]
each_place = pytest.mark.parametrize("path", FIXED, ids=lambda path: "/".join(map(str, path)) or "top")


@each_place
def test_a_missing_key_is_refused_everywhere(path):
    """Those with a default too: what left one out was not written by energygate."""
    for key in at(DOCUMENT, path):
        document = copy.deepcopy(DOCUMENT)
        del at(document, path)[key]
        refused(document)


@each_place
def test_an_unknown_key_is_refused_everywhere(path):
    assert "surprise" in refused(changed(*path, "surprise", to=1))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("seconds",), "12"),
        (("seconds",), True),
        (("seed",), 1.5),
        (("verdict",), "maybe"),
        (("policy_changed",), "no"),
        (("notes",), "a note"),
        (("workloads", 0, "metrics"), []),
        (("workloads", 0, "metrics", "energy_per_request", "head"), None),
        (("workloads", 0, "provenance", "launches"), {"0": 1}),
    ],
)
def test_a_wrong_type_is_refused_and_not_converted(path, value):
    assert ".".join(str(key) for key in path if key not in {"workloads", 0}) in refused(changed(*path, to=value))


def test_a_lone_surrogate_is_refused():
    assert "half a surrogate pair" in refused(changed("policy", to="\ud800"))
    assert "half a surrogate pair" in refused(changed("workloads", 0, "provenance", "versions", to={"\udfff": "1"}))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is empty"),
        ("x" * 101, "has 101 characters"),
        ("a\nb", "contains a line break"),
        ("a\x1b[2Jb", "contains a line break or another unprintable character"),
        ("a\u202eb", "contains a line break or another unprintable character"),
        (" a", "begins or ends with a space"),
        ("..", "leads to another directory"),
        ("../../etc/passwd", "leads to another directory"),
        ("a/../../b", "leads to another directory"),
        ("..\\b", "leads to another directory"),
        ("/etc/passwd", "leads to another directory"),
        ("\\\\host\\share", "leads to another directory"),
        ("C:\\x", "leads to another directory"),
        (".", "leads to another directory"),
        ("digits-mlp", "workload 'digits-mlp' is listed twice"),
    ],
)
def test_a_name_that_no_policy_should_have_is_refused(name, why):
    assert why in refused(changed("workloads", 0, "name", to=name))


@pytest.mark.parametrize("name", ["a/b", "a..b", ".hidden", "...", "C: drive", "50:50", 'a b\'s "c" $(d) `e`'])
def test_an_unusual_name_is_read(name):
    assert read(changed("workloads", 0, "name", to=name)).workloads[0].name == name


# What fits the schema and is still impossible

ENERGY = ("workloads", 0, "metrics", "energy_per_request")


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        (("verdict",), "pass", "its verdict, pass, is not the worst"),
        (("verdict",), "fail", "its verdict, fail, is not the worst"),
        (("workloads", 0, "verdict"), "pass", "has the verdict pass, but a finding with inconclusive"),
        (("workloads", 1, "verdict"), "fail", "has the verdict fail, but no reason"),
        (("workloads", 1, "error"), {"message": "x", "detail": None}, "has an error, but the verdict pass"),
        (("workloads", 1, "method"), None, "has a method without a provenance"),
        (("workloads", 1, "provenance"), None, "has a method without a provenance"),
        (("workloads", 0, "comparison", "log_ratios"), [], "was compared without a launch"),
        (("workloads", 0, "provenance", "seconds"), -1.0, "negative measuring time"),
        (("seconds",), -1.0, "its duration is negative"),
        (("created",), "yesterday", "the time of its creation"),
        (("created",), "2026-13-01T12:00:00+00:00", "the time of its creation"),
        (("created",), "2026-03-01T12:00:00+02:00", "the time of its creation"),
        (("base", "commit"), "--upload-pack=x", "its base commit is not a full commit hash"),
        ((*ENERGY, "head"), -1e-9, "has a negative 'energy_per_request'"),
        ((*ENERGY, "base"), -1e-9, "has a negative 'energy_per_request'"),
        ((*ENERGY, "base"), None, "but no base"),
        ((*ENERGY, "unit"), "s", "in a wrong unit"),
        ((*ENERGY, "total"), {"estimate": 0.5, "low": 0.6, "high": 0.9}, "'energy_per_request' outside"),
        ((*ENERGY, "head"), 3e-9, "has 'energy_per_request' outside its own interval"),
        ((*ENERGY, "head"), 1e-9, "has 'energy_per_request' outside its own interval"),
        ((*ENERGY, "change", "estimate"), 0.5, "has 'energy_per_request' outside its own interval"),
        ((*ENERGY, "change", "estimate"), -0.5, "has 'energy_per_request' outside its own interval"),
        (("head_commit",), "main", "its head commit is not a full commit hash"),
        (("policy_digest",), "abc", "its policy's digest is not a SHA-256"),
        (("policy_changes",), ["a: 1 → 2"], "lists changes of the policy, and says that there are none"),
        (("site", "requests_per_day"), 0.0, "requests per day are not greater than zero"),
        (("workloads", 0, "base_name"), "x", "has another name at base, but was not renamed"),
        (("workloads", 0, "state"), "renamed", "was renamed from an invalid name"),
        (
            ("workloads", 0, "metrics", "happiness"),
            DOCUMENT["workloads"][0]["metrics"]["energy_per_request"],
            "know",
        ),
    ],
)
def test_a_contradictory_result_is_refused(path, value, why):
    assert why in refused(changed(*path, to=value))


def with_fields(**fields):
    """The result with other fields than `RESULT`, as text."""
    document = json.loads(RESULT.model_copy(update={"policy_changed": True}).to_json())
    return json.dumps({**document, **fields})


def test_changes_of_a_policy_are_few_short_lines():
    assert read(with_fields(policy_changes=["x" * 250] * 50)).policy_changes == ("x" * 250,) * 50
    assert "lists 51 changes" in refused(with_fields(policy_changes=["x"] * 51))
    for bad in ("x" * 251, "a\nb", "\u202e"):
        assert "is not one line of at most 250 characters" in refused(with_fields(policy_changes=[bad]))


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (("old", "older"), None),
        (("old", "old"), "was renamed from a name that is still in use"),
        (("b", "old"), "was renamed from a name that is still in use"),
        (("../x", "old"), "was renamed from an invalid name"),
        (("a\nb", "old"), "was renamed from an invalid name"),
    ],
)
def test_a_rename_needs_a_base_workload_that_is_gone(before, why):
    renamed = [workload_result(name, state="renamed", base_name=old) for name, old in zip("ab", before, strict=True)]
    text = result(*renamed).to_json()
    if why is None:
        assert [one.base_name for one in read(text).workloads] == list(before)
    else:
        assert why in refused(text)


# Laws


def report(one):
    """Write everything that a terminal would show."""
    print_report(one, Console(file=io.StringIO(), width=80), quiet=False, result_path=None)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.binary(max_size=200) | st.text(max_size=200) | json_values.map(json.dumps))
@example(b"")
def test_any_bytes_are_a_result_or_one_error(text):
    with pytest.raises(MeasurementError):
        read_result(text, name="any")


LEAVES = [(*path, key) for path in places(DOCUMENT) for key, value in at(DOCUMENT, path).items()]

likely = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1e18,
        -1e18,
        5e-324,
        "",
        "x",
        "pass",
        "fail",
        "error",
        "inconclusive",
        [],
        {},
        "\u0000",
        "[b]",
    ]
)


@given(st.lists(st.tuples(st.sampled_from(LEAVES), likely | json_values), min_size=1, max_size=3))
def test_what_is_read_can_be_reported_and_is_what_was_written(changes):
    document = copy.deepcopy(DOCUMENT)
    for path, value in changes:
        with contextlib.suppress(KeyError, TypeError, IndexError):  # an earlier change took the place away
            at(document, path[:-1])[path[-1]] = value
    try:
        one = read(document)
    except EnergygateError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - both ways are right
        return
    report(one)
    assert json.loads(one.to_json()) == document


@given(st.integers(min_value=0, max_value=len(RESULT.to_json())))
def test_half_a_file_is_refused(length):
    text = RESULT.to_json()[:length].rstrip()
    if text != RESULT.to_json().rstrip():
        refused(text)


def test_the_name_of_a_file_is_quoted_on_one_line():
    with pytest.raises(MeasurementError) as caught:
        read("[]", name="a\n::error::b\x1b" + "c" * 1_000)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_the_bounds_are_far_above_real_results():
    """A policy's longest name, as many launches as are ever made, and all else ten times over."""
    many = workload_result(
        "n" * 100,
        metrics={"energy_per_request": CHANGED},
        comparison=COMPARISON.model_copy(update={"operators": COMPARISON.operators * 500, "log_ratios": (0.1,) * 40}),
        provenance=provenance(launches=(launch_result(),) * 40),
        notes=("note",) * 100,
        state="compared",
    )
    text = result(many).to_json()
    assert read(text).workloads[0] == many
    assert reading._values_in(json.loads(text)) < reading.MAX_VALUES_OF_A_PART / 2
