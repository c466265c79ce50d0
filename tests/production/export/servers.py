"""Real servers for tests: started on free ports, awaited, queried over HTTP, ended afterwards.

Prometheus and Pushgateway come with Debian (`prometheus`, which brings promtool, and `prometheus-pushgateway`); where
they are missing, tests say so and are skipped.
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import yaml

GENEROUS_S = 120
"""How long anything may take on a busy machine before a test gives up."""

SERVICE = Path(__file__).parents[3] / "fixtures" / "service.py"

PACKAGES = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-pushgateway": "prometheus-pushgateway",
}


def program(name):
    """Find a server's program, or skip the test and say what is missing."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed; Debian's package {PACKAGES[name]} has it")
    return path


def promtool(*arguments, cwd=None, text=None):
    """Run promtool and return its exit code and its output."""
    done = subprocess.run(
        [program("promtool"), *map(str, arguments)],
        cwd=cwd,
        input=text,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=GENEROUS_S,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


class Server:
    """A test's client of a server."""

    def __init__(self, process, port, log):
        self._process, self._log = process, log
        self.url = f"http://127.0.0.1:{port}"
        self.address = f"127.0.0.1:{port}"

    def request(self, path, *, method="GET", body=None, **parameters):
        """Request a path; any answer but success is an error with its reason."""
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        asked = urllib.request.Request(f"{self.url}{path}{query}", data=body, method=method)  # noqa: S310 - its own address
        try:
            with urllib.request.urlopen(asked, timeout=GENEROUS_S) as answer:  # noqa: S310 - the same
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}{query}: {error.code}: {error.read().decode()}") from error

    def query(self, expression, **parameters):
        """Ask Prometheus for an instant vector: a list of labels and value."""
        answer = json.loads(self.request("/api/v1/query", query=expression, **parameters))["data"]
        if answer["resultType"] == "scalar":
            return [({}, float(answer["result"][1]))]
        return [(one["metric"], float(one["value"][1])) for one in answer["result"]]

    def value(self, expression):
        """Ask Prometheus for the one number that an expression comes to."""
        ((_, value),) = self.query(expression)
        return value

    def wait_for(self, expression, until=bool):
        """Ask Prometheus until the answer suits; by default, until there is one."""
        found = []

        def suits():
            found[:] = self.query(expression)
            return until(found)

        self.wait(suits, lambda: f"{expression} is {found}")
        return list(found)

    def wait(self, condition, otherwise=lambda: "it did not happen"):
        """Look again and again, with a deadline."""
        end = time.monotonic() + GENEROUS_S
        while not condition():
            assert self._process.poll() is None, f"the server has ended: {self._log.read_text('utf-8')[-2000:]}"
            assert time.monotonic() < end, otherwise()
            time.sleep(0.05)

    def answers(self, path):
        """Whether it serves a path already."""
        with contextlib.suppress(OSError, AssertionError):
            return bool(self.request(path))
        return False


@contextlib.contextmanager
def running_prometheus(directory, *, scrape=(), rules=(), interval="200ms"):
    """Run Prometheus while the block lasts.

    Args:
        directory: For its configuration, storage and log.
        scrape: Jobs as they stand under `scrape_configs`.
        rules: Paths of files with rules.
        interval: How often it scrapes and evaluates.
    """
    config = {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "rule_files": [str(path) for path in rules],
        "scrape_configs": list(scrape),
    }
    path = directory / "prometheus.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    code, said = promtool("check", "config", path)
    assert code == 0, said
    with prometheus_with(path, directory) as server:
        yield server


@contextlib.contextmanager
def prometheus_with(config, directory):
    """Run Prometheus with a configuration file while the block lasts; storage and log are in the directory."""

    def command(port):
        return [
            program("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={directory / 'storage'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-lifecycle",
            "--log.level=warn",
        ]

    with _running(command, directory / "prometheus.log") as server:
        yield server


@contextlib.contextmanager
def running_pushgateway(directory):
    """Run Pushgateway while the block lasts."""

    def command(port):
        return [program("prometheus-pushgateway"), f"--web.listen-address=127.0.0.1:{port}"]

    with _running(command, directory / "pushgateway.log") as server:
        yield server


@contextlib.contextmanager
def running_service(directory, *arguments):
    """Run the shipped fixture service, which serves digits-cnn under an energygate.Recorder, while the block lasts.

    Args:
        directory: For its log.
        arguments: Of `fixtures/service.py`, beside its port.
    """

    def command(port):
        return [sys.executable, str(SERVICE), "--port", str(port), *map(str, arguments)]

    with _running(command, directory / "service.log", ready="/health") as server:
        yield server


def job(name, *addresses, **settings):
    """One job of `scrape_configs`."""
    return {"job_name": name, "static_configs": [{"targets": list(addresses)}], **settings}


@contextlib.contextmanager
def _running(command, log, *, ready="/-/ready"):
    (port,) = free_ports(1)
    with log.open("wb") as output:
        process = subprocess.Popen(command(port), stdout=output, stderr=subprocess.STDOUT)
    try:
        server = Server(process, port, log)
        server.wait(lambda: server.answers(ready), lambda: f"not ready: {log.read_text('utf-8')[-2000:]}")
        yield server
    finally:
        process.kill()
        process.wait()


def free_ports(count):
    """Find free ports outside of the range from which the system assigns ports."""
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()[0])
    except (OSError, ValueError):
        first = 32_768
    found = set()
    while len(found) < count:
        port = random.SystemRandom().randrange(10_000, max(first, 20_000))
        with contextlib.suppress(OSError), socket.socket() as tried:
            tried.bind(("127.0.0.1", port))
            found.add(port)
    return sorted(found)
