"""`energygate merge` judges a run by its jobs' results, with the exit codes of `check`."""

from __future__ import annotations

import json

import pytest
from builders import failed_workload_result, judged, result
from commands import write_policy

from energygate.gate import Verdict


def names(text):
    return text.split()


@pytest.fixture
def legs(tmp_path):
    """Write a policy, and results as artifacts are downloaded; each holds workloads by name and verdict."""

    def make(*parts, policy="a b"):
        write_policy(tmp_path, {name: {"python": f"app:{name}"} for name in names(policy)})
        for number, part in enumerate(parts):
            place = tmp_path / "legs" / f"energygate-leg-{number}"
            place.mkdir(parents=True)
            workloads = (
                failed_workload_result(name) if verdict is Verdict.ERROR else judged(verdict, name=name)
                for name, verdict in part.items()
            )
            (place / "result.json").write_text(result(*workloads).to_json(), encoding="utf-8")
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("second", "code", "strictly", "word"),
    [
        (Verdict.PASS, 0, 0, "✓ PASS"),
        (Verdict.WARN, 0, 0, "! WARN"),
        (Verdict.INCONCLUSIVE, 0, 4, "? INCONCLUSIVE"),
        (Verdict.FAIL, 1, 1, "✗ FAIL"),
        (Verdict.ERROR, 3, 3, "✗ ERROR"),
    ],
)
def test_the_worst_leg_is_the_verdict_and_the_exit_code(legs, in_process, second, code, strictly, word):  # noqa: PLR0917 - a table's columns
    root = legs({"a": Verdict.PASS}, {"b": second})
    ran = in_process("merge", "legs", cwd=root)
    assert (ran.code, ran.out.split("  ")[0], ran.err) == (code, word, ""), ran.said
    assert in_process("merge", "legs", "--strict", cwd=root).code == strictly


def test_a_leg_without_a_result_is_an_error_and_the_others_are_reported(legs, in_process):
    root = legs({"a": Verdict.FAIL}, {"c": Verdict.PASS}, policy="a b c")
    ran = in_process("merge", "legs", "--json", "merged.json", cwd=root)
    assert ran.code == 3
    assert ran.out.startswith("✗ ERROR  b could not be judged: no result has this workload")
    assert "✗  a" in ran.out
    merged = json.loads((root / "merged.json").read_text("utf-8"))
    assert [(one["name"], one["verdict"]) for one in merged["workloads"]] == [
        ("a", "fail"),
        ("b", "error"),
        ("c", "pass"),
    ]


def test_no_results_at_all_is_an_error_too(legs, in_process):
    root = legs()
    (root / "legs").mkdir()
    ran = in_process("merge", "legs", cwd=root)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("energygate: there is no result.json below legs. All jobs failed")


def test_a_run_of_selected_workloads_does_not_require_the_others(legs, in_process):
    root = legs({"a": Verdict.PASS}, {"b": Verdict.PASS}, policy="a b c")
    ran = in_process("merge", "legs", "--workload", "b", "--workload", "a", "-q", cwd=root)
    assert (ran.code, ran.out.count("\n")) == (0, 1), ran.said
    assert in_process("merge", "legs", "-q", cwd=root).code == 3


def test_json_to_standard_output_is_pure_and_can_be_merged_again(legs, in_process):
    root = legs({"a": Verdict.PASS}, {"b": Verdict.FAIL})
    ran = in_process("merge", "legs", "--json", "-", cwd=root)
    assert (ran.code, json.loads(ran.out)["verdict"]) == (1, "fail")
    assert ran.err.startswith("✗ FAIL  b")
    (root / "merged.json").write_text(ran.out, encoding="utf-8")
    again = in_process("merge", "merged.json", "--json", "-", cwd=root)
    assert (again.code, again.out) == (1, ran.out)


def test_an_unwritable_result_does_not_change_the_verdict(legs, in_process):
    root = legs({"a": Verdict.FAIL, "b": Verdict.PASS})
    (root / "taken").write_text("", encoding="utf-8")
    ran = in_process("merge", "legs", "--json", "taken/result.json", cwd=root)
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert ran.err.endswith("the verdict stands\n")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, ("RESULT",)),
        (("legs", "--policy", "gone.yml"), 2, ("gone.yml", "no such policy")),
        (("legs", "--workload", "aa"), 2, ("energygate.yml", "'aa'", "'a'")),
        (("legs", "--workload", "a"), 2, ("workload 'b' does not belong to this run", "result 2: legs/")),
        (
            ("legs", "legs/energygate-leg-0/../energygate-leg-0/result.json"),
            2,
            ("'a' is in results 1 and 3",),
        ),
        (("legs", "--base-dir", "."), 2, ("energygate-leg-0/result.json", "with no base, but one is named")),
        (("legs", "gone.json"), 3, ("gone.json", "cannot read the result")),
        (("legs", "energygate.yml"), 3, ("energygate.yml", "not JSON")),
    ],
)
def test_a_mistake_is_refused_in_one_sentence(legs, in_process, arguments, code, words):
    ran = in_process("merge", *arguments, cwd=legs({"a": Verdict.PASS}, {"b": Verdict.PASS}))
    assert (ran.code, ran.out) == (code, "")
    assert [word for word in words if word not in ran.err] == [], ran.err
    assert "Traceback" not in ran.err
