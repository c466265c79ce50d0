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
from energygate.report.at_traffic import per_year
from energygate.report.headline import headline
from energygate.report.markdown import comment
from energygate.report.markdown_sections import command
from energygate.report.markdown_table import SIGNS, table_rows
from energygate.report.safe_markdown import NO_BREAK_SPACE
from energygate.result.result import BaseResult, Change, ComparisonResult, SiteResult
from energygate.workloads.agreement import AgreementResult
from energygate.workloads.operators import OperatorResult

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
    metric = metric_result(finding, head=1.5e-9 * (1 + estimate)).model_copy(update={"base": 1.5e-9, "change": change})
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


def site(**fields):
    defaults = {"pue": 1.25, "carbon_g_per_kwh": None, "carbon_source": None, "electricity_price": None}
    return SiteResult(**{**defaults, "requests_per_day": 2e6, **fields})


GERMAN = {"carbon_g_per_kwh": 380.0, "carbon_source": "DEU", "electricity_price": "0.3 EUR/kWh"}


def rows_of(body):
    """Give the rows of all tables, without their heads."""
    return [
        line
        for line in body.splitlines()
        if line.startswith("| ") and not line.startswith(("| :--", "| base →", "| head"))
    ]


def plain(body):
    """Give what is in plain sight: neither folded away nor in the footer."""
    return re.sub("<details>.*?</details>|<sub>`.*", "", body, flags=re.DOTALL)


WORSE = result(
    changed(
        0.338,
        0.329,
        0.347,
        Verdict.FAIL,
        comparison=comparison(
            operators=(
                OperatorResult(operator="Conv", base_share=0.5, contribution=0.31, is_new=False, is_gone=False),
            ),
            agreement=AgreementResult(share=0.989, compared=360, how="classes", largest_difference=None),
        ),
    ),
    quiet("digits-mlp"),
    unchanged("digits-old"),
    site=site(**GERMAN),
    base=BASE,
    head_commit="8c1f02d" + "0" * 33,
)


def test_the_comment_to_the_character():
    n = NO_BREAK_SPACE
    assert written(WORSE, artifact_url=ARTIFACT) == (
        f"### ❌ energygate: digits-cnn needs 33.8{n}% more energy per request (limit{n}+5{n}%)\n"
        "\n"
        "| base → head | change<br><sub>interval</sub> | limit |\n"
        "| :-- | --: | :-- |\n"
        f"| `digits-cnn` energy per request<br>1.50{n}→{n}2.01{n}µWh "
        f"| <b>+33.8{n}%</b><br><sub>+32.9 to +34.7 %</sub> | ❌{n}+5{n}% |\n"
        f"| `digits-mlp` energy per request<br>1.50{n}→{n}1.50{n}µWh "
        f"| +0.20{n}%<br><sub>{MINUS}0.40 to +0.80 %</sub> | ✅{n}+5{n}% |\n"
        "\n"
        "1 workload is identical to base and was not measured.\n"
        "\n"
        "<b>What moved</b> (`digits-cnn`): Conv +31.0 % of base's operator time; "
        "98.9 % of 360 answers agree with base's.\n"
        "\n"
        "<b>At your traffic</b>: +370 Wh, +141 g CO₂e, +0.11 EUR a year "
        "(2,000,000 requests a day, PUE 1.25, 380 g CO₂e/kWh in DEU).\n"
        "\n"
        f"<details><summary>How it was measured: estimated, percentages reliable, absolute kWh ±{n}30{n}%"
        "</summary>\n"
        "\n"
        "- Estimated: power model row AMD EPYC 3rd generation, 2.02 W per vCPU at full load "
        "(Cloud Carbon Footprint coefficients 2023-05, Azure); absolute energy ± 30 %.\n"
        "- Virtual machine: AMD EPYC 7763 64-Core Processor, 2 CPUs, Linux 6.8.\n"
        "- Base `3f2a9c1` (merge base with `main`) and head alternated on it, in random order.\n"
        "- Energy includes PUE 1.25, multiplied once.\n"
        "- Policy: `energygate.yml`.\n"
        "- Intervals contain the true number, whenever measuring stopped: at most 5 % of runs fail, and 5 % of limits "
        "pass, by mistake. Those of values allow for this machine's drift of ± 10 %.\n"
        "- `digits-cnn`: 6 launches, 12,000 requests, 9.8 s; "
        "codecarbon 3.3.2 alone would have said 71.0 µWh per request, without PUE.\n"
        "- `digits-mlp`: 6 launches, 12,000 requests, 9.8 s; "
        "codecarbon 3.3.2 alone would have said 71.0 µWh per request, without PUE.\n"
        "\n"
        "</details>\n"
        "\n"
        "<details><summary>Reproduce it, or accept it</summary>\n"
        "\n"
        "```sh\n"
        "energygate check --base 3f2a9c100000 digits-cnn\n"
        "```\n"
        "\n"
        "Any machine will do: changes in percent carry over, joules and times do not.\n"
        "\n"
        "Intended? A code owner adds a waiver to `energygate.yml` "
        "on the base branch, whose policy decides:\n"
        "\n"
        "```yaml\n"
        "waivers:\n"
        '  - {workload: "digits-cnn", metric: energy_per_request, reason: "...", owner: "...", '
        "expires: 2026-03-31}\n"
        "```\n"
        "\n"
        "</details>\n"
        "\n"
        f"<sub>`8c1f02d` against `3f2a9c1` · [run](<{RUN}>) · [all numbers](<{ARTIFACT}>) · energygate 0.1.0</sub>\n"
    )


@pytest.mark.parametrize("verdict", [*Verdict])
def test_the_first_line_is_the_verdict(verdict):
    outcome = result(failed_workload_result() if verdict is Verdict.ERROR else judged(verdict, **LOW))
    first = written(outcome).splitlines()[0].replace(NO_BREAK_SPACE, " ")
    assert first == f"### {SIGNS[verdict]} energygate: {headline(outcome)}"


def test_without_a_run_there_are_no_links():
    assert written(result(judged(Verdict.PASS)), run_url=None).endswith("<sub>energygate 0.1.0</sub>\n")
    assert "<sub>`8c1f02d` · energygate" in written(
        result(judged(Verdict.PASS), head_commit="8c1f02d" + "0" * 33), run_url=None
    )


def test_every_verdict_has_its_symbol():
    assert set(SIGNS) == set(Verdict)
    assert len(set(SIGNS.values())) == len(SIGNS)


def test_without_a_base_there_is_no_column_for_changes():
    n = NO_BREAK_SPACE
    body = written(result(judged(Verdict.FAIL, **LOW)))
    assert "| head<br><sub>interval</sub> | limit |\n| :-- | :-- |\n" in body
    row = f"| `digits-cnn` energy per request<br>1.92{n}µWh<br><sub>1.80 to 2.05 µWh</sub> | ❌{n}≤{n}1.6{n}µWh |"
    assert rows_of(body) == [row]
    assert "base" not in body
    assert f"estimated, absolute kWh ±{n}30{n}%" in body


def test_limits_of_one_metric_share_a_row_with_the_broken_one_first():
    metrics = {
        "energy_per_request": metric_result(
            finding_result(Verdict.PASS, limit_text="3 µWh"),
            finding_result(Verdict.FAIL, kind="max_increase", limit=0.05, limit_text="5 %"),
        ).model_copy(update={"base": 1.5e-9, "change": Change(estimate=0.28, low=0.27, high=0.29)})
    }
    (row,) = rows_of(written(result(workload_result(metrics=metrics), base=BASE)).replace(NO_BREAK_SPACE, " "))
    assert row.endswith("<b>+28.0 %</b><br><sub>+27.0 to +29.0 %</sub> | ❌ +5 %<br>✅ ≤ 3 µWh |")
    assert "1.80 to 2.05" not in row  # head's own interval: nothing hangs on it


def test_the_change_column_says_new_for_a_new_workload():
    new = workload_result(
        "new", metrics={"energy_per_request": metric_result(finding_result(Verdict.PASS))}, state="added"
    )
    last = rows_of(written(result(quiet("old"), new, base=BASE)))[-1]
    assert last.replace(NO_BREAK_SPACE, " ") == (
        "| `new` energy per request<br>1.92 µWh<br><sub>1.80 to 2.05 µWh</sub> | new | ✅ ≤ 2 µWh |"
    )


def test_a_name_is_only_in_the_first_of_its_rows():
    metrics = {name: metric_result(finding_result(Verdict.PASS)) for name in ("energy_per_request", "latency_p95")}
    first, second = rows_of(written(result(workload_result(metrics=metrics))))
    assert first.startswith("| `digits-cnn` energy per request<br>")
    assert second.startswith("| latency p95<br>")


def test_failing_workloads_come_first_the_worst_on_top():
    outcome = result(
        quiet("same"),
        changed(-0.4, -0.41, -0.39, name="better"),
        changed(0.04, 0.0, 0.1, Verdict.INCONCLUSIVE, name="unsure"),
        changed(0.2, 0.1, 0.3, Verdict.FAIL, name="worse"),
        changed(0.3, 0.2, 0.4, Verdict.FAIL, name="worst"),
        base=BASE,
    )
    rows = table_rows(outcome)
    assert [row.workload for row in rows] == ["worst", "worse", "unsure", "better", "same"]
    assert [row.metric.shows_change for row in rows] == [True, True, False, True, False]
    assert "worst needs" in written(outcome).splitlines()[0]


def test_of_many_rows_the_changed_are_visible_and_the_rest_folded_and_counted():
    outcome = result(
        *(quiet(f"same-{number}") for number in range(30)),
        changed(0.2, 0.1, 0.3, Verdict.FAIL, name="worse"),
        changed(-0.4, -0.41, -0.39, name="better"),
        base=BASE,
    )
    title = "<details><summary>30 more rows: no budget broken, no change shown</summary>"
    seen, folded = written(outcome).split(title)
    assert [row.split("`")[1] for row in rows_of(seen)] == ["worse", "better"]
    assert len(rows_of(folded)) == 30


def test_passing_rows_of_a_failing_workload_are_folded_too():
    quiet_metrics = {
        name: metric_result(finding_result(Verdict.PASS)) for name in ("latency_p50", "latency_p95", "model_size")
    }
    failing = [changed(0.2, 0.1, 0.3, Verdict.FAIL, name=name) for name in "abcd"]
    many = [one.model_copy(update={"metrics": {**one.metrics, **quiet_metrics}}) for one in failing]
    shown = rows_of(plain(written(result(*many, base=BASE))))
    assert [row.split("`")[1] for row in shown] == ["a", "b", "c", "d"]


def test_of_many_failures_the_first_are_visible_and_the_rest_folded():
    failing = [changed(0.1 + n / 100, 0.09, 0.9, Verdict.FAIL, name=f"w{n}") for n in range(40)]
    body = written(result(*failing, quiet("same"), base=BASE))
    assert "; 39 more budgets broken\n" in body
    assert rows_of(plain(body))[0].startswith("| `w39` ")
    assert len(rows_of(plain(body))) == 10
    assert "<details><summary>30 more rows need attention</summary>" in body
    assert "<details><summary>1 more row: no budget broken, no change shown</summary>" in body


def test_a_workload_without_a_budget_shows_its_energy():
    (row,) = rows_of(written(result(workload_result())))
    assert row.endswith("<sub>1.80 to 2.05 µWh</sub> | no budget |")


def test_caveats_are_never_folded():
    outcome = result(
        judged(Verdict.WAIVED, reason="waived until 2026-03-02 by @ml: a new backbone", **LOW),
        workload_result("noisy", notes=("warm-up did not settle in 4 of 6 launches",)),
        failed_workload_result("one"),
        failed_workload_result("two", message="it is no ONNX model"),
        changed(0.04, 0.0, 0.1, Verdict.INCONCLUSIVE, name="open", comparison=comparison(seconds_to_decide=90.0)),
        base=BASE,
        notes=("the time was short",),
        policy_changed=True,
        policy_changes=("site.pue: 1.2 → 1.1",),
    )
    body = written(outcome)
    remarks = [line for line in plain(body).splitlines() if line.startswith("- ")]
    assert remarks == [
        "- `two` could not be judged: it is no ONNX model.",
        "- `digits-cnn`: energy per request: waived until 2026-03-02 by @\u2060ml: a new backbone.",
        "- The time was short.",
        "- `open`: about 90 s more would decide: `time_limit: 130 s`",
        "- `noisy`: warm-up did not settle in 4 of 6 launches.",
    ]
    assert "Head also changes the policy: base's decides." in plain(body)
    assert "(not in force)</summary>\n\n- site.pue: 1.2 → 1.1\n" in body
    assert "Nothing was judged" not in body


def test_one_remark_on_one_workload_is_a_sentence():
    body = written(result(judged(Verdict.WAIVED, reason="waived until 2026-03-02 by @ml: why", **LOW)))
    assert "\n\nWaived until 2026-03-02 by @\u2060ml: why.\n\n" in body


def test_a_reason_that_many_rows_share_is_shown_once():
    reason = "waived by label energy-ok, set by alice on 2026-03-01"
    some = [judged(Verdict.WAIVED, name=name, reason=reason, **LOW) for name in "ab"]
    assert f"\n\n2 rows: {reason}.\n" in written(result(*some))
    noted = written(result(*some, notes=(reason,)))
    assert noted.count(reason[1:]) == 1  # a sentence begins with a capital


def test_what_the_headline_says_is_not_repeated():
    gone = "removed, which base's policy does not allow; it exists at base 3f2a9c1"
    one = workload_result(
        "a", metrics={}, provenance=None, method=None, state="removed", verdict=Verdict.FAIL, notes=(gone,)
    )
    assert written(result(one, base=BASE)).count("does not allow; it exists") == 1


def test_a_result_without_judgement_says_so():
    assert "\n\nNothing was judged.\n" in written(result(failed_workload_result()))


def test_diagnoses_of_several_workloads_are_folded():
    moved = {"comparison": comparison(base_versions={"onnxruntime": "1.19.2"})}
    some = [changed(0.2, 0.1, 0.3, Verdict.FAIL, name=name, **moved) for name in "ab"]
    body = written(result(*some, base=BASE, site=site()))
    assert "<b>What moved</b>" not in body
    assert (
        "<details><summary>What moved</summary>\n\n"
        f"- `a`: onnxruntime 1.19.2{NO_BREAK_SPACE}→ 1.22.0\n- `b`: onnxruntime 1.19.2{NO_BREAK_SPACE}→ 1.22.0\n"
    ) in body
    assert (
        "<details><summary>At your traffic</summary>\n\n"
        "- `a`: +219 Wh a year\n- `b`: +219 Wh a year\n\nWith 2,000,000 requests a day, PUE 1.25; "
        "each workload as if it served all of the traffic.\n"
    ) in body


def test_agreeing_answers_are_not_listed_under_what_moved():
    agreement = AgreementResult(share=1.0, compared=360, how="classes", largest_difference=None)
    same = changed(0.2, 0.1, 0.3, Verdict.FAIL, comparison=comparison(agreement=agreement))
    assert "\n<b>Answers</b>: all 360 answers agree with base's.\n" in written(result(same, base=BASE))
    other = same.model_copy(update={"name": "other"})
    assert "answers agree" not in written(result(same, other, base=BASE))


def test_an_unchanged_result_has_no_command_to_reproduce():
    body = written(result(unchanged("a"), unchanged("b"), base=BASE))
    assert body.startswith("### ✅ energygate: 2 workloads identical to base, not measured\n\n<sub>head against")


def test_stderr_is_quoted_line_by_line():
    body = written(result(failed_workload_result(detail="/lgtm\n```\n@team </details>")))
    assert "````text\n| /lgtm\n| ```\n| @\u2060team </details>\n````" in body


def test_without_a_broken_budget_no_waiver_is_suggested():
    assert "waiver" not in written(result(judged(Verdict.PASS)))
    assert "waiver" in written(result(judged(Verdict.INCONCLUSIVE)))


@given(name=st.text(min_size=1, max_size=40).filter(lambda name: name.isprintable() and "@" not in name))
def test_the_suggested_waiver_is_valid(name):
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
        (result(judged(Verdict.PASS), base=BASE), "energygate check --base 3f2a9c100000"),
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
def test_the_command_is_quoted_for_the_shell(name, policy, ref):
    outcome = result(judged(Verdict.FAIL, name=name), policy=policy, base=BaseResult(ref=ref, commit=None))
    words = shlex.split(command(outcome))
    assert words[:6] == ["energygate", "check", "--policy", policy, "--base-dir", ref]
    assert words[6:] in ([], [name])


@pytest.mark.parametrize(
    ("workload", "cost"),
    [
        (changed(0.2, 0.1, 0.3), "+219 Wh, +83 g CO₂e, +0.066 EUR"),
        (changed(-0.2, -0.3, -0.1), f"{MINUS}219 Wh, {MINUS}83 g CO₂e, {MINUS}0.066 EUR"),
        (changed(0.02, -0.1, 0.3), ""),  # a change that is not shown to be real is left out
        (changed(0.2, None, None), ""),
        (judged(Verdict.PASS), "1.4 kWh, 533 g CO₂e, 0.42 EUR"),
        (failed_workload_result(), ""),
    ],
)
def test_the_cost_of_a_year(workload, cost):
    assert per_year(workload, site(**GERMAN)) == cost


def test_the_cost_of_a_year_needs_only_traffic():
    assert "a year" not in written(result(judged(Verdict.PASS)))
    text = written(result(judged(Verdict.PASS), site=site()))
    assert "\n<b>At your traffic</b>: 1.4 kWh a year (2,000,000 requests a day, PUE 1.25).\n" in text
    assert per_year(judged(Verdict.PASS), site(electricity_price="a fortune")) == "1.4 kWh"


def test_incomparable_numbers_show_no_saving():
    one = changed(-0.4, -0.41, -0.39)
    metric = one.metrics["energy_per_request"].model_copy(update={"incomparable": "two GPUs"})
    one = one.model_copy(update={"metrics": {"energy_per_request": metric}})
    assert per_year(one, site()) == ""
    assert "less" not in headline(result(one, base=BASE))
