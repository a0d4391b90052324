"""Simulates walks: the raw samples of two MPU6050, and the true motion.

``simulate`` returns a whole walk, ``stream`` an endless one in chunks. Both take the same steps: plan the motion,
smooth it, calculate the rigid-body kinematics at each sensor, add the strap's vibration, and apply the chip's model.
The same seed gives the same walk.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import chain

import numpy as np
import numpy.typing as npt

from ankle_imu_driver.arrays import BoolArray, FloatArray
from ankle_imu_driver.calibration import Calibration, SensorCalibration
from ankle_imu_driver.recordings.mirror import mirrored
from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples, Recording
from ankle_imu_driver.simulator.gait_planner import GaitPlanner
from ankle_imu_driver.simulator.gait_scenario import Activity, Stand, indoor_walk
from ankle_imu_driver.simulator.leg_motion import RATE, MotionPiece
from ankle_imu_driver.simulator.other_leg import later
from ankle_imu_driver.simulator.segment_motion import segment_motion
from ankle_imu_driver.simulator.sensor_model import Chip, SensorModel, StampSource
from ankle_imu_driver.simulator.strapped_sensor import StrappedSensor
from ankle_imu_driver.simulator.user_profile import UserProfile

ENCODER_COUNT = math.radians(0.3)
LEVEL_WITHIN = math.radians(0.5)
# s at the end of a stand that a calibration leaves out, because the next activity may already have begun.
STAND_END = 0.5
RUN_UP = (
    8.0  # s; more than the longest piece and a stride, by which the other leg is later, and for the straps to settle
)


@dataclass(frozen=True, eq=False)
class Truth:
    """The true motion at each stamp, without any sensor error.

    Attributes:
        angle: (N,) ankle angle in rad, dorsiflexion positive.
        shank_pitch: (N,) pitch of the shank in rad, leaning forward positive, zero at standing.
        foot_pitch: (N,) pitch of the foot in rad, toes down positive, zero at standing.
        at_rest: (N,) whether the foot rests on the ground, level or not.
        label: (N,) the activity, a ``Label``.
        shank_accel: (N, 3) specific force of an ideal shank sensor in m/s^2, sensor frame.
        shank_gyro: (N, 3) angular rate of an ideal shank sensor in rad/s, sensor frame.
        foot_accel: (N, 3) specific force of an ideal foot sensor in m/s^2, sensor frame.
        foot_gyro: (N, 3) angular rate of an ideal foot sensor in rad/s, sensor frame.
    """

    angle: FloatArray
    shank_pitch: FloatArray
    foot_pitch: FloatArray
    at_rest: BoolArray
    label: npt.NDArray[np.int8]
    shank_accel: FloatArray
    shank_gyro: FloatArray
    foot_accel: FloatArray
    foot_gyro: FloatArray

    @property
    def foot_flat(self) -> BoolArray:
        """(N,) whether the foot rests on the ground and is level."""
        flat: BoolArray = self.at_rest & (np.abs(self.foot_pitch) < LEVEL_WITHIN)
        return flat


@dataclass(frozen=True, eq=False)
class SimulatedWalk:
    """A simulated recording and its true motion.

    Attributes:
        recording: samples of the sensors and the encoder; with a calibration if the scenario starts with standing.
        truth: the true motion at the stamps of the recording.
    """

    recording: Recording
    truth: Truth


def simulate(scenario: Sequence[Activity], user: UserProfile, sensor: SensorModel, seed: int) -> SimulatedWalk:
    """Simulate one walk.

    Args:
        scenario: the activities in order; start with ``Stand(2)`` or longer for a recording with a calibration.
        user: the person and the mounting of the sensors.
        sensor: settings and quality of the chips.
        seed: seed of everything that is random.

    Raises:
        ValueError: the scenario is empty.
    """
    if not scenario:
        raise ValueError("a scenario needs at least one activity, such as Stand(2.0)")
    chunks = list(simulated_chunks(scenario, user, sensor, seed))
    recordings = [chunk.recording for chunk in chunks]
    standing = scenario[0].duration if isinstance(scenario[0], Stand) else 0.0
    shank, foot = _joined([r.shank for r in recordings]), _joined([r.foot for r in recordings])
    recording = Recording(
        name=f"simulated_{seed}",
        shank=shank,
        foot=foot,
        encoder=EncoderSamples(shank.stamp, np.concatenate([r.encoder.angle for r in recordings if r.encoder])),
        calibration=standing_calibration(shank, foot, standing),
        notes=(f"simulated with seed {seed}",),
    )
    truth = Truth(*(np.concatenate([getattr(c.truth, f.name) for c in chunks]) for f in fields(Truth)))
    return SimulatedWalk(recording, truth)


def stream(
    user: UserProfile, sensor: SensorModel, seed: int, side: str = "right", phase: float = 0.0, *, begin: float = 0.0
) -> Iterator[Recording]:
    """Simulate an endless walk: 5 s of standing, then walking with turns, changes of speed and short stops.

    Args:
        user: the person and the mounting of the sensors.
        sensor: settings and quality of the chips.
        seed: seed of everything that is random.
        side: leg that wears the sensors; the left leg is the mirror image of the right one.
        phase: share of a stride by which this leg is behind that of the same seed without a phase. It has sensors of
            its own.
        begin: time of the walk in s that the first chunk begins at or some seconds before.

    Yields:
        Consecutive chunks of up to a few seconds, without a calibration, as from a live driver.
    """
    for chunk in simulated_chunks(indoor_walk(seed), user, sensor, seed, phase, begin=begin):
        yield mirrored(chunk.recording) if side == "left" else chunk.recording


def simulated_chunks(
    scenario: Iterable[Activity],
    user: UserProfile,
    sensor: SensorModel,
    seed: int,
    phase: float = 0.0,
    *,
    begin: float = 0.0,
) -> Iterator[SimulatedWalk]:
    """Simulate a scenario in consecutive chunks: one stride, or up to 5 s of rest, in each chunk.

    What ends long before ``begin`` is planned only. The walk from then on is the same; noise and jitter are others.

    Args:
        scenario: the activities in order; may be endless.
        user: the person and the mounting of the sensors.
        sensor: settings and quality of the chips.
        seed: seed of everything that is random.
        phase: share of a stride by which this leg is later.
        begin: time of the walk in s that the first chunk begins at or some seconds before.
    """
    own = [1] if phase else []  # the other leg's strides are planned together with this one's, its sensors are others
    planning = np.random.default_rng([seed, 0])
    sampling, *rngs = (np.random.default_rng([seed, k, *own]) for k in range(1, 6))
    stamps = StampSource(sampling)
    shank, foot = (
        StrappedSensor(mount, Chip(sensor, chip), user.strap, user.rattle, strap)
        for mount, chip, strap in ((user.shank_mount, rngs[0], rngs[1]), (user.foot_mount, rngs[2], rngs[3]))
    )
    pieces = GaitPlanner(user, planning).motion(scenario, round((begin - RUN_UP) * RATE))
    start, pieces = _without_sketches(later(pieces, phase) if phase else pieces)
    stamps.begin_at(start)
    for motion in segment_motion(pieces):
        at = stamps.until(start + len(motion.label)) - start
        stamp = (start + at) / RATE
        on_shank, on_foot = shank.perfect(motion.ankle, motion.shank), foot.perfect(motion.ankle, motion.foot)
        shank_pitch, foot_pitch = motion.shank[1:-1, 2][at], motion.foot[1:-1, 2][at]
        angle = shank_pitch - foot_pitch
        recording = Recording(
            name="simulated",
            shank=ImuSamples(stamp, *shank.read(on_shank, motion, at, start)),
            foot=ImuSamples(stamp, *foot.read(on_foot, motion, at, start)),
            encoder=EncoderSamples(stamp, np.rint(angle / ENCODER_COUNT) * ENCODER_COUNT),
            calibration=None,
        )
        ideal = [values[at] for values in (*on_shank, *on_foot)]
        truth = Truth(angle, shank_pitch, foot_pitch, motion.at_rest[at], motion.label[at], *ideal)
        yield SimulatedWalk(recording, truth)
        start += len(motion.label)


def _without_sketches(pieces: Iterator[MotionPiece]) -> tuple[int, Iterator[MotionPiece]]:
    """Return the length in samples of the sketches at the beginning, and the pieces after them."""
    start = 0
    for piece in pieces:
        if not piece.is_sketch:
            return start, chain([piece], pieces)
        start += len(piece.label)
    return start, iter(())


def _joined(parts: Sequence[ImuSamples]) -> ImuSamples:
    return ImuSamples(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(ImuSamples)))


def standing_calibration(shank: ImuSamples, foot: ImuSamples, duration: float) -> Calibration | None:
    """Return the calibration from standing at the start of a simulation, with the sensors' errors.

    Args:
        shank: samples of the shank's sensor.
        foot: samples of the foot's sensor.
        duration: time in s that the person stands; None is returned if it is below 1 s.
    """
    if duration < 1.0:
        return None
    span = duration - STAND_END
    sensors = []
    for samples in (shank, foot):
        still = samples.stamp < samples.stamp[0] + span
        bias, gravity = samples.gyro[still].mean(axis=0), samples.accel[still].mean(axis=0)
        sensors.append(SensorCalibration(tuple(bias.tolist()), tuple(gravity.tolist())))
    return Calibration(sensors[0], sensors[1], 0.0, f"standing for the first {span:.1f} s of a simulation")
