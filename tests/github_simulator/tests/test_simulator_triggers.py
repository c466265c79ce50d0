"""Which workflows an event starts, and how their files are read."""

from __future__ import annotations

import pytest
from github_simulator.runner.events import Event
from github_simulator.runner.glob_patterns import matches_pattern
from github_simulator.runner.triggers import starts
from github_simulator.runner.workflow_files import read_workflow
from github_simulator.runner.yaml_reading import DocumentError, read_yaml


def event(name, *, action="", ref="refs/heads/main", **more):
    sha = {
        "sha": "a" * 40,
        "workflow_sha": "a" * 40,
        "head_sha": "a" * 40,
        "head_repository": "o/r",
        "head_branch": "b",
    }
    payload = {"action": action, **more.pop("payload", {})}
    return Event(name=name, payload=payload, repository="o/r", ref=ref, actor="a", **{**sha, **more})


@pytest.mark.parametrize(
    ("on", "happens", "expected"),
    [
        ("push", event("push"), True),
        ("[push, pull_request]", event("pull_request", action="opened"), True),
        ("push", event("schedule"), False),
        ("pull_request", event("pull_request", action="labeled"), False),
        ("{pull_request: {types: [labeled, closed]}}", event("pull_request", action="labeled"), True),
        ("{pull_request: {types: labeled}}", event("pull_request", action="opened"), False),
        (
            "{pull_request: {branches: [main]}}",
            event("pull_request", action="opened", base_ref="main"),
            True,
        ),
        (
            "{pull_request: {branches: [main]}}",
            event("pull_request", action="opened", base_ref="dev"),
            False,
        ),
        ("{pull_request: }", event("pull_request", action="opened"), True),
        ("{push: {branches: [main]}}", event("push", ref="refs/heads/dev"), False),
        (
            "{push: {branches: ['releases/**', '!releases/old']}}",
            event("push", ref="refs/heads/releases/1/x"),
            True,
        ),
        (
            "{push: {branches: ['releases/**', '!releases/old']}}",
            event("push", ref="refs/heads/releases/old"),
            False,
        ),
        ("{push: {branches-ignore: ['wip*']}}", event("push", ref="refs/heads/wip-1"), False),
        ("{push: {branches: [main]}}", event("push", ref="refs/tags/v1"), False),
        ("{push: {tags: ['v*']}}", event("push", ref="refs/tags/v1"), True),
        ("{push: {tags: ['v*']}}", event("push"), False),
        ("{push: {paths: ['models/**']}}", event("push", changed=("models/a/b.onnx",)), True),
        ("{push: {paths: ['models/**']}}", event("push", changed=("README.md",)), False),
        ("{push: {paths-ignore: ['**.md']}}", event("push", changed=("docs/a.md",)), False),
        ("{push: {paths-ignore: ['**.md']}}", event("push", changed=("docs/a.md", "x")), True),
        ("merge_group", event("merge_group", action="checks_requested"), True),
        ("merge_group", event("merge_group", action="destroyed"), False),
        ("{schedule: [{cron: '0 3 * * *'}]}", event("schedule", payload={"schedule": "0 3 * * *"}), True),
        ("{schedule: [{cron: '0 3 * * *'}]}", event("schedule", payload={"schedule": "1 3 * * *"}), False),
        (
            "{workflow_run: {workflows: [energy], types: [completed]}}",
            event("workflow_run", action="completed", payload={"workflow": {"name": "energy"}}),
            True,
        ),
        (
            "{workflow_run: {workflows: [energy]}}",
            event("workflow_run", action="completed", payload={"workflow": {"name": "ci"}}),
            False,
        ),
        (
            "{workflow_run: {workflows: [energy], branches: [main]}}",
            event("workflow_run", action="completed", payload={"workflow": {"name": "energy"}}),
            False,
        ),
    ],
)
def test_an_event_starts_the_workflows_triggered_by_it(on, happens, expected):
    workflow = read_workflow(f"on: {on}\njobs: {{a: {{runs-on: u, steps: [{{run: x}}]}}}}", "w.yml")
    assert starts(workflow, happens) is expected


def test_a_filter_without_effect_is_an_error():
    workflow = read_workflow("on: {push: {branch: [main]}}\njobs: {a: {runs-on: u, steps: [{run: x}]}}", "w.yml")
    with pytest.raises(DocumentError, match="branch"):
        starts(workflow, event("push"))


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("feature/*", "feature/a", True),
        ("feature/*", "feature/a/b", False),
        ("feature/**", "feature/a/b", True),
        ("**", "a/b", True),
        ("v[12].[0-9]+", "v1.10", True),
        ("*.js", "a/b.js", False),
        ("**/b.js", "b.js", True),
        ("a.c", "abc", False),
    ],
)
def test_patterns(pattern, name, expected):
    assert matches_pattern(name, pattern) is expected


def test_yaml_is_read_as_github_reads_it():
    text = "on: push\nyes: no\nversion: 3.10\ntime: 12:30\nday: 2026-01-01\nflag: True\nnone:\noctal: 010\n"
    assert read_yaml(text, "x") == {
        "on": "push",
        "yes": "no",
        "version": 3.1,
        "time": "12:30",
        "day": "2026-01-01",
        "flag": True,
        "none": None,
        "octal": 10,
    }


@pytest.mark.parametrize("text", ["a: 1\na: 2\n", "- a\n", "a: [\n", "a: !!python/object:os.system x\n", ""])
def test_yaml_that_github_refuses_is_refused(text):
    with pytest.raises(DocumentError):
        read_yaml(text, "x.yml")
