"""Where there is no result, the comment says what broke, and that nothing was judged."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from test_markdown_escaping import hostile
from test_markdown_hostile import skeleton

from energygate.errors import UsageError
from energygate.report.markdown import comment_without_result

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
RUN = "https://github.com/o/r/actions/runs/4711"


def body(message="it broke", **fields):
    defaults = {"hint": None, "detail": None, "run_url": RUN, "exit_code": 3, "limit": 65_000}
    return comment_without_result(message, **{**defaults, **fields})


def test_an_error_to_the_character():
    said = body(
        "the setup of head failed: `pip install .` ended with exit code 1",
        hint="Try it there",
        detail="Collecting x\nERROR: no match",
    )
    assert said == (
        "### 💥 energygate: the setup of head failed: `pip install .` ended with exit code 1\n"
        "\n"
        "Try it there.\n"
        "\n"
        "Nothing was judged. Exit code 3: no valid measurement.\n"
        "\n"
        "<details open><summary>Last lines of output</summary>\n"
        "\n"
        "```text\n"
        "| Collecting x\n"
        "| ERROR: no match\n"
        "```\n"
        "\n"
        "</details>\n"
        "\n"
        f"<sub>[run](<{RUN}>)</sub>\n"
    )


def test_a_question_keeps_its_mark_and_a_sentence_its_full_stop():
    assert "\n\nDid you mean `max`?\n\n" in body(hint="Did you mean `max`?")
    assert "\n\nDo it.\n\n" in body(hint="Do it.")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (2, "Nothing was judged. Exit code 2: a mistake in the policy, or in how energygate is called."),
        (3, "Nothing was judged. Exit code 3: no valid measurement."),
        (0, "Nothing was judged."),
    ],
)
def test_the_exit_code_is_explained(code, words):
    assert f"\n\n{words}\n" in body(exit_code=code)


def test_without_a_run_there_is_no_link():
    assert body(run_url=None).endswith("no valid measurement.\n")


@given(limit=st.integers(200, 3_000))
def test_the_text_fits_and_the_output_is_cut_first(limit):
    said = body(detail="line 🌈\n" * 50, limit=limit)
    assert len(said.encode()) <= limit
    assert said.startswith("### 💥 energygate: it broke\n")
    assert RUN in said


def test_a_limit_too_short_for_anything_is_refused():
    with pytest.raises(UsageError, match="longer than a comment may be"):
        body(limit=20)


@given(message=hostile, hint=hostile, detail=hostile)
def test_no_text_from_outside_changes_the_structure(message, hint, detail):
    attacked = body(f"x{message}x", hint=f"x{hint}x", detail=f"x{detail}x")
    calm = body("x", hint="x", detail="x")
    found = [re.sub(r"fence code.*", "fence", one) for one in skeleton(PARSER.parse(attacked))]
    assert found == [re.sub(r"fence code.*", "fence", one) for one in skeleton(PARSER.parse(calm))]
