"""docs/production.md, command by command: from the policy to a real Prometheus that alerts on the shipped service."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from servers import GENEROUS_S, free_ports, program

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "production.md").read_text("utf-8")
NEEDED = ("production.yml", "service.py", "models/digits-cnn.onnx", "data/digits.npz", "data/digits.jsonl")
PORTS = ("8000", "9090", "9091")
SOONER = {"--for '10 s'": "--for '1 s'", "interval: 2s": "interval: 500ms"}
"""What a reader waits for, and what is waited for here."""

DONE = "-- done --"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


class Shell:
    """A reader's terminal: one bash, in which background jobs go on."""

    def __init__(self, directory):
        self._log = directory / "background.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["bash"],
                cwd=directory,
                env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                encoding="utf-8",
                start_new_session=True,
            )

    def type(self, commands):
        """Run commands and give what they print; the last one's exit code is 0."""
        quiet = re.sub(r"&$", ">/dev/null &", commands, flags=re.MULTILINE)
        self._process.stdin.write(f"{quiet}\necho; echo {shlex.quote(DONE)} $?\n")
        self._process.stdin.flush()
        lines = []
        for line in self._process.stdout:
            if line.startswith(DONE):
                assert line.split()[-1] == "0", "".join([*lines, self._log.read_text("utf-8")])
                return "".join(lines).strip()
            lines.append(line)
        raise AssertionError(self._log.read_text("utf-8"))

    def type_until(self, commands, suits):
        """Run commands again and again, as a reader does who waits for something; with a deadline."""
        end = time.monotonic() + 2 * GENEROUS_S
        while True:
            said = self.type(commands)
            if suits(said):
                return said
            assert time.monotonic() < end, said + self._log.read_text("utf-8")
            time.sleep(0.2)

    def close(self):
        os.killpg(self._process.pid, 9)
        self._process.wait()
        self._process.stdout.close()
        self._process.stdin.close()


@pytest.fixture
def reader(tmp_path):
    """Reads the page in a clone, whose servers listen on ports that are free here."""
    for name in ("promtool", "prometheus", "prometheus-pushgateway"):
        program(name)
    for name in NEEDED:
        (tmp_path / "fixtures" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / "fixtures" / name, tmp_path / "fixtures" / name)
    # What comes afterwards is a hundred times worse: a quarter of the time of measuring tells as well.
    policy = tmp_path / "fixtures" / NEEDED[0]
    policy.write_text(policy.read_text("utf-8").replace("{time_limit: 20 s}", "{time_limit: 5 s}"), "utf-8")
    ours = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))

    def here(text):
        for shown, sooner in SOONER.items():
            text = text.replace(shown, sooner)
        return re.sub(rf"\b(?:{'|'.join(PORTS)})\b", lambda found: ours[found[0]], text)

    (config,) = [here(one) for one in blocks("yaml") if one.startswith("global:")]
    (tmp_path / "prometheus.yml").write_text(config, "utf-8")
    shell = Shell(tmp_path)
    try:
        yield shell, [here(one) for one in blocks("sh")]
    finally:
        shell.close()


def value(answer):
    """The one number of an instant query's answer; `None` while there is none."""
    try:
        found = json.loads(answer)["data"]["result"]
    except (json.JSONDecodeError, KeyError):
        return None  # the server is not there yet
    return float(found[0]["value"][1]) if found else None


def firing(answer):
    alerts = json.loads(answer)["data"]["alerts"]
    return [one for one in alerts if one["state"] == "firing" and one["labels"]["severity"] == "page"]


def test_following_the_page_ends_with_a_prometheus_that_alerts(reader):
    shell, steps = reader
    check, service, export, prometheus, users, ask, worse, alerts, grafana, trend = steps
    shell.type(check)
    shell.type(service)
    assert "SUCCESS" in shell.type(export)
    shell.type(prometheus)
    shell.type(users)
    energy, budget = ask.splitlines()
    limit = float(value(shell.type_until(budget, value)))
    assert float(value(shell.type_until(energy, value))) > 0
    # Where requests cost twice as much as when they were measured, because the machine is busy, an alert is right.
    assert not firing(shell.type(alerts)) or float(value(shell.type(energy))) > limit
    shell.type(worse)
    (alert, *_) = firing(shell.type_until(alerts, firing))
    shown = json.loads(blocks("json")[0])
    assert shown["labels"].items() <= alert["labels"].items()
    assert shown["annotations"].items() <= alert["annotations"].items()
    assert float(value(shell.type(energy))) > limit
    shell.type(grafana.partition("\n")[2])  # what is installed is not installed again
    shell.type(trend)
    pushed = energy.replace("workload:energygate_energy_per_request_joules:rate5m", "energygate_result_info")
    shell.type_until(pushed, value)


def test_the_policy_shown_is_the_shipped_one():
    (shown,) = [one for one in blocks("yaml") if "serve:" in one]
    assert shown in (ROOT / "fixtures" / "production.yml").read_text("utf-8")
