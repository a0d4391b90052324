"""Recordings of varied people: what a forecaster learns from beside real walks.

Every recording is of another person, with other curves, straps, chips and stamps. Nothing in it is learned from a
recording: curves and ranges are published ones, see ``docs/simulator.md``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ankle_imu_driver.arrays import FloatArray, IntArray
from ankle_imu_driver.conventions import check_seed, check_side
from ankle_imu_driver.recordings.mirror import mirrored
from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples, Recording
from ankle_imu_driver.refusal import Refusal
from ankle_imu_driver.simulator.gait_manner import AILMENTS, ailing, level
from ankle_imu_driver.simulator.leg_kinematics import rigid_body_imu, rotation
from ankle_imu_driver.simulator.leg_motion import RATE
from ankle_imu_driver.simulator.segment_motion import SegmentMotion, segment_motion
from ankle_imu_driver.simulator.sensor_model import Chip, StampSource
from ankle_imu_driver.simulator.sensor_wobble import Wobble, wobbling
from ankle_imu_driver.simulator.simulate import standing_calibration
from ankle_imu_driver.simulator.strapped_sensor import StrappedSensor
from ankle_imu_driver.simulator.varied_person import VariedPerson, draw_person
from ankle_imu_driver.simulator.varied_planner import VariedPlanner
from ankle_imu_driver.simulator.varied_scenario import check_kind, steps_of

STANDING = 5.0  # s at the start


@dataclass(frozen=True)
class VariedWalk:
    """A recording and what happened in it.

    Attributes:
        recording: with a calibration; the encoder is the true ankle angle.
        label: (N,) the activity at each stamp, a ``Label``.
        shank_pitch: (N,) pitch of the shank in rad, leaning forward positive.
        foot_pitch: (N,) pitch of the foot in rad, toes down positive.
        person: who walks.
    """

    recording: Recording
    label: IntArray
    shank_pitch: FloatArray
    foot_pitch: FloatArray
    person: VariedPerson


def varied_recording(
    kind: str, seed: int, seconds: float = 60.0, side: str = "right", rate: float = 100.0
) -> Recording:
    """Simulate one person who does one kind of movement; the same arguments give the same recording.

    Args:
        kind: one of ``KINDS`` of ``varied_scenario``.
        seed: draws the person, the straps, the chips and the variation from stride to stride.
        seconds: duration; the first 5 s are quiet standing.
        side: leg that wears the sensors; the left leg is the mirror image of the right one.
        rate: samples per s, 20 to 500.

    Raises:
        Refusal: there is no such kind or side, the seed is negative, or the rate is not 20 to 500.
    """
    return varied_walk(kind, seed, seconds, side, rate).recording


def varied_walk(kind: str, seed: int, seconds: float = 60.0, side: str = "right", rate: float = 100.0) -> VariedWalk:
    """Simulate as ``varied_recording`` does, and return the truth with it.

    Raises:
        Refusal: there is no such kind or side, the seed is negative, or the rate is not 20 to 500.
    """
    check_kind(kind)
    check_side(side)
    check_seed("seed", seed)
    if not 20.0 <= rate <= 500.0:
        raise Refusal(f"rate must be 20 to 500 samples per s, not {rate}")
    planning, sampling, *rngs = (np.random.default_rng([seed, 0x7A, k]) for k in range(6))
    person = draw_person(seed)
    if kind in AILMENTS:
        person = ailing(person, planning, kind)
    if kind in ("run", "mixed") and planning.random() < 0.95:  # runners' sensors have the range
        person = replace(person, sensor=replace(person.sensor, gyro_range=2000))
    steps = steps_of(kind, person, planning, seconds)
    motion = _whole(segment_motion(VariedPlanner(planning, level(person)).motion(steps)), seconds)
    at = _sampled(sampling, len(motion.label), rate)
    stamp = at / RATE
    angle = motion.shank[1:-1, 2] - motion.foot[1:-1, 2]
    user = person.user
    shank, foot = (
        _sensed(
            StrappedSensor(mount, Chip(person.sensor, chip), user.strap, user.rattle, strap),
            wobble, motion, angles, at,
        )
        for mount, wobble, angles, chip, strap in (
            (user.shank_mount, person.shank_wobble, motion.shank, rngs[0], rngs[1]),
            (user.foot_mount, person.foot_wobble, motion.foot, rngs[2], rngs[3]),
        )
    )  # fmt: skip
    recording = Recording(
        name=f"{kind}_{seed}",
        shank=shank,
        foot=foot,
        encoder=EncoderSamples(stamp, angle[at]),
        calibration=standing_calibration(shank, foot, STANDING),
        notes=(f"simulated: {kind}, seed {seed}",),
    )
    return VariedWalk(
        mirrored(recording) if side == "left" else recording,
        motion.label[at].astype(np.int64),
        motion.shank[1:-1, 2][at],
        motion.foot[1:-1, 2][at],
        person,
    )


def _whole(blocks: Iterable[SegmentMotion], seconds: float) -> SegmentMotion:
    """Join blocks of motion, each with an extra sample at both ends, and cut the result after ``seconds``."""
    parts = list(blocks)
    count = min(sum(len(p.label) for p in parts), round(seconds * RATE))

    def rows(name: str) -> FloatArray:
        inner = [getattr(p, name)[1:-1] for p in parts]
        joined: FloatArray = np.concatenate([getattr(parts[0], name)[:1], *inner, getattr(parts[-1], name)[-1:]])
        return joined[: count + 2]

    label, impact = (np.concatenate([getattr(p, n) for p in parts])[:count] for n in ("label", "impact"))
    return SegmentMotion(rows("ankle"), rows("shank"), rows("foot"), label, impact)


def _sampled(rng: np.random.Generator, count: int, rate: float) -> IntArray:
    """Return the indices of the samples among ``count`` ms: a logger's stamps, or a steady driver's."""
    if rate == 100.0 and rng.random() < 0.5:
        return StampSource(rng).until(count)
    ideal = np.arange(rng.uniform(1.0, 2.0), count - 1, RATE / rate)
    jitter = rng.uniform(0.0, 0.1) * RATE / rate
    at = np.unique(np.rint(ideal + rng.normal(0.0, jitter, len(ideal))).astype(np.int64))
    return at[(at >= 0) & (at < count)]


def _sensed(
    sensor: StrappedSensor, wobble: Wobble, motion: SegmentMotion, angles: FloatArray, at: IntArray
) -> ImuSamples:
    """Return what a sensor that turns a little on its segment reads at the samples ``at``."""
    mount = sensor.mount
    place = motion.ankle + rotation(*angles.T) @ np.array(mount.lever)
    base = wobbling(wobble, place, angles, motion.shank[:, 2] - motion.foot[:, 2], RATE)
    force, rate = rigid_body_imu(place, base, np.zeros(3), 1 / RATE)
    return ImuSamples(at / RATE, *sensor.read((force @ mount.matrix.T, rate @ mount.matrix.T), motion, at, 0))
