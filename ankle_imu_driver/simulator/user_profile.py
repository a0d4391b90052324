"""A simulated person and the mounting of the two sensors, drawn from a seed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.simulator.leg_kinematics import FootGeometry, rotation

# Rows: the sensor's x, y, z in the segment's frame (x forward, y left, z up), as in the recordings.
FOOT_AXES = ((0.0, 0.0, -1.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0))
SHANK_AXES = ((-1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, -1.0, 0.0))


@dataclass(frozen=True)
class Mount:
    """The mounting of a sensor on its segment.

    Attributes:
        axes: the sensor's x, y, z axes in the segment's frame, without tilt.
        yaw: rotation about the segment's vertical axis in rad.
        roll: tilt about the segment's forward axis in rad.
        pitch: tilt about the segment's left axis in rad.
        lever: position in the segment's frame relative to the ankle, in m.
    """

    axes: tuple[tuple[float, float, float], ...]
    yaw: float
    roll: float
    pitch: float
    lever: tuple[float, float, float]

    @property
    def matrix(self) -> FloatArray:
        """(3, 3) rotation from the segment's frame to the sensor's frame."""
        tilt = rotation(np.array([self.yaw]), np.array([self.roll]), np.array([self.pitch]))[0]
        matrix: FloatArray = np.array(self.axes) @ tilt.T
        return matrix


@dataclass(frozen=True)
class UserProfile:
    """One person's leg, gait and sensor mounting.

    Attributes:
        height: body height in m.
        stride_time: usual stride time in s.
        stride_length: usual stride length in m.
        flat: share of the stride at which the foot has come to rest.
        heel_off: share of the stride at which the heel leaves the ground.
        toe_off: share of the stride at which the toes point down most steeply.
        release: share of the stride from the moment when the ball leaves the ground until ``toe_off``.
        foot_gain: factor on the normative curve of the foot's pitch.
        ankle_gain: factor on the normative curve of the ankle's angle.
        ankle_offset: constant in rad, added to the ankle's angle while walking.
        ankle_shape: (cosine, sine) in rad, added to the ankle's angle at the 2nd, 3rd, 4th harmonic of the stride.
        loading_dip: plantarflexion of the ankle in rad while the foot is lowered after contact.
        rocker_power: exponent of the foot's pitch between heel off and toe off; larger if the heel rises later.
        landing_pitch: pitch of the foot at heel strike in rad, toes up positive.
        landing: forward and downward speed of the ankle at heel strike, in m/s.
        launch: forward and upward acceleration as the ball leaves the ground, in stride lengths and in m, per time in
            the air squared.
        braking: forward deceleration and downward acceleration just before landing, in the same units.
        variability: relative standard deviation of the time and the size of strides.
        swing_yaw: amplitudes in rad of the leg's yaw in the air, first three half waves.
        swing_roll: amplitudes in rad of the leg's roll in the air, first three half waves.
        twist: half range in rad of the shank's yaw relative to the flat foot.
        lean: half range in rad of the shank's roll relative to the flat foot.
        strap: factor on the vibration of a sensor in its strap caused by impacts.
        rattle: factor on the vibration of a sensor in its strap caused by walking.
        foot_mount: mounting of the foot's sensor.
        shank_mount: mounting of the shank's sensor.
    """

    height: float
    stride_time: float
    stride_length: float
    flat: float
    heel_off: float
    toe_off: float
    release: float
    foot_gain: float
    ankle_gain: float
    ankle_offset: float
    ankle_shape: tuple[tuple[float, float], ...]
    loading_dip: float
    rocker_power: float
    landing_pitch: float
    landing: tuple[float, float]
    launch: tuple[float, float]
    braking: tuple[float, float]
    variability: float
    swing_yaw: tuple[float, float, float]
    swing_roll: tuple[float, float, float]
    twist: float
    lean: float
    strap: float
    rattle: float
    foot_mount: Mount
    shank_mount: Mount

    @property
    def geometry(self) -> FootGeometry:
        """Contact points of the foot, from body height and usual proportions."""
        return FootGeometry(heel=0.03 * self.height, ball=0.095 * self.height, height=0.04 * self.height)


def draw_user(seed: int) -> UserProfile:
    """Draw a healthy adult who walks slowly indoors, like the recorded subjects. Same seed, same person."""
    rng = np.random.default_rng([seed, 0x6A17])
    height = float(np.clip(rng.normal(1.72, 0.08), 1.5, 1.95))
    # Levers as in the five walks, estimated by requiring that both sensors give the same acceleration of the ankle.
    foot_lever = (rng.uniform(0.08, 0.105), rng.uniform(-0.025, 0.025), rng.uniform(-0.01, 0.02))
    shank_lever = (rng.uniform(0.035, 0.07), rng.uniform(-0.03, 0.03), rng.uniform(0.10, 0.14))
    return UserProfile(
        height=height,
        stride_time=float(np.clip(rng.normal(1.48, 0.12), 1.2, 1.75)),
        stride_length=height * float(np.clip(rng.normal(0.70, 0.04), 0.55, 0.82)),
        flat=rng.uniform(0.08, 0.12),
        heel_off=rng.uniform(0.32, 0.39),
        toe_off=rng.uniform(0.635, 0.67),
        release=rng.uniform(0.075, 0.09),
        foot_gain=rng.uniform(0.72, 0.88),
        ankle_gain=rng.uniform(0.5, 0.75),
        ankle_offset=math.radians(rng.normal(-0.5, 2.5)),
        ankle_shape=tuple((a, b) for a, b in np.radians(rng.normal(0.0, [[0.8], [0.4], [0.2]], (3, 2)))),
        loading_dip=math.radians(rng.uniform(4.0, 8.0)),
        rocker_power=rng.uniform(2.3, 2.9),
        landing_pitch=math.radians(rng.uniform(12.0, 25.0)),
        landing=(rng.uniform(-0.1, 0.3), rng.uniform(0.05, 0.35)),
        launch=(rng.uniform(1.5, 3.5), rng.uniform(4.5, 7.5)),
        braking=(rng.uniform(7.5, 10.0), rng.uniform(1.5, 5.0)),
        variability=rng.uniform(0.035, 0.07),
        swing_yaw=_three(np.radians(rng.normal([-3.0, -4.0, 0.0], [4.0, 4.0, 2.5]))),
        swing_roll=_three(np.radians(rng.normal([2.0, 8.0, 0.0], [4.0, 4.0, 3.0]))),
        twist=math.radians(rng.normal(0.0, 2.0)),
        lean=math.radians(rng.normal(0.0, 1.5)),
        strap=float(np.exp(rng.normal(0.2, 0.5))),
        rattle=float(np.exp(rng.normal(0.0, 0.7))),
        foot_mount=_mount(rng, FOOT_AXES, (12.5, 4.0), foot_lever),
        shank_mount=_mount(rng, SHANK_AXES, (-4.0, 18.0), shank_lever),
    )


def _mount(
    rng: np.random.Generator,
    axes: tuple[tuple[float, float, float], ...],
    usual: tuple[float, float],
    lever: tuple[float, float, float],
) -> Mount:
    """Draw a mounting around the recordings' usual (roll, pitch) in deg, with a tilt of 5 to 25 deg."""
    tilt = np.radians(rng.normal(usual, 4.0))
    size = float(np.hypot(*tilt))
    roll, pitch = tilt * np.clip(size, math.radians(5.0), math.radians(25.0)) / size
    return Mount(axes, math.radians(rng.normal(0.0, 6.0)), float(roll), float(pitch), lever)


def _three(values: FloatArray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
