"""One pull request that does everything at once: heavier, unchanged, renamed, added and removed workloads."""

from __future__ import annotations

import json
import math

import jsonschema
import pytest
from base_projects import PATIENT, Project, limit

from energygate.result.result import Result

pytestmark = pytest.mark.measures

WAIVER = {
    "workload": "old name",
    "metric": "energy_per_request",
    "reason": "a new tokenizer",
    "owner": "@ml",
    "expires": "2999-01-31",
}


@pytest.fixture(scope="session")
def story(tmp_path_factory):
    """4 ms become 8 ms at the same number of requests: +100 % by construction, on any machine."""
    project = Project(root=tmp_path_factory.mktemp("story") / "project")
    for name in ("heavier", "same", "steady", "renamed", "gone"):
        project.spin(f"{name}.py", 4.0)
    base = {
        "heavier": {"python": "heavier:make", "budgets": limit()},
        "same": {"python": "same:make", "budgets": limit()},  # without `paths` any change of the tree counts
        "steady": {"python": "steady:make", "paths": ["steady.py"], "budgets": limit()},
        "old name": {"python": "renamed:make", "budgets": limit()},
        "gone": {"python": "gone:make", "budgets": limit()},
    }
    project.policy(base, time_limit="10 s", waivers=[WAIVER])
    project.commit(branch="change")
    project.spin("heavier.py", 8.0)
    project.spin("renamed.py", 12.0)
    project.spin("added.py", 2.0)
    (project.root / "gone.py").unlink()
    head = {
        "heavier": {"python": "heavier:make", "threads": 2, "budgets": limit("500 %")},  # eases its own test
        "same": base["same"],
        "steady": base["steady"],
        "new name": base["old name"],
        "added": {"python": "added:make", "budgets": {"energy_per_request": "1 Wh"}},
    }
    project.policy(head, time_limit="10 s", comparison={"removed": "fail"})
    project.commit()
    return project.check(*PATIENT)


def energy(workload):
    return workload["metrics"]["energy_per_request"]


def test_the_run_fails_for_the_heavier_workload(story):
    assert story.ran.code == 1
    assert story.result["verdict"] == "fail"
    first = story.ran.out.splitlines()[0]
    assert first.startswith("✗ FAIL  heavier needs ")
    assert first.endswith("% more energy per request (limit +20 %)")


@pytest.mark.parametrize(
    ("name", "state", "verdict"),
    [
        ("heavier", "compared", "fail"),
        ("same", "compared", "pass"),
        ("steady", "unchanged", "pass"),
        ("new name", "renamed", "waived"),  # the waiver follows the rename
        ("gone", "removed", "pass"),
        ("added", "added", "pass"),
    ],
)
def test_the_verdict_of_each_workload(story, name, state, verdict):
    workload = story.workloads[name]
    assert (workload["state"], workload["verdict"], workload["error"]) == (state, verdict, None)


@pytest.mark.parametrize(("name", "change"), [("heavier", 1.0), ("same", 0.0), ("new name", 2.0)])
def test_the_measured_change_is_the_constructed_one(story, name, change):
    found = energy(story.workloads[name])["change"]
    # What a call costs besides its spinning dilutes a change; sides that are mixed up, or lost, halve one.
    assert 1 + found["estimate"] == pytest.approx(1 + change, rel=0.15)
    assert found["low"] < found["estimate"] < found["high"]
    ratios = story.workloads[name]["comparison"]["log_ratios"]
    assert sum(ratios) / len(ratios) == pytest.approx(math.log1p(found["estimate"]))


@pytest.mark.parametrize("name", ["steady", "gone"])
def test_unchanged_workloads_are_not_measured(story, name):
    workload = story.workloads[name]
    assert (workload["metrics"], workload["provenance"], workload["comparison"]) == ({}, None, None)


def test_an_added_workload_has_no_base(story):
    added = story.workloads["added"]
    assert (energy(added)["base"], energy(added)["change"], added["comparison"]) == (None, None, None)


def test_a_pull_request_cannot_loosen_its_own_gate(story):
    heavier = story.workloads["heavier"]
    assert energy(heavier)["findings"][0]["limit_text"] == "20 %"
    assert heavier["provenance"]["threads"] == 1
    assert heavier["notes"][0] == "head's policy changes budgets, threads; base's decides"
    assert story.result["policy_changed"] is True
    assert "this change also changes the policy: base's policy decides" in story.ran.out


def test_states_are_reported(story):
    for line in (
        "= identical to base, not measured: steady",
        "new name: renamed from old name; base's budgets decide",
        "heavier: head's policy changes budgets, threads; base's decides",
    ):
        assert line in story.ran.out.splitlines()
    assert "gone: removed; it exists at base " in story.ran.out


def test_rows_are_sorted_by_urgency(story):
    marks = [line[2] for line in story.ran.out.splitlines() if line[:2] == "  " and line[2] in "✗!?w✓"]
    assert marks == ["✗", "w", "✓", "✓"]


def test_the_result_follows_the_schema_and_names_base(story):
    jsonschema.validate(story.result, Result.published_schema())
    base = story.result["base"]
    assert (base["ref"], len(base["commit"])) == ("main", 40)
    compared = story.workloads["heavier"]["comparison"]
    assert (compared["mode"], compared["agreement"]["share"]) == ("paired", 1.0)
    assert json.dumps(story.result, allow_nan=False)


def test_agreement_of_answers_is_reported(story):
    assert "heavier: the value agrees with base's" in story.ran.out
