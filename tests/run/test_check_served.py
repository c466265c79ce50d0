"""Endpoints and commands through the real command: on their own, and base against head."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest
from base_projects import BRIEF, PATIENT, QUICK, limit
from commands import FIXTURES

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc, and waits with pidfds")

STREAM = {"messages": [], "max_tokens": 10, "stream": True, "stream_options": {"include_usage": True}}
REQUEST = json.dumps({"url": "/v1/chat/completions", "body": STREAM}) + "\n"
RATE = {"rate": "25 req/s"}


def endpoint(milliseconds_per_token=1.0, **more):
    """An endpoint of the shipped server, which writes down who it is. Its requests are ten tokens."""
    return {
        "http": "http://127.0.0.1:{port}/v1/completions",
        "serve": (
            f"echo $$ >> $DIARY; exec python completions.py --port {{port}} "
            f"--milliseconds-per-token {milliseconds_per_token}"
        ),
        "ready": "/health",
        "inputs": "requests.jsonl",
        "units": "tokens",
        **more,
    }


def command(milliseconds, **more):
    line = f"python -S -c 'import time\nwhile time.process_time() < {milliseconds / 1000}: pass\nprint(6 * 7)'"
    return {"command": line, **more}


@pytest.fixture
def served(project):
    """A project with the shipped server and a request."""
    project.write("completions.py", (FIXTURES / "completions.py").read_text(encoding="utf-8"))
    project.write("requests.jsonl", REQUEST)
    return project


@pytest.fixture
def diary(tmp_path):
    """The file where servers write their process ids; tells whether each, and all its children, have ended."""
    path = tmp_path / "diary"

    def all_gone(has_ended):
        servers = [int(line) for line in path.read_text(encoding="ascii").splitlines()]
        # Not by their ports, which may be somebody else's by now: whoever serves here knows the diary.
        assert all(has_ended(pid) for pid in (*servers, *knowing(path)))
        return len(servers)

    all_gone.path = path
    return all_gone


def knowing(path):
    """Processes of ours that know the diary."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            variables = (process / "environ").read_bytes().split(b"\0")
        except OSError:  # somebody else's, or gone
            continue
        if b"DIARY=%s" % str(path).encode() in variables:
            yield int(process.name)


def energy(found, name="w"):
    return found.workloads[name]["metrics"]["energy_per_request"]


# --- Head alone --------------------------------------------------------------------------------------------


def test_endpoints_under_every_load_and_a_command(served, diary, has_ended):
    budgets = {"success_rate": "100 %"}  # exact: no launch too few can leave it open
    served.policy(
        {
            "closed": endpoint(2.0, budgets=budgets),
            "two": endpoint(2.0, load={"concurrency": 2}, budgets=budgets),
            "rate": endpoint(2.0, load=RATE, budgets=budgets),
            "command": command(100, budgets=budgets),
        },
        time_limit=QUICK,
    )
    served.commit()
    found = served.check(launches=1, DIARY=str(diary.path))
    assert found.ran.code == 0, found.ran.said
    for name in ("closed", "two", "rate"):
        workload = found.workloads[name]
        assert (workload["kind"], workload["verdict"], workload["error"]) == ("http", "pass", None)
        metrics = workload["metrics"]
        assert metrics["energy_per_unit"]["head"] == pytest.approx(metrics["energy_per_request"]["head"] / 10, rel=1e-9)
        assert 0 < metrics["ttft_p50"]["head"] < metrics["latency_p50"]["head"]
        cpu_s = sum(one["cpu_s"] for one in workload["provenance"]["launches"])
        requests = workload["provenance"]["requests"]
        # Ten tokens of two milliseconds, and HTTP; once, and not twice.
        assert 0.0199 <= cpu_s / requests < 0.036
    ran = found.workloads["command"]
    assert (ran["kind"], ran["verdict"]) == ("command", "pass")
    cpu_s = sum(one["cpu_s"] for one in ran["provenance"]["launches"])
    assert 0.099 <= cpu_s / ran["provenance"]["requests"] < 0.190  # and starting and ending, once
    assert diary(has_ended) == 3


# --- Base against head -------------------------------------------------------------------------------------


@pytest.mark.measures
@pytest.mark.parametrize(
    "load",
    [
        pytest.param("closed", id="closed"),
        pytest.param({"concurrency": 2}, id="two", marks=pytest.mark.repeats),
        pytest.param(RATE, id="rate", marks=pytest.mark.repeats),
    ],
)
def test_a_server_that_burns_twice_as_much_fails(served, diary, has_ended, load):
    served.policy({"w": endpoint(1.0, load=load, budgets=limit())}, time_limit="12 s")
    served.commit(branch="change")
    served.policy({"w": endpoint(2.0, load=load, budgets=limit())}, time_limit="12 s")
    served.commit()
    found = served.check(*PATIENT, DIARY=str(diary.path))
    assert found.ran.code == 1, found.ran.said
    assert 0.4 < energy(found)["change"]["estimate"] < 1.2  # HTTP costs the same on both sides
    workload = found.workloads["w"]
    assert workload["comparison"]["mode"] == "paired"
    assert workload["comparison"]["agreement"]["share"] == 1.0
    assert workload["notes"][0].startswith("base runs echo")
    assert diary(has_ended) >= 4


@pytest.mark.measures
@pytest.mark.repeats
def test_the_same_server_passes(served, diary, has_ended):
    served.policy({"w": endpoint(1.0, budgets=limit("30 %"))})
    served.commit(branch="change")
    served.write("README.md", "# Words\n")
    served.commit()
    found = served.check(*PATIENT, DIARY=str(diary.path))
    assert found.workloads["w"]["verdict"] == "pass", found.ran.said
    assert energy(found)["change"]["estimate"] == pytest.approx(0.0, abs=0.15)
    assert diary(has_ended) >= 4


@pytest.mark.measures
def test_a_command_that_burns_twice_as_much_fails(project):
    project.policy({"w": command(80, budgets=limit())})
    project.commit(branch="change")
    project.policy({"w": command(160, budgets=limit())})
    project.commit()
    found = project.check(*PATIENT)
    assert found.ran.code == 1, found.ran.said
    assert 0.4 < energy(found)["change"]["estimate"] < 1.2  # starting and ending is the same on both sides


def test_different_answers_are_reported(served, diary):
    more = {"budgets": {"output_agreement": "99 %"}, "units": None}
    served.policy({"w": {key: value for key, value in endpoint(**more).items() if value}}, time_limit=QUICK)
    served.commit(branch="change")
    text = (served.root / "completions.py").read_text(encoding="utf-8")
    served.write("completions.py", text.replace('f"word{number} "', 'f"other{number} "'))
    served.commit()
    found = served.check(*BRIEF, DIARY=str(diary.path))
    assert found.ran.code == 1, found.ran.said
    assert found.workloads["w"]["metrics"]["output_agreement"]["head"] == 0.0


@pytest.mark.parametrize("workload", [endpoint(), command(20)], ids=["endpoint", "command"])
def test_unchanged_by_its_paths_it_is_not_measured(served, diary, workload):
    served.policy({"w": {**workload, "paths": ["*.py"], "budgets": limit()}})
    served.commit(branch="change")
    served.write("README.md", "# Words\n")
    served.commit()
    found = served.check("--base", "main", DIARY=str(diary.path))
    assert (found.ran.code, found.workloads["w"]["state"]) == (0, "unchanged")
    assert not diary.path.exists()


# --- Trouble -----------------------------------------------------------------------------------------------


def test_one_port_for_both_sides_is_refused(served, diary):
    served.policy({"w": endpoint(http="http://127.0.0.1:8000/v1", budgets=limit())})
    served.commit(branch="change")
    served.write("completions.py", "")
    served.commit()
    found = served.check("--base", "main", DIARY=str(diary.path))
    assert found.ran.code == 3
    assert "`http` has the fixed port 8000, and base and head cannot both listen on it" in found.ran.said
    assert "Write {port} instead" in found.ran.said


def test_a_server_that_does_not_start_is_an_error_with_its_stderr(served):
    served.policy({"w": endpoint(serve="echo there are no weights; exit 3")})
    served.commit()
    found = served.check()
    assert found.ran.code == 3
    assert (
        "w could not be judged: the server that `serve` starts ended with exit code 3 before it was ready"
        in found.ran.said
    )
    assert "there are no weights" in found.ran.said


def test_a_missing_file_of_requests(served):
    served.policy({"w": endpoint(inputs="gone.jsonl")})
    served.commit()
    found = served.check()
    assert found.ran.code == 2
    assert "`inputs` names gone.jsonl, which does not exist" in found.ran.said


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.repeats)],
)
def test_a_signal_ends_the_servers_of_both_sides(served, diary, tmp_path_factory, has_ended, *, number, code):
    address = tmp_path_factory.mktemp("s") / "s"  # a socket's path must be short
    served.policy({"w": endpoint(budgets=limit("0.01 %"))})
    served.commit(branch="change")
    served.write("README.md", "# Words\n")
    # When two have answered and two are to be measured, head is asked beside a frozen base.
    announcing = f"""
import socket

TOLD = []


def tell():
    with open(os.environ["DIARY"]) as diary:
        started = len(diary.readlines())
    if started == 4 and not TOLD:
        TOLD.append(True)
        with socket.socket(socket.AF_UNIX) as test:
            test.connect({str(address)!r})
"""
    text = (served.root / "completions.py").read_text(encoding="utf-8")
    served.write(
        "completions.py",
        text.replace("NUMBERS = count(1)", f"NUMBERS = count(1)\n{announcing}").replace(
            "        words = asked.get", "        tell()\n        words = asked.get"
        ),
    )
    ended = served.interrupt(address=address, number=number, DIARY=str(diary.path))
    assert ended.code == code
    assert "Traceback" not in ended.err
    assert diary(has_ended) == 4  # two sides for the answers, two to measure
