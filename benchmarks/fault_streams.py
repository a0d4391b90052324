"""Faults of what reaches the filter and the predictor: senders, clocks, stamps, sensors, calibration values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.calibration import Calibration, SensorCalibration
from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_imu_driver.simulator.leg_kinematics import rotation
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


def _changed(change: Callable[[Message, Fault], Message | None], streams: tuple[int, ...] = (SHANK, FOOT)) -> Make:
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


def _accel(change: Callable[[FloatArray], FloatArray], streams: tuple[int, ...] = (SHANK, FOOT)) -> Make:
    return _changed(lambda m, _: replace(m, accel=change(m.accel)), streams)


def _gyro(change: Callable[[FloatArray], FloatArray], streams: tuple[int, ...] = (SHANK, FOOT)) -> Make:
    return _changed(lambda m, _: replace(m, gyro=change(m.gyro)), streams)


def _both(change: Callable[[FloatArray], FloatArray], streams: tuple[int, ...] = (SHANK, FOOT)) -> Make:
    return _changed(lambda m, _: replace(m, accel=change(m.accel), gyro=change(m.gyro)), streams)


def _stamped(change: Callable[[float, Fault], float], streams: tuple[int, ...] = (SHANK, FOOT)) -> Make:
    return _changed(lambda m, fault: replace(m, stamp=change(m.stamp, fault)), streams)


def _axis(k: int, change: Callable[[float], float]) -> Callable[[FloatArray], FloatArray]:
    def changed(values: FloatArray) -> FloatArray:
        values = values.copy()
        values[k] = change(float(values[k]))
        return values

    return changed


def _held(part: str, axes: tuple[int, ...], stream: int) -> Make:
    """Return what holds some axes at the value that they have when it begins."""

    def make(fault: Fault) -> Case:
        first = next(m for m in fault.walk.messages if m.stream == stream and fault.inside(m.came))

        def hold(m: Message, _: Fault) -> Message:
            values = getattr(m, part).copy()
            values[list(axes)] = getattr(first, part)[list(axes)]
            return replace(m, **{part: values})

        return _changed(hold, (stream,))(fault)

    return make


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


def _encoder(change: Callable[[float, float], float]) -> Make:
    def make(fault: Fault) -> Case:
        good = fault.walk.encoder()
        angles = [
            replace(m, accel=np.array([change(float(m.accel[0]), m.came - fault.begin)])) if fault.inside(m.came) else m
            for m in good
        ]
        return Case([*fault.walk.messages, *angles], fault.walk.calibration)

    return make


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


def _calibrated(change: Callable[[Calibration, Fault], Calibration], *, stands: bool) -> Make:
    """Return a wrong calibration, and a wearer who stands first or walks at once."""

    def make(fault: Fault) -> Case:
        since = 0.0 if stands else fault.begin
        messages = [m for m in fault.walk.messages if m.came >= since]
        return Case(messages, change(fault.walk.calibration, fault))

    return make


def _sensors(change: Callable[[SensorCalibration], SensorCalibration], *which: str) -> Callable[..., Calibration]:
    def changed(calibration: Calibration, _: Fault) -> Calibration:
        return replace(calibration, **{name: change(getattr(calibration, name)) for name in which})

    return changed


def tilted(degrees: float, axis: int) -> Callable[[SensorCalibration], SensorCalibration]:
    """Return what turns the gravity of a calibration about one of the sensor's axes."""
    angles = [0.0, 0.0, 0.0]
    angles[axis] = math.radians(degrees)
    turn = rotation(*(np.array([a]) for a in angles))[0]

    def changed(sensor: SensorCalibration) -> SensorCalibration:
        x, y, z = (turn @ np.array(sensor.gravity)).tolist()
        return replace(sensor, gravity=(x, y, z), forward=None)

    return changed


def biased(rate: float, axis: int) -> Callable[[SensorCalibration], SensorCalibration]:
    """Return what adds to one axis of a calibration's gyro bias, rad/s."""

    def changed(sensor: SensorCalibration) -> SensorCalibration:
        bias = list(sensor.gyro_bias)
        bias[axis] = max(-0.349, min(0.349, bias[axis] + rate))
        return replace(sensor, gyro_bias=(bias[0], bias[1], bias[2]))

    return changed


def _turned(degrees: float, stream: int) -> Make:
    """Return a strap that slips: the sensor sits turned from then on."""
    turn = rotation(np.array([0.0]), np.array([math.radians(degrees)]), np.array([0.0]))[0]
    return _both(lambda v: turn @ v, (stream,))


_SWAP = _changed(lambda m, _: replace(m, stream=FOOT if m.stream == SHANK else SHANK))
_NONE = np.zeros(3)


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
        Kind("stamps", "half of the messages lost", _changed(lambda m, f: m if f.random.random() < 0.5 else None)),
    ]
    return [*senders, *clocks, *stamps, *_of_sensors(), *_of_calibrations()]


def _of_sensors() -> list[Kind]:
    def kind(name: str, make: Make, **more: object) -> Kind:
        return Kind("sensors", name, make, **more)  # type: ignore[arg-type]

    return [
        kind("in g", _accel(lambda a: a / G)),
        kind("the foot's in g", _accel(lambda a: a / G, (FOOT,))),
        kind("in deg/s", _gyro(np.degrees)),
        kind("no gravity", _no_gravity),
        kind("nothing but zeros", _both(lambda _: _NONE)),
        kind("not a number", _accel(lambda a: a * math.nan, (SHANK,))),
        kind("infinite", _gyro(lambda w: w + math.inf, (FOOT,))),
        kind("1e4 in every tenth reading", _changed(
            lambda m, f: replace(m, gyro=m.gyro + 1e4) if f.random.random() < 0.1 else m, (SHANK,)), is_harmless=True),
        kind("shank frozen", _frozen(SHANK)),
        kind("foot frozen", _frozen(FOOT)),
        *(kind(f"{part} {'xyz'[k]} of the {name} frozen", _held(part, (k,), stream))
          for name, stream, part, k in (("shank", SHANK, "accel", 0), ("shank", SHANK, "gyro", 2),
                                        ("foot", FOOT, "accel", 1), ("foot", FOOT, "gyro", 2))),
        kind("gyro of the shank frozen, accel not", _held("gyro", (0, 1, 2), SHANK)),
        kind("gyro clipped at 250 deg/s", _gyro(lambda w: np.clip(w, -4.363, 4.363))),
        kind("gyro clipped at 125 deg/s", _gyro(lambda w: np.clip(w, -2.18, 2.18))),
        kind("accel clipped at 2 g", _accel(lambda a: np.clip(a, -2 * G, 2 * G)), is_harmless=True),
        kind("accel clipped at 1 g", _accel(lambda a: np.clip(a, -0.9 * G, 0.9 * G))),
        kind("accel at half the scale", _accel(lambda a: 0.5 * a)),
        kind("accel at twice the scale", _accel(lambda a: 2.0 * a)),
        kind("gyro at half the scale", _gyro(lambda w: 0.5 * w)),
        kind("gyro at twice the scale", _gyro(lambda w: 2.0 * w)),
        kind("the shank's gyro at half the scale", _gyro(lambda w: 0.5 * w, (SHANK,))),
        kind("the foot's gyro backward", _gyro(lambda w: -w, (FOOT,))),
        *(kind(f"accel {'xyz'[k]} 0.3 g off", _accel(_axis(k, lambda v: v + 0.3 * G), (SHANK,))) for k in range(3)),
        *(kind(f"gyro {'xyz'[k]} 0.5 rad/s off", _gyro(_axis(k, lambda v: v + 0.5), (FOOT,))) for k in range(3)),
        kind("axes in another order", _both(lambda v: v[[1, 2, 0]], (FOOT,))),
        kind("the two exchanged", _SWAP, lasts=11.0),
        kind("the shank's strap slips by 30 deg", _turned(30.0, SHANK)),
        kind("the foot's sensor comes off and lies still", _comes_off),
        kind("foot silent", _changed(lambda _m, _f: None, (FOOT,))),
        kind("both silent", _changed(lambda _m, _f: None)),
        kind("encoder in degrees", _encoder(lambda a, _: math.degrees(a))),
        kind("encoder frozen", _encoder(lambda _a, _t: 0.1)),
        kind("encoder 15 deg off", _encoder(lambda a, _: a + math.radians(15.0))),
        kind("encoder backward", _encoder(lambda a, _: -a)),
        kind("encoder slips by 2 deg/s", _encoder(lambda a, t: a + math.radians(2.0) * t)),
    ]  # fmt: skip


def _no_gravity(fault: Fault) -> Case:
    """Return the linear acceleration of a driver that removes gravity: a slow mean."""
    mean: dict[int, FloatArray] = {}

    def change(m: Message, _: Fault) -> Message:
        held = mean[m.stream] = 0.98 * mean.get(m.stream, m.accel) + 0.02 * m.accel
        return replace(m, accel=m.accel - held)

    return _changed(change)(fault)


def _frozen(stream: int) -> Make:
    def make(fault: Fault) -> Case:
        first = next(m for m in fault.walk.messages if m.stream == stream and fault.inside(m.came))
        return _changed(lambda m, _: replace(m, accel=first.accel, gyro=first.gyro), (stream,))(fault)

    return make


def _comes_off(fault: Fault) -> Case:
    def change(m: Message, f: Fault) -> Message:
        return replace(
            m, accel=np.array([0.0, 0.0, G]) + f.random.normal(0, 0.03, 3), gyro=f.random.normal(0, 0.003, 3)
        )

    return _changed(change, (FOOT,))(fault)


def _of_calibrations() -> list[Kind]:
    wrong: Mapping[str, Callable[..., Calibration]] = {
        "shank's gravity turned by 25 deg": _sensors(tilted(25.0, 0), "shank"),
        "foot's gravity turned by 25 deg": _sensors(tilted(25.0, 0), "foot"),
        "foot's gravity turned by 25 deg sideways": _sensors(tilted(25.0, 2), "foot"),
        "shank's gyro bias 0.3 rad/s off": _sensors(biased(0.3, 2), "shank"),
        "foot's gyro bias 0.3 rad/s off": _sensors(biased(0.3, 2), "foot"),
        "angle_zero 25 deg off": lambda c, _: replace(c, angle_zero=c.angle_zero + math.radians(25.0)),
        "shank and foot exchanged": lambda c, _: replace(c, shank=c.foot, foot=c.shank),
        "another wearer's": lambda _c, fault: fault.other.calibration,
    }
    return [
        Kind("calibration", f"{name}, {how}", _calibrated(change, stands=stands), lasts=0.0)
        for name, change in wrong.items()
        for how, stands in (("who stands first", True), ("who walks at once", False))
    ]


STREAM_KINDS: list[Kind] = _kinds()
