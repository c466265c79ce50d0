"""Work that a request has queued on a GPU belongs to its window: real workers, with modules that queue work."""

from __future__ import annotations

import pytest
from parallel import repeated

PIECE_NS = 4_000_000
LEFT_OVER_NS = 200_000_000

QUEUE = """
import time

queued, waited = [], []

def work(duration_ns):
    queued.append(duration_ns)

def wait(*device):
    waited.append(device)
    while queued:
        end_ns = time.process_time_ns() + queued.pop()
        while time.process_time_ns() < end_ns:
            pass
"""
"""A device that does its work when it is waited for, with CPU time that is exact."""

TORCH = (
    QUEUE
    + """
class cuda:
    is_initialized = staticmethod(lambda: True)
    synchronize = staticmethod(wait)
"""
)

CUPY = (
    QUEUE
    + """
def is_available():
    return True

class cuda:
    class runtime:
        deviceSynchronize = staticmethod(wait)
"""
)

APP = """
import %(library)s

def make():
    %(library)s.work(%(left_over)d)

    def serve():
        %(library)s.work(%(piece)d)
        return len(%(library)s.waited)

    return serve
"""


def queueing(app, library, source):
    app(source, name=f"{library}.py")
    return app(APP % {"library": library, "left_over": LEFT_OVER_NS, "piece": PIECE_NS})


@pytest.mark.parametrize(("library", "source"), [("torch", TORCH), ("cupy", CUPY)])
def test_queued_work_is_finished_before_its_window_ends(app, loaded, library, source):
    worker = loaded(queueing(app, library, source))
    worker.run(1)
    served = worker.run(10)
    assert served.cpu_ns >= 10 * PIECE_NS
    assert served.wall_ns >= 9 * PIECE_NS  # the two clocks do not go at the very same speed


@pytest.mark.parametrize(("library", "source"), [("torch", TORCH), *repeated(("cupy", CUPY))])
def test_earlier_queued_work_is_finished_before_a_window_begins(app, loaded, library, source):
    worker = loaded(queueing(app, library, source))
    served = worker.run(1)
    assert served.cpu_ns < LEFT_OVER_NS / 2
    assert served.cpu_ns >= PIECE_NS


def test_queued_work_that_fails_ends_the_launch(app, loaded, trouble):
    failing = (
        TORCH
        + """
def fail():
    if queued[1:]:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")
    queued.clear()

cuda.synchronize = fail
"""
    )
    worker = loaded(queueing(app, "torch", failing))
    with trouble("work that torch had queued on the GPU raised RuntimeError: CUDA error: an illegal memory access"):
        worker.run(3)


NEVER = '    def synchronize(*device): raise RuntimeError("nothing to wait for")'


@pytest.mark.parametrize(
    ("library", "source"),
    [
        ("torch", f"class cuda:\n    is_initialized = staticmethod(lambda: False)\n{NEVER}"),
        *repeated(
            ("torch", ""),  # of another meaning, or half imported
            ("torch", "class cuda: pass"),
        ),
        ("cupy", "def is_available(): return False"),  # imported where there is no GPU
        *repeated(("cupy", "")),
    ],
)
def test_a_library_that_does_not_use_a_gpu_is_not_waited_for(app, loaded, library, source):
    app(source, name=f"{library}.py")
    worker = loaded(app(f"import {library}\n\ndef make():\n    return lambda: 1\n"))
    assert len(worker.run(3).latencies_ns) == 3


def test_only_gpus_in_use_are_waited_for(app, loaded):
    """Waiting for another one would take memory there."""
    app(
        TORCH
        + """
cuda.device_count = staticmethod(lambda: 4)

class _C:
    _cuda_hasPrimaryContext = staticmethod(lambda device: device in (1, 3))
""",
        name="torch.py",
    )
    worker = loaded(
        app("""
            import torch

            def make():
                def serve():
                    assert set(torch.waited) == {(1,), (3,)}, torch.waited
                    return 1

                return serve
        """)
    )
    worker.run(1)
