"""Bytes of a server's answers: on the wire and decoded."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
from http_specs import canned, completions, events, http, write_requests
from hypothesis import given
from hypothesis import strategies as st
from parallel import repeated

from energygate.workloads.energygate_worker import content_coding
from energygate.workloads.energygate_worker.content_coding import StreamDecoder, decoded
from energygate.workloads.energygate_worker.errors import FailedRequest
from energygate.workloads.protocol import Payloads

ALL = 1000
BODY = '{"text": "' + "word " * 200 + '"}'


def payloads(request, response, egress=None):
    return Payloads(request_bytes=request, response_bytes=response, egress_bytes=egress)


# --- Answers of a server -----------------------------------------------------------------------------------


@pytest.fixture
def wired(loaded, checkout, tmp_path):
    """Weighs the answers of a server of fixed answers, each on its own; its connections are kept."""

    def weigh(answers, **more):
        worker = loaded(canned(checkout, answers))
        found = {}
        for path in answers:
            requests = write_requests(tmp_path / "r.jsonl", {"url": path, "body": "ask"})
            worker.bind(requests, leave_out=[], batch_size=1)
            found[path] = worker.answer(count=ALL, **more)
        return found

    return weigh


def compressed(body, coding):
    halves = [gzip.compress(half, mtime=0) for half in (body[: len(body) // 2], body[len(body) // 2 :])]
    return {
        "gzip": gzip.compress(body, mtime=0),
        "x-gzip": gzip.compress(body, mtime=0),
        "members": b"".join(halves),
        "deflate": zlib.compress(body),
        "raw": raw(body),
    }[coding]


def raw(body):
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(body) + deflater.flush()


def coded(coding, body=BODY, *, header=None, **more):
    """The bytes of a compressed answer."""
    content = compressed(body.encode(), coding).decode("latin1")
    return http(content, more=f"Content-Encoding: {header or coding}\r\n", **more)


def chunked(*pieces, more="", trailer=""):
    """The bytes of an answer in chunks."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{more}Transfer-Encoding: chunked\r\n\r\n"
    return head + "".join(f"{len(one):x}\r\n{one}\r\n" for one in pieces) + f"0\r\n{trailer}\r\n"


def test_sizes_on_the_wire_and_decoded(wired):
    word = {"choices": [{"index": 0, "delta": {"content": "a"}}]}
    streamed = events(word, word, "[DONE]")
    answers = {
        "/": (http(BODY), len(BODY)),
        "/chunks": (chunked("a" * 300, "b" * 70_000), 70_300),
        "/trailer": (chunked("abc", trailer="Checksum: 900150983cd24fb0\r\n"), 3),
        "/gzip": (coded("gzip"), len(BODY)),
        "/x-gzip": (coded("x-gzip"), len(BODY)),
        "/members": (coded("members", header="gzip"), len(BODY)),
        "/deflate": (coded("deflate"), len(BODY)),
        "/raw": (coded("raw", header="deflate"), len(BODY)),
        "/gzip-chunks": (
            chunked(compressed(b"abc" * 99, "gzip").decode("latin1"), more="Content-Encoding: GZip\r\n"),
            297,
        ),
        "/identity": (http("plain", content_type="text/plain", more="Content-Encoding: identity\r\n"), 5),
        "/brotli": (http("\x8b\x00", content_type="text/plain", more="Content-Encoding: br\r\n"), None),
        "/stream": (streamed, 2 * len(f"data: {json.dumps(word)}\n\n") + len("data: [DONE]\n\n")),
        "/nothing": ("HTTP/1.1 204 No Content\r\n\r\n", 0),
        "/to-the-end": ({"bytes": "HTTP/1.1 200 OK\r\n\r\nall of it", "close": True}, 9),
        "/again": (http(BODY), len(BODY)),  # over a new connection
    }
    found = wired({path: answer for path, (answer, _) in answers.items()})
    for path, (answer, response) in answers.items():
        wire = answer["bytes"] if isinstance(answer, dict) else answer
        assert found[path] == payloads(len('"ask"'), response, len(wire)), path


def test_the_shipped_server_whole_and_streamed(loaded, checkout, tmp_path):
    worker = loaded(completions(checkout, milliseconds_per_token=0.01))
    asked = {"prompt": "a watt is", "max_tokens": 12}
    found = []
    for more in ({}, {"stream": True}):
        requests = write_requests(tmp_path / "r.jsonl", asked | more, asked | more)
        worker.bind(requests, leave_out=[], batch_size=1)
        found.append(worker.answer(count=ALL))
    whole, streamed = found
    assert whole.request_bytes == len('{"prompt": "a watt is", "max_tokens": 12}')
    assert 200 < whole.response_bytes < 300
    assert 100 < whole.egress_bytes - whole.response_bytes < 200  # status line and headers
    assert streamed.response_bytes > 3 * whole.response_bytes  # an event for each token
    chunks = 12 + 1 + 1  # tokens, the end, [DONE]
    framing = streamed.egress_bytes - streamed.response_bytes
    assert 100 < framing - chunks * len("45\r\n\r\n") < 200


def test_a_request_without_a_body_has_size_zero(loaded, checkout):
    worker = loaded(canned(checkout, {"/": http("abc", content_type="text/plain")}))
    assert worker.answer(count=ALL).request_bytes == 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        *repeated((http("x", status="500 Oops"), "request 2 was answered with 500 Oops: x")),
        (
            coded("gzip", "no such model", status="404 Not Found"),
            "request 2 was answered with 404 Not Found: no such model",
        ),
        *repeated((http("nonsense", more="Content-Encoding: gzip\r\n"), "request 2 was answered with broken gzip")),
        (
            http(compressed(BODY.encode(), "gzip")[:-9].decode("latin1"), more="Content-Encoding: gzip\r\n"),
            "request 2 was answered with gzip that was cut off",
        ),
        *repeated(
            (
                http("\x8b\x00", more="Content-Encoding: br\r\n"),
                "request 2 was answered in 'br', which energygate cannot decode; request gzip in Accept-Encoding",
            )
        ),
    ],
)
def test_tolerated_failures_are_left_out(loaded, checkout, tmp_path, trouble, *, answer, words):
    fine = http("{}")
    workload = canned(checkout, {"/": fine, "/bad": answer})
    requests = write_requests(tmp_path / "r.jsonl", 7, {"url": "/bad", "body": 777}, 7)
    worker = loaded(workload)
    worker.bind(requests, leave_out=[], batch_size=1)
    assert worker.answer(count=ALL, tolerant=True, keep=True) == payloads(5 / 3, 2, len(fine))
    with trouble(words):
        worker.outputs(tmp_path / "out.npz", count=ALL)
    worker = loaded(workload)
    worker.bind(requests, leave_out=[], batch_size=1)
    with trouble(words):
        worker.answer(count=ALL)


def test_if_every_request_fails_only_requests_have_a_size(wired):
    assert wired({"/": http("", status="500 Oops")}, tolerant=True) == {"/": payloads(5, None)}


def test_even_a_tolerant_worker_does_not_go_on_without_a_server(wired, trouble):
    with trouble("request 1 was not answered: the server ended with exit code 7"):
        wired({"/": {"die": "the last words"}}, tolerant=True)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw"])
def test_compressed_answers_are_served_and_compared(loaded, checkout, texts, coding):
    answer = coded(coding, '{"id": 7, "text": "ä"}', header="deflate" if coding == "raw" else coding)
    worker = loaded(canned(checkout, {"/": answer}))
    assert worker.run(3).first_failure is None
    assert texts(worker) == ['{"text": "\\u00e4"}']


def test_the_first_piece_of_a_compressed_stream_is_seen(loaded, checkout, texts):
    deflater = zlib.compressobj(wbits=31)
    datas = ('{"choices": [{"index": 0, "delta": {"content": "a"}}]}', "[DONE]")
    pieces = [deflater.compress(f"data: {data}\n\n".encode()) + deflater.flush(zlib.Z_SYNC_FLUSH) for data in datas]
    pieces.append(deflater.flush())
    answer = chunked(*(one.decode("latin1") for one in pieces), more="Content-Encoding: gzip\r\n")
    worker = loaded(canned(checkout, {"/": answer.replace("text/plain", "text/event-stream")}))
    served = worker.run(2)
    times = zip(served.first_piece_latencies_ns, served.latencies_ns, strict=True)
    assert all(0 < first <= whole for first, whole in times)
    assert texts(worker) == ["a"]


# --- Content codings ---------------------------------------------------------------------------------------


@given(body=st.binary(max_size=3000), coding=st.sampled_from(["gzip", "members", "deflate", "raw"]))
def test_compressed_content_is_decoded(body, coding):
    said = {"members": "gzip", "raw": "deflate"}.get(coding, coding)
    content = raw(body) if coding == "raw" else compressed(body, coding)
    assert decoded(content, said) == body
    assert StreamDecoder(said)(content) == (body[: len(body) // 2] if coding == "members" else body)


@given(body=st.binary(min_size=1, max_size=300), coding=st.sampled_from(["gzip", "deflate"]))
def test_any_compressed_content_is_bytes_or_a_failed_request(body, coding):
    StreamDecoder(coding)(body)
    try:
        decoded(body, coding)
    except FailedRequest as error:
        assert coding in str(error)  # noqa: PT017 - most bodies are nonsense, some are not


def test_a_small_answer_cannot_fill_the_memory(monkeypatch):
    monkeypatch.setattr(content_coding, "MAX_DECODED_BYTES", 1000)
    assert len(decoded(gzip.compress(bytes(1000)), "gzip")) == 1000
    for bomb in (gzip.compress(bytes(1001)), gzip.compress(bytes(600)) * 2):
        with pytest.raises(FailedRequest, match="more than 1000 bytes of gzip"):
            decoded(bomb, "gzip")
