"""An endpoint: its server starts and ends with the worker, and requests are those of a real client."""

from __future__ import annotations

import json
import re
import socket
import sys
from pathlib import Path

import pytest
import spawning_processes as processes
from http_specs import GENEROUS_S, canned, completions, endpoint, events, http, write_requests
from parallel import repeated

from energygate.workloads.energygate_worker.http_answer import is_first_piece
from energygate.workloads.energygate_worker.requests_file import read_requests

LINUX_ONLY = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
TOKENS = 20
DOCS = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")


@pytest.fixture
def asking(loaded, tmp_path):
    """Starts an endpoint with requests."""

    def start(workload, *bodies):
        worker = loaded(workload)
        assert worker.bind(write_requests(tmp_path / "requests.jsonl", *bodies), leave_out=[], batch_size=1) == len(
            bodies
        )
        return worker

    return start


# --- Cost --------------------------------------------------------------------------------------------------


@LINUX_ONLY
def test_the_cpu_time_is_the_servers(asking, checkout):
    worker = asking(completions(checkout), {"max_tokens": TOKENS})
    worker.run(2)
    # On top of what its tokens burn, the server reads and writes for half a millisecond, on a busy machine for more.
    assert TOKENS <= worker.run(10).cpu_ns / 10e6 < TOKENS * 1.5


@LINUX_ONLY
@pytest.mark.usefixtures("busy_worker")
def test_the_cpu_time_is_not_the_clients(asking, checkout):
    workload = completions(checkout, milliseconds_per_token=0.01)
    workload["spec"]["serve"] = f"unset PYTHONPATH; echo $$ > note; exec {workload['spec']['serve']}"
    worker = asking(workload, {"max_tokens": 1})
    server = int((checkout / "note").read_text(encoding="ascii"))
    before_ns = processes.cpu_ns(server)
    cpu_ns = worker.run(20).cpu_ns
    # Waiting for it, the client burns 100 ms and more.
    assert cpu_ns < processes.cpu_ns(server) - before_ns + 20e6


@LINUX_ONLY
def test_cpu_time_of_a_server_in_processes_below_the_shell(asking, checkout):
    workload = completions(checkout)
    workload["spec"]["serve"] = f"true; {workload['spec']['serve']} & wait"
    worker = asking(workload, {"prompt": "", "max_tokens": TOKENS})
    assert TOKENS <= worker.run(10).cpu_ns / 10e6 < TOKENS * 1.5


@LINUX_ONLY
@pytest.mark.usefixtures("busy_worker")
def test_the_cold_start_is_the_servers_alone(worker, checkout):
    workload = completions(checkout)
    workload["spec"]["serve"] = "unset PYTHONPATH; sleep 0.5; " + workload["spec"]["serve"]
    started = worker()
    loaded = started.load(**workload, timeout_s=GENEROUS_S)
    assert loaded.wall_ns > 500e6
    # The worker burns for as long as all this takes, its server only once half a second is over.
    assert 0 < loaded.cpu_ns < processes.cpu_ns(started.pid)


# --- Requests ----------------------------------------------------------------------------------------------


def test_without_a_file_the_address_is_requested(loaded, checkout, texts):
    workload = canned(checkout, {"/here?a=1": http('{"a": 1}')})
    workload["spec"]["url"] += "here?a=1"
    assert texts(loaded(workload)) == ['{"a": 1}']


def test_lines_are_bodies_or_whole_requests(asking, checkout, texts):
    said = {"/": "posted", "/else": "elsewhere", "/get": "got"}
    answers = {path: http(text, content_type="text/plain") for path, text in said.items()}
    worker = asking(
        canned(checkout, answers),
        {"prompt": "a"},
        {"custom_id": "1", "method": "POST", "url": "/else", "body": {"prompt": "a"}},
        {"url": "/get", "body": None, "headers": {"X-Key": "k"}},
        {"body": "of a letter", "subject": "not ours to read"},
        '"just a text"',
    )
    assert texts(worker) == ["posted", "elsewhere", "got", "posted", "posted"]


ECHO = """
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        names = ("Content-Type", "X-Key", "Host")
        said = [self.command, self.path, body, {name: self.headers[name] for name in names}]
        answer = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    do_POST = do_PUT = do_GET

HTTPServer(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
"""


def test_what_is_sent(asking, checkout, texts):
    (checkout / "echo.py").write_text(ECHO, encoding="utf-8")
    worker = asking(
        endpoint("python echo.py $PORT", url="http://localhost:{port}/v1?q={port}"),
        '{"max_tokens":  4, "prompt": "\\u00e9 é"}',
        {"method": "put", "url": "/x", "body": [1, 2], "headers": {"X-Key": "k", "Content-Type": "text/x"}},
        {"body": None},
    )
    sent = [json.loads(text) for text in texts(worker)]
    port = sent[0][3].pop("Host").removeprefix("localhost:")
    assert int(port) > 0
    assert sent == [
        [
            "POST",
            "/v1?q={port}",
            '{"max_tokens":  4, "prompt": "\\u00e9 é"}',
            {"Content-Type": "application/json", "X-Key": None},
        ],
        ["PUT", "/x", "[1, 2]", {"Content-Type": "text/x", "X-Key": "k", "Host": f"localhost:{port}"}],
        ["GET", "/v1?q={port}", "", {"Content-Type": None, "X-Key": None, "Host": f"localhost:{port}"}],
    ]


def test_proxies_of_the_environment_are_ignored(loaded, checkout, texts, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert texts(loaded(canned(checkout, {"/": http("{}")}))) == ["{}"]


def test_a_connection_is_kept(asking, checkout, texts):
    (checkout / "echo.py").write_text(ECHO.replace("said = [", "said = [self.client_address[1], "), encoding="utf-8")
    worker = asking(endpoint("python echo.py {port}"), 1, 2, 3)
    worker.run(2)
    assert len({json.loads(text)[0] for text in texts(worker)}) == 1


def test_a_connection_is_kept_and_one_that_the_server_closed_is_opened_again(asking, checkout):
    kept, closed = http("{}"), {"bytes": http("{}"), "close": True}
    worker = asking(
        canned(checkout, {"/kept": kept, "/closed": closed}),
        *({"url": url, "body": 1} for url in ("/kept", "/closed", "/kept", "/closed", "/closed")),
    )
    assert worker.run(50).failed == ()


@pytest.mark.parametrize("line", re.findall(r"^```json\n(.*)\n```", DOCS, re.MULTILINE))
def test_the_requests_in_the_documentation_are_read_as_it_says(tmp_path, line):
    (request,) = read_requests(str(write_requests(tmp_path / "r.jsonl", line)), "/v1/completions")
    assert request.method == "POST"
    assert (request.path == "/v1/embeddings") == ("custom_id" in line)
    assert ("Accept-Encoding" in request.headers) == ("gzip" in line)
    assert ("X-Tenant" in request.headers) == ("custom_id" in line)
    assert json.loads(request.body) in (json.loads(line), json.loads(line).get("body"))


# --- Answers -----------------------------------------------------------------------------------------------


def test_a_completion_is_its_text_whole_or_streamed(asking, checkout, texts):
    prompts = {"prompt": "", "messages": [], "max_tokens": 3}
    worker = asking(
        completions(checkout),
        *(
            {"url": url, "body": {**prompts, "stream": stream}}
            for url in ("/v1/completions", "/v1/chat/completions")
            for stream in (False, True)
        ),
    )
    assert texts(worker) == ["word0 word1 word2 "] * 4


COMPARED = [
    (http('{"id": "7", "created": 7, "b": 2, "a": [1.50]}'), '{"a": [1.5], "b": 2}'),
    (http("plain", content_type="text/plain"), "plain"),
    (http("\xff\xfe", content_type="image/png"), "sha256:"),
    (http("", status="204 No Content"), ""),
    (http('{"choices": [{"text": "a"}, {"message": {"content": "b"}}]}'), "a\nb"),
    (
        http('{"choices": [{"message": {"content": null, "tool_calls": [{"id": "x", "n": 1}]}}]}'),
        '[{"n": 1}]',
    ),
    (
        events(
            {"choices": [{"index": 1, "delta": {"content": "b"}}]},
            {"choices": [{"index": 0, "delta": {"content": "a"}}]},
            {"choices": [{"index": 1, "delta": {"content": "b"}}]},
            "[DONE]",
        ),
        "a\nbb",
    ),
    (events("one", "two"), "one\ntwo"),
    (events('{"token": 1}', '{"token": 2}'), '{"token": 1}\n{"token": 2}'),
]


def test_volatile_parts_of_answers_are_not_compared(asking, checkout, texts):
    answers = {f"/{number}": answer for number, (answer, _) in enumerate(COMPARED)}
    found = texts(asking(canned(checkout, answers), *({"url": path, "body": 1} for path in answers)))
    for text, (_, expected) in zip(found, COMPARED, strict=True):
        assert text.startswith(expected)
        assert expected.startswith("sha256") or text == expected


def test_long_answers_are_compared_by_digest(asking, checkout, texts):
    long = "x" * 5000
    answers = {f"/{end}": http(long + end, content_type="text/plain") for end in "aba"}
    worker = asking(canned(checkout, answers), *({"url": f"/{end}", "body": 1} for end in "aba"))
    first, second, third = texts(worker)
    assert first == third != second
    assert len(first) < 3000


def test_answers_need_no_numpy(asking, checkout, texts):
    (checkout / "numpy.py").write_text("raise ImportError('there is none')", encoding="utf-8")
    worker = asking(completions(checkout), {"max_tokens": 1})
    assert worker.run(1).failed == ()
    assert texts(worker) == ["word0 "]


# --- Units and first pieces --------------------------------------------------------------------------------


def test_units_are_the_tokens_of_the_usage_whole_or_streamed(asking, checkout):
    streamed = {"stream": True, "stream_options": {"include_usage": True}}
    worker = asking(completions(checkout, units="tokens"), {"max_tokens": 3}, {"max_tokens": 5, **streamed})
    assert [worker.run(count).units for count in (1, 1, 4)] == [3, 5, 16]


@pytest.mark.parametrize(
    ("units", "answer", "count"),
    [
        ("images", '{"images": 3}', 3),
        ("seconds", '{"seconds": 1.5}', 1.5),
        ("prompt_tokens", '{"usage": {"prompt_tokens": 9, "completion_tokens": 2}}', 9),
        ("tokens", '{"usage": {"output_tokens": 4}}', 4),  # OpenAI's responses, and others'
        ("tokens", '{"tokens": 6}', 6),
        ("images", '{"images": 0}', 0),
    ],
)
def test_units_have_the_name_that_the_policy_gives_them(loaded, checkout, units, answer, count):
    assert loaded(canned(checkout, {"/": http(answer)}, units=units)).run(2).units == 2 * count


@pytest.mark.parametrize(
    ("line", "begins_it"),
    [
        ('data: {"choices": [{"delta": {"role": "assistant", "content": ""}}]}', False),
        ('data: {"choices": [{"delta": {"role": "assistant"}}]}', False),
        ('data: {"choices": [{"delta": {"content": null, "refusal": null}}]}', False),
        ('data: {"choices": [{"delta": {"content": " "}}]}', True),
        ('data: {"choices": [{"delta": {"reasoning_content": "hm"}}]}', True),
        ('data: {"choices": [{"delta": {"tool_calls": [{"id": "x"}]}}]}', True),
        ('data: {"choices": [{"text": ""}]}', False),
        ('data:{"choices": [{"text": "a"}]}', True),
        ('data: {"choices": [], "usage": {"completion_tokens": 1}}', False),
        ('data: {"token": "a"}', True),
        ("data: a", True),
        ("data: [DONE]", False),
        ("data:", False),
        (": a comment that keeps the connection open", False),
        ("event: message", False),
        ("", False),
    ],
)
def test_which_line_of_a_stream_is_its_first_piece(line, begins_it):
    assert is_first_piece(line + "\r") == begins_it


def test_the_first_piece_is_the_first_token(asking, checkout):
    worker = asking(completions(checkout), {"messages": [], "max_tokens": TOKENS, "stream": True})
    worker.run(1)
    served = worker.run(10)
    assert len(served.first_piece_latencies_ns) == 10
    shares = [first / whole for first, whole in zip(served.first_piece_latencies_ns, served.latencies_ns, strict=True)]
    # One of twenty tokens, and what reading the request took; a busy machine keeps somebody waiting now and then.
    assert 0 < min(shares) < 0.5


def test_an_answer_that_is_not_streamed_has_no_first_piece(asking, checkout):
    worker = asking(completions(checkout), {"max_tokens": 1})
    assert list(worker.run(3).first_piece_latencies_ns) == []


# --- Coming and going --------------------------------------------------------------------------------------


def test_two_servers_at_a_time_have_a_port_each(asking, checkout):
    first, second = (asking(completions(checkout), {"max_tokens": count}) for count in (1, 2))
    second.freeze()
    assert first.run(3).failed == ()
    second.thaw()
    assert second.run(3).failed == ()


def test_a_server_is_awaited_until_it_says_that_it_is_ready(loaded, checkout):
    (checkout / "late.py").write_text(
        ECHO.replace("def do_GET(self):", "asked = []\n    def do_GET(self):").replace(
            "self.send_response(200)",
            "self.asked.append(1)\n        self.send_response(200 if len(self.asked) > 5 else 503)",
        ),
        encoding="utf-8",
    )
    worker = loaded(endpoint("python late.py {port}", ready="/health"))
    assert worker.run(1).failed == ()


@LINUX_ONLY
@pytest.mark.parametrize("how", ["shut down", *repeated("closed"), "killed"])
def test_the_server_goes_with_the_worker(asking, checkout, has_ended, how):
    workload = completions(checkout)
    workload["spec"]["serve"] = f"echo $$ $PORT > note; exec {workload['spec']['serve']}"
    worker = asking(workload, {"max_tokens": 1})
    pid, port = map(int, (checkout / "note").read_text(encoding="ascii").split())
    if how == "shut down":
        assert worker.shut_down() > 0
    elif how == "closed":
        worker.close()
    else:
        worker._process.kill()
    assert has_ended(pid)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
