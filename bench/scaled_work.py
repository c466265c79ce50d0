"""Workloads that do the same work N times per request, so that a change of N is a change of known size.

`four_ms_105` is a request of about 4 ms that does 105 units of work where `four_ms_100` does 100: exactly 5 % more.

    python scaled_work.py SIZE_UNITS PORT

serves the same over HTTP.
"""

from __future__ import annotations

import http.server
import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
UNITS = (100, 101, 102, 105, 110, 130)
# The model and batch that are run (or what else), how often per hundred units, and on how many threads.
SIZES = {
    "one_ms": ("digits-mlp", 20, 100, 1),
    "four_ms": ("digits-cnn", 1, 100, 1),
    "forty_ms": ("digits-cnn", 14, 100, 1),
    "two_threads": ("digits-cnn-heavy", 1, 20, 2),  # operators large enough to be worth two threads
    "slow_load": ("digits-cnn", 14, 100, 1),  # as forty_ms, after seconds of loading
    "served": ("digits-cnn", 1, 100, 1),  # as four_ms, by a server
    "python_code": ("json", 1, 20, 1),
    "python_loop": ("loop", 1, 100, 1),
    "tensorflow": ("tensorflow", 4, 20, 1),
}
LOADING_S = {"slow_load": 3.0}
"""CPU time that a size takes to load, in addition."""


def request(model: str, batch: int, times: int, threads: int) -> Callable[[], float]:
    """A request that runs a model, or what else is named, so many times."""
    if model in OTHERS:
        return OTHERS[model](batch, times)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(ROOT / f"fixtures/models/{model}.onnx"), options)
    feed = {"image": np.load(ROOT / "fixtures/data/digits.npz")["image"][:batch]}

    def serve() -> float:
        for _ in range(times):
            logits = session.run(None, feed)[0]
        return float(logits[0, 0])

    return serve


def _json(batch: int, times: int) -> Callable[[], float]:
    """Parse, write and search a document: what a service does around its model."""
    rows = [{"id": i, "name": f"row {i}", "scores": [i * 1.5] * 5} for i in range(10 * batch)]
    text = json.dumps({"rows": rows})

    def serve() -> float:
        for _ in range(times):
            found = len(re.findall(r"[0-9]+", json.dumps(json.loads(text), indent=1)))
        return float(found)

    return serve


def _loop(batch: int, times: int) -> Callable[[], float]:
    """Add numbers, 3,000 for each time; the time of such a loop depends on the process's memory layout."""
    return lambda: float(sum(range(batch * times * 3000)))


def _tensorflow(batch: int, times: int) -> Callable[[], float]:
    """Convolve images with TensorFlow, which takes several CPU seconds to import."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    random = np.random.default_rng(0)
    images = tf.constant(random.normal(size=(batch, 32, 32, 16)).astype("float32"))
    kernel = tf.constant(random.normal(size=(3, 3, 16, 16)).astype("float32"))
    convolve = tf.function(lambda one: tf.nn.relu(tf.nn.conv2d(one, kernel, 1, "SAME")))

    def serve() -> float:
        for _ in range(times):
            found = convolve(images)
        return float(found[0, 0, 0, 0])

    return serve


OTHERS = {"json": _json, "loop": _loop, "tensorflow": _tensorflow}


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


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers every GET with the result of a request."""

    protocol_version = "HTTP/1.1"
    serve: Callable[[], float]

    def do_GET(self) -> None:
        """Serve."""
        body = json.dumps(type(self).serve()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Be silent."""


if __name__ == "__main__":
    _Handler.serve = staticmethod(getattr(sys.modules[__name__], sys.argv[1])())
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), _Handler).serve_forever()
