"""A plan as text and as a picture: what a person reads in a terminal, in a log, in a browser."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from machines import cpu, gpu
from plans import INT8, plan, requirements

from energygate.production.routing.plan_text import plan_text
from energygate.production.routing.plot_axes import LogAxis, short
from energygate.production.routing.svg_plot import svg_plot
from energygate.production.routing.text_plot import text_plot

DOCS = Path(__file__).parents[3] / "docs" / "routing.md"
SVG = "{http://www.w3.org/2000/svg}"


def three(**more):
    cheap = cpu(**INT8, accuracy=0.961, created="2026-03-02T12:00:00+00:00")
    return plan(cpu=cpu(accuracy=0.978), gpu=gpu(accuracy=0.978, uncertainty=0.1), int8=cheap, **more)


def test_the_docs_show_what_the_command_prints():
    said = plan_text(three()).splitlines()
    shown = [
        block.splitlines() for block in re.findall(r"```(?:console|text)\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    ]
    console, plot = shown[:2]
    after = console[next(at for at, line in enumerate(console) if line.startswith("energygate route:")) + 1 :]
    for line in [*after, *plot]:
        assert line in said or not line


def test_the_docs_show_the_threshold_of_the_json():
    (threshold,) = three().thresholds
    for key in ("below", "above", "below_replicas", "above_replicas"):
        value = getattr(threshold, key)
        shown = f'"{value}"' if isinstance(value, str) else value
        assert f'"{key}": {shown}' in DOCS.read_text("utf-8")


def test_it_fits_into_80_columns():
    lines = [line for line in plan_text(three()).splitlines() if not line.startswith("  Note:")]
    assert max(map(len, lines)) <= 80


def test_many_pools_are_a_line_for_each_rate():
    more = {f"machine-{number}": cpu(active_joules=0.1 + number / 50) for number in range(6)}
    lines = plan_text(plan(**more)).splitlines()
    at = next(
        number for number, line in enumerate(lines) if line.split() == ["req/s", "best", "energy", "per", "request"]
    )
    assert lines[at + 1].split()[:2] == ["1.00", "machine-0"]


def test_the_plot_draws_each_pool_where_it_is():
    plot = text_plot(three(), columns=40)
    rows, answer = [line[10:] for line in plot[:14]], plot[15][10:]
    last = [row[39:40] for row in rows]
    assert [letter for letter in last if letter.strip()] == [
        "c",
        "i",
        "G",
    ]  # dearest on top, the best in capitals
    assert re.fullmatch(r"I+\?+G+", answer)
    assert len(answer) == 40
    assert all(len(line) <= 56 for line in plot)


def test_pools_with_the_same_initial_get_different_letters():
    lines = text_plot(plan(cpu=cpu(), cnn=cpu(active_joules=0.05)))
    assert {"c", "N"} <= set("".join(lines[:14]))


def test_rates_that_no_pool_serves_are_blank_and_noted():
    found = plan(requirements(max_replicas=2), cpu=cpu(), gpu=gpu())
    assert text_plot(found)[15].endswith("G")
    assert len(text_plot(found)[15]) < 66
    assert "Above 3,600 req/s no pool has enough replicas." in plan_text(found)


def test_without_a_usable_pool_the_reasons_are_shown():
    said = plan_text(plan(requirements(1e-4), cpu=cpu(), gpu=gpu()))
    assert "No pool keeps the limits at any load." in said
    assert "cpu is not used: latency p95 is 11.0 ms even without a queue, and the limit 100 µs." in said
    assert "└" not in said


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ({"cpu": cpu(), "int8": cpu(**INT8)}, "int8 is the best from 1.00 req/s to 10,000 req/s."),
        (
            {"cpu": cpu(), "other": cpu(active_joules=0.201, device="Intel Xeon")},
            "cpu is the best from 1.00 req/s to 10,000 req/s by the numbers, but the order is not certain.",
        ),
        (
            {"cpu": cpu(uncertainty=0.75), "gpu": gpu(uncertainty=0.75)},
            "The intervals of the two overlap at every rate: their order is not certain.",
        ),
        (
            {"cpu": cpu(active_joules=0.1, uncertainty=0.65), "gpu": gpu(uncertainty=0.65)},
            "Only certain: ",
        ),
    ],
)
def test_the_uncertainty_of_the_answer(results, said):
    assert said in plan_text(plan(**results))


def test_the_plot_has_a_line_per_pool_and_shades_uncertainty():
    root = ET.fromstring(svg_plot(three()))  # noqa: S314 - our own
    names = [text.text for text in root.iter(f"{SVG}text")]
    assert len(list(root.iter(f"{SVG}path"))) == 3
    assert {"cpu", "gpu", "int8", "int8 → gpu at 500 req/s"} <= set(names)
    (shade,) = (one for one in root.iter(f"{SVG}rect") if one.get("class") == "doubt")
    (dashed,) = (one for one in root.iter(f"{SVG}line") if one.get("class") == "switch")
    left = float(shade.get("x"))
    assert left < float(dashed.get("x1")) < left + float(shade.get("width"))


def test_the_plot_is_well_formed_with_any_names():
    found = three().model_copy(update={"workload": '<script>&"\x07'})
    root = ET.fromstring(svg_plot(found))  # noqa: S314 - our own
    assert "<script>" in root.find(f"{SVG}title").text
    assert not list(root.iter(f"{SVG}script"))


def test_an_empty_plot_says_so():
    assert "no pool keeps the limit at any load" in svg_plot(plan(requirements(1e-4), cpu=cpu(), gpu=gpu()))


def test_steps_that_can_be_seen_are_vertical():
    root = ET.fromstring(svg_plot(plan(requirements(span=(1.0, 200.0)), cpu=cpu(), gpu=gpu())))  # noqa: S314 - our own
    line = next(iter(root.iter(f"{SVG}path"))).get("d")[1:]
    points = [tuple(map(float, point.split(","))) for point in line.split()]
    jumps = [(a, b) for a, b in pairwise(points) if a[0] == b[0] and abs(a[1] - b[1]) > 10]
    assert len(jumps) == 2  # at 69 and 139 req/s


@pytest.mark.parametrize(
    ("number", "text"),
    [(1.0, "1"), (0.5, "0.5"), (250.0, "250"), (3000.0, "3000"), (20_000.0, "20k"), (5e6, "5M")],
)
def test_numbers_on_an_axis_are_short(number, text):
    assert short(number) == text


def test_ticks_are_round_and_few():
    assert LogAxis(low=1.0, high=10_000.0).ticks(5) == [1.0, 10.0, 100.0, 1000.0, 10_000.0]
    assert LogAxis(low=40.0, high=900.0).ticks(9) == [50.0, 100.0, 200.0, 500.0]
    assert len(LogAxis(low=1e-6, high=1e9).ticks(5)) <= 5
