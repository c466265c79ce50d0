"""Every message that mentions an option uses the name of the interface that shows it."""

from __future__ import annotations

import subprocess

import pytest
from scripted_worker import ScriptedWorker

from energygate.action.inputs import OPTION_NAMES
from energygate.api import ARGUMENTS
from energygate.errors import COMMAND_LINE, EnergygateError
from energygate.measure.planning import plan_alone
from energygate.policy import Workload, parse_policy
from energygate.pytest_plugin.failure_text import OPTIONS
from energygate.repository.repository import Repository
from energygate.run import check as check_module
from energygate.run.base import find_base
from energygate.run.check import check
from energygate.run.options import Options

INTERFACES = {"command line": COMMAND_LINE, "API": ARGUMENTS, "plugin": OPTIONS, "action": OPTION_NAMES}

GIT = ("git", "-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")


def git(directory, *arguments):
    subprocess.run([*GIT, *arguments], cwd=directory, check=True, capture_output=True)


def commit(directory, message="the first"):
    git(directory, "commit", "--quiet", "--allow-empty", "--message", message)


def without_a_repository(directory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CEILING_DIRECTORIES", str(directory.parent))
        Repository.find(directory)


def without_git(directory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")
        Repository.find(directory)


def before_the_first_commit(directory):
    git(directory, "init", "--quiet")
    Repository.find(directory).merge_base("main")


def with_an_unknown_ref(directory):
    git(directory, "init", "--quiet")
    commit(directory)
    Repository.find(directory).merge_base("mian")


def with_unrelated_history(directory):
    git(directory, "init", "--quiet")
    commit(directory)
    git(directory, "checkout", "--quiet", "--orphan", "island")
    commit(directory, "another first")
    Repository.find(directory).merge_base("main")


def with_two_bases(directory):
    find_base(directory, "energygate.yml", ref="main", base_dir=".")


def with_no_directory(directory):
    find_base(directory, "energygate.yml", base_dir=str(directory / "gone"))


def with_rare_requests(_):
    plan_alone(
        Workload(python="app:make", load={"rate": "1 req/h"}),
        call_ns=4e6,
        min_window_ns=20_000_000,
        time_limit_ns=60e9,
        start_ns=2e8,
        label="workload 'w'",
    )


def with_a_silent_worker(directory):
    ScriptedWorker(timeout_s=0.01).bind(directory, leave_out=(), batch_size=1)


WITHOUT_GIT = (
    "compare two directories with --base-dir",
    "compare two directories with base_dir",
    "measure without --energy-base",
    "use a runner or container that has git",
)
BASE = ("--base", "base", "--energy-base", "input 'base'")
POLICY_LIMIT = "`measurement.time_limit`"

TABLE = [  # the message, and the name in it for each interface
    (
        without_a_repository,
        "HERE is not inside a git repository. Instead, {}",
        WITHOUT_GIT,
    ),
    (
        without_git,
        "git is not installed. Install it, or {}",
        WITHOUT_GIT,
    ),
    (
        before_the_first_commit,
        "there is no commit yet to compare with base. Commit first, or {}",
        (
            "check without --base",
            "check without a base",
            "measure without --energy-base",
            "run the action on an event without a base, such as a push",
        ),
    ),
    (
        with_an_unknown_ref,
        "{}: there is no commit named 'mian'. Did you mean main?",
        BASE,
    ),
    (
        with_unrelated_history,
        "HEAD and main have no commit in common. {} names the branch that this work started from",
        BASE,
    ),
    (with_two_bases, "{} exclude each other", ("--base and --base-dir", "base and base_dir")),
    (with_no_directory, "{} names HERE/gone, which is not a directory", ("--base-dir", "base_dir")),
    (
        with_rare_requests,
        (
            "workload 'w': at 1 req/h too few requests arrive in 60 s of measuring. "
            "Raise {} to 28800 s, or the rate of `load`"
        ),
        (POLICY_LIMIT, POLICY_LIMIT, "--energy-time", POLICY_LIMIT),
    ),
    (
        with_a_silent_worker,
        (
            "workload 'w': the worker was still reading its inputs after 0.01 s and was killed. "
            "Raise {} if it needs longer"
        ),
        (POLICY_LIMIT, POLICY_LIMIT, "--energy-time", POLICY_LIMIT),
    ),
]


@pytest.mark.parametrize(("cause", "message", "places"), TABLE, ids=[row[0].__name__ for row in TABLE])
def test_an_error_names_the_options_of_the_interface(cause, message, places, tmp_path):
    with pytest.raises(EnergygateError) as caught:
        cause(tmp_path)
    assert str(caught.value).replace(str(tmp_path), "HERE") == message.format(places[0])
    for names, place in zip(INTERFACES.values(), places, strict=False):  # plugin and action have no `--base-dir`
        caught.value.option_names = names
        assert str(caught.value).replace(str(tmp_path), "HERE") == message.format(place)


@pytest.mark.parametrize("interface", INTERFACES)
def test_an_error_in_a_result_names_the_options_of_the_interface(interface, tmp_path, monkeypatch):
    def fail(*_, **__):
        with_rare_requests(None)

    monkeypatch.setattr(check_module, "prepare", fail)
    (tmp_path / "app.py").touch()
    policy = parse_policy("version: 1\nworkloads: {w: {python: 'app:make'}}\n", "energygate.yml")
    result = check(policy, tmp_path, Options(option_names=INTERFACES[interface]))
    assert f"Raise {INTERFACES[interface].time_limit} to 28800 s" in result.workloads[0].error.message
