"""WSGI and ASGI applications: what is counted of each answer, and that answers pass through unchanged."""
# ruff: noqa: ARG001, ARG005 - applications and servers are given what they need not

from __future__ import annotations

import asyncio
import gc
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.validate import validator

import pytest
import requests
from recorder_harness import Time, manual_recorder, totals

GENEROUS_S = 90


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def recorder(time):
    made = manual_recorder(time=time)
    yield made
    made.close()


def counts(recorder, workload="cnn"):
    found = totals(recorder, workload)
    return found.requests_ok, found.requests_error, found.response_bytes


# WSGI


def wsgi_call(app, path="/", **environ):
    """As a server does: iterate, then close."""
    said = []

    def start_response(status, headers, *exc_info):
        said.append(status)
        return said.append

    answer = app({"PATH_INFO": path, "REQUEST_METHOD": "GET", **environ}, start_response)
    try:
        return said, list(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()


def answering(status, *pieces):
    def app(environ, start_response):
        start_response(status, [])
        return list(pieces)

    return app


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("200 OK", (1, 0, 5)),
        ("404 Not Found", (1, 0, 5)),
        ("499 Odd", (1, 0, 5)),
        ("500 Internal Server Error", (0, 1, 5)),
        ("503", (0, 1, 5)),
        ("nonsense", (1, 0, 5)),
    ],
)
def test_a_status_of_500_or_more_is_an_error(recorder, status, expected):
    assert wsgi_call(recorder.wsgi(answering(status, b"ab", b"cde"))) == ([status], [b"ab", b"cde"])
    assert counts(recorder) == expected


def test_a_stream_ends_when_it_is_closed_and_not_when_the_application_returns(recorder, time):
    closed = []

    class Stream:
        def __iter__(self):
            for piece in (b"one", b"two", b"three"):
                time.passes(1)
                recorder.current().units(1)
                yield piece

        def close(self):
            closed.append(totals(recorder).requests)

    def app(environ, start_response):
        start_response("200 OK", [])
        return Stream()

    answer = recorder.wsgi(app)({"PATH_INFO": "/"}, lambda *_: None)
    assert totals(recorder).requests == 0
    pieces = iter(answer)
    assert next(pieces) + next(pieces) == b"onetwo"
    answer.close()  # the client went away
    assert closed == [0]
    assert counts(recorder) == (1, 0, 6)
    assert totals(recorder).durations.sum_seconds == 2
    assert totals(recorder).units == {"units": 2}


def failing_at_once(environ, start_response):
    raise ValueError("broken")


def failing_midway(environ, start_response):
    start_response("200 OK", [])
    yield b"half"
    raise ValueError("broken")


class FailingToClose(list):
    def close(self):
        raise ValueError("broken")


def failing_at_the_end(environ, start_response):
    start_response("200 OK", [])
    return FailingToClose([b"whole"])


@pytest.mark.parametrize(("app", "sent"), [(failing_at_once, 0), (failing_midway, 4), (failing_at_the_end, 5)])
def test_an_exception_is_an_error_wherever_it_comes_from(recorder, app, sent):
    with pytest.raises(ValueError, match="broken"):
        wsgi_call(recorder.wsgi(app))
    assert counts(recorder) == (0, 1, sent)


def test_bytes_passed_to_write_count(recorder):
    def app(environ, start_response):
        write = start_response("200 OK", [])
        write(b"written")
        return [b"returned"]

    assert wsgi_call(recorder.wsgi(app)) == (["200 OK", b"written"], [b"returned"])
    assert counts(recorder) == (1, 0, 15)


def test_a_request_ends_even_if_the_server_does_not_close_it(recorder):
    recorder.wsgi(answering("200 OK", b"x"))({"PATH_INFO": "/"}, lambda *_: None)
    gc.collect()
    assert totals(recorder).requests == 1


def test_the_length_of_a_list_stays_known(recorder):
    assert len(recorder.wsgi(answering("200 OK", b"x"))({"PATH_INFO": "/"}, lambda *_: None)) == 1
    with pytest.raises(TypeError):
        len(recorder.wsgi(failing_midway)({"PATH_INFO": "/"}, lambda *_: None))


def test_excluded_paths_are_neither_counted_nor_wrapped(recorder):
    app = answering("200 OK", b"x")
    body = recorder.wsgi(app, exclude={"/health"})({"PATH_INFO": "/health"}, lambda *_: None)
    assert body == [b"x"]
    wsgi_call(recorder.wsgi(app), "/metrics")  # which is by default
    assert counts(recorder) == (0, 0, 0)


@pytest.mark.parametrize(
    ("path", "counted"),
    [("/static/a/b.css", 0), ("/static/", 0), ("/static", 1), ("/health", 0), ("/health/x", 1), ("/", 1)],
)
def test_a_star_excludes_a_prefix(recorder, path, counted):
    exclude = {"/static/*", "/health"}
    wsgi_call(recorder.wsgi(answering("200 OK", b"x"), exclude=exclude), path)
    asgi_call(recorder.asgi(asgi_answering(200, b"x"), exclude=exclude), path)
    assert counts(recorder) == (2 * counted, 0, 2 * counted)


def test_metrics_are_served_at_metrics_path(recorder):
    app = recorder.wsgi(answering("200 OK", b"x"), metrics_path="/metrics")
    wsgi_call(app)
    said, pieces = wsgi_call(app, "/metrics")
    assert said == ["200 OK"]
    assert b'energygate_requests_total{outcome="ok",workload="cnn"} 1.0' in b"".join(pieces)
    assert counts(recorder) == (1, 0, 1)


@pytest.mark.parametrize(
    ("workload", "counted"),
    [
        ("mlp", "mlp"),
        (lambda environ: environ["PATH_INFO"].strip("/"), "b"),
        (lambda environ: None, "cnn"),
        (lambda environ: environ["missing"], "cnn"),
    ],
)
def test_which_workload_it_is_can_depend_on_the_request(recorder, workload, counted):
    wsgi_call(recorder.wsgi(answering("200 OK", b"x"), workload=workload), "/b")
    assert counts(recorder, counted) == (1, 0, 1)


def test_a_real_server_and_the_standards_own_validator_agree(recorder):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter([b"streamed ", b"answer"])

    class Silent(WSGIRequestHandler):
        def log_message(self, *_):
            pass

    wrapped = validator(recorder.wsgi(validator(app)))
    with make_server("127.0.0.1", 0, wrapped, handler_class=Silent) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        try:
            answers = [requests.get(address, timeout=GENEROUS_S).text for _ in range(3)]
        finally:
            server.shutdown()
            thread.join(GENEROUS_S)
        assert answers == ["streamed answer"] * 3
    assert counts(recorder) == (3, 0, 45)


# ASGI


def asgi_call(app, path="/", kind="http", **scope):
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    asyncio.run(app({"type": kind, "path": path, "headers": [], **scope}, receive, send))
    return sent


def asgi_answering(status, *pieces):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": status, "headers": []})
        for number, piece in enumerate(pieces):
            more = number < len(pieces) - 1
            await send({"type": "http.response.body", "body": piece, "more_body": more})

    return app


@pytest.mark.parametrize(
    ("status", "expected"), [(200, (1, 0, 5)), (404, (1, 0, 5)), (500, (0, 1, 5)), (503, (0, 1, 5))]
)
def test_asgi_answers_are_counted(recorder, status, expected):
    app = asgi_answering(status, b"ab", b"cde")
    assert asgi_call(recorder.asgi(app)) == asgi_call(app)
    assert counts(recorder) == expected


def test_asgi_duration_ends_with_the_answer_and_energy_with_the_application(recorder, time):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})
        time.passes(1)
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        time.passes(1)
        await send({"type": "http.response.body"})
        time.passes(4)  # something in the background
        recorder.current().units(3)

    asgi_call(recorder.asgi(app))
    recorder.sample()
    found = totals(recorder)
    assert found.durations.sum_seconds == 2
    assert found.energy_joules == pytest.approx(60)
    assert found.units == {"units": 3}


def test_asgi_exceptions_are_errors(recorder):
    async def failing(scope, receive, send):
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        asgi_call(recorder.asgi(failing))
    assert counts(recorder) == (0, 1, 0)


@pytest.mark.parametrize(("status", "counted"), [(None, (0, 1, 0)), (200, (1, 0, 4)), (500, (0, 1, 4))])
def test_a_disconnecting_client_is_not_an_error_of_the_service(recorder, status, counted):
    """As with WSGI, where the server closes the stream; before its answer begins the request has failed."""

    async def left(scope, receive, send):
        if status is not None:
            await send({"type": "http.response.start", "status": status})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asgi_call(recorder.asgi(left))
    assert counts(recorder) == counted
    with recorder.request():  # it is over: the next one is none of it
        pass
    assert totals(recorder).requests == 2


def test_an_answer_that_cannot_be_sent_is_not_counted_as_sent(recorder):
    async def send(message):
        raise ConnectionResetError("gone")

    app = recorder.asgi(asgi_answering(200, b"ab"))
    with pytest.raises(ConnectionResetError):
        asyncio.run(app({"type": "http", "path": "/"}, None, send))
    assert counts(recorder) == (0, 1, 0)


def test_invalid_messages_pass_through_without_an_exception_of_ours(recorder):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": "200"})
        await send({"type": "http.response.body", "body": None})
        await send({})

    assert len(asgi_call(recorder.asgi(app))) == 3
    assert recorder.snapshot().internal_errors == 2
    assert totals(recorder).requests == 1


@pytest.mark.parametrize("kind", ["websocket", "lifespan", "made-up"])
def test_everything_else_passes_through_untouched(recorder, kind):
    seen = []

    async def app(scope, receive, send):
        seen.append((scope, receive, send))

    scope, receive, send = {"type": kind}, object(), object()
    asyncio.run(recorder.asgi(app)(scope, receive, send))
    assert [tuple(map(id, one)) for one in seen] == [(id(scope), id(receive), id(send))]
    assert counts(recorder) == (0, 0, 0)


def test_asgi_metrics_exclusions_and_workloads(recorder):
    app = recorder.asgi(
        asgi_answering(200, b"x"),
        metrics_path="/metrics",
        exclude={"/health"},
        workload=lambda scope: scope["path"][1:] or None,
    )
    for path in ("/", "/mlp", "/health"):
        asgi_call(app, path)
    start, body = asgi_call(app, "/metrics", headers=[(b"accept", b"application/openmetrics-text; version=1.0.0")])
    assert dict(start["headers"])[b"content-type"].startswith(b"application/openmetrics-text")
    assert body["body"].endswith(b"# EOF\n")
    assert counts(recorder) == counts(recorder, "mlp") == (1, 0, 1)
    assert set(recorder.snapshot().workloads) == {"cnn", "mlp"}


def test_a_real_asgi_server_serves_it(recorder):
    uvicorn = pytest.importorskip("uvicorn", reason="uvicorn is not installed")
    served = recorder.asgi(asgi_answering(200, b"one", b"two"), metrics_path="/metrics")
    server = uvicorn.Server(uvicorn.Config(served, port=0, log_level="error", lifespan="off", http="h11", ws="none"))
    ready = threading.Event()
    startup = server.startup

    async def telling(sockets=None):
        await startup(sockets)
        ready.set()

    server.startup = telling
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert ready.wait(GENEROUS_S)
        port = server.servers[0].sockets[0].getsockname()[1]
        address = f"http://127.0.0.1:{port}"
        assert requests.get(address, timeout=GENEROUS_S).text == "onetwo"
        assert "energygate_requests_total" in requests.get(f"{address}/metrics", timeout=GENEROUS_S).text
    finally:
        server.should_exit = True
        thread.join(GENEROUS_S)
    assert counts(recorder) == (1, 0, 6)
