"""What became of a test that was to be measured, in one sentence."""

from __future__ import annotations

import os

from .errors import TEXT_LIMIT, MissingTarget, WorkloadError, describe_error, message_of

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

SHOWN = 5
"""How many tests are listed where a node id names several."""


class Outcome:
    """Listens to pytest.

    Attributes:
        code: Pytest's exit code; `None` while it has none.
    """

    HOOKS = (
        ("pytest_cmdline_parse", {"hookwrapper": True}),
        ("pytest_cmdline_main", {"hookwrapper": True}),
        ("pytest_collection_finish", {"tryfirst": True}),
    )

    def __init__(self, target: str) -> None:
        self._target = target
        self._items: list[str] = []
        self._raised: BaseException | None = None  # before or beside any test
        self._collecting: BaseException | None = None
        self._setting_up: BaseException | None = None
        self._failed: BaseException | None = None
        self._skipped: str | None = None
        self._is_xfail = False
        self.code: Any = None

    def trouble(self, wanted: str | None, names: Sequence[str | None]) -> WorkloadError:
        """Why the wanted part was never measured, from what was seen and the names of the parts that were called."""
        file = self._target.partition("::")[0]
        untold = self._collecting is None and self._skipped is None
        if untold and not os.path.exists(file):
            return MissingTarget("there is no file %s in %s" % (file, os.getcwd()))
        if untold and not self._items and "not found" in str(self._raised):
            return MissingTarget("there is no test %s" % self._target)
        is_run = len(self._items) == 1 and not any(self._troubles()) and not self._is_xfail
        kind = MissingTarget if is_run and self._skipped is None else WorkloadError
        return kind(self._sentence(wanted, names))

    def _troubles(self) -> tuple[BaseException | None, ...]:
        return (self._collecting, self._raised, self._setting_up, self._failed)

    def ended_by(self, error: BaseException) -> None:
        """Note what has ended pytest."""
        self._raised = error

    def _sentence(self, wanted: str | None, names: Sequence[str | None]) -> str:
        target, count = self._target, len(self._items)
        if self._skipped is not None:
            sentence = "%s was skipped: %s" % (target, self._skipped)
        elif self._collecting is not None:
            sentence = "%s cannot be collected: its file %s" % (target, describe_error(self._collecting))
        elif self._raised is not None:
            sentence = "pytest could not run %s: %s" % (target, _usage(self._raised))
        elif count > 1:
            shown = ", ".join(self._items[:SHOWN]) + (", ..." if count > SHOWN else "")
            sentence = "%s names %d tests (%s); name one of them" % (target, count, shown)
        elif self._setting_up is not None:
            sentence = "%s could not be set up: %s" % (target, _fixtures_deed(self._setting_up))
        elif self._is_xfail:
            sentence = "%s is marked xfail, and failed before it measured %s" % (target, _part(wanted))
        elif self._failed is not None:
            sentence = "%s failed before it measured %s: it %s" % (
                target,
                _part(wanted),
                describe_error(self._failed),
            )
        elif count == 0:
            sentence = "%s was not run: pytest ended with exit code %d" % (target, self.code or 0)
        else:
            sentence = self._missing_part(wanted, names)
        return sentence

    def _missing_part(self, wanted: str | None, names: Sequence[str | None]) -> str:
        target = self._target
        if not names:
            return "%s ended without a call of its fixture `energy`: what that is given is measured" % target
        known = " and ".join(sorted({repr(name) for name in names if name is not None}))
        if wanted is None:
            return "%s measures %s, each under its name; say which with `part`" % (target, known)
        if not known:
            return "%s has no part %r: what it measures has no name" % (target, wanted)
        return "%s has no part %r; it measures %s" % (target, wanted, known)

    # --- What pytest tells ---------------------------------------------------------------------------------

    def pytest_cmdline_parse(self) -> Iterator[None]:
        """Note what is wrong with the command line, the configuration or a conftest.py."""
        self._note((yield))

    def pytest_cmdline_main(self) -> Iterator[None]:
        """Note what ends the session as a whole."""
        self._note((yield))

    def _note(self, outcome: Any) -> None:
        if outcome is not None and outcome.excinfo:
            self._raised = outcome.excinfo[1]

    def pytest_internalerror(self, excinfo: Any) -> None:
        """Note that pytest or a plugin has failed."""
        self._raised = excinfo.value

    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        """Note that somebody has ended the session, as `pytest.exit` does."""
        self._raised = excinfo.value

    def pytest_collectreport(self, report: Any) -> None:
        """Note that a file skips itself."""
        if report.skipped:
            self._skipped = _reason(report)

    def pytest_collection_finish(self, session: Any) -> None:
        """Note what the node id names; several are not run."""
        self._items = [item.nodeid for item in session.items]
        if len(self._items) > 1:
            session.items[:] = []

    def pytest_exception_interact(self, call: Any, report: Any) -> None:
        """Note what was raised where."""
        error = call.excinfo.value
        when = getattr(report, "when", "collect")
        if when == "collect":
            self._collecting = error.__cause__ or error
        elif when == "setup":
            self._setting_up = error
        elif when == "call":
            self._failed = error

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note that it was skipped, or failed as it was expected to."""
        if report.skipped and hasattr(report, "wasxfail"):
            self._is_xfail = True
        elif report.skipped:
            self._skipped = _reason(report)


def _part(wanted: str | None) -> str:
    return "anything" if wanted is None else "its part %r" % wanted


def _reason(report: Any) -> str:
    found = report.longrepr
    text = found[2] if isinstance(found, tuple) else str(found)
    text = " ".join(str(text).split())
    return text[len("Skipped: ") :] if text.startswith("Skipped: ") else text  # noqa: FURB188 - it came with 3.9


def _fixtures_deed(error: BaseException) -> str:
    """What a fixture did; of one that does not exist, that."""
    name = getattr(error, "argname", None)
    if type(error).__name__ == "FixtureLookupError" and name is not None:
        return "there is no fixture %r" % name
    return "a fixture of it %s" % describe_error(error)


def _usage(error: BaseException) -> str:
    """What is wrong with its configuration: of a usage error what follows the usage."""
    if type(error).__name__ == "ConftestImportFailure":
        cause = getattr(error, "cause", None) or error.excinfo[1]  # type: ignore[attr-defined]  # 7 has the latter
        return "%s %s" % (error.path, describe_error(cause))  # type: ignore[attr-defined]
    if type(error).__name__ == "UsageError":
        return " ".join(str(error).partition("error: ")[2].split("\n")[:1])[:TEXT_LIMIT] or message_of(error)
    if type(error).__name__ == "Exit":
        return "the session was ended: %s" % message_of(error)
    return "it %s" % describe_error(error)
