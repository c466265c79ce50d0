"""However large a result is, comment and summary fit, and what they leave out is counted."""

from __future__ import annotations

import pytest
from builders import (
    result,
)
from hypothesis import given
from hypothesis import strategies as st
from test_markdown import BASE, RUN, WORSE, changed, rows_of, written

from energygate.errors import UsageError
from energygate.forge.github.sticky_comment import Marker, room_for_text
from energygate.gate import Verdict
from energygate.report.markdown import summary
from energygate.report.safe_markdown import MAX_COMMENT, MAX_SUMMARY_BYTES


def many(number, verdict=Verdict.FAIL, *, name="a-workload-with-a-long-name", reason=None):
    return result(
        *(changed(0.2, 0.1, 0.3, verdict, name=f"{name}-{index}", reason=reason) for index in range(number)),
        base=BASE,
    )


MARKER = Marker(key="default", run_id=10**18, attempt=99, sha="a" * 64)
ROOM = room_for_text(MARKER)

WIDE = "|" * 60
"""A name of which every character takes six."""


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.FAIL])
@pytest.mark.parametrize("name", ["w", WIDE, "🌈" * 60])
@pytest.mark.parametrize("number", [1, 12, 300])
def test_a_comment_always_fits(number, name, verdict):
    body = written(many(number, verdict, name=name, reason="because | " * 30), limit=ROOM)
    assert len(f"{MARKER}\n{body}".encode("utf-16-le")) / 2 <= MAX_COMMENT
    assert len(body.encode()) < 200_000  # were it bytes that GitHub counts
    assert body.startswith("### ")
    assert RUN in body


def test_what_does_not_fit_is_counted():
    body = written(many(1000, reason="because | " * 30))
    shown = len(rows_of(body))
    assert 0 < shown < 1000
    assert f"{1000 - shown:,} more rows need attention; omitted for length" in body


def test_passing_rows_are_dropped_first_and_counted():
    outcome = many(30)
    some = (*outcome.workloads, *many(2000, Verdict.PASS, name="fine").workloads)
    body = written(outcome.model_copy(update={"workloads": some}))
    assert len(rows_of(body)) == 30
    assert "\n\n2,000 more rows: no budget broken.\n" in body


@given(limit=st.integers(350, 40_000), number=st.integers(1, 40))
def test_the_verdict_and_the_link_stay_at_any_limit(limit, number):
    body = written(many(number), limit=limit)
    assert len(body.encode("utf-16-le")) / 2 <= limit
    assert "energygate: a-workload-with-a-long-name-0 needs 20.0\u00a0% more energy per request" in body
    assert RUN in body


def test_a_text_may_be_exactly_as_long_as_its_limit():
    full = written(WORSE)
    units = len(full.encode("utf-16-le")) // 2
    assert written(WORSE, limit=units) == full
    assert len(written(WORSE, limit=units - 1)) < units


def test_a_limit_too_short_for_the_verdict_is_refused():
    with pytest.raises(UsageError, match="longer than a comment may be"):
        written(WORSE, limit=50)


@pytest.mark.parametrize("number", [1, 300])
def test_a_summary_has_every_row(number):
    body = summary(many(number))
    assert len(rows_of(body)) == number
    assert body.startswith("### ❌ energygate: ")
    assert "<!--" not in body


def test_a_summary_fits_too():
    body = summary(many(3000, name=WIDE))
    assert len(body.encode()) < MAX_SUMMARY_BYTES
