"""Endpoints and commands through the real command: on their own, and base against head."""

from __future__ import annotations

import json
import signal
import socket
import sys

import pytest
from base_projects import limit
from commands import FIXTURES

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads /proc, and waits with pidfds"
)

STREAM = {"messages": [], "max_tokens": 10, "stream": True, "stream_options": {"include_usage": True}}
REQUEST = json.dumps({"url": "/v1/chat/completions", "body": STREAM}) + "\n"
RATE = {"rate": "25 req/s"}


def endpoint(milliseconds_per_token=1.0, **more):
    """An endpoint of the shipped server, which writes down who it is."""
    return {
        "http": "http://127.0.0.1:{port}/v1/completions",
        "serve": (
            f"echo $$ $PORT >> $DIARY; exec python completions.py --port {{port}} "
            f"--milliseconds-per-token {milliseconds_per_token}"
        ),
        "ready": "/health",
        "inputs": "requests.jsonl",
        "units": "tokens",
        **more,
    }


def command(milliseconds, **more):
    line = (
        f"python -S -c 'import time\nwhile time.process_time() < {milliseconds / 1000}: pass\nprint(6 * 7)'"
    )
    return {"command": line, **more}


@pytest.fixture
def served(project):
    """A project with the shipped server and a request."""
    project.write("completions.py", (FIXTURES / "completions.py").read_text(encoding="utf-8"))
    project.write("requests.jsonl", REQUEST)
    return project


@pytest.fixture
def diary(tmp_path):
    """Where servers write down their process and port; says of each whether it is gone."""
    path = tmp_path / "diary"

    def all_gone(has_ended):
        entries = [tuple(map(int, line.split())) for line in path.read_text(encoding="ascii").splitlines()]
        for pid, port in entries:
            assert has_ended(pid)
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", port)) != 0
        return len(entries)

    all_gone.path = path
    return all_gone


def energy(found, name="w"):
    return found.workloads[name]["metrics"]["energy_per_request"]


# --- Head alone --------------------------------------------------------------------------------------------


def test_endpoints_under_every_load_and_a_command(served, diary, has_ended):
    budgets = {"success_rate": "100 %"}  # exact: no launch too few can leave it open
    served.policy(
        {
            "closed": endpoint(budgets=budgets),
            "two": endpoint(load={"concurrency": 2}, budgets=budgets),
            "rate": endpoint(load=RATE, budgets=budgets),
            "command": command(10, budgets=budgets),
        },
        time_limit="4 s",
    )
    served.commit()
    found = served.check(DIARY=str(diary.path))
    assert found.ran.code == 0, found.ran.said
    for name in ("closed", "two", "rate"):
        workload = found.workloads[name]
        assert (workload["kind"], workload["verdict"], workload["error"]) == ("http", "pass", None)
        metrics = workload["metrics"]
        assert metrics["energy_per_unit"]["head"] == pytest.approx(
            metrics["energy_per_request"]["head"] / 10, rel=1e-9
        )
        assert 0 < metrics["ttft_p50"]["head"] < metrics["latency_p50"]["head"]
        cpu_s = sum(one["cpu_s"] for one in workload["provenance"]["launches"])
        requests = workload["provenance"]["requests"]
        assert 0.010 <= cpu_s / requests < 0.0125  # ten tokens of a millisecond, and HTTP
    ran = found.workloads["command"]
    assert (ran["kind"], ran["verdict"]) == ("command", "pass")
    cpu_s = sum(one["cpu_s"] for one in ran["provenance"]["launches"])
    assert 0.010 <= cpu_s / ran["provenance"]["requests"] < 0.025
    assert diary(has_ended) >= 6


# --- Base against head -------------------------------------------------------------------------------------


@pytest.mark.parametrize("load", ["closed", {"concurrency": 2}, RATE], ids=["closed", "two", "rate"])
def test_a_server_that_burns_a_tenth_more_fails(served, diary, has_ended, load):
    served.policy({"w": endpoint(1.0, load=load, budgets=limit("5 %"))}, time_limit="90 s")
    served.commit(branch="change")
    served.policy({"w": endpoint(1.1, load=load, budgets=limit("5 %"))})
    served.commit()
    found = served.check("--base", "main", DIARY=str(diary.path))
    assert found.ran.code == 1, found.ran.said
    assert energy(found)["change"]["estimate"] == pytest.approx(
        0.1, abs=0.04
    )  # of four launches, on a busy machine
    workload = found.workloads["w"]
    assert workload["comparison"]["mode"] == "paired"
    assert workload["comparison"]["agreement"]["share"] == 1.0
    assert workload["notes"][0].startswith("base runs echo")
    assert diary(has_ended) >= 4


def test_the_same_server_passes(served, diary, has_ended):
    served.policy({"w": endpoint(1.0, budgets=limit("5 %"))}, time_limit="90 s")
    served.commit(branch="change")
    served.write("README.md", "# Words\n")
    served.commit()
    found = served.check("--base", "main", DIARY=str(diary.path))
    assert found.ran.code == 0, found.ran.said
    assert energy(found)["change"]["estimate"] == pytest.approx(0.0, abs=0.04)
    assert diary(has_ended) >= 4


def test_a_command_that_burns_a_tenth_more_fails(project):
    project.policy({"w": command(20, budgets=limit("5 %"))}, time_limit="90 s")
    project.commit(branch="change")
    project.policy({"w": command(22.5, budgets=limit("5 %"))})
    project.commit()
    found = project.check("--base", "main")
    assert found.ran.code == 1, found.ran.said
    assert 0.06 < energy(found)["change"]["estimate"] < 0.125  # starting and ending is the same on both sides


def test_other_answers_are_told(served, diary):
    more = {"budgets": {"output_agreement": "99 %"}, "units": None}
    served.policy({"w": {key: value for key, value in endpoint(**more).items() if value}}, time_limit="4 s")
    served.commit(branch="change")
    text = (served.root / "completions.py").read_text(encoding="utf-8")
    served.write("completions.py", text.replace('f"word{number} "', 'f"other{number} "'))
    served.commit()
    found = served.check("--base", "main", DIARY=str(diary.path))
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
    assert "`http` names port 8000, and base and head cannot both listen on it" in found.ran.said
    assert "Write {port} instead" in found.ran.said


def test_a_server_that_does_not_start_is_told_with_its_last_words(served):
    served.policy({"w": endpoint(serve="echo there are no weights; exit 3")})
    served.commit()
    found = served.check()
    assert found.ran.code == 3
    assert (
        "w could not be judged: the server that `serve` starts ended with exit code 3 before it was ready"
        in found.ran.said
    )
    assert "there are no weights" in found.ran.said


def test_a_file_of_requests_that_is_not_there(served):
    served.policy({"w": endpoint(inputs="gone.jsonl")})
    served.commit()
    found = served.check()
    assert found.ran.code == 2
    assert "`inputs` names gone.jsonl, which does not exist" in found.ran.said


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_servers_of_both_sides(served, diary, tmp_path_factory, has_ended, *, number, code):
    address = tmp_path_factory.mktemp("s") / "s"  # a socket's path must be short
    served.policy({"w": endpoint(budgets=limit("0.01 %"))})
    served.commit(branch="change")
    served.write("README.md", "# Words\n")
    told = f"""
import socket


def tell():
    with socket.socket(socket.AF_UNIX) as test:
        test.connect({str(address)!r})
"""
    text = (served.root / "completions.py").read_text(encoding="utf-8")
    # By its twentieth request head is being measured beside a frozen base.
    served.write(
        "completions.py",
        text.replace("NUMBERS = count(1)", f"NUMBERS = count(1)\nASKED = count(1)\n{told}").replace(
            "        words = asked.get",
            "        if next(ASKED) == 20:\n            tell()\n        words = asked.get",
        ),
    )
    ended = served.interrupt(address=address, number=number, DIARY=str(diary.path))
    assert ended.code == code
    assert "Traceback" not in ended.err
    assert diary(has_ended) == 4  # two sides for the answers, two to measure
