"""Which of the policy's entries names a test."""

from __future__ import annotations

import pytest

from energygate.pytest_plugin.entries import PolicyEntry, entries_for


def entry(path, *, test="test_it"):
    return PolicyEntry(name=path.name, path=path, test=test, part=None, place="energygate.yml:7")


@pytest.mark.parametrize(
    ("entries", "collected", "found"),
    [
        (["real.py"], "real.py", ["real.py"]),
        (["real.py"], "link.py", ["real.py"]),  # the same file
        (["link.py"], "real.py", ["link.py"]),
        (["real.py", "link.py"], "link.py", ["link.py"]),  # each of the two names has its own
        (["real.py", "link.py"], "real.py", ["real.py"]),
        (["real.py"], "other.py", []),
    ],
)
def test_a_file_has_its_own_entry_before_those_of_its_other_names(entries, collected, found, tmp_path):
    (tmp_path / "real.py").touch()
    (tmp_path / "other.py").touch()
    (tmp_path / "link.py").symlink_to("real.py")
    chosen = entries_for([entry(tmp_path / name) for name in entries], tmp_path / collected, f"{collected}::test_it")
    assert [one.name for one in chosen] == found


def test_another_test_of_the_file_has_other_entries(tmp_path):
    path = tmp_path / "real.py"
    assert entries_for([entry(path, test="test_other")], path, "real.py::test_it") == []
