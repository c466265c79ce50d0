"""The numbers that docs/measuring.md quotes are those that its script prints."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_documented_table_is_the_one_that_the_script_prints(capsys):
    runpy.run_path(str(ROOT / "bench" / "footprint.py"), run_name="__main__")
    table = capsys.readouterr().out
    assert len(table.splitlines()) > 5
    assert table in (ROOT / "docs" / "measuring.md").read_text(encoding="utf-8")


def test_the_sum_by_hand_is_right():
    joules = (6 + 12 * 86_400 / 200_000) * 1.25
    assert (round(joules, 2), round(joules / 3.6, 2)) == (13.98, 3.88)
