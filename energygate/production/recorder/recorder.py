"""`energygate.Recorder`: the energy of a live inference service, by request."""

from __future__ import annotations

import atexit
import functools
import weakref
from typing import TYPE_CHECKING, Any, TypeVar, overload

from energygate.production.recorder.config import recorder_config
from energygate.production.recorder.forks import after_fork_in_child
from energygate.production.recorder.recording import LOG, Recording
from energygate.production.recorder.request import CURRENT, Request

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Sequence

    from energygate.policy import Policy
    from energygate.production.recorder.asgi import AsgiApp
    from energygate.production.recorder.config import Clocks
    from energygate.production.recorder.prometheus import RecorderCollector
    from energygate.production.recorder.samples import LiveMeter
    from energygate.production.recorder.shared_totals import SharedTotals
    from energygate.production.recorder.snapshot import Sink, Snapshot
    from energygate.production.recorder.wsgi import WsgiApp

    Function = TypeVar("Function", bound=Callable[..., Any])

_RECORDERS: weakref.WeakSet[Recorder] = weakref.WeakSet()


class Recorder:
    """Counts energy, success, duration and response bytes of the requests that a service serves.

    A thread reads the machine's energy in the background and divides it among the requests in flight. Failures never
    reach the service: they are logged once and counted, the meter's in `energygate_meter_errors_total` and all others
    in `energygate_internal_errors_total`.

    Example:
        >>> recorder = energygate.Recorder("energygate.yml", workload="digits-cnn")  # doctest: +SKIP
        >>> with recorder.request() as request:  # doctest: +SKIP
        ...     answer = model(inputs)
        ...     request.units(len(answer.tokens), "tokens")
        >>> app = recorder.wsgi(app, metrics_path="/metrics")  # doctest: +SKIP

    Args:
        policy: The policy, or its file. It supplies the PUE, the power model, the latency limits and the workloads'
            names.
        workload: The workload that the service serves. Optional where the policy has only one.
        pue: Facility energy over IT energy, 1.0 to 3.0, for a service without a policy.
        sinks: Send snapshots elsewhere.
        sample_interval_s: How often the meter is read; less often where its value changes less often.
        export_interval_s: How often sinks are fed.
        multiprocess_dir: A directory in which the processes of one service share their totals, so that any of them
            can show the sums. It must be the service's alone.
        background: Whether threads read the meter and feed the sinks. Without them, as in a function that is frozen
            between requests, call `flush`.
        meter: Opens another meter than the machine's own.
        clocks: Other clocks than the system's.

    Raises:
        PolicyError: When the policy cannot be read.
        UsageError: When the arguments do not say what is served, or contradict the policy.
    """

    def __init__(  # noqa: PLR0913 - all that a service can choose
        self,
        policy: Policy | str | os.PathLike[str] | None = None,
        *,
        workload: str | None = None,
        pue: float | None = None,
        sinks: Sequence[Sink] = (),
        sample_interval_s: float = 1.0,
        export_interval_s: float = 60.0,
        multiprocess_dir: str | os.PathLike[str] | None = None,
        background: bool = True,
        meter: Callable[[], LiveMeter] | None = None,
        clocks: Clocks | None = None,
    ) -> None:
        self._config = recorder_config(
            policy,
            workload=workload,
            pue=pue,
            sinks=sinks,
            sample_interval_s=sample_interval_s,
            export_interval_s=export_interval_s,
            background=background,
            meter=meter,
            clocks=clocks,
        )
        self.workload = self._config.names[0]
        self._shared_totals = self._share_in(multiprocess_dir)
        self._closed = False
        self._recording = Recording(self._config, self._shared_totals)
        _RECORDERS.add(self)

    def start(self) -> None:
        """Begin to measure; so do the first request and the first snapshot. Never raises.

        In a server that forks its workers, call it in the workers.
        """
        self.recording()

    def close(self) -> None:
        """Measure and export a last time, and stop. Never raises; takes seconds at most.

        Later requests are not counted. The interpreter calls it at exit.
        """
        if not self._closed:
            self._closed = True
            if self._recording.started:
                self._recording.close()

    def __enter__(self) -> Recorder:  # noqa: PYI034 - Self came with Python 3.11
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(self, workload: str | None = None) -> Request:
        """Return a request for a `with` block: it begins and ends with the block, and fails when the block raises.

        A request within another one of the same workload is part of it and not counted again, so that the
        middlewares, the decorator and this can be combined.

        Args:
            workload: Which one, in a service that has several; `None`: the service's own.
        """
        return Request(self, workload)

    def current(self) -> Request:
        """Return the request of the running thread or task; without one, a request that counts nothing."""
        return CURRENT.get() or Request(self, None)

    @overload
    def measured(self, function: Function, /) -> Function: ...
    @overload
    def measured(self, /, *, workload: str | None = None) -> Callable[[Function], Function]: ...
    def measured(self, function: Any = None, /, *, workload: str | None = None) -> Any:
        """Make every call of a function a request: `@recorder.measured`.

        Coroutines are requests until they return, generators until they are exhausted or closed.

        Args:
            function: A function, a coroutine function, or a generator function of either kind.
            workload: As for `request`.
        """
        from energygate.production.recorder.decorator import measured

        new_request = functools.partial(self.request, workload)
        if function is None:
            return lambda later: measured(later, new_request)
        return measured(function, new_request)

    def wsgi(
        self,
        app: WsgiApp,
        *,
        workload: str | Callable[[Any], str | None] | None = None,
        metrics_path: str | None = None,
        exclude: Collection[str] = ("/metrics",),
    ) -> WsgiApp:
        """Return a WSGI application with every request counted. A status of 500 or more is an error.

        Args:
            app: The application.
            workload: As for `request`; or a function that returns it for a request's environment.
            metrics_path: The path that shows the metrics instead of the application; `None`: none does.
            exclude: Paths that are not counted; one that ends with `*` stands for all with that prefix.
        """
        from energygate.production.recorder.middleware import HttpRequests
        from energygate.production.recorder.wsgi import WsgiMiddleware

        requests = HttpRequests(self, workload=workload, metrics_path=metrics_path, exclude=exclude)
        return WsgiMiddleware(app, requests)

    def asgi(
        self,
        app: AsgiApp,
        *,
        workload: str | Callable[[Any], str | None] | None = None,
        metrics_path: str | None = None,
        exclude: Collection[str] = ("/metrics",),
    ) -> AsgiApp:
        """Return an ASGI application with every HTTP request counted. Everything else passes through untouched.

        Args:
            app: The application.
            workload: As for `request`; or a function that returns it for a connection's scope.
            metrics_path: The path that shows the metrics instead of the application; `None`: none does.
            exclude: Paths that are not counted; one that ends with `*` stands for all with that prefix.
        """
        from energygate.production.recorder.asgi import AsgiMiddleware
        from energygate.production.recorder.middleware import HttpRequests

        requests = HttpRequests(self, workload=workload, metrics_path=metrics_path, exclude=exclude)
        return AsgiMiddleware(app, requests)

    def snapshot(self) -> Snapshot:
        """Return all totals of this process up to the last sample."""
        if not self._closed:
            self.start()
        return self._recording.snapshot()

    def service_snapshot(self) -> Snapshot:
        """Return all totals of the service: of all processes that share `multiprocess_dir`, else of this one.

        Raises:
            OSError: When that directory cannot be used. Partial sums would look like counters that were reset.
        """
        return self.snapshot() if self._shared_totals is None else self._shared_totals.total(self.snapshot)

    def sample(self) -> None:
        """Read the meter now. The first call only opens it: energy counts from then on. Never raises."""
        recording = self.recording()
        if recording is not None:
            recording.sample()

    def flush(self) -> None:
        """Read the meter now, and feed the sinks. Never raises."""
        recording = self.recording()
        if recording is not None:
            recording.sample()
            recording.export()

    @property
    def collector(self) -> RecorderCollector:
        """A collector for a registry of `prometheus_client`: `REGISTRY.register(recorder.collector)`."""
        from energygate.production.recorder.prometheus import RecorderCollector

        return RecorderCollector(self.service_snapshot)

    def metrics_text(self) -> str:
        """Return the metrics in the OpenMetrics text format.

        Raises:
            OSError: As `service_snapshot`.
        """
        from energygate.production.recorder.prometheus import openmetrics

        return openmetrics(self.collector)

    def expose(self, port: int, address: str = "127.0.0.1") -> int:
        """Serve the metrics on a port of their own, to anyone who can reach it.

        Args:
            port: The port; 0 for any free one.
            address: `0.0.0.0` lets other machines connect.

        Returns:
            The port.

        Raises:
            UsageError: When the port is not available.
        """
        from energygate.production.recorder.prometheus import expose

        self.start()
        return expose(self.collector, port, address)

    def recording(self) -> Recording | None:
        """Return this process's recording, started; `None` once the recorder is closed."""
        if self._closed:
            return None
        recording = self._recording
        if not recording.started:
            recording.start()
        return recording

    def note(self, what: str, error: BaseException) -> None:
        """Count an internal error, which the service must not see; log it once."""
        self._recording.note(what, error)

    def _share_in(self, directory: str | os.PathLike[str] | None) -> SharedTotals | None:
        if directory is None:
            return None
        from energygate.production.recorder.shared_totals import SharedTotals

        return SharedTotals(directory, known=self._config.names, note=self.note)

    def _restart(self) -> None:
        """Record anew in a forked child, which shares none of its parent's threads, locks and totals."""
        self._recording = Recording(self._config, self._shared_totals, forked=True)


def _after_fork_in_child() -> None:
    for recorder in list(_RECORDERS):
        try:
            recorder._restart()  # noqa: SLF001 - same module
        except Exception:  # noqa: BLE001, PERF203 - nothing may raise here
            LOG.exception("energygate: a forked process cannot record")


def _at_exit() -> None:
    for recorder in list(_RECORDERS):
        recorder.close()


after_fork_in_child(_after_fork_in_child)
atexit.register(_at_exit)
