"""Workloads that run a small model N times per request, so that a change of N is a change of known size.

`four_ms_105` is a request of about 4 ms that does 105 units of work where `four_ms_100` does 100: exactly 5 % more.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
UNITS = (100, 101, 102, 105, 110)
# The model and batch that are run, how often per hundred units, and on how many threads.
SIZES = {
    "one_ms": ("digits-mlp", 20, 100, 1),
    "four_ms": ("digits-cnn", 1, 100, 1),
    "forty_ms": ("digits-cnn", 14, 100, 1),
    "two_threads": ("digits-cnn-heavy", 1, 20, 2),  # operators large enough to be worth two threads
    "slow_load": ("digits-cnn", 14, 100, 1),  # as forty_ms, after seconds of loading
}
LOADING_S = {"slow_load": 3.0}
"""CPU time that a size takes to load, in addition."""


def request(model: str, batch: int, times: int, threads: int) -> Callable[[], float]:
    """A request that runs a model so many times."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(ROOT / f"fixtures/models/{model}.onnx"), options)
    feed = {"image": np.load(ROOT / "fixtures/data/digits.npz")["image"][:batch]}

    def serve() -> float:
        for _ in range(times):
            logits = session.run(None, feed)[0]
        return float(logits[0, 0])

    return serve


def _factory(size: str, units: int) -> Callable[[], Callable[[], float]]:
    model, batch, per_hundred, threads = SIZES[size]

    def make() -> Callable[[], float]:
        end = time.process_time() + LOADING_S.get(size, 0.0)
        while time.process_time() < end:
            pass
        return request(model, batch, round(per_hundred * units / 100), threads)

    return make


for _size in SIZES:
    for _units in UNITS:
        setattr(sys.modules[__name__], f"{_size}_{_units}", _factory(_size, _units))
