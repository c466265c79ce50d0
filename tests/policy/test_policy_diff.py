"""Digests and differences of policies: equal meaning has an equal digest, and every change is described."""

from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from energygate.policy import parse_policy
from energygate.policy.policy_diff import MAX_CHANGE_LENGTH, MAX_CHANGES, policy_changes, policy_digest

TEXT = """\
version: 1
site:
  pue: 1.25
  carbon: {country: DEU}
measurement: {time_limit: 60 s, python: .venv/bin/python}
comparison: {removed: fail}
workloads:
  digits-cnn:
    onnx: models/digits-cnn.onnx
    threads: 2
    load: {rate: 50 req/s}
    budgets:
      energy_per_request: {max: 0.2 Wh, max_increase: 5 %}
      latency_p95: 200 ms
  digits-mlp:
    python: my_package:make
    paths: [my_package, setup.py]
waivers:
  - {workload: digits-cnn, metric: energy_per_request, reason: why, owner: "@ml", expires: 2027-01-31}
  - {workload: digits-cnn, metric: latency_p95, reason: why, owner: "@ml", expires: 2027-01-31}
"""


def policy(text=TEXT):
    return parse_policy(text, "energygate.yml")


def replaced(old, new, text=TEXT):
    assert text.count(old) == 1
    return text.replace(old, new)


BASE = policy()

SAME = {
    "a comment": "# a comment\n" + TEXT,
    "a unit": replaced("0.2 Wh", "200 mWh"),
    "the short form": replaced("200 ms", "{max: 0.2 s}"),
    "a default written out": replaced("    threads: 2", "    threads: 2\n    batch_size: 1\n    seed: null"),
    "a level written out": replaced("max_increase: 5 %", "max_increase: 5 %, level: error"),
}

CHANGES = {
    "a limit": (
        ("max_increase: 5 %", "max_increase: 50 %"),
        "digits-cnn, energy_per_request, max_increase: 5 % → 50 %",
    ),
    "a limit less": (
        (", max_increase: 5 %", ""),
        "digits-cnn, energy_per_request, max_increase: 5 % → none",
    ),
    "a level": (("5 %}", "5 %, level: off}"), "digits-cnn, energy_per_request, level: error → off"),
    "a budget more": (
        (
            "      latency_p95: 200 ms",
            "      latency_p95: 200 ms\n      model_size: {max: 10 MB, level: warn}",
        ),
        "digits-cnn, model_size: none → {max: 10 MB, level: warn}",
    ),
    "a setting": (("threads: 2", "threads: 4"), "digits-cnn, threads: 2 → 4"),
    "what is run": (
        ("models/digits-cnn.onnx", "b.onnx"),
        "digits-cnn, onnx: models/digits-cnn.onnx → b.onnx",
    ),
    "a load": (("load: {rate: 50 req/s}", "load: closed"), "digits-cnn, load: 50 req/s → closed"),
    "paths": (
        ("[my_package, setup.py]", "[my_package]"),
        "digits-mlp, paths: [my_package, setup.py] → [my_package]",
    ),
    "the site's PUE": (("pue: 1.25", "pue: 1.1"), "site.pue: 1.25 → 1.1"),
    "a country": (("country: DEU", "country: FRA"), "site.carbon.country: DEU → FRA"),
    "no carbon": (("  carbon: {country: DEU}\n", ""), "site.carbon: {country: DEU} → none"),
    "how it is measured": (
        ("time_limit: 60 s", "time_limit: 5 min"),
        "measurement.time_limit: 60 s → 5 min",
    ),
    "a setup": (
        ("python: .venv/bin/python}", "python: .venv/bin/python, setup: uv sync}"),
        "measurement.setup: none → uv sync",
    ),
    "the rules": (("removed: fail", "removed: list"), "comparison.removed: fail → list"),
    "a workload more": (("waivers:", "  new: {onnx: a.onnx}\nwaivers:"), "new: added"),
    "a workload less": (
        ("  digits-mlp:\n    python: my_package:make\n    paths: [my_package, setup.py]\n", ""),
        "digits-mlp: removed",
    ),
    "a waiver less": (
        (
            '  - {workload: digits-cnn, metric: latency_p95, reason: why, owner: "@ml", expires: 2027-01-31}\n',
            "",
        ),
        "waiver of digits-cnn, latency_p95: removed",
    ),
    "a waiver that lasts": (
        (
            'latency_p95, reason: why, owner: "@ml", expires: 2027-01-31',
            'latency_p95, reason: why, owner: "@ml", expires: 2030-01-31',
        ),
        "waiver of digits-cnn, latency_p95, expires: 2027-01-31 → 2030-01-31",
    ),
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_equal_meaning_has_the_same_digest_and_no_changes(text):
    assert policy(text) == BASE
    assert policy_digest(policy(text)) == policy_digest(BASE)
    assert policy_changes(BASE, policy(text)) == ()


def test_a_digest_is_a_sha_256():
    assert re.fullmatch("[0-9a-f]{64}", policy_digest(BASE))


@pytest.mark.parametrize(("edit", "words"), CHANGES.values(), ids=CHANGES)
def test_every_change_is_described_and_changes_the_digest(edit, words):
    head = policy(replaced(*edit))
    assert policy_changes(BASE, head) == (words,)
    assert policy_digest(head) != policy_digest(BASE)
    assert len(policy_changes(head, BASE)) == 1


def test_an_added_waiver_shows_its_owner_and_end():
    more = TEXT.replace(TEXT[TEXT.index("waivers:") :], "")
    assert policy_changes(policy(more), BASE) == (
        "waiver of digits-cnn, energy_per_request: added, until 2027-01-31 by @ml",
        "waiver of digits-cnn, latency_p95: added, until 2027-01-31 by @ml",
    )


def test_changes_that_loosen_the_gate_come_first():
    text = TEXT
    for edit in ("a waiver that lasts", "a limit", "a workload more", "the site's PUE", "a setting"):
        text = replaced(*CHANGES[edit][0], text=text)
    kinds = [one.partition(":")[0] for one in policy_changes(BASE, policy(text))]
    assert kinds == [
        "waiver of digits-cnn, latency_p95, expires",
        "digits-cnn, energy_per_request, max_increase",
        "new",
        "site.pue",
        "digits-cnn, threads",
    ]


def test_of_many_changes_those_that_loosen_the_gate_stay_visible():
    flood = "\n".join(f"  aaa-{i}: {{onnx: a.onnx}}" for i in range(500))
    head = policy(replaced("max_increase: 5 %", "max_increase: 50 %", replaced("waivers:", f"{flood}\nwaivers:")))
    changes = policy_changes(BASE, head)
    assert len(changes) == MAX_CHANGES
    assert changes[0] == CHANGES["a limit"][1]
    assert changes[-1] == f"and {501 - MAX_CHANGES + 1} more"


def test_a_hostile_policy_writes_no_long_or_broken_lines():
    name = "n" * 100
    document = {
        "version": 1,
        "measurement": {"setup": "echo\n::error::\u202e" + "x" * 9_000},
        "workloads": {
            name: {
                "onnx": "a" * 9_000,
                "shapes": {"s" * 9_000: 1, "\u202e\n": 2},
                "provider_options": {"k\n": "v\n"},
            },
        },
    }
    harmless = {"version": 1, "workloads": {name: {"onnx": "a"}}}
    changes = policy_changes(policy(yaml.safe_dump(harmless)), policy(yaml.safe_dump(document, allow_unicode=False)))
    assert changes
    assert all(one.isprintable() and len(one) <= MAX_CHANGE_LENGTH for one in changes)


def shuffled(value, order):
    """The same document with its keys, and its waivers, in another order."""
    if isinstance(value, dict):
        keys = list(value)
        order.shuffle(keys)
        return {key: shuffled(value[key], order) for key in keys}
    return value


@given(st.randoms(use_true_random=False))
def test_the_order_of_keys_and_waivers_means_nothing(order):
    document = shuffled(yaml.load(TEXT, Loader=yaml.BaseLoader), order)  # noqa: S506 - texts only
    order.shuffle(document["waivers"])
    again = policy(yaml.safe_dump(document, sort_keys=False))
    assert policy_digest(again) == policy_digest(BASE)
    assert policy_changes(BASE, again) == ()


@given(st.sets(st.sampled_from(sorted(CHANGES))))
def test_the_digest_differs_where_there_are_changes_and_only_there(edits):
    text = TEXT
    for edit in sorted(edits):
        old, new = CHANGES[edit][0]
        text = text.replace(old, new) if text.count(old) == 1 else text
    head = policy(text)
    changed = policy_digest(head) != policy_digest(BASE)
    assert changed is bool(policy_changes(BASE, head)) is (head != BASE)
