"""Errors of an endpoint: each is one sentence, never a number."""

from __future__ import annotations

import os
import socket
import sys
import threading

import pytest
from http_specs import canned, completions, endpoint, events, http, write_requests
from parallel import repeated

from energygate.workloads.protocol import WorkerStart
from energygate.workloads.worker import Worker

LINUX_ONLY = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
POSIX_ONLY = pytest.mark.skipif(os.name != "posix", reason="signals and fifos are POSIX")
WORD = {"choices": [{"index": 0, "delta": {"content": "a"}}]}


@pytest.fixture
def taken():
    """A port on which another process listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


# --- Starting ----------------------------------------------------------------------------------------------


@POSIX_ONLY
@pytest.mark.parametrize(
    ("serve", "words"),
    [
        (
            "echo no weights; exit 3",
            ["the server that `serve` starts ended with exit code 3 before it was ready"],
        ),
        ("false; sleep 99", ["ended with exit code 1"]),  # it stops at its first failure, as `setup` does
        *repeated(
            ("kill -9 $$", ["was killed by SIGKILL before it was ready"]),
            ("not-a-program-of-anybody", ["ended with exit code 127"]),
        ),
        ("sleep 99 &", ["ended with exit code 0 before it was ready; it must stay in the foreground"]),
        *repeated(("read line; sleep 99", ["ended with exit code 1"])),  # it can ask nothing
    ],
)
def test_a_server_that_ends_before_it_is_ready(worker, trouble, serve, words):
    with trouble(*words):
        worker().load(**endpoint(serve), timeout_s=60)


@POSIX_ONLY
def test_the_servers_stderr_is_the_detail(worker, trouble):
    with trouble("exit code 3") as caught:
        worker().load(**endpoint("echo no weights; echo at all >&2; exit 3"), timeout_s=60)
    assert caught.value.detail.splitlines() == ["no weights", "at all"]


@POSIX_ONLY
def test_a_server_that_never_listens(worker, trouble):
    with trouble("did not listen on port ", "within 0.3 s"):
        worker().load(**endpoint("sleep 99", patience_s=0.3), timeout_s=60)


PATIENT_UNTIL_ANSWERED = """
    import http.client, time
    now_s = 0.0
    time.monotonic = lambda: now_s

    def close(self, close=http.client.HTTPConnection.close):
        global now_s
        close(self)
        now_s = 1e9

    http.client.HTTPConnection.close = close
"""
"""For a worker, no time passes until it has been answered once, and then all: starting a server may take long."""


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (http("", status="503 Loading"), "with 2xx (but with: 503 Loading) within 60 s"),
        *repeated(
            (http("", status="302 Found", more="Location: /else\r\n"), "(but with: 302 Found)"),
            ({"bytes": "", "close": True}, "(but with: Remote end closed connection without response)"),
        ),
        ({"bytes": "nonsense\r\n", "close": True}, "(but with: nonsense"),
    ],
)
def test_a_server_that_is_never_ready(worker, checkout, first_in_workers, trouble, *, answer, words):
    first_in_workers(PATIENT_UNTIL_ANSWERED)
    workload = canned(checkout, {"/ready": answer}, ready="/ready")
    workload["spec"]["serve"] = "unset PYTHONPATH; " + workload["spec"]["serve"]
    with trouble("the server that `serve` starts did not answer GET /ready", words):
        worker().load(**workload, timeout_s=60)


CUT_SHORT = """
    import http.client, time
    now_s = 0.0
    time.monotonic = lambda: now_s

    def request(self, *arguments, request=http.client.HTTPConnection.request, **how):
        global now_s
        if self.timeout < 1:
            now_s = 1e9
            raise TimeoutError("timed out")
        request(self, *arguments, **how)
        now_s = 59.99

    http.client.HTTPConnection.request = request
"""
"""For a worker, a first answer takes nearly all of a minute, and there is no time for a second."""


def test_a_timeout_while_waiting_does_not_hide_the_last_answer(worker, checkout, first_in_workers, trouble):
    first_in_workers(CUT_SHORT)
    workload = canned(checkout, {"/ready": http("", status="503 Loading")}, ready="/ready")
    workload["spec"]["serve"] = "unset PYTHONPATH; " + workload["spec"]["serve"]
    with trouble("(but with: 503 Loading) within 60 s"):
        worker().load(**workload, timeout_s=60)


def test_a_port_that_is_taken(worker, trouble, taken):
    with trouble(f"port {taken} is in use", "only a server that `serve` has started"):
        worker().load(**endpoint("sleep 99", url=f"http://127.0.0.1:{taken}/"), timeout_s=60)


@LINUX_ONLY
def test_a_port_on_which_another_process_listens_in_the_servers_place(worker, checkout, trouble):
    # As a container does: what `serve` started is then not what does the work.
    os.mkfifo(checkout / "fifo")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))

        def listen():
            (checkout / "fifo").read_bytes()
            listener.listen()

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with trouble("was not started by `serve`", "container"):
            worker().load(**endpoint("echo go > fifo; sleep 99", url=url), timeout_s=60)
        thread.join()


@LINUX_ONLY
@pytest.mark.parametrize("ready", [*repeated(None), "/health"])
def test_a_server_that_was_not_ready_is_gone(worker, checkout, first_in_workers, trouble, has_ended, *, ready):
    # No time passes for the worker until the note is there, and then all.
    first_in_workers("import os, time\ntime.monotonic = lambda: 1e9 * os.path.exists('note')")
    line = "echo $$ > unfinished; mv unfinished note; exec sleep 99"
    with trouble("did not listen"):
        worker().load(**endpoint(line, ready=ready), timeout_s=60)
    assert has_ended(int((checkout / "note").read_text(encoding="ascii")))


# --- Requests ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def refusing(tmp_path_factory):
    """One worker with one server for many refusals: a refusal leaves a worker as it was."""
    directory = tmp_path_factory.mktemp("refusing")
    how = WorkerStart(label="workload 'w'", python=sys.executable, directory=directory, cpus=(), threads=1)
    with Worker(how, timeout_s=60) as started:
        started.load(**canned(directory, {"/": http("{}")}), timeout_s=60)
        yield started
        assert started.run(1).failed == ()  # it still serves


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", ["line 2 of", "requests.jsonl is not JSON: Expecting"]),
        ('{"prompt": "a"} {"prompt": "b"}', ["line 2 of", "is not JSON: Extra data"]),
        (
            '{"body": 1, "url": "http://example.org/"}',
            ["line 2 of", "url is 'http://example.org/'", "a path"],
        ),
        ('{"body": 1, "url": "/a b"}', ["line 2 of", "url is '/a b'"]),
        ('{"body": 1, "method": "PO ST"}', ["line 2 of", "method is 'PO ST'"]),
        ('{"body": 1, "headers": {"X-A": 1}}', ["line 2 of", "headers must be an object of strings"]),
        (
            '{"body": 1, "headers": {"X-A": "a\\r\\nX-B: b"}}',
            ["line 2 of", "headers must be an object of strings"],
        ),
        ('{"body": 1, "headers": ["X-A"]}', ["line 2 of", "headers"]),
    ],
)
def test_an_invalid_request_line(refusing, tmp_path, trouble, *, line, words):
    with trouble(*words):
        refusing.bind(write_requests(tmp_path / "requests.jsonl", 1, line), leave_out=[], batch_size=1)


@pytest.mark.parametrize(("content", "words"), [(b"\n\n", "contains no request"), (b"\xff", "cannot read")])
def test_a_file_without_requests(refusing, tmp_path, trouble, *, content, words):
    (tmp_path / "requests.jsonl").write_bytes(content)
    with trouble("requests.jsonl", words):
        refusing.bind(tmp_path / "requests.jsonl", leave_out=[], batch_size=1)


# --- Answers -----------------------------------------------------------------------------------------------

BROKEN = {"bytes": http('{"a": 1}', length=100), "close": True}


NO_ANSWERS = [
    (
        http("no such\nmodel", status="404 Not Found"),
        None,
        "request 1 was answered with 404 Not Found: no such model",
    ),
    (http("x" * 999, status="500 Oops"), None, "request 1 was answered with 500 Oops: " + "x" * 200),
    (
        http("", status="307 Elsewhere", more="Location: http://example.org/\r\n"),
        None,
        "request 1 was answered with 307 Elsewhere to http://example.org/",
    ),
    (BROKEN, None, "request 1 was not answered in full: it was cut off after 8 bytes"),
    ({"bytes": "", "close": True}, None, "request 1 was not answered: Remote end closed connection"),
    ({"bytes": "SSH-2.0\r\n", "close": True}, None, "request 1 was not answered: SSH-2.0"),
    (http('{"a": '), None, 'request 1 was answered with broken JSON: {"a":'),
    (
        http('{"error": {"message": "overloaded", "code": 7}}'),
        None,
        "request 1 was answered with an error: overloaded",
    ),
    (http('{"error": "busy"}'), None, "request 1 was answered with an error: busy"),
    (
        http('{"text": "a"}'),
        "tokens",
        "request 1 was answered without `usage.completion_tokens`, which `units: tokens` requires",
    ),
    (http('{"images": "3"}'), "images", "without a number named `images`"),
    (http('{"images": -3}'), "images", "without a number named `images`"),
    (http('{"images": true}'), "images", "without a number named `images`"),
    (http('{"images": NaN}'), "images", "without a number named `images`"),
    (http("[3]"), "images", "without a number named `images`"),
    (http("3 images", content_type="text/plain"), "images", "without a number named `images`"),
    (events(WORD, "[DONE]"), "tokens", 'if the request has "stream_options": {"include_usage": true}'),
    (events(WORD, WORD), None, "the stream ended before its last event, [DONE]"),
    ({"bytes": events(WORD, end=""), "close": True}, None, "request 1 was not answered in full"),
    (events(WORD, {"error": {"message": "out of memory"}}), None, "an error: out of memory"),
]


@pytest.mark.parametrize("units", [None, "tokens", "images"])
def test_an_invalid_answer(loaded, checkout, tmp_path, trouble, units):
    answers = {f"/{number}": one for number, one in enumerate(NO_ANSWERS) if one[1] == units}
    worker = loaded(canned(checkout, {path: answer for path, (answer, _, _) in answers.items()}, units=units))
    for number, (path, (_, _, sentence)) in enumerate(answers.items(), 1):
        worker.bind(write_requests(tmp_path / "r.jsonl", {"url": path, "body": 1}), leave_out=[], batch_size=1)
        failure = worker.run(1, tolerant=True).first_failure
        assert sentence.replace("request 1 ", f"request {number} ") in failure
        assert "\n" not in failure
    with trouble(sentence.replace("request 1 ", f"request {number + 1} ")):
        worker.run(1)


@pytest.mark.parametrize("answer", [BROKEN, *repeated(http("", status="500 Oops"), http('{"error": "busy"}'))])
def test_a_tolerant_run_counts_failures_and_serves_the_rest(loaded, checkout, tmp_path, answer):
    worker = loaded(canned(checkout, {"/": http("{}"), "/bad": answer}))
    requests = write_requests(tmp_path / "r.jsonl", 1, {"url": "/bad", "body": 1}, 2)
    worker.bind(requests, leave_out=[], batch_size=1)
    served = worker.run(6, tolerant=True)
    assert served.failed == (1, 4)
    assert served.first_failure.startswith("request 2 was ")


def test_an_invalid_answer_is_not_compared(loaded, checkout, tmp_path, trouble):
    worker = loaded(canned(checkout, {"/": http("", status="500 Oops")}))
    with trouble("request 1 was answered with 500 Oops"):
        worker.outputs(tmp_path / "out.npz", count=1)


@pytest.mark.parametrize("tolerant", [False, True])
def test_even_a_tolerant_run_does_not_go_on_without_a_server(loaded, checkout, tmp_path, trouble, tolerant):
    worker = loaded(canned(checkout, {"/": http("{}"), "/die": {"die": "the last words"}}))
    requests = write_requests(tmp_path / "r.jsonl", 1, {"url": "/die", "body": 1})
    worker.bind(requests, leave_out=[], batch_size=1)
    with trouble("request 2 was not answered: the server ended with exit code 7") as caught:
        worker.run(4, tolerant=tolerant)
    assert caught.value.detail == "the last words"


def test_a_server_that_hangs(loaded, checkout, trouble):
    worker = loaded(completions(checkout, milliseconds_per_token=200_000))
    (checkout / "r.jsonl").write_text('{"max_tokens": 1}', encoding="utf-8")
    worker.bind(checkout / "r.jsonl", leave_out=[], batch_size=1)
    worker._timeout_s = 0.5  # for what comes now: on a busy machine it may be too short for anything else
    with trouble("still serving requests after 0.5 s and was killed"):
        worker.run(1)
