"""Explain in one sentence why a test did not measure its part."""

from __future__ import annotations

import os

from .errors import MAX_MESSAGE_LENGTH, MissingTarget, WorkloadError, describe_error, message_of

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

MAX_LISTED = 5
"""Tests that a message lists if a node id names several."""


class Outcome:
    """Records what happens to a test.

    Attributes:
        code: Pytest's exit code; `None` while it is running.
    """

    HOOKS = (
        ("pytest_cmdline_parse", {"hookwrapper": True}),
        ("pytest_cmdline_main", {"hookwrapper": True}),
        ("pytest_collection_finish", {"tryfirst": True}),
    )

    def __init__(self, target: str) -> None:
        self._target = target
        self._items: list[str] = []
        self._raised: BaseException | None = None  # outside any test
        self._collecting: BaseException | None = None
        self._setting_up: BaseException | None = None
        self._failed: BaseException | None = None
        self._skipped: str | None = None
        self._is_xfail = False
        self.code: Any = None

    def error(self, part: str | None, names: Sequence[str | None]) -> WorkloadError:
        """Return why a part was never measured, from the record and the names of the measured parts."""
        file = self._target.partition("::")[0]
        is_unknown = self._collecting is None and self._skipped is None
        if is_unknown and not os.path.exists(file):
            return MissingTarget("there is no file %s in %s" % (file, os.getcwd()))
        if is_unknown and not self._items and "not found" in str(self._raised):
            return MissingTarget("there is no test %s" % self._target)
        was_run = len(self._items) == 1 and not any(self._errors()) and not self._is_xfail
        kind = MissingTarget if was_run and self._skipped is None else WorkloadError
        return kind(self._sentence(part, names))

    def _errors(self) -> tuple[BaseException | None, ...]:
        return (self._collecting, self._raised, self._setting_up, self._failed)

    def ended_by(self, error: BaseException) -> None:
        """Record what has ended pytest."""
        self._raised = error

    def _sentence(self, part: str | None, names: Sequence[str | None]) -> str:
        target, count = self._target, len(self._items)
        if self._skipped is not None:
            sentence = "%s was skipped: %s" % (target, self._skipped)
        elif self._collecting is not None:
            sentence = "%s cannot be collected: its file %s" % (target, describe_error(self._collecting))
        elif self._raised is not None:
            sentence = "pytest could not run %s: %s" % (target, _describe_session_error(self._raised))
        elif count > 1:
            shown = ", ".join(self._items[:MAX_LISTED]) + (", ..." if count > MAX_LISTED else "")
            sentence = "%s names %d tests (%s); name one of them" % (target, count, shown)
        elif self._setting_up is not None:
            sentence = "%s could not be set up: %s" % (target, _describe_fixture_error(self._setting_up))
        elif self._is_xfail:
            sentence = "%s is marked xfail, and failed before it measured %s" % (target, _describe_part(part))
        elif self._failed is not None:
            sentence = "%s failed before it measured %s: it %s" % (
                target,
                _describe_part(part),
                describe_error(self._failed),
            )
        elif count == 0:
            sentence = "%s was not run: pytest ended with exit code %d" % (target, self.code or 0)
        else:
            sentence = self._missing_part(part, names)
        return sentence

    def _missing_part(self, part: str | None, names: Sequence[str | None]) -> str:
        target = self._target
        if not names:
            return "%s ended without calling its fixture `energy`, which measures what it is given" % target
        known = " and ".join(sorted({repr(name) for name in names if name is not None}))
        if part is None:
            return "%s measures %s; choose one with `part`" % (target, known)
        if not known:
            return "%s has no part %r: the part it measures has no name" % (target, part)
        return "%s has no part %r; it measures %s" % (target, part, known)

    # --- Hooks of pytest -----------------------------------------------------------------------------------

    def pytest_cmdline_parse(self) -> Iterator[None]:
        """Record errors in the command line, the configuration or a conftest.py."""
        self._record((yield))

    def pytest_cmdline_main(self) -> Iterator[None]:
        """Record what ends the whole session."""
        self._record((yield))

    def _record(self, outcome: Any) -> None:
        if outcome is not None and outcome.excinfo:
            self._raised = outcome.excinfo[1]

    def pytest_internalerror(self, excinfo: Any) -> None:
        """Record a failure of pytest or a plugin."""
        self._raised = excinfo.value

    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        """Record that the session was ended, as by `pytest.exit`."""
        self._raised = excinfo.value

    def pytest_collectreport(self, report: Any) -> None:
        """Record that a file skips itself."""
        if report.skipped:
            self._skipped = _reason(report)

    def pytest_collection_finish(self, session: Any) -> None:
        """Record the tests that the node id names; if there are several, none is run."""
        self._items = [item.nodeid for item in session.items]
        if len(self._items) > 1:
            session.items[:] = []

    def pytest_exception_interact(self, call: Any, report: Any) -> None:
        """Record an exception by its phase."""
        error = call.excinfo.value
        when = getattr(report, "when", "collect")
        if when == "collect":
            self._collecting = error.__cause__ or error
        elif when == "setup":
            self._setting_up = error
        elif when == "call":
            self._failed = error

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Record that it was skipped, or failed as expected."""
        if report.skipped and hasattr(report, "wasxfail"):
            self._is_xfail = True
        elif report.skipped:
            self._skipped = _reason(report)


def _describe_part(part: str | None) -> str:
    return "anything" if part is None else "its part %r" % part


def _reason(report: Any) -> str:
    reason = report.longrepr
    text = reason[2] if isinstance(reason, tuple) else reason
    text = " ".join(str(text).split())
    return text[len("Skipped: ") :] if text.startswith("Skipped: ") else text  # noqa: FURB188 - it came with 3.9


def _describe_fixture_error(error: BaseException) -> str:
    """Return what a fixture did, or that it does not exist."""
    name = getattr(error, "argname", None)
    if type(error).__name__ == "FixtureLookupError" and name is not None:
        return "there is no fixture %r" % name
    return "one of its fixtures %s" % describe_error(error)


def _describe_session_error(error: BaseException) -> str:
    """Return what is wrong with the configuration; of a usage error, what follows the usage."""
    if type(error).__name__ == "ConftestImportFailure":
        cause = getattr(error, "cause", None) or error.excinfo[1]  # type: ignore[attr-defined]  # 7 has the latter
        return "%s %s" % (error.path, describe_error(cause))  # type: ignore[attr-defined]
    if type(error).__name__ == "UsageError":
        return " ".join(str(error).partition("error: ")[2].split("\n")[:1])[:MAX_MESSAGE_LENGTH] or message_of(error)
    if type(error).__name__ == "Exit":
        return "the session was ended: %s" % message_of(error)
    return "it %s" % describe_error(error)
