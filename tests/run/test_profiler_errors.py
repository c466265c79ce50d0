"""Explaining a change may fail; judging it goes on."""

from __future__ import annotations

import pytest

from energygate.errors import MeasurementError
from energygate.run import prepare as preparing


def test_an_error_of_the_profiler_is_a_note(monkeypatch):
    def fail(*_):
        raise MeasurementError("onnxruntime's profile cannot be read")

    monkeypatch.setattr(preparing, "operator_changes", fail)
    notes = []
    assert preparing._operators(None, None, (), notes) == ()
    assert notes == ["operators were not compared: onnxruntime's profile cannot be read"]


def test_a_bug_of_ours_is_not_taken_for_an_error_of_the_profiler(monkeypatch):
    monkeypatch.setattr(preparing, "operator_changes", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        preparing._operators(None, None, (), [])
