"""`energygate.Recorder`: what a live inference service costs, by request."""

from __future__ import annotations

import atexit
import weakref
from typing import TYPE_CHECKING, Any, TypeVar, overload

from energygate.production.recorder.forks import in_every_child
from energygate.production.recorder.recording import LOG, Clocks, RecorderConfig, Recording
from energygate.production.recorder.request import CURRENT, Request

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Sequence

    from energygate.policy import Policy
    from energygate.production.recorder.asgi import AsgiApp
    from energygate.production.recorder.prometheus import RecorderCollector
    from energygate.production.recorder.samples import LiveMeter
    from energygate.production.recorder.shared_totals import SharedTotals
    from energygate.production.recorder.snapshot import Sink, Snapshot
    from energygate.production.recorder.wsgi import WsgiApp

    Function = TypeVar("Function", bound=Callable[..., Any])

_RECORDERS: weakref.WeakSet[Recorder] = weakref.WeakSet()


class Recorder:
    """Counts energy, success, time and bytes of the requests that a service serves.

    A thread reads the machine's energy in the background and shares it over the requests in flight. Nothing that
    goes wrong here reaches the service: it is counted (`energygate_meter_errors_total`, or
    `energygate_internal_errors_total` where it is not the meter's) and logged once.

    Example:
        >>> recorder = energygate.Recorder("energygate.yml", workload="digits-cnn")  # doctest: +SKIP
        >>> with recorder.request() as request:  # doctest: +SKIP
        ...     answer = model(inputs)
        ...     request.units(len(answer.tokens), "tokens")
        >>> app = recorder.wsgi(app, metrics_path="/metrics")  # doctest: +SKIP

    Args:
        policy: The policy, or its file. Its site's PUE, its power model and its limits on latency count here, and its
            workloads' names.
        workload: What the service serves. May be left out where the policy has one workload only.
        pue: Facility energy over IT energy, 1.0 to 3.0, for a service without a policy.
        sinks: Take snapshots elsewhere.
        sample_interval_s: How often the meter is read. More seldom where it moves more seldom.
        export_interval_s: How often sinks are fed.
        multiprocess_dir: A directory in which the processes of one service bring their totals together, so that any
            of them can show the sums; its content is the service's alone.
        background: Whether threads of its own read the meter and feed the sinks. Without them, as in a function that
            is frozen between requests, call `flush`.
        meter: Opens another meter than the machine's own.
        clocks: Other clocks than the system's.

    Raises:
        PolicyError: When the policy cannot be read.
        UsageError: When the arguments do not say what is served, or contradict the policy.
    """

    def __init__(  # noqa: PLR0913 - what a service can say of itself
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
        from energygate.production.recorder.config import settings_for

        settings = settings_for(
            policy,
            workload=workload,
            pue=pue,
            sample_interval_s=sample_interval_s,
            export_interval_s=export_interval_s,
        )
        self.workload = settings.names[0]
        self._pool = _pool(multiprocess_dir, settings.names, self.note)
        self._plan = RecorderConfig(
            names=settings.names,
            bounds_seconds=settings.bounds_seconds,
            pue=settings.pue,
            open_meter=meter or settings.open_meter,
            load=settings.load if meter is None else object,
            sinks=tuple(sinks),
            pool=self._pool,
            sample_interval_ns=round(sample_interval_s * 1e9),
            export_interval_ns=round(export_interval_s * 1e9),
            background=background,
            clocks=clocks or Clocks(),
        )
        self._closed = False
        self._recording = Recording(self._plan)
        _RECORDERS.add(self)

    def start(self) -> None:
        """Begin to measure; the first request, and the first look at what was measured, do so too. Never raises.

        In a server that forks its workers, call it in the workers.
        """
        self.recording()

    def close(self) -> None:
        """Measure and export a last time, and end. Never raises; takes seconds at most. Later requests are not counted.

        The interpreter's own end does the same.
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
        """A request, for a `with` block: it begins and ends with it, and has failed when the block raises.

        A request within one of the same workload is part of it and not counted again; so the middlewares, the
        decorator and this may be used together.

        Args:
            workload: Which one, in a service that has several; `None`: the service's own.
        """
        return Request(self, workload)

    def current(self) -> Request:
        """The request that the running thread or task serves; one that counts nothing where there is none."""
        return CURRENT.get() or Request(self, None)

    @overload
    def measured(self, function: Function, /) -> Function: ...
    @overload
    def measured(self, /, *, workload: str | None = None) -> Callable[[Function], Function]: ...
    def measured(self, function: Any = None, /, *, workload: str | None = None) -> Any:
        """Let every call of a function be a request: `@recorder.measured`.

        Coroutines are requests until they return, generators until they are exhausted or closed.

        Args:
            function: A function, a coroutine function, or a generator function of either kind.
            workload: As for `request`.
        """
        from energygate.production.recorder.decorator import measured

        if function is None:
            return lambda later: measured(self, later, workload)
        return measured(self, function, workload)

    def wsgi(
        self,
        app: WsgiApp,
        *,
        workload: str | Callable[[Any], str | None] | None = None,
        metrics_path: str | None = None,
        exclude: Collection[str] = ("/metrics",),
    ) -> WsgiApp:
        """Let every request to a WSGI application be counted. A status of 500 or more is an error.

        Args:
            app: The application.
            workload: As for `request`; or a function that tells it from the request's environment.
            metrics_path: Where the metrics are shown, in the application's place; `None`: nowhere.
            exclude: Paths that are not counted; one that ends with `*` stands for all that begin so.
        """
        from energygate.production.recorder.wsgi import WsgiMiddleware

        return WsgiMiddleware(self, app, workload=workload, metrics_path=metrics_path, exclude=exclude)

    def asgi(
        self,
        app: AsgiApp,
        *,
        workload: str | Callable[[Any], str | None] | None = None,
        metrics_path: str | None = None,
        exclude: Collection[str] = ("/metrics",),
    ) -> AsgiApp:
        """Let every HTTP request to an ASGI application be counted. Everything else passes through untouched.

        Args:
            app: The application.
            workload: As for `request`; or a function that tells it from the connection's scope.
            metrics_path: Where the metrics are shown, in the application's place; `None`: nowhere.
            exclude: Paths that are not counted; one that ends with `*` stands for all that begin so.
        """
        from energygate.production.recorder.asgi import AsgiMiddleware

        return AsgiMiddleware(self, app, workload=workload, metrics_path=metrics_path, exclude=exclude)

    def snapshot(self) -> Snapshot:
        """All totals of this process up to the last sample."""
        if not self._closed:
            self.start()
        return self._recording.snapshot()

    def service_snapshot(self) -> Snapshot:
        """All totals of the service: of all processes that share `multiprocess_dir`; without one, of this process.

        Raises:
            OSError: When that directory cannot be used. A part of the sums would look like counters that were reset.
        """
        return self.snapshot() if self._pool is None else self._pool.together(self.snapshot)

    def sample(self) -> None:
        """Read the meter now. The first time only opens it: energy counts from then on. Never raises."""
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
        """For a registry of `prometheus_client`: `REGISTRY.register(recorder.collector)`."""
        from energygate.production.recorder.prometheus import RecorderCollector

        return RecorderCollector(self.service_snapshot)

    def metrics_text(self) -> str:
        """The metrics in the OpenMetrics text format.

        Raises:
            OSError: As `service_snapshot`.
        """
        from energygate.production.recorder.prometheus import openmetrics

        return openmetrics(self.collector)

    def expose(self, port: int, address: str = "127.0.0.1") -> int:
        """Show the metrics on a port of their own, to whoever can reach it.

        Args:
            port: The port; 0 for any that is free.
            address: `0.0.0.0` lets other machines in.

        Returns:
            The port.

        Raises:
            UsageError: When the port cannot be had.
        """
        from energygate.production.recorder.prometheus import expose

        self.start()
        return expose(self.collector, port, address)

    def recording(self) -> Recording | None:
        """This process's recording, started; `None` once the recorder is closed."""
        if self._closed:
            return None
        recording = self._recording
        if not recording.started:
            recording.start()
        return recording

    def note(self, what: str, error: BaseException) -> None:
        """Count a trouble that the service must not see; say it once."""
        self._recording.note(what, error)

    def _begin_anew(self) -> None:
        """In a forked child: nothing of the parent's threads, locks and totals is the child's."""
        self._recording = Recording(self._plan, forked=True)


def _pool(
    directory: str | os.PathLike[str] | None, known: Sequence[str], note: Callable[[str, BaseException], None]
) -> SharedTotals | None:
    if directory is None:
        return None
    from energygate.production.recorder.shared_totals import SharedTotals

    return SharedTotals(directory, known=known, note=note)


def _after_fork_in_child() -> None:
    for recorder in list(_RECORDERS):
        try:
            recorder._begin_anew()  # noqa: SLF001 - of this module
        except Exception:  # noqa: BLE001, PERF203 - nothing may raise here
            LOG.exception("energygate: a forked process cannot record")


def _at_exit() -> None:
    for recorder in list(_RECORDERS):
        recorder.close()


in_every_child(_after_fork_in_child)
atexit.register(_at_exit)
