"""Other plugins: warnings that every suite sees, and pytest-timeout's clock while a test is measured."""

from __future__ import annotations

import contextlib
import importlib
import warnings
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


class EnergyWarning(pytest.PytestWarning):
    """A test passed, but its energy needs attention."""

    __module__ = "energygate"


def warn(item: pytest.Item, text: str) -> None:
    """Warn in spite of the suite's filters and `recwarn`: an inconclusive test passes, so its warning must show."""
    line = (item.location[1] or 0) + 1
    message = warnings.WarningMessage(EnergyWarning(text), EnergyWarning, str(item.path), line)
    item.ihook.pytest_warning_recorded.call_historic(
        kwargs={"warning_message": message, "when": "runtest", "nodeid": item.nodeid, "location": None}
    )


@contextlib.contextmanager
def paused_timeout(item: pytest.Item) -> Iterator[None]:
    """Stop pytest-timeout's clock, which limits the test itself; it restarts afterwards."""
    cancel = getattr(item.ihook, "pytest_timeout_cancel_timer", None)
    if cancel is None:
        yield
        return
    cancel(item=item)
    try:
        yield
    finally:
        with contextlib.suppress(ImportError, AttributeError):  # it has no public name for a test's settings
            settings = importlib.import_module("pytest_timeout")._get_item_settings(item)  # noqa: SLF001
            if settings.timeout and not settings.func_only:  # the clock of `func_only` may have stopped for good
                item.ihook.pytest_timeout_set_timer(item=item, settings=settings)
