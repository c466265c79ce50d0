"""Real workers for the tests: Python callables and ONNX models written to a temporary checkout."""

from __future__ import annotations

import contextlib
import sys
import textwrap
import time
from types import SimpleNamespace

import numpy as np
import pytest

from energygate.errors import MeasurementError
from energygate.policy import Workload
from energygate.workloads import worker as worker_module
from energygate.workloads.cgroup import Cgroup
from energygate.workloads.protocol import WorkerStart
from energygate.workloads.serving import Serving, Side
from energygate.workloads.worker import Worker

GENEROUS_S = 60


@pytest.fixture(autouse=True)
def patient_goodbye(monkeypatch):
    """Gives workers that are on their way out the time that a busy machine may need."""
    monkeypatch.setattr(worker_module, "SHUTDOWN_SECONDS", GENEROUS_S)


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
            how = WorkerStart(label="workload 'w'", python=python, directory=directory, cpus=(), threads=1)
            return stack.enter_context(Worker(how, timeout_s=timeout_s))

        yield start


@pytest.fixture
def first_in_workers(tmp_path, monkeypatch):
    """Has workers run this before anything else, and whatever they start with their environment."""

    def run(source):
        (tmp_path / "first").mkdir()
        (tmp_path / "first" / "sitecustomize.py").write_text(textwrap.dedent(source), encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "first"))

    return run


@pytest.fixture
def busy_worker(first_in_workers):
    """Makes workers burn CPU time of their own, beside what they measure."""
    first_in_workers(
        "import threading\ndef spin():\n    while True: pass\nthreading.Thread(target=spin, daemon=True).start()"
    )


@pytest.fixture
def time_is_up_once(monkeypatch):
    """Has the time for a worker's answer stand still until something has happened, and be over then.

    A short time would do where the machine is quiet; elsewhere it is over before there is anything to see.
    """

    def once(has_happened):
        give_up = time.monotonic() + GENEROUS_S
        clock = SimpleNamespace(
            monotonic=lambda: 1e9 if has_happened() or time.monotonic() > give_up else 0.0,
            perf_counter_ns=time.perf_counter_ns,
        )
        monkeypatch.setattr(worker_module, "time", clock)

    return once


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
    """How a worker's processes are grouped: both ways if this machine has both."""
    if request.param == "tree":
        monkeypatch.setattr(Cgroup, "make", lambda: None)
        return request.param
    group = Cgroup.make()
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
