"""Real workers for the tests: Python callables and ONNX models written to a temporary checkout."""

from __future__ import annotations

import contextlib
import sys
import textwrap

import numpy as np
import pytest

from energygate.errors import MeasurementError
from energygate.policy import Workload
from energygate.workloads.control_group import ControlGroup
from energygate.workloads.messages import Start
from energygate.workloads.process import Worker
from energygate.workloads.serving import Serving, Side

GENEROUS_S = 30


@pytest.fixture
def checkout(tmp_path):
    """The directory that workers run in."""
    path = tmp_path / "checkout"
    path.mkdir()
    return path


@pytest.fixture
def app(checkout):
    """Writes the user's module; returns what the worker's `load` takes to make a workload of it."""

    def write(source, *, target="app:make", name="app.py"):
        checkout.joinpath(name).write_text(textwrap.dedent(source), encoding="utf-8")
        return {"kind": "python", "spec": {"target": target}}

    return write


@pytest.fixture
def onnx_file(checkout):
    """Writes a model; returns what the worker's `load` takes to make a workload of it."""

    def write(model, *, provider="CPUExecutionProvider", options=None):
        content = model if isinstance(model, bytes) else model.SerializeToString()
        checkout.joinpath("model.onnx").write_bytes(content)
        spec = {"path": "model.onnx", "threads": 1, "provider": provider, "provider_options": options or {}}
        return {"kind": "onnx", "spec": spec}

    return write


@pytest.fixture
def worker(checkout):
    """Starts workers; the test's end is the end of them all."""
    with contextlib.ExitStack() as stack:

        def start(*, timeout_s=GENEROUS_S, directory=checkout, python=sys.executable):
            how = Start(label="workload 'w'", python=python, directory=directory, cpus=(), threads=1)
            return stack.enter_context(Worker(how, timeout_s=timeout_s))

        yield start


@pytest.fixture
def busy_worker(tmp_path, monkeypatch):
    """Makes workers burn CPU time of their own, beside what they measure."""
    spin = "import threading\ndef spin():\n    while True: pass\nthreading.Thread(target=spin, daemon=True).start()"
    (tmp_path / "busy").mkdir()
    (tmp_path / "busy" / "sitecustomize.py").write_text(spin, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "busy"))


@pytest.fixture
def loaded(worker):
    """Starts a worker and loads a workload into it."""

    def load(workload, *, timeout_s=GENEROUS_S):
        started = worker(timeout_s=timeout_s)
        started.load(**workload, timeout_s=max(timeout_s, GENEROUS_S))
        return started

    return load


@pytest.fixture
def serving(checkout, tmp_path):
    """Makes the `Serving` of a workload, as `check` does."""

    def make(**workload):
        return Serving(
            name="w",
            workload=Workload(**workload),
            side=Side(name="head", directory=checkout, python=sys.executable),
            seed=1,
            timeout_s=GENEROUS_S,
            scratch=tmp_path,
            inputs_directory=checkout,
        )

    return make


@pytest.fixture(params=["control group", "tree"])
def held(request, monkeypatch):
    """How all that a worker starts is held together: both ways where this machine has both."""
    if request.param == "tree":
        monkeypatch.setattr(ControlGroup, "make", lambda: None)
        return request.param
    group = ControlGroup.make()
    if group is None:
        pytest.skip("this user can make no control group here")
    group.remove()
    return request.param


@pytest.fixture
def trouble():
    """Expects trouble, and checks what holds for all of it: one sentence, its place, no traceback."""

    @contextlib.contextmanager
    def expect(*words, label="workload 'w'"):
        with pytest.raises(MeasurementError) as caught:
            yield caught
        message = str(caught.value)
        assert caught.value.where == label
        assert "\n" not in message
        assert "Traceback" not in message
        assert len(message) < 700
        for word in words:
            assert word in message

    return expect


@pytest.fixture
def texts(tmp_path):
    """What a worker answers, as text, to each distinct request."""

    def read(worker):
        worker.outputs(tmp_path / "out.npz", count=99)
        with np.load(tmp_path / "out.npz", allow_pickle=False) as archive:
            return archive["text"].tolist()

    return read
