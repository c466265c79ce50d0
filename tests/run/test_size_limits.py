"""Limits on bytes through the real command: what leaves the machine for a request, alone and base against head."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from base_projects import QUICK

from energygate.workloads import serving

GROWN = {"max_increase": "10 %"}

APP = """
import os
import time

def make():
    return lambda number: {{"label": int(number[0]), "text": "watt " * {words}}}

def opaque():
    return lambda number: object()

def slow():
    with open(os.environ["STARTS"], "a+") as starts:
        starts.write("x")
        starts.seek(0)
        weighs = len(starts.read()) % 2  # who collects answers comes first, and who is measured second
    return lambda number: time.sleep(600 * weighs) or 7
"""

SERVER = """
import gzip, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b"watts " * {words}
        self.send_response_only(200)
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, mtime=0)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

HTTPServer(("127.0.0.1", int(sys.argv[1])), Answers).serve_forever()
"""
HEAD_OF_ANSWER = len("HTTP/1.1 200 OK\r\nContent-Length: 6000\r\n\r\n")
ASKED = {"body": "a watt?", "headers": {"Accept-Encoding": "gzip"}}


def endpoint(**more):
    url = "http://127.0.0.1:{port}/"
    return {"http": url, "serve": "python server.py {port}", "inputs": "requests.jsonl", **more}


def write_sources(project, *, words):
    project.write("server.py", SERVER.format(words=words))
    project.write("app.py", APP.format(words=words))


@pytest.fixture
def sized(project):
    """A project with a server, a callable and a model, whose answers can grow."""
    write_sources(project, words=1000)
    project.copy("models/digits-mlp.onnx", "model.onnx")
    project.copy("data/digits.npz", "digits.npz")
    np.savez(project.root / "numbers.npz", number=np.arange(1, 11))
    project.write("requests.jsonl", '"a watt?"\n"what is a watt?"\n')
    project.write("compressed.jsonl", json.dumps(ASKED) + "\n")
    return project


def heads(found, name):
    return {
        metric: one["head"]
        for metric, one in found.workloads[name]["metrics"].items()
        if metric.endswith("_size") or metric == "egress_per_request"
    }


def verdicts(found, name):
    metrics = found.workloads[name]["metrics"]
    return {
        metric: [finding["verdict"] for finding in one["findings"]]
        for metric, one in metrics.items()
        if one["findings"]
    }


NUMBERS = {"python": "app:make", "inputs": "numbers.npz"}
MODEL = {"onnx": "model.onnx", "inputs": "digits.npz", "labels": "label", "batch_size": 4}


# --- Head alone --------------------------------------------------------------------------------------------


def test_limits_on_bytes_of_head_alone(sized):
    kept = {
        "request_size": "13 B",
        "response_size": "6 kB",
        "egress_per_request": f"{6000 + HEAD_OF_ANSWER} B",
    }
    sized.policy(
        {
            "plain": endpoint(budgets=kept),
            "compressed": endpoint(inputs="compressed.jsonl", budgets={"egress_per_request": "150 B"}),
            "callable": {**NUMBERS, "budgets": {"response_size": "5 kB", "request_size": "7 B"}},
            "opaque": {**NUMBERS, "python": "app:opaque", "budgets": {"response_size": "1 GB"}},
            "model": {**MODEL, "budgets": {"model_download_size": "19 kB", "response_size": "40 B"}},
        },
        time_limit=QUICK,
    )
    sized.commit()
    found = sized.check(launches=1)
    assert found.ran.code == 3, found.ran.said  # of opaque, which no limit can hold
    assert heads(found, "plain") == {
        "request_size": (len('"a watt?"') + len('"what is a watt?"')) / 2,
        "response_size": 6000,
        "egress_per_request": 6000 + HEAD_OF_ANSWER,
    }
    assert verdicts(found, "plain") == {metric: ["pass"] for metric in kept}
    compressed = heads(found, "compressed")
    assert compressed["response_size"] == 6000
    assert 100 < compressed["egress_per_request"] < 150
    one_digit = len('{"label":0,"text":""}') + 5000
    assert heads(found, "callable") == {
        "request_size": 8,
        "response_size": one_digit + 0.1,  # one of ten labels has two digits
        "egress_per_request": one_digit + 0.1,
    }
    assert verdicts(found, "callable") == {"response_size": ["fail"], "request_size": ["fail"]}
    assert found.workloads["opaque"]["verdict"] == "error"
    assert "opaque could not be judged: no response size was measured for this workload" in found.ran.said
    assert heads(found, "model") == {
        "request_size": 8 * 8 * 4,
        "response_size": 10 * 4,
        "egress_per_request": 10 * 4,
        "model_size": (sized.root / "model.onnx").stat().st_size,
        "model_download_size": len(gzip.compress((sized.root / "model.onnx").read_bytes(), 6)),
    }
    assert verdicts(found, "model") == {"response_size": ["pass"], "model_download_size": ["pass"]}


def test_slow_answers_are_an_error_only_under_a_limit(sized, tmp_path, monkeypatch):
    monkeypatch.setattr(serving, "MIN_TIMEOUT_S", 3.0)
    slow = {**NUMBERS, "python": "app:slow"}
    sized.policy(
        {"noted": slow, "judged": {**slow, "budgets": {"monthly_egress_cost": "1 USD"}}},
        time_limit="2 s",
        site={"egress_price": "0.09 USD/GB", "traffic": {"requests_per_day": 1000}},
    )
    sized.commit()
    found = sized.check(launches=1, STARTS=str(tmp_path / "starts"))
    late = "the worker was still collecting answers after 3 s and was killed"
    assert f"sizes of requests and answers were not measured: {late}" in found.workloads["noted"]["notes"]
    assert found.workloads["noted"]["verdict"] == "pass"
    assert f"judged could not be judged: {late}" in found.ran.said


# --- Base against head -------------------------------------------------------------------------------------


def test_answers_that_grow_break_their_limits(sized):
    grown = {"response_size": GROWN, "egress_per_request": GROWN, "request_size": {"max_increase": "0 %"}}
    sized.policy(
        {
            "plain": endpoint(budgets=grown),
            "callable": {**NUMBERS, "budgets": {"response_size": GROWN, "monthly_egress_cost": GROWN}},
        },
        time_limit=QUICK,
        site={"egress_price": "0.09 USD/GB", "traffic": {"requests_per_day": 1000}},
    )
    sized.commit(branch="change")
    write_sources(sized, words=1200)
    sized.commit()
    found = sized.check("--base", "main", launches=1)
    assert found.ran.code == 1, found.ran.said
    fail, kept = ["fail"], ["pass"]
    assert verdicts(found, "plain") == {
        "response_size": fail,
        "egress_per_request": fail,
        "request_size": kept,
    }
    plain = found.workloads["plain"]["metrics"]["response_size"]
    assert (plain["base"], plain["head"], plain["change"]["estimate"]) == (6000, 7200, pytest.approx(0.2))
    assert verdicts(found, "callable") == {"response_size": fail, "monthly_egress_cost": fail}
