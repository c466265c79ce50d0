"""A run spread over jobs: every workload of both sides, on runners that base uses, joined to what was planned."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from builders import judged, provenance, result, workload_result
from commands import write_policy

from energygate.errors import PolicyError, UsageError
from energygate.gate import Verdict
from energygate.policy import load_policy, parse_policy
from energygate.policy.policy_diff import policy_digest
from energygate.result.files import Leg
from energygate.result.result import BaseResult
from energygate.run.shards import DEFAULT_JOBS, join, plan_for, whole_run

POLICY = "energygate.yml"


def workloads(**runners):
    """Workloads by name; one that is given a runner asks for it."""
    return {
        name: {"python": f"app:{name}", **({"runs_on": runner} if runner else {})} for name, runner in runners.items()
    }


def run_of(directory, **how):
    return whole_run(load_policy(directory / POLICY), directory, POLICY, **how)


@pytest.fixture
def beside(tmp_path):
    """Write base's and head's policies into two directories; returns the run that compares them."""

    def make(base, head, **how):
        for side, content in (("base", base), ("head", head)):
            (tmp_path / side).mkdir()
            if content is not None:
                write_policy(tmp_path / side, content)
        return run_of(tmp_path / "head", base_dir=str(tmp_path / "base"), **how)

    return make


# What a run is about


def test_without_a_base_the_run_has_the_policys_workloads(tmp_path):
    write_policy(tmp_path, workloads(b=None, a="gpu", c=["self-hosted", "gpu"], d=["gpu"]))
    run = run_of(tmp_path)
    assert run.names == ("b", "a", "c", "d")
    assert run.runs_on == {"a": "gpu", "c": ("self-hosted", "gpu"), "d": "gpu"}
    assert (run.base, run.notes) == (None, ())


def test_with_a_base_the_run_names_removed_renamed_and_added_workloads(beside):
    run = beside(
        workloads(kept=None, removed=None, old=None),
        {**workloads(kept=None), "new": {"python": "app:old"}, **workloads(added=None)},
    )
    assert run.names == ("kept", "removed", "new", "added")


def test_the_run_may_be_limited_to_some_workloads(beside):
    run = beside(workloads(a=None, removed="gpu"), workloads(a=None, b=None), workloads=("removed", "b", "removed"))
    assert run.names == ("removed", "b")
    assert run.runs_on == {"removed": "gpu"}


def test_a_name_that_neither_side_has_is_refused(beside):
    with pytest.raises(UsageError, match=r"no workload 'addedd'\. Did you mean 'added'"):
        beside(workloads(a=None), workloads(a=None, added=None), workloads=("addedd",))


def test_two_kinds_of_base_are_refused(tmp_path):
    write_policy(tmp_path, workloads(a=None))
    with pytest.raises(UsageError, match="--base and --base-dir exclude each other"):
        run_of(tmp_path, base="main", base_dir=str(tmp_path))


def test_a_base_that_is_not_a_directory_is_refused(tmp_path):
    write_policy(tmp_path, workloads(a=None))
    with pytest.raises(UsageError, match=r"--base-dir names .*gone, which is not a directory"):
        run_of(tmp_path, base_dir=str(tmp_path / "gone"))


def test_an_invalid_policy_at_base_is_named(beside):
    with pytest.raises(PolicyError, match=r"energygate\.yml in .*base"):
        beside({"a": {"pyhton": "app:a"}}, workloads(a=None))


def test_with_git_base_is_the_merge_base_without_a_checkout(project):
    project.policy(workloads(kept="gpu", removed=None))
    project.commit(branch="change")
    sha = project.git("rev-parse", "HEAD")
    project.policy(workloads(kept="expensive", added="gpu"))
    before = project.state()
    run = run_of(project.root, base="main")
    assert project.state() == before
    assert run.names == ("kept", "removed", "added")
    assert run.base == BaseResult(ref="main", commit=sha)
    assert run.runs_on == {"kept": "gpu", "added": "gpu"}


def test_with_git_the_policy_may_be_in_a_subdirectory(project):
    below = project.root / "services" / "ranking"
    below.mkdir(parents=True)
    write_policy(below, workloads(removed=None))
    project.commit(branch="change")
    write_policy(below, workloads(a=None))
    assert run_of(below, base="main").names == ("removed", "a")


# Where a pull request's code may run


@pytest.mark.parametrize(
    ("base", "head", "allowed"),
    [
        pytest.param({"a": "x"}, {"a": "y"}, {"a": "x"}, id="base decides for what it has"),
        pytest.param({"a": None}, {"a": "y"}, {}, id="also that it needs none"),
        pytest.param({"a": "x"}, {"a": None}, {"a": "x"}, id="also that it needs one"),
        pytest.param({"a": "x"}, {"a": "x", "b": "x"}, {"a": "x", "b": "x"}, id="added, as base uses it"),
        pytest.param({"a": "x"}, {"a": "x", "b": ["x"]}, {"a": "x", "b": "x"}, id="one label is one label"),
        pytest.param({"a": "x"}, {"a": "x", "b": "y"}, {"a": "x"}, id="added, unknown to base"),
        pytest.param({"a": ["x", "y"]}, {"b": ["x", "y"]}, {"a": ("x", "y"), "b": ("x", "y")}, id="all labels"),
        pytest.param({"a": ["x", "y"]}, {"b": "x"}, {"a": ("x", "y")}, id="a part of the labels is another"),
        pytest.param({"a": ["x", "y"]}, {"b": ["x", "y", "z"]}, {"a": ("x", "y")}, id="more labels"),
        pytest.param(None, {"a": "x"}, {}, id="base has no policy, so it uses none"),
    ],
)
def test_a_pull_request_cannot_use_a_runner_that_base_does_not_use(beside, base, head, allowed):
    run = beside(None if base is None else workloads(**base), workloads(**head))
    assert run.runs_on == allowed


def test_a_workload_that_was_renamed_stays_on_its_runner(beside):
    run = beside(workloads(old="x"), {"new": {"python": "app:old", "runs_on": "y"}})
    assert (run.names, run.runs_on) == (("new",), {"new": "x"})


def test_a_refused_runner_is_noted(beside):
    run = beside(workloads(a="x"), workloads(a="y", b=["self-hosted", "y"], c="x"))
    assert run.notes == (
        "workload 'b' asks for the runner self-hosted, y, which base's policy does not use: it gets the default runner",
    )


# Who measures what


def test_each_workload_gets_a_job_up_to_the_default_number(tmp_path):
    write_policy(tmp_path, workloads(**{f"w{number}": None for number in range(DEFAULT_JOBS + 5)}))
    run = run_of(tmp_path)
    assert len(plan_for(run)) == DEFAULT_JOBS
    assert len(plan_for(run, count=3)) == 3
    write_policy(tmp_path, workloads(a=None, b="gpu"))
    assert [one.workloads for one in plan_for(run_of(tmp_path))] == [("a",), ("b",)]


def test_many_kinds_of_runners_need_as_many_jobs(tmp_path):
    write_policy(tmp_path, workloads(**{f"w{number}": f"runner-{number}" for number in range(DEFAULT_JOBS + 5)}))
    assert len(plan_for(run_of(tmp_path))) == DEFAULT_JOBS + 5


def test_other_workloads_run_on_the_runner_that_is_named(tmp_path):
    write_policy(tmp_path, workloads(a=None, b="gpu"))
    planned = plan_for(run_of(tmp_path), runner=("self-hosted", "linux"))
    assert {one.workloads: one.runner for one in planned} == {("a",): ("self-hosted", "linux"), ("b",): "gpu"}


def took(seconds, **fields):
    """An earlier result."""
    measured = (workload_result(name, provenance=provenance(seconds=one)) for name, one in seconds.items())
    return result(*measured, **fields)


def test_jobs_are_balanced_by_the_latest_times_in_any_order(tmp_path):
    write_policy(tmp_path, workloads(a=None, b=None, c=None, d=None))
    past = [
        took({"a": 1, "d": 30}, created="2026-03-02T12:00:00+00:00"),
        took({"a": 50, "b": 10, "c": 10, "d": 1}, created="2026-03-01T12:00:00+00:00"),
    ]
    for results in (past, past[::-1]):
        planned = plan_for(run_of(tmp_path), count=2, past=results)
        assert [one.workloads for one in planned] == [("a", "b", "c"), ("d",)]


# And joined again


def leg(*names, file="1/result.json", **fields):
    return Leg(name=file, result=result(*(judged(Verdict.PASS, name=name) for name in names), **fields))


SHA, OTHER = "ab" * 20, "cd" * 20


def test_a_workload_that_no_leg_has_is_an_error(beside):
    run = beside(workloads(a=None, removed=None), workloads(a=None))
    joined = join(run, [leg("a", base=BaseResult(ref="main", commit=None))])
    assert joined.verdict is Verdict.ERROR
    assert [one.name for one in joined.workloads if one.error] == ["removed"]


@pytest.mark.parametrize(
    ("ours", "theirs", "why"),
    [
        (None, SHA, "compares with a base, but none is named here"),
        (SHA, None, "compares with no base, but one is named here"),
        (SHA, OTHER, "compares with cdcdcdc, but base is ababab.* here"),
        (SHA, "directory", "compares with a directory, but base is ababab.* here"),
        ("directory", SHA, "compares with ababab.*, but base is a directory here"),
    ],
)
def test_legs_that_compare_with_another_base_are_refused_by_name(tmp_path, ours, theirs, why):
    """Their base may have fewer workloads: a workload that head removed from ours would go unnoticed."""

    def base(what):
        return what and BaseResult(ref="main", commit=None if what == "directory" else what)

    write_policy(tmp_path, workloads(a=None))
    run = replace(run_of(tmp_path), base=base(ours))
    with pytest.raises(UsageError, match=f"leg-2/result.json: this result {why}") as caught:
        join(run, [leg("a", base=base(ours)), leg("b", base=base(theirs), file="leg-2/result.json")])
    assert len(str(caught.value).splitlines()) == 1
    assert "--base" not in str(caught.value)  # the action has no such option


def test_errors_list_files_by_number(tmp_path):
    write_policy(tmp_path, workloads(a=None))
    legs = [leg("a", file="x/result.json"), leg("a", file="y/\x1b[31m.json")]
    with pytest.raises(UsageError, match="workload 'a' is in results 1 and 2") as caught:
        join(run_of(tmp_path), legs)
    assert caught.value.detail == "result 1: x/result.json\nresult 2: y/\\x1b[31m.json"


def test_legs_that_another_policy_judged_are_refused_by_name(beside):
    """With a base it is base's that counts: legs that judged by head's would have let it loosen its own gate."""
    base, head = workloads(a=None), {"a": {"python": "app:a", "budgets": {"energy_per_request": "1 Wh"}}}
    run = beside(base, head)
    ours = BaseResult(ref="main", commit=None)
    joined = join(run, [leg("a", base=ours, policy_digest=run.digest)])
    assert joined.verdict is Verdict.PASS
    theirs = policy_digest(parse_policy(yaml.safe_dump({"version": 1, "workloads": head})))
    with pytest.raises(UsageError, match=r"1/result\.json: this result was judged by a different policy"):
        join(run, [leg("a", base=ours, policy_digest=theirs)])
