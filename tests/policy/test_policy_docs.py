"""The reference in docs/policy.md: its examples work, and it is complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from energygate.errors import PolicyError
from energygate.policy import (
    METRICS,
    Budget,
    Carbon,
    EmbodiedCarbon,
    Family,
    Measurement,
    Policy,
    Replica,
    Site,
    Traffic,
    Training,
    Waiver,
    Workload,
    parse_policy,
)
from energygate.policy.unit_families import FAMILIES

FOLDER = Path(__file__).parents[2] / "docs"
DOCS = (FOLDER / "policy.md").read_text(encoding="utf-8")
YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
SNIPPETS = YAML.findall(DOCS)
COMPLETE = YAML.findall((FOLDER / "serving.md").read_text(encoding="utf-8"))
MISTAKES = re.findall(r"^```text\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)


def _whole(snippet):
    head = "" if "version:" in snippet else "version: 1\n"
    tail = "" if "workloads:" in snippet else "workloads: {w: {onnx: m}}\n"
    return head + snippet + tail


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.split(":")[0])
def test_every_snippet_is_a_policy(snippet):
    assert parse_policy(_whole(snippet))


@pytest.mark.parametrize("snippet", COMPLETE, ids=lambda snippet: snippet.split(":")[2].strip())
def test_every_policy_for_served_models_is_complete(snippet):
    assert parse_policy(snippet)


def test_the_first_snippet_says_what_its_comments_claim():
    budgets = parse_policy(SNIPPETS[0]).workloads["digits-cnn"].budgets
    assert (budgets["model_size"].max.text, budgets["accuracy"].min.text) == ("10 MB", "97 %")


def test_documented_mistakes_have_these_messages():
    text = (
        SNIPPETS[0]
        .replace("latency_p95: {max: 200 ms", "latency_p95: {max: 200")
        .replace("model_size: 10 MB", "model_size: {max_incraese: 10 %}")
    )
    with pytest.raises(PolicyError) as caught:
        parse_policy(text)
    assert str(caught.value) == MISTAKES[0].strip()


@pytest.mark.parametrize(
    "section",
    [
        Policy,
        Site,
        Carbon,
        Replica,
        EmbodiedCarbon,
        Traffic,
        Training,
        Measurement,
        Workload,
        Budget,
        Waiver,
    ],
)
def test_every_key_is_in_the_reference(section):
    keys = [name for name, field in section.model_fields.items() if not field.exclude]
    assert [key for key in keys if f"`{key}`" not in DOCS] == []


def test_every_default_is_in_its_row():
    for section in (Measurement, Workload):
        for name, field in section.model_fields.items():
            default = field.get_default(call_default_factory=True)
            if default or default == 0:
                assert re.search(rf"^\| `{name}` .*\| `{default}` \|", DOCS, re.MULTILINE), name


def test_every_metric_and_unit_is_in_the_reference():
    assert [name for name in METRICS if f"`{name}`" not in DOCS] == []
    listed = (
        Family.ENERGY,
        Family.CARBON,
        Family.TIME,
        Family.SIZE,
        Family.RATIO,
        Family.RATE,
        Family.WATER,
        Family.WATER_USE,
    )
    units = [re.sub("^u", "µ", unit) for family in listed for unit in FAMILIES[family].units]
    assert [unit for unit in units if f"`{unit}`" not in DOCS] == []
