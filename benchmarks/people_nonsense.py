"""Input that is no gait, or is wrong: each kind replaces some seconds of a real walk and must be noticed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.recordings.recording import ImuSamples, Recording
from ankle_predictor.offline.live_run import LiveRun
from ankle_predictor.trust.status import Status

WALKED = 20.0  # s of the walk before the nonsense begins: what learns while it runs has learned the walk
LASTS = 10.0  # s
NOTICED = 2.0  # s within which it must be noticed
G = 9.80665

Readings = tuple[FloatArray, FloatArray, FloatArray]
"""(N,) stamps in s, (N, 3) specific force in m/s^2 and (N, 3) angular rate in rad/s of one sensor."""


def degrees_per_second(shank: Readings, foot: Readings, _seed: int) -> tuple[Readings, Readings]:
    """Return rates in deg/s."""
    (ts, fs, ws), (tf, ff, wf) = shank, foot
    return (ts, fs, np.degrees(ws)), (tf, ff, np.degrees(wf))


def units_of_g(shank: Readings, foot: Readings, _seed: int) -> tuple[Readings, Readings]:
    """Return specific forces in g."""
    (ts, fs, ws), (tf, ff, wf) = shank, foot
    return (ts, fs / G, ws), (tf, ff / G, wf)


def swapped(shank: Readings, foot: Readings, _seed: int) -> tuple[Readings, Readings]:
    """Return each sensor's readings as the other's."""
    n = min(len(shank[0]), len(foot[0]))
    return (shank[0][:n], foot[1][:n], foot[2][:n]), (foot[0][:n], shank[1][:n], shank[2][:n])


def permuted(shank: Readings, foot: Readings, _seed: int) -> tuple[Readings, Readings]:
    """Return the foot's axes in another order."""
    order = [1, 2, 0]
    return shank, (foot[0], foot[1][:, order], foot[2][:, order])


def reversed_in_time(shank: Readings, foot: Readings, _seed: int) -> tuple[Readings, Readings]:
    """Return the seconds backward: forces as they were, rates as a film that runs backward has them."""
    (ts, fs, ws), (tf, ff, wf) = shank, foot
    return (ts, fs[::-1], -ws[::-1]), (tf, ff[::-1], -wf[::-1])


def phase_shuffled(shank: Readings, foot: Readings, seed: int) -> tuple[Readings, Readings]:
    """Return noise with the mean and the spectrum of each channel (Theiler et al. 1992)."""
    random = np.random.default_rng(seed)

    def shuffled(values: FloatArray) -> FloatArray:
        spectrum = np.fft.rfft(values, axis=0)
        turn = np.exp(2j * math.pi * random.random(spectrum.shape))
        turn[0] = 1.0
        noise: FloatArray = np.fft.irfft(spectrum * turn, len(values), axis=0)
        return noise

    (ts, fs, ws), (tf, ff, wf) = shank, foot
    return (ts, shuffled(fs), shuffled(ws)), (tf, shuffled(ff), shuffled(wf))


def white_noise(shank: Readings, foot: Readings, seed: int) -> tuple[Readings, Readings]:
    """Return noise with the mean and the spread of each channel."""
    random = np.random.default_rng(seed)

    def noise(values: FloatArray) -> FloatArray:
        made: FloatArray = values.mean(axis=0) + values.std(axis=0) * random.normal(size=values.shape)
        return made

    (ts, fs, ws), (tf, ff, wf) = shank, foot
    return (ts, noise(fs), noise(ws)), (tf, noise(ff), noise(wf))


def frozen(shank: Readings, foot: Readings, seed: int) -> tuple[Readings, Readings]:
    """Return a foot sensor that repeats one reading with noise, as one that has come off and lies still."""
    random = np.random.default_rng(seed)
    stamp, force, _ = foot
    still = np.array([force[0] / np.linalg.norm(force[0]) * G, np.zeros(3)])
    noise = random.normal(size=(2, len(stamp), 3))
    return shank, (stamp, still[0] + 0.05 * noise[0], still[1] + 0.005 * noise[1])


def shaken(shank: Readings, foot: Readings, seed: int) -> tuple[Readings, Readings]:
    """Return a foot sensor that a hand shakes and turns at random, 1 to 4 times a second."""
    random = np.random.default_rng(seed)
    stamp, force, _ = foot
    waves = 2.0 * math.pi * random.uniform(1.0, 4.0, (6, 5)), random.uniform(0.0, 2.0 * math.pi, (6, 5))
    motion = np.sin(stamp[:, None, None] * waves[0] + waves[1]).sum(axis=2) / math.sqrt(2.5)
    rate, shake = 3.0 * motion[:, :3], 6.0 * motion[:, 3:]
    # Gravity turns with the sensor: d(up)/dt = -rate x up.
    up, directions = force[0] / np.linalg.norm(force[0]), []
    for step, turn in zip(np.diff(stamp, prepend=stamp[0]), rate, strict=True):
        up = up - step * np.cross(turn, up)
        up = up / np.linalg.norm(up)
        directions.append(up)
    return shank, (stamp, G * np.array(directions) + shake, rate)


KINDS: Mapping[str, Callable[[Readings, Readings, int], tuple[Readings, Readings]]] = {
    "rates in degrees per second": degrees_per_second,
    "forces in g": units_of_g,
    "sensors swapped": swapped,
    "axes of the foot's sensor permuted": permuted,
    "backward in time": reversed_in_time,
    "noise with the walk's spectrum": phase_shuffled,
    "white noise": white_noise,
    "foot sensor still, with noise": frozen,
    "foot sensor shaken by hand": shaken,
}


@dataclass(frozen=True)
class Noticed:
    """How much of a nonsense was noticed.

    Attributes:
        before: share of the moments in the seconds before it that were flagged.
        unfamiliar: share of the moments from ``NOTICED`` s after its beginning that were called unfamiliar.
        flagged: share of them that were called unfamiliar, suspect or implausible, or withheld for another reason.
    """

    before: float
    unfamiliar: float
    flagged: float


def with_nonsense(recording: Recording, kind: str, begin: float, seed: int) -> Recording:
    """Return a recording up to the end of ``LASTS`` s of nonsense that begin at ``begin`` s from its first sample."""
    first = recording.start + begin

    def cut(samples: ImuSamples, since: float, until: float) -> Readings:
        which = (samples.stamp >= since) & (samples.stamp < until)
        return samples.stamp[which], samples.accel[which], samples.gyro[which]

    shank, foot = (cut(samples, first, first + LASTS) for samples in (recording.shank, recording.foot))
    changed = KINDS[kind](shank, foot, seed)
    whole = []
    for samples, after in zip((recording.shank, recording.foot), changed, strict=True):
        before = cut(samples, -math.inf, first)
        whole.append(ImuSamples(*(np.concatenate(parts) for parts in zip(before, after, strict=True))))
    return dataclasses.replace(recording, shank=whole[0], foot=whole[1], encoder=None)


def noticed(run: LiveRun, start: float, begin: float) -> Noticed:
    """Return what was noticed of a nonsense; ``start`` in s is the recording's first stamp."""
    since = run.stamp - start - begin
    before, during = (since >= -LASTS) & (since < 0.0), since >= NOTICED
    unfamiliar = (run.status & Status.UNFAMILIAR) != 0
    flagged = unfamiliar | ~run.published
    if not during.any():  # nothing reached the predictor any more: no forecast goes out either
        return Noticed(float(np.mean(flagged[before])), 0.0, 1.0)
    return Noticed(*(float(np.mean(share)) for share in (flagged[before], unfamiliar[during], flagged[during])))
