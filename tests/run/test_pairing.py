"""Which workload of base belongs to which of head, and whose settings each side runs with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energygate.policy import Workload
from energygate.run.pairing import pair_workloads

CNN = {"onnx": "cnn.onnx", "budgets": {"energy_per_request": {"max_increase": "5 %"}}}
MLP = {"onnx": "mlp.onnx"}
SPIN = {"python": "app:spin"}
CHAT = {"http": "http://127.0.0.1:{port}/v1", "serve": "python server.py", "ready": "/health"}
BATCH = {"command": "python batch.py"}


def workloads(**definitions):
    return {name: Workload(**one) for name, one in definitions.items()}


def states(base, head):
    found = pair_workloads(workloads(**base), workloads(**head))
    return [(one.name, one.base_name, one.state) for one in found]


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        ({"a": CNN}, {"a": CNN}, [("a", "a", "compared")]),
        ({"a": CNN}, {"a": MLP}, [("a", "a", "compared")]),  # another model under the name: the change itself
        ({}, {"a": CNN}, [("a", None, "added")]),
        ({"a": CNN}, {}, [("a", "a", "removed")]),
        ({"a": CNN}, {"b": CNN}, [("b", "a", "renamed")]),
        ({"a": SPIN}, {"b": SPIN}, [("b", "a", "renamed")]),
        ({"a": CHAT}, {"b": CHAT}, [("b", "a", "renamed")]),
        ({"a": CHAT}, {"b": {**CHAT, "ready": "/ready"}}, [("b", "a", "renamed")]),
        ({"a": CHAT}, {"b": {**CHAT, "serve": "other"}}, [("a", "a", "removed"), ("b", None, "added")]),
        ({"a": BATCH}, {"b": BATCH}, [("b", "a", "renamed")]),
        ({"a": BATCH}, {"b": {"command": "other"}}, [("a", "a", "removed"), ("b", None, "added")]),
        ({"a": CNN}, {"b": MLP}, [("a", "a", "removed"), ("b", None, "added")]),
        ({"a": CNN}, {"b": {**CNN, "threads": 4}}, [("b", "a", "renamed")]),  # settings do not hide a rename
        ({"a": CNN}, {"a": CNN, "b": CNN}, [("a", "a", "compared"), ("b", None, "added")]),  # a copy is new
        ({"a": CNN, "b": CNN}, {"b": CNN}, [("a", "a", "removed"), ("b", "b", "compared")]),
        ({"a": CNN, "b": CNN}, {"c": CNN}, [("c", "a", "renamed"), ("b", "b", "removed")]),  # one heir only
        ({"a": CNN, "b": CNN}, {"c": CNN, "d": CNN}, [("c", "a", "renamed"), ("d", "b", "renamed")]),
        ({"a": CNN, "b": MLP}, {"b": CNN, "a": MLP}, [("a", "a", "compared"), ("b", "b", "compared")]),
        ({"a": CNN, "b": MLP}, {"c": CNN, "b": CNN}, [("c", "a", "renamed"), ("b", "b", "compared")]),
    ],
)
def test_the_state_of_each_workload(base, head, expected):
    assert states(base, head) == expected


NAMES = st.sampled_from(["a", "b", "c", "d"])
SIDES = st.dictionaries(NAMES, st.sampled_from([CNN, MLP, SPIN, CHAT, BATCH]), max_size=4)


@given(base=SIDES, head=SIDES)
def test_every_workload_of_both_sides_is_in_exactly_one_pairing(base, head):
    pairings = pair_workloads(workloads(**base), workloads(**head))
    assert sorted(one.base_name for one in pairings if one.base) == sorted(base)
    assert sorted(one.name for one in pairings if one.head) == sorted(head)
    assert all(one.base or one.head for one in pairings)


@given(side=SIDES)
def test_equal_sides_pair_up_without_notes(side):
    pairings = pair_workloads(workloads(**side), workloads(**side))
    assert all((one.state, one.notes, one.base) == ("compared", (), one.head) for one in pairings)


EASED = {
    "threads": {"threads": 4},
    "batch_size": {"batch_size": 32},
    "inputs": {"inputs": "easy.npz"},
    "budgets": {"budgets": {"energy_per_request": {"max_increase": "500 %"}}},
    "paths": {"paths": ["docs/*"]},
    "seed": {"seed": 7},
}


@pytest.mark.parametrize(("key", "change"), EASED.items(), ids=EASED)
@pytest.mark.parametrize("name", ["a", "b"])
def test_head_cannot_loosen_how_it_is_measured(key, change, name):
    (pairing,) = pair_workloads(workloads(a=CNN), workloads(**{name: {**CNN, **change}}))
    assert pairing.base == Workload(**CNN)
    assert pairing.head == Workload(**CNN)
    assert pairing.notes[-1] == f"head's policy changes {key}; base's decides"


def test_head_chooses_what_it_serves_and_that_is_noted():
    (pairing,) = pair_workloads(workloads(a=CNN), workloads(a={**MLP, "threads": 2, "seed": 1}))
    assert pairing.head == Workload(**{**CNN, "onnx": "mlp.onnx"})
    assert pairing.base == Workload(**CNN)
    assert pairing.notes == (
        "base runs cnn.onnx, head runs mlp.onnx",
        "head's policy changes budgets, seed, threads; base's decides",
    )


@pytest.mark.parametrize(
    ("base", "head", "note"),
    [
        (CHAT, {**CHAT, "serve": "uvicorn app:app"}, "base runs python server.py, head runs uvicorn app:app"),
        (
            CHAT,
            {**CHAT, "http": "http://localhost:{port}/v2"},
            "base runs http://127.0.0.1:{port}/v1, head runs http://localhost:{port}/v2",
        ),
        (CHAT, {**CHAT, "ready": "/ready"}, "base is ready at /health, head at /ready"),
        (BATCH, {"command": "make"}, "base runs python batch.py, head runs make"),
        (SPIN, BATCH, "base runs app:spin, head runs python batch.py"),
        (CNN, {**CHAT}, "base runs cnn.onnx, head runs http://127.0.0.1:{port}/v1"),
    ],
)
def test_how_a_server_or_a_command_is_started_is_heads_choice_too(base, head, note):
    (pairing,) = pair_workloads(workloads(a=base), workloads(a={**head, "threads": 4}))
    assert pairing.notes[0] == note
    assert pairing.head.kind == Workload(**head).kind
    assert (pairing.head.http, pairing.head.command) == (head.get("http"), head.get("command"))
    assert (pairing.head.serve, pairing.head.ready) == (head.get("serve"), head.get("ready"))
    assert pairing.head.threads == 1
    assert pairing.base == Workload(**base)


def test_a_rename_says_where_it_comes_from():
    (pairing,) = pair_workloads(workloads(old=CNN), workloads(new=CNN))
    assert pairing.notes == ("renamed from old; base's budgets decide",)


def test_unpaired_workloads_keep_their_own_definition():
    removed, added = pair_workloads(workloads(a=CNN), workloads(b=SPIN))
    assert (removed.workload, added.workload) == (Workload(**CNN), Workload(**SPIN))
