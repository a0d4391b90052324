"""Faults of sensors, encoders and calibration values, as ``fault_streams.py`` has those of time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.calibration import Calibration, SensorCalibration
from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_imu_driver.simulator.leg_kinematics import rotation
from benchmarks.fault_chain import Message
from benchmarks.fault_streams import TIME_KINDS, Case, Fault, Kind, Make, changed_messages

G = 9.80665


def _accel(change: Callable[[FloatArray], FloatArray], streams: tuple[int, ...] = (SHANK, FOOT)) -> Make:
    return changed_messages(lambda m, _: replace(m, accel=change(m.accel)), streams)


def _gyro(change: Callable[[FloatArray], FloatArray], streams: tuple[int, ...] = (SHANK, FOOT)) -> Make:
    return changed_messages(lambda m, _: replace(m, gyro=change(m.gyro)), streams)


def _both(change: Callable[[FloatArray], FloatArray], streams: tuple[int, ...] = (SHANK, FOOT)) -> Make:
    return changed_messages(lambda m, _: replace(m, accel=change(m.accel), gyro=change(m.gyro)), streams)


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

        return changed_messages(hold, (stream,))(fault)

    return make


def _encoder(change: Callable[[float, float], float]) -> Make:
    def make(fault: Fault) -> Case:
        good = fault.walk.encoder()
        angles = [
            replace(m, accel=np.array([change(float(m.accel[0]), m.came - fault.begin)])) if fault.inside(m.came) else m
            for m in good
        ]
        return Case([*fault.walk.messages, *angles], fault.walk.calibration)

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


_SWAP = changed_messages(lambda m, _: replace(m, stream=FOOT if m.stream == SHANK else SHANK))
_NONE = np.zeros(3)


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
        kind("1e4 in every tenth reading", changed_messages(
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
        kind("foot silent", changed_messages(lambda _m, _f: None, (FOOT,))),
        kind("both silent", changed_messages(lambda _m, _f: None)),
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

    return changed_messages(change)(fault)


def _frozen(stream: int) -> Make:
    def make(fault: Fault) -> Case:
        first = next(m for m in fault.walk.messages if m.stream == stream and fault.inside(m.came))
        return changed_messages(lambda m, _: replace(m, accel=first.accel, gyro=first.gyro), (stream,))(fault)

    return make


def _comes_off(fault: Fault) -> Case:
    def change(m: Message, f: Fault) -> Message:
        return replace(
            m, accel=np.array([0.0, 0.0, G]) + f.random.normal(0, 0.03, 3), gyro=f.random.normal(0, 0.003, 3)
        )

    return changed_messages(change, (FOOT,))(fault)


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


STREAM_KINDS: list[Kind] = [*TIME_KINDS, *_of_sensors(), *_of_calibrations()]
