"""Every example of docs/recorder.md runs, and its table agrees with the exported metrics."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

import energygate
from energygate.production import metric_names
from energygate.production.recorder.config import MAX_LATENCY_BOUNDS
from energygate.production.recorder.labels import MAX_UNITS, MAX_WORKLOADS
from energygate.production.recorder.recording import MAX_EARLY_WRITES

TEXT = (Path(__file__).parents[3] / "docs" / "recorder.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
EXAMPLES = [text for language, text in BLOCKS if language == "python"]


def wsgi_app(environ, start_response):
    start_response("200 OK", [])
    return [environ["PATH_INFO"].encode()]


async def asgi_app(scope, receive, send):
    pass


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run an example beside the page's policy, with a model; return its globals."""
    policy = next(text for language, text in BLOCKS if language == "yaml")
    (tmp_path / "energygate.yml").write_text(policy, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    made = []
    usual = energygate.Recorder

    def recorder(*arguments, **options):
        made.append(usual(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(energygate, "Recorder", recorder)

    def run_example(code):
        left = {"model": lambda _: "seven", "inputs": [7], "wsgi_app": wsgi_app, "asgi_app": asgi_app}
        exec(compile(code, "docs/recorder.md", "exec"), left)  # noqa: S102 - the page is ours
        return left

    registered = set(REGISTRY._collector_to_names)
    yield run_example
    for collector in set(REGISTRY._collector_to_names) - registered:
        REGISTRY.unregister(collector)
    for one in made:
        object.__setattr__(one._config, "sinks", ())  # nobody listens there
        one.close()


@pytest.mark.parametrize("code", EXAMPLES, ids=lambda code: code.strip().splitlines()[-1][:30])
def test_the_example_runs(run, code):
    left = run(code)
    assert left["recorder"].snapshot().internal_errors == 0


def example(word):
    return next(code for code in EXAMPLES if word in code)


def test_the_first_example_prints_its_counts(run, capsys):
    run(example("metrics_text()"))
    said = capsys.readouterr().out
    assert 'energygate_units_total{unit="tokens",workload="digits-cnn"} 5.0' in said
    assert 'energygate_response_bytes_total{workload="digits-cnn"} 5.0' in said


def test_the_decorator_examples_count(run):
    left = run(example("recorder.measured"))
    assert list(left["complete"]("a b c")) == ["a", "b", "c"]
    assert asyncio.run(left["embed"]("ab")) == [97.0, 98.0]
    found = left["recorder"].snapshot().workloads
    assert found["chat"].units == {"tokens": 3}
    assert found["embeddings"].requests_ok == 1


def test_the_sink_prints(run, capsys):
    run(example("class Printing"))
    assert re.fullmatch(r"digits-cnn: 1 requests at \S+ J\n", capsys.readouterr().out)


def test_the_table_has_every_metric_and_the_bounds_are_the_ones_in_force():
    contract = {one for one in vars(metric_names).values() if isinstance(one, str) and one.startswith("energygate_")}
    assert set(re.findall(r"^\| `(energygate_\w+)` \|", TEXT, flags=re.MULTILINE)) == contract
    assert f"{MAX_WORKLOADS} others, and {MAX_UNITS} units" in TEXT
    assert f"limits on latency ({MAX_LATENCY_BOUNDS} at most)" in TEXT
    assert f"(its first {MAX_EARLY_WRITES}, " in TEXT


ABBREVIATIONS = {"IT", "PUE", "WSGI", "ASGI"}


def test_no_table_has_a_placeholder_left():
    rows = [line for line in TEXT.splitlines() if line.startswith("|")]
    assert set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", " ".join(rows))) <= ABBREVIATIONS
