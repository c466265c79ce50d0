"""No text from outside changes the structure of a comment or a summary."""

from __future__ import annotations

import itertools
import re

from builders import (
    exact_metric_result,
    failed_workload_result,
    finding_result,
    provenance,
    result,
    workload_result,
)
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from test_markdown import ARTIFACT, comparison, written
from test_markdown_escaping import assert_inert, hostile

from energygate.gate import Verdict
from energygate.report.markdown import summary
from energygate.result.result import BaseResult, Change, SiteResult
from energygate.workloads.operators import OperatorResult

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])

OURS = re.compile(r"</?(?:b|sub|span)>|<br>")


def filled(word):
    """Build a result in which every text that is not our own is `word()`."""
    change = Change(estimate=0.2, low=0.1, high=0.3)
    metric = exact_metric_result(
        2.0, word(), finding_result(Verdict.FAIL, kind="max_increase", limit_text=word(), reason=word())
    ).model_copy(update={"base": 1.5, "change": change})
    absolute = exact_metric_result(3.0, word(), finding_result(Verdict.WARN, limit_text=word(), reason=word()))
    moved = comparison(
        operators=(OperatorResult(operator=word(), base_share=0.5, contribution=0.1, is_new=True, is_gone=False),),
        base_versions={"runtime": word()},
    )
    measured = workload_result(
        word(),
        metrics={"energy_per_request": metric, "energy_per_unit": absolute},
        notes=(word(), word()),
        comparison=moved,
        provenance=provenance(
            unit=word(),
            source=word(),
            citation=word(),
            codecarbon_version=word(),
            load=word(),
            versions={"runtime": word()},
        ),
    )
    failed = [failed_workload_result(word(), message=word(), detail=f"{word()}\nlast") for _ in range(2)]
    built = result(
        measured,
        *failed,
        base=BaseResult(ref=word(), commit=word()),
        policy_changed=True,
        policy_changes=(word(), word()),
        head_commit=word(),
        notes=(word(),),
        policy=word(),
        energygate_version=word(),
        created=word(),
        pue=1.5,
    )
    site = SiteResult(
        pue=1.5, carbon_g_per_kwh=1.0, carbon_source=word(), electricity_price=word(), requests_per_day=1e6
    )
    machine = built.machine.model_copy(update={"cpu_model": word(), "system": word()})
    return built.model_copy(update={"site": site, "machine": machine})


def with_another(built):
    """Measure two workloads, so that what one would have in plain sight becomes lists."""
    first = built.workloads[0]
    return built.model_copy(
        update={"workloads": (*built.workloads, first.model_copy(update={"name": f"2{first.name}"}))}
    )


def skeleton(tokens):
    """Give all that is structure: blocks, and within lines what is neither text nor code."""
    for token in tokens:
        if token.type == "inline":
            assert_inert_but_ours(token.children)
            yield from (f"<{one.attrs['href']}>" for one in token.children if one.type == "link_open")
        elif token.type == "html_block":
            yield token.content if token.content.startswith("<") else ""
        else:
            yield f"{token.type} {token.tag} {token.info}"


def assert_inert_but_ours(children):
    inside_link = itertools.accumulate((one.nesting for one in children if one.type.startswith("link")), initial=0)
    assert all(depth in {0, 1} for depth in inside_link)
    kept = [
        one
        for one in children
        if not one.type.startswith("link") and not (one.type == "html_inline" and OURS.fullmatch(one.content))
    ]
    assert_inert(kept)


# Each example has 80 texts, and shrinking them takes minutes.
@settings(max_examples=40, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(data=st.data())
def test_no_text_from_outside_changes_the_structure(data):
    """The structure is that of the same result in harmless words: no cell, link, heading, item or element more."""
    numbers = itertools.count()
    attacked = filled(lambda: f"{data.draw(hostile)}x{next(numbers)}x{data.draw(hostile)}")
    harmless = itertools.count()
    calm = filled(lambda: f"x{next(harmless)}x")
    tells = (
        lambda one: written(one, artifact_url=ARTIFACT),
        summary,
        lambda one: summary(with_another(one)),
    )
    for write in tells:
        found = list(skeleton(PARSER.parse(write(attacked))))
        assert found == list(skeleton(PARSER.parse(write(calm))))
        assert sum(line.startswith("heading_open") for line in found) == 1
