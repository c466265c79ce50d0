"""Accuracy: the share of correct answers, or a sentence why it cannot be computed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_models import identities, identity

from energygate.workloads.answers import accuracy, collect, read_labels

DIGITS = Path(__file__).parents[2] / "fixtures"
LABEL = "workload 'w'"
CLASSES = st.lists(st.integers(0, 4), min_size=1, max_size=30)


def right(answers, labels):
    return accuracy({"y": np.asarray(answers)}, np.asarray(labels), label=LABEL)


def scores(classes, *, batch_size):
    """Scores whose highest is at each class, as calls of a batch give them; a batch not full is left out."""
    one_hot = np.eye(5, dtype=np.float32)[classes]
    calls = len(classes) // batch_size
    return one_hot[: calls * batch_size].reshape(calls, batch_size, 5)


# --- The share ---------------------------------------------------------------------------------------------


@given(classes=CLASSES, batch_size=st.integers(1, 5))
def test_a_model_that_is_always_right_is_right_whatever_the_batch(classes, batch_size):
    if len(classes) >= batch_size:
        assert right(scores(classes, batch_size=batch_size), classes) == 1
        assert right(scores(classes, batch_size=batch_size).argmax(-1), classes) == 1


@given(answers=CLASSES, data=st.data())
def test_scores_and_the_classes_they_stand_for_agree(answers, data):
    labels = data.draw(st.lists(st.integers(0, 4), min_size=len(answers), max_size=len(answers)))
    expected = sum(map(int.__eq__, answers, labels)) / len(answers)
    assert right(scores(answers, batch_size=1), labels) == pytest.approx(expected)
    assert right([[one] for one in answers], labels) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answers", "labels", "share"),
    [
        ([[0, 1], [1, 1]], [0, 1, 1, 0], 0.75),
        ([[0, 1], [1, 1]], [0, 1, 1, 1, 0], 1.0),  # the fifth would not have filled a batch
        ([[[0], [1]], [[1], [1]]], [0, 1, 1, 0], 0.75),
        ([3, 1], [3, 0], 0.5),
        ([["cat"], ["dog"]], ["cat", "cat"], 0.5),
        ([[True], [False]], [1, 1], 0.5),
        ([[2], [0]], [2.0, 1.0], 0.5),
        ([[[0.1, 0.9]], [[0.8, 0.2]]], [[1], [1]], 0.5),
        (np.array([[0.1, 0.9], [0.8, 0.2]], np.float16), [1, 1], 0.5),  # a model without a batch dimension
    ],
)
def test_share(answers, labels, share):
    assert right(answers, labels) == share


def test_the_first_output_decides():
    answers = {"label": np.array([[1], [2]]), "scores": np.eye(2)[:, np.newaxis]}
    assert accuracy(answers, np.array([1, 2]), label=LABEL) == 1


@pytest.mark.parametrize(
    ("answers", "labels", "words"),
    [
        ([[0.5], [0.7]], [0, 1], ["output 'y' is one float per request", "class scores"]),
        ([0.5, 0.7], [0, 1], ["output 'y' is one float per request"]),
        ([[0, 1], [1, 1]], [0, 1, 1], ["'y' has 4 answers for 3 labels"]),
        ([[0, 1], [1, 1]], [0, 1, 1, 1, 0, 0], ["'y' has 4 answers for 6 labels"]),
        ([[0], [1]], [0, 1, 1], ["'y' has 2 answers for 3 labels"]),
        (np.eye(5)[np.newaxis].astype(int), [0], ["has 25 answers for 1 label"]),
        ([["cat"]], [0], ["'y' is <U3 and the labels are int64: they can never be equal"]),
        ([[0]], ["cat"], ["the labels are <U3"]),
    ],
)
def test_answers_and_labels_that_do_not_match(trouble, answers, labels, words):
    with trouble(*words):
        right(answers, labels)


def test_empty_answers(trouble):
    with trouble("accuracy needs answers"):
        accuracy({}, np.array([1]), label=LABEL)


# --- From files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 7])
def test_the_accuracy_of_a_real_model(serving, checkout, batch_size):
    shutil.copy(DIGITS / "models" / "digits-mlp.onnx", checkout)
    shutil.copy(DIGITS / "data" / "digits.npz", checkout)
    how = serving(onnx="digits-mlp.onnx", inputs="digits.npz", labels="label", batch_size=batch_size)
    answers = collect(how, ()).answers_or_raise()
    assert answers["logits"].shape == (360 // batch_size, batch_size, 10)
    assert 0.95 < accuracy(answers, read_labels(how), label=LABEL) < 1


def test_every_output_is_collected_for_every_call_once(serving, onnx_file, checkout):
    onnx_file(identities(a=("batch", 2), b=("batch",)))
    values = {"a": np.arange(12, dtype=np.float32).reshape(6, 2), "b": np.arange(6, dtype=np.float32)}
    np.savez(checkout / "in.npz", **values)
    answers = collect(serving(onnx="model.onnx", inputs="in.npz"), ()).answers_or_raise()
    assert answers["a_out"].tolist() == values["a"].reshape(6, 1, 2).tolist()
    assert answers["b_out"].tolist() == values["b"].reshape(6, 1).tolist()


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (
            {"x": [1], "labels": [1]},
            ["`labels` names 'label', which in.npz does not contain", "'x', 'labels'"],
        ),
        ({"label": np.array([{}, {}], dtype=object)}, ["cannot read the labels in in.npz"]),
    ],
)
def test_labels_that_are_not_there(serving, onnx_file, checkout, trouble, *, arrays, words):
    onnx_file(identity())
    np.savez(checkout / "in.npz", **arrays)
    with trouble(*words):
        read_labels(serving(onnx="model.onnx", inputs="in.npz", labels="label"))


def test_labels_from_a_file_that_is_no_npz(serving, checkout, trouble):
    checkout.joinpath("in.npz").write_text("image,label\n0,1\n", encoding="utf-8")
    with trouble("cannot read the labels in in.npz"):
        read_labels(serving(onnx="model.onnx", inputs="in.npz", labels="label"))
