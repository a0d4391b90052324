"""Faults of messages: a moment of a fault, what the nodes get in it, and the faults of senders, clocks and stamps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ankle_imu_driver.calibration import Calibration
from ankle_imu_driver.conventions import FOOT, SHANK
from benchmarks.fault_chain import Message, TrueWalk

G = 9.80665
LASTS = 5.0  # s of a fault


@dataclass(frozen=True)
class Fault:
    """One moment of one fault.

    Attributes:
        walk: the wearer's walk.
        other: another person's walk.
        begin: s, from which time on it is there.
        end: s, from which on it is not.
        random: draws what is by chance.
    """

    walk: TrueWalk
    other: TrueWalk
    begin: float
    end: float
    random: np.random.Generator

    def inside(self, time: float) -> bool:
        """Return whether the fault is there at a time in s."""
        return self.begin <= time < self.end


@dataclass
class Case:
    """What the nodes get.

    Attributes:
        messages: all that come.
        calibration: the filter's.
        clock: the predictor's ROS clock in s, at a time that nobody sets.
        encoder: whether there is an encoder.
    """

    messages: list[Message]
    calibration: Calibration
    clock: Callable[[float], float] = lambda now: now


Make = Callable[[Fault], Case]


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes:
        group: which of the issue's kinds it is one of.
        name: what happens.
        make: returns what the nodes get.
        lasts: s; 0 for a fault that is there from the start to the end.
        is_harmless: whether forecasts may go on: it changes nothing that matters, and need not be said.
        missed: why it is not noticed; empty where it must be.
    """

    group: str
    name: str
    make: Make
    lasts: float = LASTS
    is_harmless: bool = False
    missed: str = ""


def changed_messages(
    change: Callable[[Message, Fault], Message | None], streams: tuple[int, ...] = (SHANK, FOOT)
) -> Make:
    """Return what changes, or drops, each message during the fault."""

    def make(fault: Fault) -> Case:
        messages = []
        for message in fault.walk.messages:
            hit = message.stream in streams and fault.inside(message.came)
            after = change(message, fault) if hit else message
            if after is not None:
                messages.append(after)
        return Case(messages, fault.walk.calibration)

    return make


def _stamped(change: Callable[[float, Fault], float], streams: tuple[int, ...] = (SHANK, FOOT)) -> Make:
    return changed_messages(lambda m, fault: replace(m, stamp=change(m.stamp, fault)), streams)


def _second(
    change: Callable[[Message], Message] = lambda m: m, every: int = 1, streams: tuple[int, ...] = (SHANK, FOOT)
) -> Make:
    """Return another driver on the same topics, with another person's samples."""

    def make(fault: Fault) -> Case:
        theirs = [m for m in fault.other.messages if m.stream in streams and fault.inside(m.came)]
        theirs = [m for k, m in enumerate(theirs) if k // 2 % every == 0]
        late = fault.random.uniform(0.001, 0.009)
        second = [change(replace(m, came=m.came + late, stamp=m.stamp + late, sender=1)) for m in theirs]
        return Case([*fault.walk.messages, *second], fault.walk.calibration)

    return make


def _two_encoders(fault: Fault) -> Case:
    theirs = [replace(m, came=m.came + 0.004, sender=1) for m in fault.other.encoder() if fault.inside(m.came)]
    return Case([*fault.walk.messages, *fault.walk.encoder(), *theirs], fault.walk.calibration)


def _clock(seconds: float) -> Make:
    """Return a clock of the predictor's computer that is set when the fault begins, and again when it ends."""

    def make(fault: Fault) -> Case:
        clock: Callable[[float], float] = lambda now: now + seconds * fault.inside(now)  # noqa: E731
        return Case(list(fault.walk.messages), fault.walk.calibration, clock)

    return make


def _stepped(seconds: float) -> Make:
    """Return one computer whose clock is set once: stamps and the predictor's clock alike."""

    def make(fault: Fault) -> Case:
        after = [replace(m, stamp=m.stamp + seconds) if m.came >= fault.begin else m for m in fault.walk.messages]
        clock: Callable[[float], float] = lambda now: now + seconds * (now >= fault.begin)  # noqa: E731
        return Case(after, fault.walk.calibration, clock)

    return make


def _late(seconds: float, *, at_once: bool) -> Make:
    """Return messages that are all delayed, or kept back and then delivered together."""

    def make(fault: Fault) -> Case:
        messages = []
        for m in fault.walk.messages:
            came = m.came
            if fault.inside(came):
                came += seconds
                if at_once:
                    came = fault.begin + math.ceil((m.came - fault.begin) / seconds) * seconds
            messages.append(replace(m, came=came))
        return Case(messages, fault.walk.calibration)

    return make


def _odd_stamps(stamp: float, every: float, streams: tuple[int, ...]) -> Make:
    def make(fault: Fault) -> Case:
        due, messages = fault.begin, []
        for m in fault.walk.messages:
            odd = m.stream in streams and fault.inside(m.came) and m.came >= due
            due += every * odd
            messages.append(replace(m, stamp=stamp) if odd else m)
        return Case(messages, fault.walk.calibration)

    return make


def _kinds() -> list[Kind]:
    senders = [
        Kind("senders", "a second driver, another wearer", _second()),
        Kind("senders", "a second driver at half the rate", _second(every=2)),
        Kind("senders", "a second driver whose clock is an hour ahead",
             _second(lambda m: replace(m, stamp=m.stamp + 3600.0))),
        Kind("senders", "a second driver of the foot alone", _second(streams=(FOOT,))),
        Kind("senders", "a second encoder", _two_encoders),
    ]  # fmt: skip
    clocks = [
        *(Kind("clocks", f"stamps {s:+g} s from the clock", _stamped(lambda t, _, s=s: t + s))
          for s in (3600.0, -3600.0, 3.0, -3.0, 0.2, -0.2)),
        *(Kind("clocks", f"predictor's clock set by {s:+g} s and back", _clock(s)) for s in (3.0, -3.0, 0.3, -0.3)),
        *(Kind("clocks", f"the computer's clock set by {s:+g} s", _stepped(s), lasts=0.5)
          for s in (1.0, -1.0, 3600.0, -3600.0)),
        Kind("clocks", "sensors' clock 1 % fast", _stamped(lambda t, f: f.begin + 1.01 * (t - f.begin))),
    ]  # fmt: skip
    stamps = [
        Kind("stamps", "a shank sample of stamp 0 every 2 s", _odd_stamps(0.0, 2.0, (SHANK,)), is_harmless=True),
        Kind("stamps", "a stamp far ahead every second", _odd_stamps(1e6, 1.0, (FOOT,)), is_harmless=True),
        Kind("stamps", "all stamps 0", _stamped(lambda _t, _f: 0.0)),
        Kind("stamps", "whole seconds only", _stamped(lambda t, _: math.floor(t))),
        Kind("stamps", "in ms instead of s", _stamped(lambda t, _: 1000.0 * t)),
        Kind("stamps", "30 ms of chance", _stamped(lambda t, f: t + f.random.uniform(-0.03, 0.03))),
        Kind("stamps", "the foot's 60 ms off", _stamped(lambda t, _: t - 0.06, (FOOT,))),
        Kind("stamps", "the foot's 0.5 s off", _stamped(lambda t, _: t + 0.5, (FOOT,))),
        Kind("stamps", "messages 0.3 s late", _late(0.3, at_once=False)),
        Kind("stamps", "messages in bursts every 0.3 s", _late(0.3, at_once=True)),
        Kind(
            "stamps", "half of the messages lost", changed_messages(lambda m, f: m if f.random.random() < 0.5 else None)
        ),
    ]
    return [*senders, *clocks, *stamps]


TIME_KINDS: list[Kind] = _kinds()
