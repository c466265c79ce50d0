"""A test's measured part as a workload: pytest runs in this process, and its fixture serves.

This is the fixture's signature, here and in the plugin:

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

OLDEST = (7, 0)
"""The oldest pytest that this is written for."""


def run(spec: dict[str, Any], serve: Callable[[Any], None], say_goodbye: Callable[..., None]) -> None:
    """Run a test; once it measures the part that is wanted, serve that, and say goodbye when the test has ended.

    Args:
        spec: `target`, a node id; `part`, the name of what is measured, and `units`, what requests yield, or `None`;
            `seed`; `scratch`, a directory for what pytest writes; `other`, the other side's checkout, or `None`;
            `options`, those of the user's own session that say how tests are collected.
        serve: Serves a workload until `shut_down`.
        say_goodbye: Answers `shut_down`, with a trouble where there is one.

    Raises:
        Trouble: When there is no pytest for it, or the test never measured that part.
    """
    pytest = imported_pytest()
    sys.argv[1:] = []
    os.makedirs(spec["scratch"], exist_ok=True)
    node = MeasuredTest(spec, serve, say_goodbye)
    try:
        node.run(pytest)
    except SystemExit as error:  # a conftest.py may well call sys.exit
        node.outcome.ended_by(error)
    finally:
        say_goodbye()
    if not node.served:
        raise node.outcome.trouble(node.wanted, node.names)


def imported_pytest() -> Any:
    """This environment's pytest.

    Raises:
        Trouble: When it has none, or one that is too old.
    """
    try:
        import pytest
    except ImportError as error:
        raise WorkloadError("%s cannot import pytest: %s" % (sys.executable, message_of(error))) from None
    if tuple(map(int, pytest.__version__.split(".")[:2])) < OLDEST:
        message = "%s has pytest %s; workloads of kind pytest need 7.0 or later"
        raise WorkloadError(message % (sys.executable, pytest.__version__))
    return pytest


class MeasuredTest:
    """One run of one test, in which one call of `energy` is served.

    Attributes:
        wanted: The name of the call that is; `None` for the one without a name.
        names: Those of all calls so far.
        served: Whether it was reached.
        outcome: What became of the test.
    """

    def __init__(
        self, spec: dict[str, Any], serve: Callable[[Any], None], say_goodbye: Callable[..., None]
    ) -> None:
        self._spec = spec
        self._serve = serve
        self._say_goodbye = say_goodbye
        self._checkouts = Checkouts(os.getcwd(), spec["other"])
        self.wanted: str | None = spec["part"]
        self.names: list[str | None] = []
        self.served = False
        self.outcome = Outcome(spec["target"])

    def run(self, pytest: Any) -> None:
        """Run the test, with pytest's settings of this checkout."""
        fixture = types.ModuleType("energygate_fixture")
        fixture.energy = pytest.fixture(lambda: EnergyFixture(self), name="energy")  # type: ignore[attr-defined]
        spec = dict(self._spec, targets=[self._spec["target"]])
        session = Session(spec, self._checkouts, fixture, dict(OPTIONS, **SELECTION), self._ended)
        self.outcome.code = run_session(pytest, session, [self.outcome])

    def measure(self, name: str | None, call: MeasuredCall) -> Any:
        """Serve a call if it is the one that is wanted, else make it once; returns its value."""
        self.names.append(name)
        if name != self.wanted:
            try:
                return call.once()
            finally:
                call.close()
        import pytest

        if self.served:
            whose = "without a name" if name is None else "of the name %r" % name
            message = "%s measures two parts %s; tell them apart with energy(..., name=...)"
            self._say_goodbye(WorkloadError(message % (self._spec["target"], whose)))
            pytest.exit("measured twice")
        self.served = True
        call.count(self._spec["units"])
        call.versions = {"pytest": pytest.__version__}
        call.origin = self._checkouts.foreign_module()
        with without_observers():
            self._serve(call)
        if call.value is NOT_YET:  # nobody asked, or every request failed
            pytest.exit("measured nothing")
        return call.value

    def _ended(self) -> bool:
        """The test has ended; what it took to set up is torn down next, for which nobody waits."""
        if self.served:
            self._say_goodbye()
        return self.served


class EnergyFixture:
    """The fixture `energy` as a worker provides it."""

    def __init__(self, node: MeasuredTest) -> None:
        self._node = node

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
        """Call `function(*args, **kwargs)`, measure it if it is the part that is wanted, and return its value."""
        __tracebackhide__ = True
        return self._node.measure(name, MeasuredCall(function, args, kwargs, requests=requests, units=units))

    @property
    def result(self) -> Any:
        """What the latest part cost, which is for the user's own session to know."""
        return UnmeasuredResult()

    def result_of(self, name: str | None) -> Any:  # noqa: ARG002 - the plugin's signature
        """What a part cost: the same."""
        return UnmeasuredResult()


class UnmeasuredResult:
    """Stands for a result, of which there is none here: a test that asserts something about it goes on all the same."""

    def _itself(self, *_: Any, **__: Any) -> Any:
        return self

    def _agrees(self, *_: Any) -> bool:
        return True

    __getattr__ = __getitem__ = __call__ = _itself
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _itself
    __neg__ = __abs__ = __round__ = _itself
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = __contains__ = __bool__ = _agrees
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
"""Ids of tools in `sys.monitoring` (Python 3.12 and later)."""


@contextmanager
def without_observers() -> Iterator[None]:
    """Be watched by nobody: coverage, debuggers and profilers that run in this process are back afterwards."""
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
    """Take the callbacks of `sys.monitoring` away; returns tool, event and callback of each."""
    monitoring: Any = getattr(sys, "monitoring", None)
    taken = []
    for tool in TOOLS if monitoring is not None else ():
        if monitoring.get_tool(tool) is None:
            continue
        for event in vars(monitoring.events).values():
            if isinstance(event, int) and event and not event & (event - 1):  # the others are several at once
                callback = monitoring.register_callback(tool, event, None)
                if callback is not None:
                    taken.append((tool, event, callback))
    return taken
