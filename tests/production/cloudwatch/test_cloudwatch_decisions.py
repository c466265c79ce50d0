"""The function's decisions, without AWS: for any order of events, and any interruptions."""

from __future__ import annotations

import ast
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from house import imports_of
from hypothesis import given
from hypothesis import strategies as st

from energygate.production.export import cloudwatch_handler
from energygate.production.export.cloudwatch_handler import Limits, Memory, decide, moved, unexpected
from energygate.production.export.cloudwatch_resources import handler_code

LOWERS = Limits(minimum=2, maximum=8, step=3, step_seconds=900, restore_seconds=0)
RAISES = Limits(minimum=0.1, maximum=0.5, step=0.2, step_seconds=900, restore_seconds=0)


@pytest.mark.parametrize(
    ("original", "steps", "expected"),
    [
        (8, 1, 5),
        (8, 2, 2),
        (8, 9, 2),
        (20, 1, 8),
        (20, 5, 5),
        (2, 1, 2),
        (1, 4, 1),
        (0, 1, 0),
        (None, 1, 5),
        (None, 9, 2),
    ],
)
def test_a_falling_value_stays_within_its_limits_or_where_it_was(original, steps, expected):
    assert moved(original, original, steps, LOWERS, lowers=True) == expected


@pytest.mark.parametrize(
    ("original", "steps", "expected"),
    [
        (0.0, 1, 0.2),
        (0.0, 2, 0.4),
        (0.0, 9, 0.5),
        (0.4, 1, 0.5),
        (0.5, 3, 0.5),
        (0.9, 1, 0.9),
        (None, 1, 0.2),
    ],
)
def test_a_rising_share_stays_within_its_limits_or_where_it_was(original, steps, expected):
    assert moved(original, original, steps, RAISES, lowers=False) == expected


def test_the_first_step_leads_at_least_to_the_minimum():
    assert moved(0.0, 0.0, 1, Limits(0.3, 0.5, 0.1, 900, 0), lowers=False) == 0.3


def test_a_late_clock_does_not_undo_a_step():
    memory = Memory(8, (5, 2))
    assert decide("ALARM", -1e6, 2, memory, LOWERS, lowers=True).action == "keep"


class World:
    """A value and a memory, as AWS keeps them; and an alarm."""

    def __init__(self, original, limits):
        self.value, self.memory, self.limits, self.lowers = original, None, limits, limits is LOWERS
        self.state, self.since, self.now = "OK", 0.0, 0.0

    def set_state(self, state):
        if state != self.state:
            self.state, self.since = state, self.now

    def run(self, until=3):
        """Run the function, cut short before its so manieth effect."""
        decision = decide(self.state, self.now - self.since, self.value, self.memory, self.limits, lowers=self.lowers)
        effects = []
        world = self

        class Target:
            def write(self, value):
                effects.append(("value", value))

        class MemoryStore:
            def write(self, memory, *, anew):
                assert anew == (world.memory is None)
                effects.append(("memory", replace(memory, ours=tuple(json.loads(json.dumps(memory.ours))))))

            def forget(self):
                effects.append(("memory", None))

        cloudwatch_handler._carry_out(decision, Target(), MemoryStore(), anew=self.memory is None)
        for name, value in effects[:until]:
            setattr(self, name, value)
        return decision


happenings = st.lists(
    st.one_of(
        st.sampled_from(["ALARM", "OK", "INSUFFICIENT_DATA"]),
        st.floats(0, 5000),  # seconds pass
        st.integers(0, 3),  # the function runs, for whatever event, and is cut short after so many effects
    ),
    max_size=30,
)
kinds = st.one_of(
    st.tuples(st.one_of(st.none(), st.integers(0, 30)), st.just(LOWERS)),
    st.tuples(st.sampled_from([0.0, 0.05, 0.3, 0.5, 0.77, 1.0]), st.just(RAISES)),
)


def live(world, happened):
    """Let things happen; yields the value before and after each, and whether the alarm was on."""
    for one in happened:
        before = world.value
        if isinstance(one, str):
            world.set_state(one)
        elif isinstance(one, float):
            world.now += one
        else:
            world.run(one)
        yield before, world.value, world.state


@given(kinds, happenings)
def test_any_sequence_that_ends_in_ok_restores_the_value(kind, happened):
    original, limits = kind
    world = World(original, limits)
    for _ in live(world, happened):
        pass
    world.set_state("OK")
    world.run()
    assert world.value == original
    world.run()
    assert world.memory is None
    assert world.value == original


@given(kinds, happenings)
def test_any_sequence_stays_within_limits_and_never_reverts_during_an_alarm(kind, happened):
    original, limits = kind
    world = World(original, limits)
    for before, after, state in live(world, happened):
        if after != original:
            assert limits.minimum <= after <= limits.maximum
        if state == "ALARM" and before is not None:
            assert after <= before if world.lowers else after >= before


@given(kinds, happenings, happenings)
def test_a_value_set_by_somebody_else_is_kept_until_the_next_alarm(kind, happened, later):
    original, limits = kind
    world = World(original, limits)
    for _ in live(world, happened):
        pass
    world.set_state("ALARM")
    world.run()
    if world.memory is None:
        return  # it was beyond its limit, and not moved
    theirs = 1000 if world.lowers else 0.123
    world.value = theirs
    for _ in live(world, [one for one in later if one != "OK"]):
        assert world.value == theirs
    world.set_state("OK")
    world.run()
    assert (world.value, world.memory) == (theirs, None)


@given(kinds, st.floats(0, 50_000), st.integers(1, 5))
def test_repeated_runs_make_no_difference(kind, seconds, often):
    once, repeatedly = (World(*kind) for _ in range(2))
    for world in (once, repeatedly):
        world.set_state("ALARM")
        world.now = seconds
    once.run()
    for _ in range(often):
        repeatedly.run()
    assert once.value == repeatedly.value


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "ALARM",
        {},
        {"source": "aws.cloudwatch"},
        {"source": "aws.cloudwatch", "alarmData": "ALARM"},
        {"source": "aws.cloudwatch", "alarmData": {}},
        {"source": "aws.cloudwatch", "alarmData": {"alarmName": "another"}},
        {"source": "aws.cloudwatch", "alarmData": {"alarmName": ["x" * 10_000]}},
        {"source": "aws.events", "detail-type": "CloudWatch Alarm State Change"},
        {"source": "aws.sns", "alarmData": {"alarmName": "ours", "state": {"value": "ALARM"}}},
    ],
)
def test_other_events_are_recognised(event):
    assert 0 < len(unexpected(event, "ours")) < 400


def test_the_function_needs_nothing_that_lambda_lacks():
    """Its code is one file, runs on Python 3.12, and imports the standard library and boto3 alone."""
    code = handler_code()
    modules = {one.module.split(".")[0] for one in imports_of(code)}
    assert modules <= {*sys.stdlib_module_names, "boto3"}
    ast.parse(code, feature_version=(3, 12))
    for name in ("cloudwatch_handler.py", "cloudwatch_targets.py"):
        source = Path(cloudwatch_handler.__file__).with_name(name).read_text(encoding="utf-8")
        assert source.rpartition("\n\n\n")[2].strip() in code
