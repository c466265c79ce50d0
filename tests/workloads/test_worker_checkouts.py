"""Looking for a module's file imports nothing."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from energygate.workloads.energygate_worker.checkouts import Checkouts, file_of


@pytest.fixture
def lazy(tmp_path, monkeypatch):
    """A module that would leave a mark if it were imported."""
    file = tmp_path / "other" / "heavy.py"
    file.parent.mkdir()
    file.write_text("raise RuntimeError('needs a GPU')\n", "utf-8")
    spec = importlib.util.spec_from_file_location("heavy", file)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "heavy", module)
    return module, file


def test_a_lazy_module_is_not_loaded(lazy, tmp_path):
    module, file = lazy
    assert file_of(module) == str(file)
    assert Checkouts(str(tmp_path / "own"), str(tmp_path / "other")).foreign_module() == str(file)


@pytest.mark.parametrize("module", [None, 3, type("Odd", (), {"__slots__": ()})()])
def test_other_objects_have_no_file(module):
    assert file_of(module) is None
