"""`result.json`: what is written can be read, and the published schema accepts exactly that."""

from __future__ import annotations

import copy
import json
import math

import jsonschema
import pytest
from builders import (
    exact_metric_result,
    failed_workload_result,
    finding_result,
    judged,
    launch_result,
    metric_result,
    provenance,
    result,
    workload_result,
)
from pydantic import ValidationError

from energygate.gate import Verdict
from energygate.result.result import Change, Result

SCHEMA = Result.published_schema()

RESULTS = {
    "passes": result(judged(Verdict.PASS)),
    "fails": result(judged(Verdict.FAIL), judged(Verdict.PASS, name="digits-mlp"), pue=1.25),
    "errors": result(failed_workload_result(detail="Killed")),
    "knows no interval": result(workload_result(metrics={"energy_per_request": metric_result(high=None)})),
    "has no account of codecarbon": result(
        workload_result(provenance=provenance(codecarbon_kwh_per_request=None, provider=None))
    ),
    "compares": result(
        workload_result(
            metrics={
                "model_size": exact_metric_result(1e6, "B").model_copy(
                    update={"base": 2e6, "change": Change(estimate=-0.5, low=-0.5, high=None)}
                )
            }
        )
    ),
}
each_result = pytest.mark.parametrize("name", RESULTS)


def strictly(text):
    """Read JSON as other languages do: without NaN and Infinity."""

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def is_valid(document):
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(document)


@each_result
def test_what_is_written_is_what_is_read(name):
    assert Result.model_validate_json(RESULTS[name].to_json()) == RESULTS[name]


@each_result
def test_what_is_written_is_what_the_schema_says(name):
    jsonschema.Draft202012Validator(SCHEMA).validate(strictly(RESULTS[name].to_json()))


def test_the_schema_is_valid_and_names_its_dialect():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["$id"] == "urn:energygate:result:1"


def test_the_file_is_utf_8_and_ends_with_a_newline():
    text = result(judged(Verdict.PASS, limit_text="2 µWh")).to_json()
    assert '"limit_text": "2 µWh"' in text
    assert text.endswith("}\n")


def test_the_keys_that_readers_rely_on():
    """These names are published: renaming one breaks its readers."""
    document = strictly(result(judged(Verdict.FAIL, reason="why")).to_json())
    assert document["schema"] == "energygate/result/1"
    assert document["verdict"] == "fail"
    assert {"machine", "site", "workloads"} <= document.keys()
    (workload,) = document["workloads"]
    assert (workload["name"], workload["verdict"], workload["method"]) == ("digits-cnn", "fail", "estimated")
    metric = workload["metrics"]["energy_per_request"]
    assert (metric["unit"], metric["head"], metric["base"], metric["change"]) == ("kWh", 1.92e-9, None, None)
    assert (metric["total"], metric["incomparable"], workload["base_name"]) == (None, None, None)
    assert (document["head_commit"], document["policy_digest"], document["policy_changes"]) == (
        None,
        None,
        [],
    )
    assert metric["findings"] == [
        {
            "kind": "max",
            "limit": 2e-9,
            "limit_text": "2 µWh",
            "applied": None,
            "verdict": "fail",
            "reason": "why",
        }
    ]
    assert set(Change.model_fields) == {"estimate", "low", "high"}


def places(document, path=()):
    """List every object in a document by the keys that lead to it."""
    if isinstance(document, dict):
        yield path
        for key, value in document.items():
            yield from places(value, (*path, key))
    if isinstance(document, list):
        for index, value in enumerate(document):
            yield from places(value, (*path, index))


def at(document, path):
    for key in path:
        document = document[key]
    return document


DOCUMENT = strictly(
    result(judged(Verdict.FAIL).model_copy(update={"provenance": provenance(launches=(launch_result(),))})).to_json()
)
FREE_KEYS = {"metrics", "versions"}
"""Objects whose keys are names of the user's or of libraries, and may be any."""

FIXED = [path for path in places(DOCUMENT) if not path or path[-1] not in FREE_KEYS]


@pytest.mark.parametrize("path", FIXED, ids=lambda path: "/".join(map(str, path)) or "top")
def test_an_unknown_key_is_refused_everywhere(path):
    document = copy.deepcopy(DOCUMENT)
    at(document, path)["surprise"] = 1
    assert not is_valid(document)
    with pytest.raises(ValidationError, match="surprise"):
        Result.model_validate(document)


@pytest.mark.parametrize("path", FIXED, ids=lambda path: "/".join(map(str, path)) or "top")
def test_a_missing_key_is_refused_everywhere(path):
    """What is not known is null, never absent."""
    for key in at(DOCUMENT, path):
        document = copy.deepcopy(DOCUMENT)
        del at(document, path)[key]
        assert not is_valid(document), key


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "energygate/result/2"),
        (("verdict",), "maybe"),
        (("seconds",), "12"),
        (("workloads", 0, "method"), "guessed"),
        (("workloads", 0, "metrics", "energy_per_request", "head"), None),
        (("workloads", 0, "metrics", "energy_per_request", "findings", 0, "kind"), "maximum"),
        (("workloads", 0, "provenance", "requests"), 1.5),
    ],
)
def test_a_wrong_value_is_refused(path, value):
    document = copy.deepcopy(DOCUMENT)
    at(document, path[:-1])[path[-1]] = value
    assert not is_valid(document)
    with pytest.raises(ValidationError):
        Result.model_validate(document, strict=True)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_cannot_be_put_into_a_result(number):
    """JSON cannot express it, so the schema need not exclude it."""
    with pytest.raises(ValidationError, match="finite number"):
        metric_result(head=number)
    with pytest.raises(ValidationError, match="finite number"):
        finding_result(Verdict.PASS, limit=number)
    with pytest.raises(ValidationError, match="finite number"):
        result(seconds=number)
    with pytest.raises(ValidationError, match="finite number"):
        Result.model_validate_json(json.dumps({**DOCUMENT, "seconds": number}))


def test_a_result_cannot_be_changed_after_the_fact():
    with pytest.raises(ValidationError, match="frozen"):
        RESULTS["fails"].verdict = Verdict.PASS
