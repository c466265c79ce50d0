"""Everything that can be wrong with one side: one clear sentence each, exit code 3 or 2, never a verdict."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from base_projects import PATIENT, Project, limit
from commands import energygate, in_process
from onnx import TensorProto, helper

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"

ANSWER = "import time\n\n\ndef make():\n    return lambda: {answer}\n"


def one_operator(operator, *, domain="", opset=17, ir_version=8):
    """A model of one operator on four floats."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4]) for name in "xy"]
    graph = helper.make_graph([helper.make_node(operator, ["x"], ["y"], domain=domain)], "one", values[:1], values[1:])
    opsets = [helper.make_opsetid("", opset), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(graph, opset_imports=opsets, ir_version=ir_version)


TROUBLES = {
    "base lacks it": ("at base: `onnx` names models/new.onnx, which does not exist",),
    "head lacks it": ("`onnx` names models/lost.onnx, which does not exist",),
    "base is a pointer": ("at base: pointer-base.onnx is a Git LFS pointer", "lfs: true"),
    "head is a pointer": ("pointer-head.onnx is a Git LFS pointer", "lfs: true"),
    "base cannot load": ("at base: onnxruntime cannot load models/old.onnx", "Frobnicate"),
    "base is no model": ("at base: text.onnx is not a readable ONNX model",),
    "other shape": ("output 'answer' has shape [1, 2] at base and [1, 3] at head",),
    "other names": ("base returns 'cat', head 'dog'",),
    "only base answers": ("request 1 raised ValueError: nothing today",),
    "only head answers": ("at base: request 1 raised ValueError: nothing today",),
    "base lacks the module": ("at base: there is no module new_module in ",),
    "ragged, and asked for": ("answers differ in shape from request to request",),
    "base's inputs": ("at base: `inputs` names data/gone.npz, which does not exist",),
}


def onnx_workload(name, **more):
    return {"onnx": f"models/{name}.onnx", "budgets": limit(), **more}


def python_workload(name, **more):
    return {"python": f"{name}:make", "budgets": limit(), **more}


@pytest.fixture(scope="session")
def troubled(tmp_path_factory):
    project = Project(root=tmp_path_factory.mktemp("troubled") / "project")
    root = project.root
    ragged = "import itertools\n\ndef make():\n    return lambda image, c=itertools.count(1): [0] * next(c)\n"
    agreement = {"output_agreement": "99 %"}
    project.policy(
        {
            "base lacks it": onnx_workload("new"),
            "head lacks it": onnx_workload("lost"),
            "base is a pointer": onnx_workload("pointer-base"),
            "head is a pointer": onnx_workload("pointer-head"),
            "base cannot load": onnx_workload("old"),
            "base is no model": onnx_workload("text"),
            "other shape": python_workload("shape"),
            "other names": python_workload("names"),
            "only base answers": python_workload("silent_head"),
            "only head answers": python_workload("silent_base"),
            "base lacks the module": python_workload("new_module"),
            "ragged, and asked for": python_workload("ragged", budgets=agreement, inputs="data/small.npz"),
            "base's inputs": onnx_workload("mlp", inputs="data/gone.npz"),
        }
    )
    (root / "data").mkdir()
    np.savez(root / "data/small.npz", image=np.zeros((4, 2), np.float32))
    for name in ("lost", "pointer-head", "mlp"):
        project.copy("models/digits-mlp.onnx", f"models/{name}.onnx")
    project.write("models/pointer-base.onnx", POINTER)
    project.write("models/text.onnx", "these are no weights")
    onnx.save(one_operator("Frobnicate", domain="acme"), root / "models/old.onnx")
    sulks = "(_ for _ in ()).throw(ValueError('nothing today'))"
    project.write("shape.py", ANSWER.format(answer="[1, 2]"))
    project.write("names.py", ANSWER.format(answer="{'cat': 1}"))
    project.write("silent_head.py", ANSWER.format(answer="1"))
    project.write("silent_base.py", ANSWER.format(answer=sulks))
    project.write("ragged.py", ragged)
    project.commit(branch="change")
    project.write("shape.py", ANSWER.format(answer="[1, 2, 3]"))
    project.write("names.py", ANSWER.format(answer="{'dog': 1}"))
    project.write("silent_head.py", ANSWER.format(answer=sulks))
    project.write("silent_base.py", ANSWER.format(answer="1"))
    project.write("new_module.py", ANSWER.format(answer="1"))
    for name in ("new", "pointer-base", "old", "text"):
        project.copy("models/digits-mlp.onnx", f"models/{name}.onnx")
    project.copy("models/digits-cnn.onnx", "models/mlp.onnx")
    project.write("models/pointer-head.onnx", POINTER)
    (root / "models/lost.onnx").unlink()
    project.commit()
    return project.check("--base", "main")


def test_nothing_is_judged(troubled):
    assert (troubled.ran.code, troubled.result["verdict"]) == (3, "error")
    assert troubled.workloads.keys() == TROUBLES.keys()


@pytest.mark.parametrize(("name", "words"), TROUBLES.items(), ids=TROUBLES)
def test_each_trouble_says_which_side_and_what(troubled, name, words):
    workload = troubled.workloads[name]
    message = workload["error"]["message"]
    assert (workload["verdict"], workload["metrics"]) == ("error", {})
    assert [word for word in words if word not in message] == [], message
    assert message.startswith("at base: ") == words[0].startswith("at base: ")
    assert "\n" not in message


@pytest.fixture
def spun(project):
    """A project whose head needs 5 % more, decided by nothing yet."""
    project.spin("app.py", 4.0)
    project.policy({"app": python_workload("app")})
    project.commit(branch="change")
    project.spin("app.py", 4.2)
    return project


def unrelated(project):
    project.git("checkout", "--quiet", "--orphan", "unrelated")
    project.commit()
    project.git("checkout", "--quiet", "change")


@pytest.mark.parametrize(
    ("arguments", "prepare", "words"),
    [
        (("--base", "nowhere"), None, (": --base: there is no commit named 'nowhere'",)),
        (("--base", "unrelated"), unrelated, ("unrelated",)),
        (("--base", "--help"), None, ("--help",)),
        (("--base", "main", "--base-dir", "."), None, ("--base", "--base-dir")),
        (("--base-dir", "nowhere"), None, ("nowhere", "not a directory")),
        (("--base", "main", "ap"), None, ("'ap'", "'app'")),
        (("--base", "main", "--total-time-limit", "0 s"), None, ("--total-time-limit",)),
    ],
    ids=["unknown ref", "unrelated history", "an option", "both", "no directory", "no workload", "no time"],
)
def test_what_cannot_be_asked_is_one_sentence(spun, arguments, prepare, words):
    spun.commit()
    if prepare:
        prepare(spun)
    found = spun.check(*arguments)
    assert (found.ran.code, found.ran.out, found.result) == (2, "", None)
    *usage, sentence = found.ran.err.splitlines()
    assert sentence.startswith("Error: " if usage else "energygate: ")
    assert [word for word in words if word not in sentence] == [], sentence


def test_outside_of_a_repository_it_says_what_to_do(spun, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "energygate.yml").write_bytes((spun.root / "energygate.yml").read_bytes())
    ran = energygate("check", "--base", "main", cwd=outside, GIT_CEILING_DIRECTORIES=str(tmp_path))
    assert (ran.code, ran.out) == (2, "")
    (sentence,) = ran.err.splitlines()
    assert "not inside a git repository" in sentence
    assert "--base-dir" in sentence


def test_a_base_policy_without_meaning_is_named_with_its_commit(project):
    project.write("energygate.yml", "version: 1\nworkloads: {app: {pythn: app:make}}\n")
    project.commit(branch="change")
    base = project.git("rev-parse", "--short=7", "main")
    project.policy({"app": python_workload("app")})
    found = project.check("--base", "main")
    assert (found.ran.code, found.result) == (2, None)
    assert found.ran.err.startswith(f"energygate: energygate.yml at {base}")
    assert "python" in found.ran.err


@pytest.mark.parametrize(
    ("deaths", "code"), [(1, 0), (2, 3)], ids=["once is bad luck", "twice is the workload's fault"]
)
def test_a_worker_that_dies_in_a_launch(project, tmp_path, deaths, code):
    counter = tmp_path / "starts"
    source = f"""
import os
import time

with open({str(counter)!r}, "a") as counter:
    counter.write("x")
with open({str(counter)!r}) as counter:
    STARTS = len(counter.read())


def make():
    def request():
        end = time.process_time_ns() + 4e6
        while time.process_time_ns() < end:
            pass
        if STARTS in {[3, 5][:deaths]}:  # two for the answers, two a launch
            os._exit(7)
        return 42

    return request
"""
    project.write("app.py", source)
    project.policy({"app": python_workload("app", budgets=limit("900 %"))}, time_limit="8 s")
    project.commit(branch="change")
    project.write("app.py", source + "\n\nCHANGED = True\n")
    found = project.check(*PATIENT)
    assert found.ran.code == code, found.ran.said
    app = found.workloads["app"]
    if code:
        assert "exit code 7" in app["error"]["message"]
        assert len(counter.read_text()) == 6  # answers, and the launch twice
    else:
        assert "a worker died and its launch was repeated" in " ".join(app["notes"])


def test_hooks_of_the_users_repository_do_not_run_in_bases_checkout(spun):
    hook = spun.root / ".git/hooks/post-checkout"
    hook.write_text("#!/bin/sh\ntouch ../hooked\n", encoding="utf-8")
    hook.chmod(0o755)
    spun.write("app.py", "import nowhere\n")
    assert spun.check("--base", "main").ran.code == 3
    assert not [*spun.root.parent.rglob("hooked")]


def test_a_policy_behind_a_symbolic_link_does_not_choose_what_counts_as_bases(project):
    project.spin("app.py", 1)
    project.policy({"app": python_workload("app", budgets=limit())})
    project.commit(branch="change")
    project.write("loose/energygate.yml", "version: 1\nworkloads: {app: {python: app:make}}\n")
    (project.root / "energygate.yml").unlink()
    (project.root / "energygate.yml").symlink_to("loose/energygate.yml")
    found = project.check("--base", "main")
    assert (found.ran.code, found.result) == (2, None)
    assert "energygate.yml is a symbolic link" in found.ran.err
    planned = in_process("matrix", "--base", "main", cwd=project.root)
    assert (planned.code, planned.out) == (2, "")
    assert "energygate.yml is a symbolic link" in planned.err


def test_work_that_began_before_the_policy_does_not_judge_itself(project):
    project.spin("app.py", 1)
    project.commit(branch="change")
    project.git("checkout", "--quiet", "main")
    project.policy({"app": python_workload("app", budgets=limit())})
    project.commit()
    project.git("checkout", "--quiet", "change")
    project.policy({"app": python_workload("app")})
    found = project.check("--base", "main")
    assert (found.ran.code, found.result) == (2, None)
    assert "Merge main into this branch first" in found.ran.err
