"""The comment and the summary: what they say, to the character; that they fit; that no text from outside moves them."""

from __future__ import annotations

import re
import shlex

import pytest
import yaml
from builders import (
    failed_workload_result,
    finding_result,
    judged,
    metric_result,
    result,
    workload_result,
)
from hypothesis import given
from hypothesis import strategies as st
from test_markdown_escaping import hostile

from energygate.gate import Verdict
from energygate.policy import Waiver
from energygate.report.markdown import comment
from energygate.report.markdown_sections import command
from energygate.report.markdown_table import SIGNS, table_lines
from energygate.report.markdown_traffic import per_year
from energygate.report.phrases import headline
from energygate.report.result import (
    AgreementResult,
    BaseResult,
    Change,
    ComparisonResult,
    OperatorResult,
    SiteResult,
)

RUN = "https://github.com/o/r/actions/runs/4711"
ARTIFACT = "https://github.com/o/r/actions/runs/4711/artifacts/1"
COMMIT = "3f2a9c1" + "0" * 33
BASE = BaseResult(ref="main", commit=COMMIT)
MINUS = "\N{MINUS SIGN}"
LOW = {"limit": 1.6e-9, "limit_text": "1.6 µWh"}


def comparison(**fields):
    defaults = {
        "mode": "paired",
        "blocks_per_launch": 10,
        "log_ratios": (0.0,) * 6,
        "seconds_to_decide": None,
        "agreement": None,
        "operators": (),
        "base_model": None,
        "head_model": None,
        "base_versions": {},
    }
    return ComparisonResult(**{**defaults, **fields})


def changed(estimate, low, high, verdict=Verdict.PASS, *, name="digits-cnn", reason=None, **fields):
    """Build a workload whose energy changed."""
    finding = finding_result(verdict, kind="max_increase", limit=0.05, limit_text="5 %", reason=reason)
    change = Change(estimate=estimate, low=low, high=high)
    metric = metric_result(finding, head=1.5e-9 * (1 + estimate)).model_copy(
        update={"base": 1.5e-9, "change": change}
    )
    return workload_result(
        name,
        metrics={"energy_per_request": metric},
        **{"comparison": comparison(), "state": "compared", **fields},
    )


def unchanged(name):
    note = "identical to base"
    return workload_result(name, metrics={}, state="unchanged", method=None, provenance=None, notes=(note,))


def quiet(name):
    return changed(0.002, -0.004, 0.008, name=name)


def written(outcome, **fields):
    return comment(outcome, **{"run_url": RUN, **fields})


def rows_of(body):
    return [
        line for line in body.splitlines() if line.startswith(("| ✅", "| ❌", "| ⚠", "| ❔", "| 🔕", "| `"))
    ]


WORSE = result(
    changed(
        0.338,
        0.329,
        0.347,
        Verdict.FAIL,
        comparison=comparison(
            operators=(
                OperatorResult(
                    operator="Conv", base_share=0.5, contribution=0.31, is_new=False, is_gone=False
                ),
            ),
            agreement=AgreementResult(share=0.989, compared=360, how="classes", largest_difference=None),
        ),
    ),
    quiet("digits-mlp"),
    unchanged("digits-old"),
    pue=1.25,
    base=BASE,
)


def test_the_comment_to_the_character():
    assert written(WORSE, artifact_url=ARTIFACT, key="ci/energy", requests_per_day=2e6) == (
        "<!-- energygate: ci/energy -->\n"
        "### ❌ energygate: digits-cnn: energy per request rose by 33.8 %, over the limit of +5 %\n"
        "\n"
        "| workload | base | head | change | budget | verdict |\n"
        "| --- | --: | --: | --: | --- | --- |\n"
        "| ❌ `digits-cnn`<br>energy per request | 1.50 | 2.01 µWh "
        "| <b>+33.8 %</b><br><sub>+32.9 … +34.7</sub> | at most +5 % | fail |\n"
        "| ✅ `digits-mlp`<br>energy per request | 1.50 | 1.50 µWh "
        f"| +0.20 %<br><sub>{MINUS}0.40 … +0.80</sub> | at most +5 % | pass |\n"
        "\n"
        "1 workload identical to base, not measured.\n"
        "\n"
        "<details><summary>What moved</summary>\n"
        "\n"
        "- `digits-cnn`: Conv +31.0 % of base's operator time; 98.9 % of 360 answers agree with base's\n"
        "\n"
        "</details>\n"
        "\n"
        "<details><summary>How it was measured, and how far to trust it: "
        "estimated, absolute energy ± 30 %</summary>\n"
        "\n"
        "Estimated: power model row AMD EPYC 3rd generation, 2.02 W per vCPU at full load "
        "(Cloud Carbon Footprint coefficients 2023-05, Azure); absolute energy ± 30 %. "
        "Intervals hold whenever measuring stops and allow for this machine's own wander of ± 10 %. "
        "One virtual machine: AMD EPYC 7763 64-Core Processor, 2 CPUs, Linux 6.8. "
        "Compared with base 3f2a9c\u200b1 (merge base with main). "
        "Energy includes PUE 1.25, multiplied once. Policy: `energygate.yml`.\n"
        "\n"
        "- `digits-cnn`: 6 launches, 12,000 requests, 9.8 s; "
        "codecarbon 3.3.2 alone would have said 71.0 µWh per request\n"
        "- `digits-mlp`: 6 launches, 12,000 requests, 9.8 s; "
        "codecarbon 3.3.2 alone would have said 71.0 µWh per request\n"
        "\n"
        "</details>\n"
        "\n"
        "<details><summary>At your traffic</summary>\n"
        "\n"
        "- `digits-cnn`: +370 Wh a year\n"
        "\n"
        "With 2,000,000 requests a day to each, PUE 1.25.\n"
        "\n"
        "</details>\n"
        "\n"
        "<details><summary>How to reproduce it</summary>\n"
        "\n"
        "```sh\n"
        f"energygate check --base {COMMIT} digits-cnn\n"
        "```\n"
        "\n"
        "Any machine will do: changes in percent carry over, joules and times do not.\n"
        "\n"
        "</details>\n"
        "\n"
        "<details><summary>How to ask for a waiver</summary>\n"
        "\n"
        "Intended? A waiver lets a budget be broken for a while. "
        "Whoever answers for it adds it to `energygate.yml` on the base branch, whose policy decides:\n"
        "\n"
        "```yaml\n"
        "waivers:\n"
        '  - {workload: "digits-cnn", metric: energy_per_request, reason: "...", owner: "...", '
        "expires: 2026-03-31}\n"
        "```\n"
        "\n"
        "</details>\n"
        "\n"
        f"<sub>[this run](<{RUN}>) · [all numbers](<{ARTIFACT}>) · base `3f2a9c1` · energygate 0.1.0 · 12 s</sub>\n"
    )


@pytest.mark.parametrize("verdict", [*Verdict])
def test_the_second_line_is_the_verdict(verdict):
    outcome = result(failed_workload_result() if verdict is Verdict.ERROR else judged(verdict, **LOW))
    assert written(outcome).splitlines()[1] == f"### {SIGNS[verdict]} energygate: {headline(outcome)}"


def test_every_verdict_has_its_picture():
    assert set(SIGNS) == set(Verdict)
    assert len(set(SIGNS.values())) == len(SIGNS)


def test_without_a_base_there_are_no_columns_for_it():
    body = written(result(judged(Verdict.FAIL, **LOW)))
    assert "| workload | head | budget | verdict |" in body
    assert rows_of(body) == [
        (
            "| ❌ `digits-cnn`<br>energy per request | 1.92 µWh<br><sub>1.80 … 2.05</sub> "
            "| max 1.6 µWh | fail |"
        )
    ]
    assert "base" not in body


def test_failing_rows_come_first_then_changed_ones():
    outcome = result(
        quiet("same"),
        changed(-0.4, -0.41, -0.39, name="better"),
        changed(0.04, 0.0, 0.1, Verdict.INCONCLUSIVE, name="unsure"),
        changed(0.2, 0.1, 0.3, Verdict.FAIL, name="worse"),
        base=BASE,
    )
    assert [line.workload for line in table_lines(outcome)] == ["worse", "unsure", "better", "same"]
    assert [line.changed for line in table_lines(outcome)] == [True, False, True, False]


def test_many_quiet_rows_are_folded_and_counted():
    outcome = result(
        changed(0.2, 0.1, 0.3, Verdict.FAIL, name="worse"),
        changed(-0.4, -0.41, -0.39, name="better"),
        *(quiet(f"same-{number}") for number in range(30)),
        base=BASE,
    )
    seen, folded = written(outcome).split(
        "<details><summary>30 more rows: no budget broken, no change shown</summary>"
    )
    assert len(rows_of(seen)) == 2
    assert len(rows_of(folded)) == 30


def test_a_workload_without_a_budget_shows_its_energy():
    assert rows_of(written(result(workload_result()))) == [
        "| `digits-cnn`<br>energy per request | 1.92 µWh<br><sub>1.80 … 2.05</sub> | no budget |  |"
    ]


def test_what_a_reader_must_know_is_in_plain_sight():
    outcome = result(
        judged(Verdict.WAIVED, reason="waived until 2026-03-02 by @ml: a new backbone", **LOW),
        workload_result("noisy", notes=("warm-up did not settle in 4 of 6 launches",)),
        failed_workload_result("one"),
        failed_workload_result("two", message="it is no ONNX model"),
        changed(
            0.04, 0.0, 0.1, Verdict.INCONCLUSIVE, name="open", comparison=comparison(seconds_to_decide=90.0)
        ),
        base=BASE,
        notes=("the time was short",),
        policy_changed=True,
    )
    seen = written(outcome).split("<details>")[0].splitlines()
    remarks = [line for line in seen if line.startswith("- ")]
    assert remarks == [
        "- `two` could not be judged: it is no ONNX model",
        "- `digits-cnn`, energy per request: waived until 2026-03-02 by @\u200bml: a new backbone",
        "- the time was short",
        "- `open`: about 90 s more would decide: `time_limit: 130 s`",
        "- `noisy`: warm-up did not settle in 4 of 6 launches",
    ]
    assert "this change also changes the policy: base's policy decides." in "\n".join(seen)


def test_last_words_are_quoted_line_by_line():
    body = written(result(failed_workload_result(detail="/lgtm\n```\n@team </details>")))
    assert "````text\n| /lgtm\n| ```\n| @\u200bteam </details>\n````" in body


def test_nothing_is_offered_to_waive_where_nothing_is_broken():
    assert "waiver" not in written(result(judged(Verdict.PASS)))
    assert "waiver" in written(result(judged(Verdict.INCONCLUSIVE)))


@given(name=st.text(min_size=1, max_size=40).filter(lambda name: name.isprintable() and "@" not in name))
def test_the_suggested_waiver_is_one(name):
    body = written(result(judged(Verdict.FAIL, name=" ".join(name.split()) or "x", **LOW)))
    (block,) = re.findall(r"^```+yaml\n(.*?)^```+$", body, re.DOTALL | re.MULTILINE)
    if "\ufffd" in block or "…" in block:
        return
    (entry,) = yaml.safe_load(block)["waivers"]
    assert Waiver.model_validate(entry).metric == "energy_per_request"


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (result(judged(Verdict.PASS)), "energygate check"),
        (result(judged(Verdict.FAIL), judged(Verdict.PASS, name="b")), "energygate check digits-cnn"),
        (result(judged(Verdict.FAIL, name="; rm -rf ~")), "energygate check"),
        (result(judged(Verdict.FAIL, name="-q")), "energygate check"),
        (result(judged(Verdict.FAIL), policy="a b.yml"), "energygate check --policy 'a b.yml' digits-cnn"),
        (result(judged(Verdict.PASS), base=BASE), f"energygate check --base {COMMIT}"),
        (
            result(judged(Verdict.PASS), base=BaseResult(ref="../$(x)", commit=None)),
            "energygate check --base-dir '../$(x)'",
        ),
        (result(*(judged(Verdict.FAIL, name=f"w{number}") for number in range(11))), "energygate check"),
    ],
)
def test_the_command_to_reproduce(outcome, line):
    assert command(outcome) == line


@given(name=hostile, policy=hostile, ref=hostile)
def test_a_shell_reads_the_command_as_words(name, policy, ref):
    outcome = result(judged(Verdict.FAIL, name=name), policy=policy, base=BaseResult(ref=ref, commit=None))
    words = shlex.split(command(outcome))
    assert words[:6] == ["energygate", "check", "--policy", policy, "--base-dir", ref]
    assert words[6:] in ([], [name])


@pytest.mark.parametrize(
    ("workload", "cost"),
    [
        (changed(0.2, 0.1, 0.3), "+219 Wh, +83.2 g CO₂e, +0.0657 EUR"),
        (changed(-0.2, -0.3, -0.1), f"{MINUS}219 Wh, {MINUS}83.2 g CO₂e, {MINUS}0.0657 EUR"),
        (changed(0.02, -0.1, 0.3), ""),  # no change is shown, so none is told
        (changed(0.2, None, None), ""),
        (judged(Verdict.PASS), "1.40 kWh, 533 g CO₂e, 0.420 EUR"),
        (failed_workload_result(), ""),
    ],
)
def test_what_it_means_in_a_year(workload, cost):
    site = SiteResult(pue=1.25, carbon_g_per_kwh=380.0, carbon_source="DEU", electricity_price="0.3 EUR/kWh")
    assert per_year(workload, site, requests_per_day=2e6) == cost


def test_a_year_needs_traffic_and_only_that():
    outcome = result(judged(Verdict.PASS))
    assert "a year" not in written(outcome)
    assert "- `digits-cnn`: 1.40 kWh a year\n" in written(outcome, requests_per_day=2e6)
    price = SiteResult(pue=1.0, carbon_g_per_kwh=None, carbon_source=None, electricity_price="a fortune")
    assert per_year(judged(Verdict.PASS), price, requests_per_day=2e6) == "1.40 kWh"
