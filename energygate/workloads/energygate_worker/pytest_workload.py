"""A part of a test as a workload: pytest runs in this process, and its fixture `energy` serves the part.

The signature of the fixture, here and in the plugin:

    energy(fn, *args, requests=1, units=None, name=None, **kwargs) -> the value of fn(*args, **kwargs)

`requests`, `units` and `name` are keywords of `energy` and never reach `fn`; see `measured_call.MeasuredCall`.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import types
from contextlib import contextmanager

from .checkouts import Checkouts
from .errors import WorkloadError, message_of
from .measured_call import NOT_YET, MeasuredCall
from .pytest_outcome import Outcome
from .pytest_session import OPTIONS, SELECTION, Session, run_session

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

MIN_VERSION = (7, 0)
"""Oldest supported pytest."""


def run(spec: dict[str, Any], serve: Callable[[Any], None], finish: Callable[..., None]) -> None:
    """Run a test, and serve the requested part when the test measures it.

    Args:
        spec: `target`, a node id; `part`, the name of the measured part, and `units`, what requests yield, or `None`;
            `seed`; `scratch`, a directory for pytest's files; `other`, the other side's checkout, or `None`;
            `options`, those of the user's session that decide how tests are collected.
        serve: Serves a workload until `shut_down`.
        finish: Answers `shut_down`, with an error if there is one.

    Raises:
        WorkloadError: When pytest is missing, or the test never measures the part.
    """
    pytest = imported_pytest()
    sys.argv[1:] = []
    os.makedirs(spec["scratch"], exist_ok=True)
    test = MeasuredTest(spec, serve, finish)
    try:
        test.run(pytest)
    except SystemExit as error:  # a conftest.py may call sys.exit
        test.outcome.ended_by(error)
    finally:
        finish()
    if not test.served:
        raise test.outcome.error(test.part, test.names)


def imported_pytest() -> Any:
    """Import this environment's pytest.

    Raises:
        WorkloadError: When it has none, or one that is too old.
    """
    try:
        import pytest
    except ImportError as error:
        raise WorkloadError("%s cannot import pytest: %s" % (sys.executable, message_of(error))) from None
    if tuple(map(int, pytest.__version__.split(".")[:2])) < MIN_VERSION:
        message = "%s has pytest %s; workloads of kind pytest need 7.0 or later"
        raise WorkloadError(message % (sys.executable, pytest.__version__))
    return pytest


class MeasuredTest:
    """One run of one test, in which one call of `energy` is served.

    Attributes:
        part: Name of the part that is served; `None` for the one without a name.
        names: Names of all parts so far.
        served: Whether the part was reached.
        outcome: What happened to the test.
    """

    def __init__(self, spec: dict[str, Any], serve: Callable[[Any], None], finish: Callable[..., None]) -> None:
        self._spec = spec
        self._serve = serve
        self._finish = finish
        self._checkouts = Checkouts(os.getcwd(), spec["other"])
        self.part: str | None = spec["part"]
        self.names: list[str | None] = []
        self.served = False
        self.outcome = Outcome(spec["target"])

    def run(self, pytest: Any) -> None:
        """Run the test with the pytest settings of this checkout."""
        fixture = types.ModuleType("energygate_fixture")
        fixture.energy = pytest.fixture(lambda: EnergyFixture(self), name="energy")  # type: ignore[attr-defined]
        spec = dict(self._spec, targets=[self._spec["target"]])
        session = Session(spec, self._checkouts, fixture, dict(OPTIONS, **SELECTION), self._ended)
        self.outcome.code = run_session(pytest, session, [self.outcome])

    def measure(self, name: str | None, call: MeasuredCall) -> Any:
        """Serve a call if it is the requested part, else make it once; return its value."""
        self.names.append(name)
        if name != self.part:
            try:
                return call.once()
            finally:
                call.close()
        import pytest

        if self.served:
            which = "without a name" if name is None else "named %r" % name
            message = "%s measures two parts %s; distinguish them with energy(..., name=...)"
            self._finish(WorkloadError(message % (self._spec["target"], which)))
            pytest.exit("measured twice")
        self.served = True
        call.count(self._spec["units"])
        call.versions = {"pytest": pytest.__version__}
        call.origin = self._checkouts.foreign_module()
        with without_observers():
            self._serve(call)
        if call.value is NOT_YET:  # no request was served, or all failed
            pytest.exit("measured nothing")
        return call.value

    def _ended(self) -> bool:
        """Answer `shut_down` when the test has ended, before its fixtures are torn down; return if it was served."""
        if self.served:
            self._finish()
        return self.served


class EnergyFixture:
    """The fixture `energy` in a worker."""

    def __init__(self, test: MeasuredTest) -> None:
        self._test = test

    def __call__(
        self,
        function: Callable[..., Any],
        /,
        *args: Any,
        requests: int = 1,
        units: float | Callable[[Any], float] | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Call `function(*args, **kwargs)`, measure it if it is the requested part, and return its value."""
        __tracebackhide__ = True
        return self._test.measure(name, MeasuredCall(function, args, kwargs, requests=requests, units=units))

    @property
    def result(self) -> Any:
        """The cost of the latest part, which only the user's own session knows."""
        return UnmeasuredResult()

    def result_of(self, name: str | None) -> Any:  # noqa: ARG002 - the plugin's signature
        """Return the cost of a part, likewise unknown."""
        return UnmeasuredResult()


class UnmeasuredResult:
    """Replaces a result, which does not exist here: assertions about it pass."""

    def _itself(self, *_: Any, **__: Any) -> Any:
        return self

    def _true(self, *_: Any) -> bool:
        return True

    __getattr__ = __getitem__ = __call__ = _itself
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _itself
    __neg__ = __abs__ = __round__ = _itself
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = __contains__ = __bool__ = _true
    __hash__ = object.__hash__

    def __float__(self) -> float:
        return 0.0

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Any:
        return iter(())

    def __format__(self, _: str) -> str:
        return "not measured here"


TOOLS = range(6)
"""Tool ids of `sys.monitoring` (Python 3.12 and later)."""


@contextmanager
def without_observers() -> Iterator[None]:
    """Disable coverage, debuggers, profilers and pytest's log handlers in this process, and restore them afterwards."""
    trace, profile = sys.gettrace(), sys.getprofile()
    root = logging.getLogger()
    handlers = [one for one in root.handlers if type(one).__module__ == "_pytest.logging"]
    sys.settrace(None)
    sys.setprofile(None)
    threading.settrace(None)
    threading.setprofile(None)
    watching = _stop_monitoring()
    for handler in handlers:
        root.removeHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            root.addHandler(handler)
        for tool, event, callback in watching:
            sys.monitoring.register_callback(tool, event, callback)  # type: ignore[attr-defined]
        sys.setprofile(profile)
        sys.settrace(trace)


def _stop_monitoring() -> list[tuple[int, int, Any]]:
    """Remove the callbacks of `sys.monitoring`; return tool, event and callback of each."""
    monitoring: Any = getattr(sys, "monitoring", None)
    removed = []
    for tool in TOOLS if monitoring is not None else ():
        if monitoring.get_tool(tool) is None:
            continue
        for event in vars(monitoring.events).values():
            if isinstance(event, int) and event and not event & (event - 1):  # a single event, not a combination
                callback = monitoring.register_callback(tool, event, None)
                if callback is not None:
                    removed.append((tool, event, callback))
    return removed
