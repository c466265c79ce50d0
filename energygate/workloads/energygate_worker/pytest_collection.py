"""Which tests of a checkout are about energy: pytest collects, and nothing is run."""

from __future__ import annotations

import json
import os
import types

from .checkouts import Checkouts
from .errors import WorkloadError
from .pytest_session import OPTIONS, Session, run_session
from .pytest_workload import imported_pytest

TYPE_CHECKING = False  # importing `typing` would cost start-up time
if TYPE_CHECKING:
    from typing import Any

COLLECTING: dict[str, Any] = dict(OPTIONS, collectonly=True, maxfail=0)
"""Options of pytest, by the names they are kept under."""


def main(told: str) -> None:
    """Collect tests and write what was found into a file, as JSON.

    Args:
        told: A spec as JSON. `targets`: files, directories and node ids, none for all that the project says; `result`:
            the file; all else as in `pytest_node.run`.
    """
    spec = json.loads(told)
    try:
        found = collected(spec)
    except WorkloadError as error:
        found = {"error": str(error)}
    with open(spec["result"], "w", encoding="utf-8") as file:
        json.dump(found, file)


def collected(spec: dict[str, Any]) -> dict[str, Any]:
    """The node ids of `tests` that are about energy, and those of files that `failed` to be collected.

    Raises:
        Trouble: When there is no pytest, or it did not come to collecting.
    """
    pytest = imported_pytest()
    os.makedirs(spec["scratch"], exist_ok=True)
    fixture = types.ModuleType("energygate_fixture")
    fixture.energy = pytest.fixture(lambda: None, name="energy")  # type: ignore[attr-defined]
    listener = TestListener()
    session = Session(spec, Checkouts(os.getcwd(), spec["other"]), fixture, COLLECTING)
    code = run_session(pytest, session, [listener])
    if listener.tests is None:
        raise WorkloadError("pytest could not collect its tests: it ended with exit code %d" % code)
    return {"tests": listener.tests, "failed": listener.failed}


class TestListener:
    """Listens to pytest.

    Attributes:
        tests: Node ids, relative to the working directory; `None` before they are known.
        failed: Node ids of what could not be collected.
    """

    HOOKS = (("pytest_collection_finish", {"trylast": True}),)

    def __init__(self) -> None:
        self.tests: list[str] | None = None
        self.failed: list[str] = []

    def pytest_collectreport(self, report: Any) -> None:
        """Note what could not be collected."""
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_collection_finish(self, session: Any) -> None:
        """Note the tests that were selected."""
        self.tests = [node_id(item, os.getcwd()) for item in session.items if is_about_energy(item)]


def is_about_energy(item: Any) -> bool:
    """Whether a test says that it is: one that asks for the fixture only while it runs does not."""
    return "energy" in getattr(item, "fixturenames", ()) or item.get_closest_marker("energy") is not None


def node_id(item: Any, directory: str) -> str:
    """A test's node id, its file relative to a directory, whatever pytest takes for its root."""
    file = os.path.relpath(str(item.path), directory).replace(os.sep, "/")
    _, colons, rest = str(item.nodeid).partition("::")
    return file + colons + rest
