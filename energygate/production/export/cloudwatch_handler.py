"""Answers the energy alarm of a workload; `energygate export cloudwatch` writes this file into its template as it is.

CloudWatch calls it when the alarm changes, and a schedule every few minutes. Either only wakes it: what it does
follows from what the alarm says now and since when. Events that come twice, late, in another order or not at all
therefore make no difference.

In ALARM a value moves by one step, and by another one each STEP_MINUTES until the alarm clears, never beyond MINIMUM
and MAXIMUM: concurrency or replicas go down, the share of requests that the CPU-only variant serves goes up. What it
was before is kept in an SSM parameter, and is put back in OK. Without enough data nothing moves. What somebody else
sets during an alarm stays as they set it.

Runs on Lambda's Python 3.12 with nothing but the standard library and boto3, which is there.
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
    """How far a value may be moved while the alarm is on, and how fast."""

    minimum: float
    maximum: float
    step: float
    step_seconds: float
    restore_seconds: float

    @classmethod
    def read(cls, settings: Mapping[str, str]) -> Limits:
        """Take them from the function's environment; ValueError where they make no sense."""
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
    """What is remembered while the value is not where it was.

    `ours` has the last two values that are this function's doing (one of them may not have been written); any other
    is somebody else's, and `left` then says that this alarm is theirs to answer.
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


def decide(  # noqa: PLR0913 - everything that it depends on
    state: str,
    seconds: float,
    current: float | None,
    memory: Memory | None,
    limits: Limits,
    *,
    lowers: bool,
) -> Decision:
    """Say what to do about an alarm that has been in a state for so many seconds."""
    if state == "ALARM":
        return _over(seconds, current, memory or Memory(current, (current,)), limits, lowers=lowers)
    if state != "OK":
        return Decision("keep", "there is too little data to tell")
    if memory is None:
        return Decision("keep", "energy is within its limit, and nothing was changed")
    if seconds < limits.restore_seconds:
        return Decision("keep", "energy is within its limit, but not for long enough")
    if memory.left or current not in memory.ours:
        return Decision("forget", "energy is within its limit; somebody else's value stays")
    return Decision("restore", "energy is within its limit again", memory.original)


def _over(seconds: float, current: float | None, memory: Memory, limits: Limits, *, lowers: bool) -> Decision:
    if memory.left:
        return Decision("keep", "somebody else answers this alarm")
    if current not in memory.ours:
        return Decision(
            "leave",
            "somebody else has set it meanwhile",
            memory=Memory(memory.original, memory.ours, left=True),
        )
    steps = 1 + max(0, int(seconds // limits.step_seconds))
    to = moved(memory.original, current, steps, limits, lowers=lowers)
    if to == current:
        return Decision("keep", "it is as far as it may be by now")
    return Decision("step", f"energy is over its limit: step {steps}", to, Memory(memory.original, (current, to)))


def moved(original: float | None, current: float | None, steps: int, limits: Limits, *, lowers: bool) -> float:
    """Where so many steps lead: within the limits, and never back towards more energy.

    Where nothing is set (None), steps start from the maximum. A value that is already beyond its limit stays.
    """
    if lowers:
        start = limits.maximum if original is None else original
        bounded = min(limits.maximum, max(limits.minimum, start - steps * limits.step))
        return int(bounded if current is None else min(bounded, current))
    bounded = min(limits.maximum, max(limits.minimum, (original or 0.0) + steps * limits.step))
    return round(max(bounded, current or 0.0), DIGITS)


class MemoryStore:
    """The memory, in an SSM parameter that is only there while something is remembered."""

    def __init__(self, ssm: Any, name: str) -> None:  # noqa: ANN401 - boto3 makes clients at run time
        self._ssm = ssm
        self._name = name

    def read(self) -> Memory | None:
        """Recall; None where nothing is remembered."""
        try:
            text = self._ssm.get_parameter(Name=self._name)["Parameter"]["Value"]
        except self._ssm.exceptions.ParameterNotFound:
            return None
        found = json.loads(text)
        return Memory(found["original"], tuple(found["ours"]), left=found["left"])

    def write(self, memory: Memory, *, anew: bool) -> None:
        """Remember; `anew` fails where another run was faster, so that no original value is ever lost."""
        self._ssm.put_parameter(Name=self._name, Value=json.dumps(asdict(memory)), Type="String", Overwrite=not anew)

    def forget(self) -> None:
        """Remember nothing any more."""
        self._ssm.delete_parameter(Name=self._name)


def unexpected(event: Any, alarm: str) -> str | None:  # noqa: ANN401 - whatever calls
    """Say what is wrong with an event; None for the schedule's, and for the alarm's own.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html shows the latter.
    """
    if not isinstance(event, dict):
        return "the event is no object"
    if event.get("source") == "aws.events" and event.get("detail-type") == "Scheduled Event":
        return None
    data = event.get("alarmData")
    if event.get("source") != "aws.cloudwatch" or not isinstance(data, dict):
        return "the event is neither an alarm's nor a schedule's"
    if data.get("alarmName") != alarm:
        return f"the event is about another alarm: {str(data.get('alarmName'))[:255]!r}"
    return None


def handler(
    event: Any,  # noqa: ANN401 - whatever calls
    _context: object,
    client: Callable[[str], Any] = boto3.client,
    now: Callable[[], float] = time.time,
) -> dict[str, Any]:
    """Bring the value to where the alarm wants it; returns and logs what was done and why."""
    settings = os.environ
    alarm = settings["ALARM"]
    wrong = unexpected(event, alarm)
    if wrong:
        return _say({"alarm": alarm, "action": "ignore", "why": wrong})
    found = client("cloudwatch").describe_alarms(AlarmNames=[alarm], AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    if not found:
        return _say({"alarm": alarm, "action": "ignore", "why": "there is no such alarm any more"})
    since = found[0].get("StateTransitionedTimestamp") or found[0]["StateUpdatedTimestamp"]
    report = {"alarm": alarm, "state": found[0]["StateValue"], "dry_run": settings["DRY_RUN"] != "false"}
    target = TARGETS[settings["TARGET"]](client, settings)
    remembered = MemoryStore(client("ssm"), settings["MEMORY"])
    try:
        current = target.read()  # before the memory, which another run writes before it moves anything
    except NotNow as reason:
        return _say({**report, "action": "keep", "why": str(reason)})
    memory = remembered.read()
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
        _carry_out(decision, target, remembered, anew=memory is None)
    return _say(report)


def _carry_out(decision: Decision, target: Target, remembered: MemoryStore, *, anew: bool) -> None:
    """Remember before moving, and forget after: a run that is cut short loses nothing."""
    if decision.memory is not None:
        remembered.write(decision.memory, anew=anew)
    if decision.action in {"step", "restore"}:
        target.write(decision.to)
    if decision.action in {"restore", "forget"}:
        remembered.forget()


def _say(report: dict[str, Any]) -> dict[str, Any]:
    print(json.dumps(report))  # noqa: T201 - it is the function's log
    return report
