"""Faults of an ankle encoder, each from a time on and for a while: what brackets, buses, wiring and setup do to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import BoolArray, FloatArray
from ankle_imu_driver.recordings.recording import EncoderSamples

Stream = tuple[FloatArray, FloatArray]
"""(N,) stamps in s and (N,) angles in rad."""


@dataclass(frozen=True, eq=False)
class Fault:
    """When a fault happens, and the chance in it.

    Attributes:
        start: s, stamp from which on the encoder is at fault.
        end: s, stamp from which on it is good again.
        random: makes the fault's sign, noise and losses.
    """

    start: float
    end: float
    random: np.random.Generator

    def inside(self, stamp: FloatArray) -> BoolArray:
        """Return the (N,) mask of the stamps at fault."""
        return (stamp >= self.start) & (stamp < self.end)


Kind = Callable[[FloatArray, FloatArray, Fault], Stream]
"""Takes the stamps and angles of a good encoder; returns those that arrive."""


def _changed(change: Callable[[FloatArray, FloatArray, Fault], FloatArray]) -> Kind:
    """Return the kind that changes angles: ``change`` gets stamps and angles at fault and returns what is sent."""

    def kind(stamp: FloatArray, angle: FloatArray, fault: Fault) -> Stream:
        inside = fault.inside(stamp)
        angle = angle.copy()
        if inside.any():
            angle[inside] = change(stamp[inside], angle[inside], fault)
        return stamp, angle

    return kind


def _kept(share: float) -> Kind:
    """Return the kind of which only a share of the samples arrives."""

    def kind(stamp: FloatArray, angle: FloatArray, fault: Fault) -> Stream:
        arrives = ~fault.inside(stamp) | (fault.random.random(len(stamp)) < share)
        return stamp[arrives], angle[arrives]

    return kind


def _late(seconds: float) -> Kind:
    """Return the kind whose stamps are late: it tells the angle of some time ago."""

    def kind(stamp: FloatArray, angle: FloatArray, fault: Fault) -> Stream:
        inside = fault.inside(stamp)
        return stamp, np.where(inside, np.interp(stamp - seconds, stamp, angle), angle)

    return kind


def _rate(hertz: float) -> Kind:
    """Return the kind that sends at another rate."""

    def kind(stamp: FloatArray, angle: FloatArray, fault: Fault) -> Stream:
        outside = ~fault.inside(stamp)
        new = np.arange(fault.start, min(fault.end, float(stamp[-1])), 1.0 / hertz)
        stamps = np.concatenate([stamp[outside], new])
        angles = np.concatenate([angle[outside], np.interp(new, stamp, angle)])
        order = np.argsort(stamps, kind="stable")
        return stamps[order], angles[order]

    return kind


def _another_joint(stamp: FloatArray, _angle: FloatArray, fault: Fault) -> FloatArray:
    """Return a knee: one large flexion in swing and a small one in stance (Winter 2009), at a person's pace."""
    phase = 2.0 * math.pi * (stamp - fault.start) / 1.3 + fault.random.uniform(0.0, 2.0 * math.pi)
    return np.radians(25.0 + 20.0 * np.sin(phase) + 12.0 * np.sin(2.0 * phase))


def _moved(degrees: float) -> Kind:
    return _changed(lambda _stamp, angle, fault: angle + _either_way(degrees, fault))


def _slips(degrees_per_second: float) -> Kind:
    return _changed(lambda stamp, angle, f: angle + _either_way(degrees_per_second, f) * (stamp - f.start))


def _noise(degrees: float) -> Kind:
    return _changed(lambda _stamp, angle, f: angle + f.random.normal(0.0, math.radians(degrees), len(angle)))


def _either_way(degrees: float, fault: Fault) -> float:
    return math.radians(degrees) * float(fault.random.choice((-1.0, 1.0)))


KINDS: Mapping[str, Kind] = {
    "frozen": _changed(lambda _stamp, angle, _fault: np.full_like(angle, angle[0])),
    "jump of 10 deg": _moved(10.0),
    "jump of 5 deg": _moved(5.0),
    "jump of 3 deg": _moved(3.0),
    "jump of 2 deg": _moved(2.0),
    "wrong sign": _changed(lambda _stamp, angle, _fault: -angle),
    "twice the scale": _changed(lambda _stamp, angle, _fault: 2.0 * angle),
    "half the scale": _changed(lambda _stamp, angle, _fault: 0.5 * angle),
    "1.2 times the scale": _changed(lambda _stamp, angle, _fault: 1.2 * angle),
    "another joint": _changed(_another_joint),
    "degrees, not rad": _changed(lambda _stamp, angle, _fault: np.degrees(angle)),
    "late by 50 ms": _late(0.05),
    "late by 20 ms": _late(0.02),
    "slip of 2 deg/s": _slips(2.0),
    "slip of 0.5 deg/s": _slips(0.5),
    "slip of 0.1 deg/s": _slips(0.1),
    "noise of 5 deg": _noise(5.0),
    "noise of 1 deg": _noise(1.0),
    "30 % lost": _kept(0.7),
    "silent": _kept(0.0),
    "not a number": _changed(lambda _stamp, angle, _fault: np.full_like(angle, math.nan)),
    "out of range": _changed(lambda _stamp, angle, _fault: angle + math.radians(400.0)),
    "20 Hz": _rate(20.0),
    "1 kHz": _rate(1000.0),
}
"""By name."""
FROM_START: Mapping[str, str] = {"wrong zero by 5 deg": "jump of 5 deg", "wrong zero by 2 deg": "jump of 2 deg"}
"""Faults that begin before the recording, and the kind that each is an endless case of."""


def faulted(encoder: EncoderSamples, kind: str, start: float, end: float, seed: int) -> EncoderSamples:
    """Return what arrives of a good encoder with a fault.

    Args:
        encoder: the good one.
        kind: a name in ``KINDS``, or in ``FROM_START``, where the encoder is at fault from its first sample on.
        start: s, stamp from which on it is at fault.
        end: s, stamp from which on it is good again.
        seed: of the chance in the fault.
    """
    if kind in FROM_START:
        kind, start = FROM_START[kind], -math.inf
    fault = Fault(start, end, np.random.default_rng(seed))
    return EncoderSamples(*KINDS[kind](encoder.stamp, encoder.angle, fault))
