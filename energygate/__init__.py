"""energygate: a CI gate for the energy of AI inference.

    import energygate

    result = energygate.check("energygate.yml")
    assert result.verdict is energygate.Verdict.PASS

The names below are loaded when they are first used, so that `import energygate` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from energygate.version import __version__

if TYPE_CHECKING:
    from energygate.api import check
    from energygate.errors import EnergygateError, MeasurementError, PolicyError, UsageError
    from energygate.gate import Verdict
    from energygate.policy import Policy, load_policy
    from energygate.production.recorder.recorder import Recorder
    from energygate.result.result import Result

_HOMES = {
    "check": "energygate.api",
    "load_policy": "energygate.policy",
    "Policy": "energygate.policy",
    "Recorder": "energygate.production.recorder.recorder",
    "Result": "energygate.result.result",
    "Verdict": "energygate.gate",
    "EnergygateError": "energygate.errors",
    "PolicyError": "energygate.errors",
    "MeasurementError": "energygate.errors",
    "UsageError": "energygate.errors",
}

__all__ = [
    "EnergygateError",
    "MeasurementError",
    "Policy",
    "PolicyError",
    "Recorder",
    "Result",
    "UsageError",
    "Verdict",
    "__version__",
    "check",
    "load_policy",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value: object = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
