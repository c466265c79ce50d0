"""Forked processes, such as gunicorn's workers: each records for itself, and their sums add up."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests
from parallel import repeated
from recorder_harness import ScriptedMeter, manual_recorder

from energygate.production.recorder import forks

HERE = Path(__file__).parent
GENEROUS_S = 120

FORKS = """
import os, sys, threading, warnings
sys.path.insert(0, sys.argv[1])
warnings.simplefilter("ignore")  # Python 3.12 warns of forks where threads run, which is what this is about
from recorder_harness import ScriptedMeter
from energygate import Recorder

recorder = Recorder(workload="cnn", meter=ScriptedMeter, sample_interval_s=0.01)
stop = threading.Event()

def serve():
    while not stop.is_set():
        with recorder.request():
            pass

threads = [threading.Thread(target=serve) for _ in range(4)]
for thread in threads:
    thread.start()
for _ in range(20):  # locks are held at any moment of a fork
    with recorder.request():
        child = os.fork()
        if child == 0:
            break
    os.waitpid(child, 0)[1] == 0 or sys.exit("a child failed")
if child == 0:
    # The request that the parent was in is the parent's; here nothing was served yet.
    assert recorder.snapshot().workloads["cnn"].requests == 0
    for _ in range(3):
        with recorder.request() as request:
            request.units(1)
    assert recorder.snapshot().workloads["cnn"].requests == 3
    alive = [one.name for one in threading.enumerate() if one.name.startswith("energygate")]
    assert alive == ["energygate_keep_sampling"], alive
    recorder.close()
    os._exit(0)
stop.set()
for thread in threads:
    thread.join()
recorder.close()
print("done")
"""


def test_a_forked_process_starts_from_zero_and_never_hangs():
    done = subprocess.run(
        [sys.executable, "-c", FORKS, HERE], capture_output=True, text=True, timeout=GENEROUS_S, check=False
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


FORKING = """
import os, sys, threading, time, warnings
from socketserver import ForkingMixIn
from urllib.request import urlopen
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
sys.path.insert(0, sys.argv[1])
warnings.simplefilter("ignore")
from recorder_harness import ScriptedMeter
from energygate import Recorder

class Server(ForkingMixIn, WSGIServer):
    pass

class Silent(WSGIRequestHandler):
    def log_message(self, *_):
        pass

def serve(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(0.3)  # longer than it takes to open the meter: a sample has written totals meanwhile
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"served"]

recorder = Recorder(workload="cnn", meter=ScriptedMeter, sample_interval_s=1000, multiprocess_dir=sys.argv[2])
recorder.start()
with Server(("127.0.0.1", 0), Silent) as server:
    server.set_app(recorder.wsgi(serve))
    serving = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    serving.start()
    for path in ["/"] * 20 + ["/slow"] * 2:
        urlopen(f"http://127.0.0.1:{server.server_port}{path}", timeout=60).read()
    server.shutdown()
    serving.join()
print(recorder.service_snapshot().workloads["cnn"].requests, flush=True)
"""


def test_a_server_that_forks_for_each_request_counts_them_in_a_directory(tmp_path):
    """Its children end at once, and by `os._exit`: what they have not reported by then is lost."""
    done = subprocess.run(
        [sys.executable, "-c", FORKING, HERE, tmp_path],
        capture_output=True,
        text=True,
        timeout=GENEROUS_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "22\n"), done.stderr


IMPORTS = """
import os, sys, threading
sys.path.insert(0, sys.argv[1])
from energygate.production.recorder.forks import locked, forks_blocked
from pathlib import Path

entered, forking = threading.Event(), threading.Event()

def load():
    with forks_blocked():
        import slow

threading.Thread(target=load).start()
entered.wait()
os.register_at_fork(before=forking.set)  # the last one comes first: forking has begun, and now it has to wait
child = os.fork()  # waits until the module is there: half of it, and locked, is what the child would inherit
if child == 0:
    import slow
    with locked(Path(sys.argv[1]) / "lock"):
        os._exit(0 if slow.whole else 1)
sys.exit(os.waitpid(child, 0)[1])
"""


def test_a_fork_waits_for_running_imports(tmp_path):
    (tmp_path / "slow.py").write_text(
        "import __main__, time\n__main__.entered.set()\n__main__.forking.wait()\ntime.sleep(0.1)\nwhole = True\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", IMPORTS, tmp_path],
        timeout=GENEROUS_S,
        check=False,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr


class OpenedWhileForksWait(ScriptedMeter):
    """Looks from another thread, whenever it is asked to begin, whether a fork would have to wait."""

    def begin(self):
        looking = threading.Thread(target=self.look)
        looking.start()
        looking.join()

    def look(self):
        self.has_to_wait = not forks._FORKS.lock.acquire(blocking=False)
        if not self.has_to_wait:
            forks._FORKS.lock.release()


def test_a_fork_waits_until_the_meter_is_open():
    # What it imports while it opens, encodings among them, a child would inherit half of.
    meter = OpenedWhileForksWait()
    manual_recorder(meter)
    assert meter.has_to_wait
    meter.look()
    assert not meter.has_to_wait  # afterwards nothing does


APP = """
import os
import energygate

recorder = energygate.Recorder(
    pue=1.2, workload="cnn", sample_interval_s=0.05, multiprocess_dir=os.environ["POOL"]
)
recorder.start()


def serve(environ, start_response):
    if environ["PATH_INFO"] == "/quit":
        os._exit(1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]


app = recorder.wsgi(serve, metrics_path="/metrics")
"""


@pytest.fixture
def gunicorn(tmp_path):
    pytest.importorskip("gunicorn", reason="gunicorn is not installed")
    (tmp_path / "served.py").write_text(APP, encoding="utf-8")
    started = []

    def start(*options):
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "served:app",
            "--workers=3",
            "--bind=127.0.0.1:0",
            *options,
        ]
        server = subprocess.Popen(
            command,
            cwd=tmp_path,
            env={"POOL": str(tmp_path / "pool"), "TMPDIR": str(tmp_path), "HOME": str(tmp_path), "PATH": ""},
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(server)
        for line in server.stderr:
            if found := re.search(r"Listening at: (\S+)", line):
                return server, found[1]
        raise AssertionError("gunicorn did not listen")

    yield start
    for server in started:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=GENEROUS_S)


def counted(address):
    text = requests.get(f"{address}/metrics", timeout=GENEROUS_S).text
    return float(re.search(r'requests_total\{outcome="ok",workload="cnn"\} (\S+)', text)[1]), text


@pytest.mark.parametrize("options", [("--preload",), *repeated(((),))])
def test_gunicorns_workers_are_summed_up_whichever_is_asked(gunicorn, options):
    _, address = gunicorn(*options)
    deadline, pids, asked = time.monotonic() + GENEROUS_S, set(), 0
    while len(pids) < 2 and time.monotonic() < deadline:  # the others may be starting
        pids.add(requests.get(address, timeout=GENEROUS_S).text)
        asked += 1
    while counted(address)[0] < asked and time.monotonic() < deadline:
        pass  # another one tells its totals with its next sample
    # A worker dies; what it had counted stays.
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{address}/quit", timeout=GENEROUS_S)
    for _ in range(10):
        requests.get(address, timeout=GENEROUS_S)
    while counted(address)[0] < asked + 10 and time.monotonic() < deadline:
        pass
    found, text = counted(address)
    assert found == asked + 10
    assert "energygate_meter_errors_total 0.0" in text
