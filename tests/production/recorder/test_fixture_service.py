"""The fixture service: it answers, it is measured meanwhile, and it exceeds its budget on request."""

from __future__ import annotations

import contextlib
import io
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import requests
from parallel import repeated

ROOT = Path(__file__).parents[3]


@pytest.fixture
def service():
    started = []

    def start(*options):
        command = [sys.executable, "fixtures/service.py", "--port=0", "--sample-interval=0.05", *options]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        started.append(process)
        for line in process.stdout:  # onnxruntime warns on some machines of hardware that it does not know
            if line.startswith("Serving "):
                return process, line.strip().rpartition(" ")[2]
        return process, None

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def digits():
    with np.load(ROOT / "fixtures" / "data" / "digits.npz") as found:
        return found["image"], found["label"]


def as_npy(images):
    body = io.BytesIO()
    np.save(body, images)
    return body.getvalue()


def metric(address, name):
    text = requests.get(f"{address}/metrics", timeout=GENEROUS_S).text
    return float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE)[1])


GENEROUS_S = 90

ENERGY = r'energygate_energy_joules_total\{workload="digits-cnn"\}'
IDLE = r'energygate_idle_energy_joules_total\{workload="digits-cnn"\}'
OK = r'energygate_requests_total\{outcome="ok",workload="digits-cnn"\}'
IMAGES = r'energygate_units_total\{unit="images",workload="digits-cnn"\}'


def waits_until(condition):
    deadline = time.monotonic() + GENEROUS_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def joules_per_request(address, body, *, requests_):
    """Ask, and wait until what was asked for has been measured as well."""
    before = metric(address, ENERGY)
    for _ in range(requests_):
        requests.post(f"{address}/predict", data=body, timeout=GENEROUS_S).raise_for_status()
    # Each sample adds what the machine rests; the second one from now on has begun after all requests.
    for _ in range(2):
        rested = metric(address, IDLE)
        waits_until(lambda rested=rested: metric(address, IDLE) > rested)
    return (metric(address, ENERGY) - before) / requests_


def test_it_answers_and_counts(service, digits):
    process, address = service("--policy=energygate.yml")
    images, labels = digits
    said = requests.post(f"{address}/predict", json={"image": images[0].tolist()}, timeout=GENEROUS_S).json()
    assert said == {"digits": [int(labels[0])]}
    said = requests.post(f"{address}/predict", data=as_npy(images[:40]), timeout=GENEROUS_S).json()
    assert np.mean(np.array(said["digits"]) == labels[:40]) > 0.9
    for body in (
        b"",
        b"{",
        b'{"image": [1, 2]}',
        b'{"picture": 1}',
        b"\x93NUMPY",
        as_npy(np.array([{}]))[:-3],
    ):
        assert requests.post(f"{address}/predict", data=body, timeout=GENEROUS_S).status_code == 400
    assert requests.get(f"{address}/elsewhere", timeout=GENEROUS_S).status_code == 404
    assert requests.get(f"{address}/health", timeout=GENEROUS_S).json() == {"status": "ready"}
    assert metric(address, IMAGES) == 41
    # The client's mistakes are not the service's. A request is counted when its thread ends, after it was answered.
    waits_until(lambda: metric(address, OK) >= 2 + 6 + 1)
    assert metric(address, OK) == 2 + 6 + 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(GENEROUS_S) == 0
    assert process.stdout.read() == ""


def test_wasted_work_shows_in_its_energy(service, digits):
    """A hundred times the work is several times the energy, whatever serving itself costs."""
    body = as_npy(digits[0][:100])
    usual = joules_per_request(service()[1], body, requests_=10)
    wasteful = joules_per_request(service("--waste=100")[1], body, requests_=3)
    assert wasteful > 4 * usual > 0


@pytest.mark.parametrize(
    "options", [("--waste=100000", "--patience=0.5"), *repeated((("--waste=100", "--patience=60"),))]
)
def test_it_shuts_down_cleanly_while_serving(service, digits, options):
    """Request threads that compute while the interpreter ends abort it; those that take too long are left."""
    process, address = service(*options)
    body = as_npy(digits[0][:200])

    def ask():
        with contextlib.suppress(requests.RequestException):
            requests.post(f"{address}/predict", data=body, timeout=GENEROUS_S)

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for one in asking:
        one.start()
    time.sleep(0.3)  # so that some of them compute; with none it ends in peace just as well
    process.send_signal(signal.SIGTERM)
    assert process.wait(GENEROUS_S) == 0
    assert process.stdout.read() == ""
    for one in asking:
        one.join(GENEROUS_S)


def test_a_mistake_in_its_policy_is_one_sentence(service):
    process, _ = service("--policy=missing.yml")
    assert process.wait(GENEROUS_S) == 1
