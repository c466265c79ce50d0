"""Without any extra: reading, judging, exporting and recording work; other commands name the extra to install."""

from __future__ import annotations

import json
import os
import runpy
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import clusters
import machines
import policies
import pytest
from builders import judged, result

from energygate.errors import UsageError
from energygate.extras import MODULES, require
from energygate.gate import Verdict

ROOT = Path(__file__).parents[1]

HIDDEN = """
import sys
HIDDEN = set({hidden!r})
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
"""
"""An interpreter in which packages are not installed."""

EXTRAS = [
    *("codecarbon", "filelock", "numpy", "onnx", "onnxruntime", "pandas", "pytest"),
    *("boto3", "grafana_foundation_sdk", "opentelemetry"),
]

COMMANDS = """
import io, json
from energygate.cli import main

answers = {}
for line, arguments in json.loads(sys.argv[1]).items():
    out, err, code = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8"), None
    sys.stdout, sys.stderr, sys.argv[1:] = out, err, arguments
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
    said = []
    for stream in (out, err):
        stream.flush()
        said.append(stream.buffer.getvalue().decode())
    answers[line] = (code, *said)
json.dump(answers, sys.__stdout__)
"""
"""Runs one command after the other, in one process: to start each anew would take ten seconds of CPU time."""

PYTHON_POLICY = "version: 1\nworkloads: {python-one: {python: 'json:dumps'}}\n"

GRAFANA = "'energygate[grafana]', with Python 3.11 or newer"

PLAIN = {
    "schema policy": '"$schema"',
    "report verdict.json": "FAIL",
    "report verdict.json --format markdown": "digits-cnn",
    "merge verdict.json": "FAIL",
    "matrix": '"include"',
    "export json --result result.json": "energygate-export",
    "export prometheus": "energygate-export",
    "export openmetrics --result result.json": "energygate-export",
    "export otlp --result result.json": "energygate-export",
    "export cloudwatch": "energygate-export",
    "export kubernetes --policy service.yml --result service.json": "energygate-export",
    "route cpu=cpu.json gpu=gpu.json --latency 'p95 50 ms'": "req/s",
    "comment --help": "Usage",
}
"""Commands that need no extra, and what they say."""

LACKING = {
    "check": "measuring needs onnx: pip install 'energygate[onnxruntime]'",
    "check --base-dir .": "measuring needs onnx: pip install 'energygate[onnxruntime]'",
    "check --policy python.yml": "measuring needs codecarbon: pip install 'energygate[measure]'",
    "init --policy new.yml": "measuring models needs onnx: pip install 'energygate[onnxruntime]'",
    "demo": "the demo needs onnx: pip install 'energygate[onnxruntime]'",
    "doctor": "the self-test needs onnx: pip install 'energygate[onnxruntime]'",
    "doctor --no-self-test": "looking for energy counters needs codecarbon: pip install 'energygate[measure]'",
    "export grafana": f"the dashboard needs grafana_foundation_sdk: pip install {GRAFANA}",
}
"""Commands that lack something, and what they say."""

RECORD = """
from energygate import Recorder
with Recorder("energygate.yml", workload="digits-cnn") as recorder:
    with recorder.request():
        sum(range(100_000))
    print(recorder.snapshot().workloads["digits-cnn"].requests)
"""

SINK = """
from energygate.errors import UsageError
from energygate.production.recorder.{module} import {sink}
try:
    {sink}()
except UsageError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with a policy, a model and results."""
    root = tmp_path_factory.mktemp("project")
    texts = {
        "energygate.yml": policies.POLICY,
        "python.yml": PYTHON_POLICY,
        "service.yml": clusters.POLICY,
        "service.json": clusters.measured().to_json(),
        "result.json": policies.measured().to_json(),
        "verdict.json": result(judged(Verdict.FAIL)).to_json(),
        "cpu.json": machines.cpu().to_json(),
        "gpu.json": machines.gpu().to_json(),
        "test_energy.py": "def test_it(energy):\n    energy(sum, [1])\n",
    }
    for name, text in texts.items():
        (root / name).write_text(text, encoding="utf-8")
    (root / "digits.onnx").write_bytes((ROOT / "fixtures/models/digits-mlp.onnx").read_bytes())
    return root


@pytest.fixture(scope="module")
def plain(project, tmp_path_factory):
    """Runs code where packages are not installed; returns exit code, standard output and standard error."""
    temporary = tmp_path_factory.mktemp("temporary")

    def run(code, *arguments, hidden=EXTRAS):
        done = subprocess.run(
            [sys.executable, "-c", HIDDEN.format(hidden=hidden) + code, *arguments],
            cwd=project,
            env=os.environ | {"TMPDIR": str(temporary), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture(scope="module")
def answers(plain):
    """What all these commands say where packages are not installed, by their arguments."""
    lines = {line: shlex.split(line) for line in (*PLAIN, *LACKING)}
    code, out, err = plain(COMMANDS, json.dumps(lines))
    assert code == 0, err
    return json.loads(out)


@pytest.mark.parametrize(("arguments", "says"), PLAIN.items())
def test_reading_judging_and_exporting_need_no_extra(answers, arguments, says):
    code, out, err = answers[arguments]
    assert (code in {0, 1}, says in out) == (True, True), err
    assert "pip install" not in err


def test_the_recorder_needs_no_extra(plain):
    assert plain(RECORD) == (0, "1\n", "")


@pytest.mark.parametrize(("arguments", "says"), LACKING.items())
def test_the_other_commands_say_what_to_install(answers, arguments, says):
    assert answers[arguments] == [2, "", f"energygate: {says}\n"]


def test_a_test_session_says_what_to_install(plain):
    hidden = [name for name in EXTRAS if name != "pytest"]
    code, out, err = plain(
        "import pytest; sys.exit(pytest.main())", "-p", "energygate.pytest_plugin", "--energy", hidden=hidden
    )
    assert code == 4
    assert "measuring tests needs codecarbon: pip install 'energygate[measure]'" in out + err
    assert "Traceback" not in out + err


@pytest.mark.parametrize(
    ("module", "sink", "says"),
    [
        (
            "otlp",
            "OtlpSink",
            "sending metrics by OTLP needs opentelemetry: pip install 'energygate[otlp]'",
        ),
        (
            "put_metric_data",
            "PutMetricDataSink",
            "PutMetricDataSink needs boto3: pip install 'energygate[aws]'",
        ),
    ],
)
def test_sinks_say_what_to_install(plain, module, sink, says):
    assert plain(SINK.format(module=module, sink=sink)) == (0, f"{says}\n", "")


@pytest.mark.parametrize(
    ("installed", "command"),
    [
        ([], "'energygate[onnxruntime]'"),
        (["onnxruntime"], "'energygate[onnxruntime]'"),
        (["onnxruntime-gpu"], "'energygate[onnxruntime-gpu]'"),
        (["onnxruntime-openvino"], "'energygate[measure]' onnx"),
    ],
)
def test_another_build_of_onnxruntime_stays_as_it_is(monkeypatch, installed, command):
    monkeypatch.setitem(sys.modules, "onnx", None)
    if not installed:
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr("importlib.metadata.packages_distributions", lambda: {"onnxruntime": installed})
    with pytest.raises(UsageError) as caught:
        require("onnxruntime", purpose="it")
    assert str(caught.value) == f"it needs onnx: pip install {command}"


@pytest.mark.parametrize("extra", MODULES)
def test_nothing_is_missing_here(extra):
    require(extra, purpose="it")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The package as pip installs it, without extras, in an environment of its own."""
    script = runpy.run_path(str(ROOT / "bench" / "install_size.py"))
    environment = script["Environment"](tmp_path_factory.mktemp("plain") / "environment")
    try:
        environment.plan("click")
    except RuntimeError as error:
        pytest.skip(f"there is no package index: {error}")
    environment.install(script["energygate"]())
    return environment


def test_an_installation_is_small_and_reports_a_result(installed, project):
    assert installed.packages.isdisjoint({"numpy", "pandas", "codecarbon", "onnx", "onnxruntime", "pytest"})
    assert installed.size_bytes < 60_000_000
    said = installed.run("-m", "energygate", "report", str(project / "verdict.json"))
    assert "FAIL" in said.splitlines()[0]


def test_no_extra_but_its_own_brings_onnxruntime(installed):
    """Beside onnxruntime-gpu, plain onnxruntime would replace the module and its providers."""
    energygate = runpy.run_path(str(ROOT / "bench" / "install_size.py"))["energygate"]
    extras = ("measure", "onnxruntime-gpu", "onnxruntime")
    with ThreadPoolExecutor() as pool:  # each waits for the package index
        plans = dict(zip(extras, pool.map(lambda extra: installed.plan(energygate(extra)), extras), strict=True))
    assert {extra: "onnxruntime" in names for extra, names in plans.items()} == {
        "measure": False,
        "onnxruntime-gpu": False,
        "onnxruntime": True,
    }
    assert "onnxruntime-gpu" in plans["onnxruntime-gpu"]
