"""What the WSGI and the ASGI middleware share: which requests count, as which workload, and the metrics page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from energygate.production.recorder.prometheus import RecorderCollector
    from energygate.production.recorder.request import Request

SERVER_ERROR = 500
"""The lowest HTTP status that says that the server failed."""


class HttpRecorder(Protocol):
    """What a middleware needs of a `Recorder`."""

    @property
    def collector(self) -> RecorderCollector:
        """Collect the service's metrics."""

    def request(self, workload: str | None = None) -> Request:
        """Return a new request of a workload."""

    def note(self, what: str, error: BaseException) -> None:
        """Count an internal error; log it once."""


class HttpRequests:
    """The requests to one application.

    Args:
        recorder: Counts them.
        workload: The workload they belong to, or a function that returns it for a request's environment (WSGI) or
            scope (ASGI); `None`: the recorder's own.
        metrics_path: The path that shows the metrics instead of the application; `None`: none does.
        exclude: Paths that are not counted; one that ends with `*` stands for all with that prefix.
    """

    def __init__(
        self,
        recorder: HttpRecorder,
        *,
        workload: str | Callable[[Any], str | None] | None,
        metrics_path: str | None,
        exclude: Collection[str],
    ) -> None:
        self.note = recorder.note
        self._recorder = recorder
        self._workload = workload
        self._metrics_path = metrics_path
        self._excluded = frozenset(exclude)
        self._excluded_prefixes = tuple(path[:-1] for path in exclude if path.endswith("*"))

    def shows_metrics(self, path: str) -> bool:
        """Return whether a path shows the metrics."""
        return path == self._metrics_path

    def excludes(self, path: str) -> bool:
        """Return whether requests to a path are not counted."""
        return path in self._excluded or path.startswith(self._excluded_prefixes)

    def new(self, connection: object) -> Request:
        """Return a request, not yet begun, of the workload that its environment or scope belongs to."""
        workload = self._workload
        if callable(workload):
            try:
                workload = workload(connection)
            except Exception as error:  # noqa: BLE001 - the request is served all the same
                self.note("the workload of a request could not be determined", error)
                workload = None
        return self._recorder.request(workload)

    def metrics_page(self, accept: str) -> tuple[str, str, bytes]:
        """Return the status, the content type and the body that answer a request for the metrics.

        Args:
            accept: The request's `Accept` header, which chooses the format.
        """
        from energygate.production.recorder.prometheus import page

        try:
            return "200 OK", *page(self._recorder.collector, accept)
        except Exception as error:  # noqa: BLE001 - it is the service's thread that answers
            self.note("the metrics could not be shown", error)
            return "503 Service Unavailable", "text/plain", b"the metrics could not be collected\n"
