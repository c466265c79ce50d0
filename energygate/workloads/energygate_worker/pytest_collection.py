"""List the energy tests of a checkout: pytest collects, and no test is run."""

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
"""Options of pytest, by their internal names."""


def main(arguments: str) -> None:
    """Collect tests and write the result into a file, as JSON.

    Args:
        arguments: A spec as JSON. `targets`: files and node ids, empty for the project's default; `result`:
            the file; the rest as in `pytest_workload.run`.
    """
    spec = json.loads(arguments)
    try:
        reply = collected(spec)
    except WorkloadError as error:
        reply = {"error": str(error)}
    with open(spec["result"], "w", encoding="utf-8") as file:
        json.dump(reply, file)


def collected(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the node ids of energy `tests`, and of files that `failed` to be collected.

    Raises:
        WorkloadError: When there is no pytest, or it does not finish collecting.
    """
    pytest = imported_pytest()
    os.makedirs(spec["scratch"], exist_ok=True)
    fixture = types.ModuleType("energygate_fixture")
    fixture.energy = pytest.fixture(lambda: None, name="energy")  # type: ignore[attr-defined]
    listener = CollectionListener()
    session = Session(spec, Checkouts(os.getcwd(), spec["other"]), fixture, COLLECTING)
    code = run_session(pytest, session, [listener])
    if listener.tests is None:
        raise WorkloadError("pytest could not collect its tests: it ended with exit code %d" % code)
    return {"tests": listener.tests, "failed": listener.failed}


class CollectionListener:
    """Records what pytest collects.

    Attributes:
        tests: Node ids, relative to the working directory; `None` until they are known.
        failed: Node ids of files that could not be collected.
    """

    HOOKS = (("pytest_collection_finish", {"trylast": True}),)

    def __init__(self) -> None:
        self.tests: list[str] | None = None
        self.failed: list[str] = []

    def pytest_collectreport(self, report: Any) -> None:
        """Record what could not be collected."""
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_collection_finish(self, session: Any) -> None:
        """Record the selected energy tests."""
        self.tests = [node_id(item, os.getcwd()) for item in session.items if is_about_energy(item)]


def is_about_energy(item: Any) -> bool:
    """Return whether a test has the marker or the fixture; requesting it at run time does not count."""
    return "energy" in getattr(item, "fixturenames", ()) or item.get_closest_marker("energy") is not None


def node_id(item: Any, directory: str) -> str:
    """Return a test's node id with its file relative to a directory, whatever pytest's root is."""
    file = os.path.relpath(str(item.path), directory).replace(os.sep, "/")
    _, colons, rest = str(item.nodeid).partition("::")
    return file + colons + rest
