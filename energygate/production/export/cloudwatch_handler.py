"""The function that responds to a workload's energy alarm; `energygate export cloudwatch` copies this file unchanged.

CloudWatch calls it when the alarm changes state, and a schedule calls it every few minutes. The event is only a
trigger: what the function does depends on the alarm's current state, and for how long the alarm has been in it. So
duplicate, late, reordered and lost events make no difference.

In ALARM it changes a value by one step, and by another each STEP_MINUTES until the alarm clears, always between MINIMUM
and MAXIMUM: concurrency or replicas go down, the CPU-only variant's share of requests goes up. The original value is
kept in an SSM parameter, and is restored in OK. With too little data nothing changes. A value that somebody else sets
during an alarm is left alone.

It runs on Lambda's Python 3.12, with the standard library and boto3, which Lambda provides.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import boto3

from energygate.production.export.cloudwatch_targets import DIGITS, TARGETS, NotNow, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Limits:
    """How far and how fast a value may be changed during an alarm."""

    minimum: float
    maximum: float
    step: float
    step_seconds: float
    restore_seconds: float

    @classmethod
    def read(cls, settings: Mapping[str, str]) -> Limits:
        """Read them from the function's environment; raise ValueError when they contradict each other."""
        limits = cls(
            minimum=float(settings["MINIMUM"]),
            maximum=float(settings["MAXIMUM"]),
            step=float(settings["STEP"]),
            step_seconds=60 * float(settings["STEP_MINUTES"]),
            restore_seconds=60 * float(settings["RESTORE_MINUTES"]),
        )
        if not (0 <= limits.minimum <= limits.maximum and limits.step > 0 and limits.step_seconds > 0):
            raise ValueError(f"needs 0 <= Minimum <= Maximum and a Step above 0, not {limits}")
        return limits


@dataclass(frozen=True)
class Memory:
    """What is stored while the value differs from the original.

    `ours` has the last two values that this function has set (the very last may not have been written); any other value
    is somebody else's. `left` is then true: this alarm is left to them.
    """

    original: float | None
    ours: tuple[float | None, ...]
    left: bool = False


@dataclass(frozen=True)
class Decision:
    """`action` is keep, step, leave, restore or forget; `to` is the value to set with step and restore."""

    action: str
    why: str
    to: float | None = None
    memory: Memory | None = None


def decide(  # noqa: PLR0913 - all that the decision depends on
    state: str,
    seconds: float,
    current: float | None,
    memory: Memory | None,
    limits: Limits,
    *,
    lowers: bool,
) -> Decision:
    """Return what to do about an alarm that has been in a state for so many seconds."""
    if state == "ALARM":
        return _over(seconds, current, memory or Memory(current, (current,)), limits, lowers=lowers)
    if state != "OK":
        return Decision("keep", "there is too little data")
    if memory is None:
        return Decision("keep", "energy is within its limit, and nothing was changed")
    if seconds < limits.restore_seconds:
        return Decision("keep", "energy is within its limit, but not for long enough")
    if memory.left or current not in memory.ours:
        return Decision("forget", "energy is within its limit; the value that somebody else has set stays")
    return Decision("restore", "energy is within its limit again", memory.original)


def _over(seconds: float, current: float | None, memory: Memory, limits: Limits, *, lowers: bool) -> Decision:
    if memory.left:
        return Decision("keep", "somebody else is handling this alarm")
    if current not in memory.ours:
        return Decision(
            "leave",
            "somebody else has set the value",
            memory=Memory(memory.original, memory.ours, left=True),
        )
    steps = 1 + max(0, int(seconds // limits.step_seconds))
    to = moved(memory.original, current, steps, limits, lowers=lowers)
    if to == current:
        return Decision("keep", "the value is at its limit, or the next step is not yet due")
    return Decision("step", f"energy is over its limit: step {steps}", to, Memory(memory.original, (current, to)))


def moved(original: float | None, current: float | None, steps: int, limits: Limits, *, lowers: bool) -> float:
    """Return the value after so many steps: within the limits, and never back towards more energy.

    Where nothing is set (None), steps start from the maximum. A value that is already beyond its limit stays.
    """
    if lowers:
        start = limits.maximum if original is None else original
        bounded = min(limits.maximum, max(limits.minimum, start - steps * limits.step))
        return int(bounded if current is None else min(bounded, current))
    bounded = min(limits.maximum, max(limits.minimum, (original or 0.0) + steps * limits.step))
    return round(max(bounded, current or 0.0), DIGITS)


class MemoryStore:
    """The memory in an SSM parameter, which exists only while something is stored."""

    def __init__(self, ssm: Any, name: str) -> None:  # noqa: ANN401 - boto3 makes clients at run time
        self._ssm = ssm
        self._name = name

    def read(self) -> Memory | None:
        """Return the memory; None when there is none."""
        try:
            text = self._ssm.get_parameter(Name=self._name)["Parameter"]["Value"]
        except self._ssm.exceptions.ParameterNotFound:
            return None
        found = json.loads(text)
        return Memory(found["original"], tuple(found["ours"]), left=found["left"])

    def write(self, memory: Memory, *, anew: bool) -> None:
        """Store the memory; `anew` fails when another run has just stored one, so that no original value is lost."""
        self._ssm.put_parameter(Name=self._name, Value=json.dumps(asdict(memory)), Type="String", Overwrite=not anew)

    def forget(self) -> None:
        """Delete the memory."""
        self._ssm.delete_parameter(Name=self._name)


def unexpected(event: Any, alarm: str) -> str | None:  # noqa: ANN401 - anything may call
    """Return what is wrong with an event; None for one of the schedule or of this alarm.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html shows the latter.
    """
    if not isinstance(event, dict):
        return "the event is not an object"
    if event.get("source") == "aws.events" and event.get("detail-type") == "Scheduled Event":
        return None
    data = event.get("alarmData")
    if event.get("source") != "aws.cloudwatch" or not isinstance(data, dict):
        return "the event is from neither an alarm nor a schedule"
    if data.get("alarmName") != alarm:
        return f"the event is about another alarm: {str(data.get('alarmName'))[:255]!r}"
    return None


def handler(
    event: Any,  # noqa: ANN401 - anything may call
    _context: object,
    client: Callable[[str], Any] = boto3.client,
    now: Callable[[], float] = time.time,
) -> dict[str, Any]:
    """Set the value that the alarm calls for; return and log what was done and why."""
    settings = os.environ
    alarm = settings["ALARM"]
    wrong = unexpected(event, alarm)
    if wrong:
        return _log({"alarm": alarm, "action": "ignore", "why": wrong})
    found = client("cloudwatch").describe_alarms(AlarmNames=[alarm], AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    if not found:
        return _log({"alarm": alarm, "action": "ignore", "why": "the alarm no longer exists"})
    since = found[0].get("StateTransitionedTimestamp") or found[0]["StateUpdatedTimestamp"]
    report = {"alarm": alarm, "state": found[0]["StateValue"], "dry_run": settings["DRY_RUN"] != "false"}
    target = TARGETS[settings["TARGET"]](client, settings)
    store = MemoryStore(client("ssm"), settings["MEMORY"])
    try:
        current = target.read()  # before the memory: another run stores that before it changes the value
    except NotNow as reason:
        return _log({**report, "action": "keep", "why": str(reason)})
    memory = store.read()
    decision = decide(
        report["state"],
        now() - since.timestamp(),
        current,
        memory,
        Limits.read(settings),
        lowers=target.lowers,
    )
    report |= {"action": decision.action, "why": decision.why, "from": current, "to": decision.to}
    if not report["dry_run"]:
        _carry_out(decision, target, store, anew=memory is None)
    return _log(report)


def _carry_out(decision: Decision, target: Target, store: MemoryStore, *, anew: bool) -> None:
    """Store the memory before a change, and delete it after the last: an interrupted run loses nothing."""
    if decision.memory is not None:
        store.write(decision.memory, anew=anew)
    if decision.action in {"step", "restore"}:
        target.write(decision.to)
    if decision.action in {"restore", "forget"}:
        store.forget()


def _log(report: dict[str, Any]) -> dict[str, Any]:
    print(json.dumps(report))  # noqa: T201 - it is the function's log
    return report
