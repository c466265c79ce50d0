"""The `energy` fixture: it calls functions once, remembers them as parts of the test, and returns what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from energygate.errors import MeasurementError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from energygate.result.result import WorkloadResult


@dataclass(frozen=True, kw_only=True)
class Part:
    """One function that a test passed to `energy(...)`.

    Attributes:
        name: Its name; `None` for the one without.
        requests: How many requests one call serves.
        counts_units: Whether it says how many units a call yields.
    """

    name: str | None = None
    requests: int = 1
    counts_units: bool = False


class NotMeasured(MeasurementError):
    """There is no result; the plugin reports why when the test ends."""


class Energy:
    """Calls functions for a test and returns what they cost.

    Args:
        measure: Measures a part, takes seconds; `None` where nothing is measured.
    """

    def __init__(self, measure: Callable[[Part], WorkloadResult] | None) -> None:
        self._measure = measure
        self._results: dict[str | None, WorkloadResult] = {}
        self.parts: list[Part] = []

    def __call__(
        self,
        function: Callable[..., Any],
        /,
        *args: Any,  # noqa: ANN401 - whatever the function takes
        requests: int = 1,
        units: float | Callable[[Any], float] | None = None,
        name: str | None = None,
        **kwargs: Any,  # noqa: ANN401 - the same
    ) -> Any:  # noqa: ANN401 - whatever it returns
        """Call a function once and return its value; with `--energy` it is measured before the test ends.

        Args:
            function: One call is one request. A coroutine function is run to its end.
            args: For the function.
            requests: How many requests one call serves, where it is a batch.
            units: How many units, such as tokens, a call yields: a number, or a function of the call's value.
            name: Tells several parts of one test apart.
            kwargs: For the function; wrap one that itself takes `requests`, `units` or `name`.

        Raises:
            UsageError: Two parts of the test have the same name, or a name is not a text.
            TypeError: `function` is not callable, or `units` is neither a number nor a function.
            ValueError: `requests` is not a positive whole number.
        """
        __tracebackhide__ = True
        from energygate.workloads.energygate_worker.measured_call import MeasuredCall

        if name is not None and not (isinstance(name, str) and name):
            raise UsageError(f"energy(): name={name!r} must be a text, and not empty")
        if any(one.name == name for one in self.parts):
            which = "without a name" if name is None else f"with the name {name!r}"
            raise UsageError(
                f"energy() was called twice {which}",
                hint='Give each part of a test its own: energy(encode, text, name="encode")',
            )
        call = MeasuredCall(function, args, kwargs, requests=requests, units=units)
        try:
            value = call.once()
        finally:
            call.close()
        self.parts.append(Part(name=name, requests=requests, counts_units=units is not None))
        return value

    @property
    def result(self) -> WorkloadResult | None:
        """What the latest part cost, as in `result.json`; measured on first use. `None` when off."""
        __tracebackhide__ = True
        if not self.parts:
            raise UsageError("energy() was not called yet, so there is no result")
        return self.result_of(self.parts[-1].name)

    def result_of(self, name: str | None) -> WorkloadResult | None:
        """Return what the part of a name cost; `None` where nothing is measured.

        Raises:
            UsageError: There is no such part.
            NotMeasured: It could not be measured.
        """
        __tracebackhide__ = True
        if all(one.name != name for one in self.parts):
            raise UsageError(f"the test has no part {name!r}")
        result = self.judged(name)
        return None if result is None or result.provenance is None else result

    def judged(self, name: str | None) -> WorkloadResult | None:
        """Return the result of a part, also where it is identical to base and was not measured."""
        __tracebackhide__ = True
        if self._measure is None:
            return None
        if name not in self._results:
            self._results[name] = self._measure(next(one for one in self.parts if one.name == name))
        result = self._results[name]
        if result.error is not None:
            raise NotMeasured(result.error.message, where=result.name)
        return result
