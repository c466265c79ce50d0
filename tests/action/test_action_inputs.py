"""The action's inputs: how each is read, and that invalid ones are refused in one sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from energygate.action.inputs import Inputs, Mode, Task
from energygate.errors import UsageError
from energygate.forge.comment import When

ACTION = yaml.safe_load((Path(__file__).parents[2] / "action.yml").read_text(encoding="utf-8"))


def inputs(**given):
    return Inputs.from_environ({f"INPUT_{name.upper()}": value for name, value in given.items()})


def test_missing_inputs_have_defaults():
    nothing = Inputs.from_environ({"INPUT_POLICY": "", "INPUT_STRICT": " ", "PATH": "/bin"})
    assert nothing == Inputs(task=Task.CHECK)
    assert (nothing.path, nothing.key) == ("energygate.yml", "energygate.yml")
    assert (nothing.comment, nothing.mode) == (When.ALWAYS, Mode.GATE)


def test_all_inputs_are_read():
    found = inputs(
        task="leg",
        policy="limits.yml",
        working_directory="services/ranking",
        base="origin/main",
        workloads='["a", "b c"]',
        strict="true",
        comment="on-failure",
        mode="report",
        python=".venv/bin/python",
        setup="uv sync",
        time_limit="2 min",
        shards="7",
        label="energy-waived",
    )
    assert found == Inputs(
        task=Task.LEG,
        policy="limits.yml",
        directory="services/ranking",
        base="origin/main",
        workloads=("a", "b c"),
        strict=True,
        comment=When.ON_FAILURE,
        mode=Mode.REPORT,
        python=".venv/bin/python",
        setup="uv sync",
        time_limit_s=120.0,
        shards=7,
        label="energy-waived",
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a\n  b c \n\n", ("a", "b c")),
        ('["a", "b\\nc"]', ("a", "b\nc")),
        ("[]", ()),
        ("", ()),
    ],
)
def test_workloads_are_one_per_line_or_json(text, names):
    assert inputs(workloads=text).workloads == names


@pytest.mark.parametrize(
    ("directory", "policy", "path", "key"),
    [
        ("./services//ranking/", "limits.yml", "services/ranking/limits.yml", "services/ranking/limits.yml"),
        (
            "services\\ranking",
            "energygate.yml",
            "services/ranking/energygate.yml",
            "services/ranking/energygate.yml",
        ),
        (".", "my policy (é).yml", "my policy (é).yml", "my-policy----.yml"),
        ("d" * 120, "p.yml", f"{'d' * 120}/p.yml", f"{'d' * 94}/p.yml"),
    ],
)
def test_a_policy_has_a_path_and_a_comment_of_its_own(directory, policy, path, key):
    found = inputs(working_directory=directory, policy=policy)
    assert (found.path, found.key) == (path, key)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("task", "measure", "input 'task': it must be one of check, matrix, leg, merge"),
        ("strict", "yes", "input 'strict': it must be true or false"),
        ("comment", "sometimes", "input 'comment': it must be one of always, changes, on-failure, never"),
        ("mode", "warn", "input 'mode': it must be one of gate, report"),
        ("workloads", "[a]", "input 'workloads': it must be one name per line, or a JSON list of names"),
        ("workloads", '["a", 1]', "input 'workloads': it must be one name per line, or a JSON list of names"),
        ("time_limit", "60", "input 'time-limit': it is not a time: "),
        ("time_limit", "0 s", "input 'time-limit': it must be more than 0 s"),
        ("shards", "0", "input 'shards': it must be a whole number of at least 1"),
        ("shards", "1e9", "input 'shards': it must be a whole number of at least 1"),
    ],
)
def test_an_invalid_input_is_refused(name, text, sentence):
    with pytest.raises(UsageError, match=re.escape(sentence)):
        inputs(**{name: text})


def test_every_input_is_passed_to_the_steps():
    """An input that `action.yml` declares and no step hands over would be ignored without a word."""
    steps = {step.get("id"): step.get("env", {}) for step in ACTION["runs"]["steps"]}
    declared = {name for name in ACTION["inputs"] if name != "github-token"}
    handed = {key.removeprefix("INPUT_").lower().replace("_", "-") for key in steps["measure"] if "INPUT_" in key}
    assert handed == declared
    for step in ("measure", "report"):
        for key, value in steps[step].items():
            if key.startswith("INPUT_"):
                assert value == f"${{{{ inputs.{key.removeprefix('INPUT_').lower().replace('_', '-')} }}}}"


def test_only_the_reporting_step_has_the_token():
    for step in ACTION["runs"]["steps"]:
        has_token = "inputs.github-token" in str(step) or "github.token" in str(step) or "secrets." in str(step)
        assert has_token is (step.get("id") == "report")
