"""Bytes of requests and answers: as sent, not as Python represents them, and not as a worker merely claims."""

from __future__ import annotations

import venv
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto
from sample_models import identities, identity

from energygate.errors import MeasurementError
from energygate.workloads.answers import collect, measure_payloads
from energygate.workloads.energygate_worker.loaded_workload import answer_bytes
from energygate.workloads.protocol import Payloads

ALL = 1000


def sizes(request, response):
    """Without a wire between the two nothing leaves but the answer."""
    return Payloads(request_bytes=request, response_bytes=response, egress_bytes=response)


# --- What is returned --------------------------------------------------------------------------------------


class Tensor:
    """A torch tensor of before 2.0."""

    def numel(self):
        return 6

    def element_size(self):
        return 2


class Liar:
    def __init__(self, nbytes):
        self.nbytes = nbytes


@pytest.mark.parametrize(
    ("answer", "size"),
    [
        (b"\x00\xff", 2),
        (bytearray(3), 3),
        (memoryview(b"1234"), 4),
        ("Wärme", 6),  # UTF-8
        ("\ud800", 3),
        (7, 1),
        (True, 4),  # true
        ({"label": "Wärme", "score": 0.5}, len('{"label":"Wärme","score":0.5}') + 1),
        ([1, [2, None]], len("[1,[2,null]]")),
        (("a", 1), len('["a",1]')),
        ({}, 2),
        (np.zeros((2, 3), np.float32), 24),
        (np.float32(1), 4),
        (np.array(["a", "Wärme"]), 7),  # neither padded nor at four bytes a letter
        (np.array(["a", b"bcd"], object), 4),
        (Tensor(), 12),
        ([np.zeros(3, np.float32), np.zeros(2, np.int64)], 28),
        ({"logits": np.zeros(3, np.float32), "text": "ab", "tokens": 12, "stop": None}, 12 + 2 + 2 + 4),
        ({"answers": [{"logits": np.zeros(3, np.float32)}]}, 12),
        (None, None),
        (object(), None),
        ({1, 2}, None),
        ({"at": object()}, None),
        (np.array([object()]), None),
        (Liar("many"), None),
        (Liar(1.5), None),
    ],
    ids=lambda one: str(one).partition(" at 0x")[0],
)
def test_the_size_of_an_answer(answer, size):
    assert answer_bytes(answer) == size


def test_a_self_referencing_answer_has_no_size():
    endless = []
    endless.append(endless)
    assert answer_bytes(endless) is None


# --- Callables and models ----------------------------------------------------------------------------------


def test_answers_of_different_lengths_are_averaged_though_they_cannot_be_compared(serving, app, checkout):
    app("""
        def make():
            return lambda number: {"items": [7] * int(number[0])}
    """)
    np.savez(checkout / "in.npz", number=np.arange(1, 5), label=np.arange(4))
    collected = collect(serving(python="app:make", inputs="in.npz", labels="label"), ())
    lengths = [len('{"items":[]}') + 2 * count - 1 for count in range(1, 5)]
    assert collected.payloads == sizes(8, sum(lengths) / 4)
    assert isinstance(collected.answers, MeasurementError)
    assert "answers differ in shape from request to request" in collected.answers.what


def test_one_unknown_answer_leaves_the_size_unknown(serving, app, checkout):
    app("""
        def make():
            return lambda number: b"ok" if number[0] < 3 else object()
    """)
    np.savez(checkout / "in.npz", number=np.arange(1, 5))
    assert measure_payloads(serving(python="app:make", inputs="in.npz"), ()) == sizes(8, None)


def test_a_callable_without_inputs_has_answers_alone(serving, app):
    app("""
        async def request():
            return "four"
        def make():
            return request
    """)
    assert measure_payloads(serving(python="app:make"), ()) == sizes(None, 4)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_the_arrays_of_a_model_by_request_whatever_the_batch(serving, onnx_file, checkout, batch_size):
    onnx_file(identities(a=("batch", 2), b=("batch", 3)))
    np.savez(checkout / "in.npz", a=np.ones((8, 2), np.float32), b=np.ones((8, 3), np.float32))
    how = serving(onnx="model.onnx", inputs="in.npz", batch_size=batch_size)
    assert collect(how, ()).payloads == sizes(20, 20)


def test_texts_of_a_model_are_as_long_as_they_are(serving, onnx_file, checkout):
    onnx_file(identity(("batch",), TensorProto.STRING))
    np.savez(checkout / "in.npz", x=np.array(["a", "Wärme"]))
    assert measure_payloads(serving(onnx="model.onnx", inputs="in.npz"), ()) == sizes(3.5, 3.5)


def test_what_a_command_prints(serving):
    assert measure_payloads(serving(command="printf '\\303\\244\\377'"), ()) == sizes(None, 3)


def test_the_requests_of_one_call_of_a_test_share_it(serving, checkout):
    source = "def test_it(energy):\n    energy(lambda: b'x' * 12, requests=4)\n"
    checkout.joinpath("test_it.py").write_text(source, encoding="utf-8")
    assert measure_payloads(serving(pytest="test_it.py::test_it"), ()) == sizes(None, 3)


def test_kept_answers_are_not_computed_again(loaded, app, tmp_path):
    worker = loaded(
        app("""
            import itertools
            def make():
                return itertools.count(1).__next__
        """)
    )
    worker.answer(count=ALL, keep=True)
    worker.outputs(tmp_path / "out.npz", count=ALL)
    with np.load(tmp_path / "out.npz") as archive:
        assert archive["answer"].tolist() == [1]
    worker.answer(count=ALL)  # not kept, so the next one is written
    worker.outputs(tmp_path / "out.npz", count=ALL)
    with np.load(tmp_path / "out.npz") as archive:
        assert archive["answer"].tolist() == [3]


# --- What a worker says ------------------------------------------------------------------------------------

SAID = {"requests": 2, "answered": 2, "request_bytes": 3, "response_bytes": 4, "egress_bytes": 5}


def test_means_are_of_all_requests_and_of_those_answered():
    some = Payloads.of({**SAID, "answered": 1})
    assert (some.request_bytes, some.response_bytes, some.egress_bytes) == (1.5, 4.0, 5.0)
    assert Payloads.of({**SAID, "answered": 0}) == sizes(1.5, None)


@pytest.mark.parametrize("name", SAID)
@pytest.mark.parametrize("value", [-1, 1.5, "12", True, 1 << 63, float("nan"), float("inf"), [1]])
def test_invalid_byte_counts(name, value):
    with pytest.raises(ValueError, match=name):
        Payloads.of({**SAID, name: value})


@pytest.mark.parametrize("said", [{}, {**SAID, "requests": None}, {**SAID, "answered": 3}])
def test_malformed_replies(said):
    with pytest.raises(ValueError, match=r"answered|requests"):
        Payloads.of(said)


def test_replies_forged_by_the_workload_are_refused(loaded, app, trouble):
    worker = loaded(
        app("""
            from energygate_worker.answer_collector import AnswerCollector
            def make():
                AnswerCollector.sizes = lambda self: {"requests": 1, "answered": 1, "response_bytes": -10**400}
                return lambda: b"x"
        """)
    )
    with trouble("the worker sent an invalid reply: response_bytes is '-1000"):
        worker.answer(count=ALL)


# --- The worker's own Python -------------------------------------------------------------------------------


def test_sizes_need_no_numpy(worker, checkout):
    python = checkout.parent / "bare" / "bin" / "python"
    venv.create(python.parents[1], with_pip=False, symlinks=True)
    checkout.joinpath("app.py").write_text("def make():\n    return lambda: ['a', 1]\n", encoding="utf-8")
    started = worker(python=str(python))
    started.load("python", {"target": "app:make"}, timeout_s=30)
    assert started.answer(count=ALL, keep=True) == sizes(None, len('["a",1]'))
    with pytest.raises(MeasurementError, match="numpy"):
        started.outputs(Path("out.npz"), count=ALL)
