"""Start a worker that has loaded a workload of the policy and holds its inputs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energygate.errors import MeasurementError, PolicyError
from energygate.workloads.energygate_worker.input_arrays import save_arrays
from energygate.workloads.installed_copy import find_imported_copy, owner
from energygate.workloads.protocol import LoadReply, WorkerStart
from energygate.workloads.synthetic_inputs import synthesise
from energygate.workloads.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energygate.policy import Workload

MIN_LOAD_SECONDS = 120.0
"""Minimum time that a workload gets to load, however short its measuring time: large models need a minute."""

MIN_TIMEOUT_S = 10.0
"""Minimum time limit of any other command, however short its measuring time: a busy machine pauses for seconds."""

SERVER_MARGIN_SECONDS = 5.0
"""The worker stops waiting for a server this long before its own time limit, to report what the server did."""

SEPARATE_ENVIRONMENTS = "give each side its own with `measurement: {python: .venv/bin/python, setup: ...}`"
"""The way out of an environment in which the project is installed."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """Base or head.

    Attributes:
        name: `head` (what the pull request proposes) or `base` (what it starts from).
        directory: Its checkout: the working directory of its workers; the policy's paths are relative to it.
        python: Its interpreter.
    """

    name: str
    directory: Path
    python: str


@dataclass(frozen=True, kw_only=True)
class ReadyWorker:
    """A worker ready to serve.

    Attributes:
        worker: The worker.
        loaded: Its reply to `load`.
        distinct_calls: Number of different calls in its inputs; they are served in turn, in an order by the seed.
        batch_size: Requests per call, from the policy.
    """

    worker: Worker
    loaded: LoadReply
    distinct_calls: int
    batch_size: int

    @property
    def requests_per_call(self) -> int:
        """How many requests one call serves."""
        return self.batch_size * self.loaded.requests_per_call


def workload_label(name: str, side: str) -> str:
    """Return what messages call a workload on a side: `workload 'digits-cnn'`."""
    return f"workload {name!r}" + (" at base" if side == "base" else "")


@dataclass(frozen=True, kw_only=True)
class Serving:
    """One workload on one side, ready to be started; `open` starts a fresh worker each time.

    Attributes:
        name: The workload's name.
        workload: Its entry in the policy.
        side: Where it runs.
        seed: Seed of generated inputs, and of the order in which inputs are served.
        timeout_s: Time limit of one command; at least `MIN_TIMEOUT_S` applies.
        scratch: A directory for files that the worker reads or writes.
        inputs_directory: Directory to which the inputs' path is relative: base's checkout for both sides of a
            comparison, so that both answer the same requests.
        other_directory: The other side's checkout, whose code this side must not run; `None` without one.
        pytest_options: The options of the pytest session that decide how tests are collected, one string each.
    """

    name: str
    workload: Workload
    side: Side
    seed: int
    timeout_s: float
    scratch: Path
    inputs_directory: Path
    other_directory: Path | None = None
    pytest_options: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Its name in messages."""
        return workload_label(self.name, self.side.name)

    def check_files(self) -> None:
        """Check that the files that the policy names exist.

        Raises:
            PolicyError: When one does not.
        """
        for key, value in (("onnx", self.workload.onnx), ("inputs", self.workload.inputs)):
            if value is None:
                continue
            path = (self.side.directory if key == "onnx" else self.inputs_directory) / value
            if not path.is_file():
                what = "is a directory" if path.is_dir() else "does not exist"
                raise PolicyError(
                    f"`{key}` names {value}, which {what}",
                    where=self.label,
                    hint="Paths are relative to the directory of the policy",
                )

    @contextlib.contextmanager
    def open(self, cpus: tuple[int, ...], *, profile: Path | None = None) -> Iterator[ReadyWorker]:
        """Start a fresh worker on these CPUs, load the workload and bind its inputs.

        Args:
            cpus: The CPUs it is pinned to; empty where affinity cannot be set.
            profile: Prefix of the path of the runtime's profile; `None` to run without profiling.

        Raises:
            MeasurementError: When loading fails, or the inputs do not fit.
        """
        with self.start(cpus, profile=profile) as worker:
            yield self.ready(worker)

    @contextlib.contextmanager
    def start(self, cpus: tuple[int, ...], *, profile: Path | None = None) -> Iterator[Worker]:
        """Start a fresh worker, as `open` does, without waiting until it has loaded."""
        start = WorkerStart(
            label=self.label,
            python=self.side.python,
            directory=self.side.directory,
            cpus=cpus,
            threads=self.workload.threads,
        )
        with Worker(start, timeout_s=max(self.timeout_s, MIN_TIMEOUT_S)) as worker:
            worker.start_loading(self.workload.kind, self._spec(profile))
            yield worker

    def ready(self, worker: Worker) -> ReadyWorker:
        """Wait until a worker that was started has loaded, and bind its inputs; raises as `open` does."""
        loaded = worker.loaded(timeout_s=self._load_timeout_s)
        self._refuse_other_sides_code(loaded)
        self.refuse_copies(worker)
        self._refuse_batches_at_a_rate(loaded)
        calls = self._bind(worker, loaded)
        return ReadyWorker(worker=worker, loaded=loaded, distinct_calls=calls, batch_size=self.workload.batch_size)

    @property
    def _load_timeout_s(self) -> float:
        return max(self.timeout_s, MIN_LOAD_SECONDS)

    def _refuse_other_sides_code(self, loaded: LoadReply) -> None:
        """Refuse the other side's code: an environment with the project installed would hide a change."""
        if loaded.origin is None or self.other_directory is None:
            return
        origin = Path(loaded.origin).resolve()
        own, other = self.side.directory.resolve(), self.other_directory.resolve()
        if owner(origin, own, other) == other != own:
            raise self._other_sides_code(self.workload.python or origin.name, origin)

    def refuse_copies(self, worker: Worker) -> None:
        """Refuse an installed copy of the project that is not this side's code.

        Raises:
            MeasurementError: When the worker has imported one so far.
        """
        if self.other_directory is None or self.workload.kind not in {"python", "pytest"}:
            return
        own, other = self.side.directory.resolve(), self.other_directory.resolve()
        copy = find_imported_copy(worker.modules(), own, other)
        if copy is None:
            return
        if owner(copy.file, own, other) == other:
            raise self._other_sides_code(copy.name, copy.file)
        way = f"PYTHONPATH={copy.import_root}"
        if self.workload.kind == "pytest":
            way = f"`pythonpath = {copy.import_root}` in pytest's settings"
        raise MeasurementError(
            f"{copy.name} was imported from a copy ({copy.file}) that is not this side's code: {copy.source} differs",
            where=self.label,
            hint=f"The environment contains an install of the project: {SEPARATE_ENVIRONMENTS}, or let both sides "
            f"import their checkouts with {way}",
        )

    def _other_sides_code(self, what: str, file: Path) -> MeasurementError:
        return MeasurementError(
            f"{what} was imported from the other side's checkout ({file})",
            where=self.label,
            hint=f"The environment contains an editable install of the project: {SEPARATE_ENVIRONMENTS}",
        )

    def _refuse_batches_at_a_rate(self, loaded: LoadReply) -> None:
        if self.workload.load.rate is not None and loaded.requests_per_call > 1:
            raise MeasurementError(
                f"{self.workload.pytest} serves {loaded.requests_per_call} requests per call, but with `load` "
                "requests arrive one at a time",
                where=self.label,
                hint="Remove `load`, or measure one request per call with energy(...)",
            )

    def _spec(self, profile: Path | None) -> dict[str, Any]:
        workload = self.workload
        if workload.kind == "python":
            return {"target": workload.python, "units": workload.units}
        if workload.kind == "http":
            return {
                "url": workload.http,
                "serve": workload.serve,
                "ready": workload.ready,
                "units": workload.units,
                "patience_s": self._load_timeout_s - SERVER_MARGIN_SECONDS,
            }
        if workload.kind == "command":
            return {"line": workload.command}
        if workload.kind == "pytest":
            return {
                "target": workload.pytest,
                "part": workload.part,
                "units": workload.units,
                "seed": self.seed,
                "scratch": str(self.scratch / f"pytest-{self.side.name}"),
                "other": None if self.other_directory is None else str(self.other_directory),
                "options": [*self.pytest_options],
            }
        return {
            "path": str(workload.onnx),
            "threads": workload.threads,
            "provider": workload.provider_name,
            "provider_options": dict(workload.provider_options),
            "profile": None if profile is None else str(profile),
        }

    def _bind(self, worker: Worker, loaded: LoadReply) -> int:
        given, labels = self.workload.inputs, self.workload.labels
        if self.workload.kind == "pytest" or (given is None and loaded.inputs is None):
            return 1
        path = self._synthetic_inputs(loaded) if given is None else self.inputs_directory / given
        leave_out, batch_size = [labels] if labels else [], self.workload.batch_size
        return worker.bind(path, leave_out=leave_out, batch_size=batch_size, seed=self.seed)

    def _synthetic_inputs(self, loaded: LoadReply) -> Path:
        arrays = synthesise(
            loaded.inputs or (),
            shapes=self.workload.shapes,
            batch_size=self.workload.batch_size,
            seed=self.seed,
            label=self.label,
        )
        path = self.scratch / f"inputs-{self.side.name}.npz"
        save_arrays(path, arrays)
        return path


def refuse_one_port(base: Serving, head: Serving) -> None:
    """Refuse two servers on one port: both sides' servers run at the same time, one of them frozen.

    Raises:
        PolicyError: When both endpoints use the same fixed port.
    """
    ports = {serving.workload.fixed_port for serving in (base, head)}
    if len(ports) == 1 and None not in ports:
        raise PolicyError(
            f"`http` has the fixed port {ports.pop()}, and base and head cannot both listen on it",
            where=head.label,
            hint="Write {port} instead, in `serve` too: each side then gets a free port of its own",
        )
