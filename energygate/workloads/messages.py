"""What is said to a worker, and what it answers, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import array
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Start:
    """How a worker process is started.

    Attributes:
        label: What error messages call it, such as `workload 'digits-cnn'`.
        python: The interpreter to run it with: the environment under test.
        directory: Its working directory: the checkout under test.
        cpus: The CPUs it is pinned to; empty where affinity cannot be set.
        threads: How many threads numerical libraries may use.
    """

    label: str
    python: str
    directory: Path
    cpus: tuple[int, ...]
    threads: int


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One input or output of a model: its name, onnxruntime's type name, and dimensions (names or sizes)."""

    name: str
    type: str
    shape: tuple[int | str | None, ...]


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What a worker says once its workload is ready to serve.

    Attributes:
        inputs: The model's inputs; `None` for a Python callable.
        versions: Versions of the interpreter and of the libraries that were loaded.
        origin: The file that a Python callable's module was imported from; `None` for models.
        wall_ns: Time from starting the process until it was ready.
        cpu_ns: CPU time of the process over the same span.
    """

    inputs: tuple[Tensor, ...] | None
    versions: Mapping[str, str]
    origin: str | None
    wall_ns: int
    cpu_ns: int


@dataclass(frozen=True, kw_only=True)
class Served:
    """One window of consecutive calls.

    Attributes:
        wall_ns: From before the first call until after the last.
        cpu_ns: CPU time of the worker, its threads and its children over the window.
        latencies_ns: Time of every call, in order.
        failed: Positions of the calls that raised.
        first_failure: The first failure as a sentence; `None` when all calls were served.
    """

    wall_ns: int
    cpu_ns: int
    latencies_ns: array.array[int]
    failed: tuple[int, ...]
    first_failure: str | None
