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
from energygate.gate import Verdict
from energygate.report.markdown import COMMENT_LIMIT, SUMMARY_LIMIT, summary


def many(number, verdict=Verdict.FAIL, *, name="a-workload-with-a-long-name", reason=None):
    return result(
        *(changed(0.2, 0.1, 0.3, verdict, name=f"{name}-{index}", reason=reason) for index in range(number)),
        base=BASE,
    )


WIDE = "|" * 60
"""A name of which every character takes six."""


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.FAIL])
@pytest.mark.parametrize("name", ["w", WIDE, "🌈" * 60])
@pytest.mark.parametrize("number", [1, 12, 300, 1000])
def test_a_comment_always_fits(number, name, verdict):
    body = written(many(number, verdict, name=name, reason="because | " * 30))
    assert len(body.encode("utf-16-le")) / 2 < COMMENT_LIMIT
    assert len(body.encode()) < 200_000  # were it bytes that GitHub counts
    assert body.startswith("<!-- energygate: default -->\n### ")
    assert RUN in body


def test_what_does_not_fit_is_counted():
    body = written(many(1000, reason="because | " * 30))
    shown = len(rows_of(body))
    assert 0 < shown < 1000
    assert f"{1000 - shown:,} more rows need a look and found no place here" in body


@given(limit=st.integers(450, 40_000), number=st.integers(1, 40))
def test_whatever_the_limit_the_verdict_and_the_link_stay(limit, number):
    body = written(many(number), limit=limit)
    assert len(body.encode("utf-16-le")) / 2 < limit
    assert "energygate: a-workload-with-a-long-name-0: energy per request rose by 20.0 %" in body
    assert RUN in body


def test_the_limit_itself_is_not_reached():
    full = written(WORSE)
    units = len(full.encode("utf-16-le")) // 2
    assert written(WORSE, limit=units + 1) == full
    assert written(WORSE, limit=units) != full


def test_a_limit_that_holds_no_verdict_is_refused():
    with pytest.raises(UsageError, match="longer than a comment may be"):
        written(WORSE, limit=50)
    with pytest.raises(UsageError, match="shorter key"):
        written(WORSE, key="k" * COMMENT_LIMIT)


@pytest.mark.parametrize("number", [1, 300])
def test_a_summary_has_every_row(number):
    body = summary(many(number))
    assert len(rows_of(body)) == number
    assert body.startswith("### ❌ energygate: ")
    assert "<!--" not in body


def test_a_summary_fits_too():
    body = summary(many(3000, name=WIDE))
    assert len(body.encode()) < SUMMARY_LIMIT
