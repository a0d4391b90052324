"""A simulated person and where the two sensors sit on the leg; drawn from a seed."""

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
    """How a sensor sits on its segment.

    Attributes:
        axes: the sensor's x, y, z axes in the segment's frame, untilted.
        yaw: misalignment about the segment's vertical in rad.
        roll: tilt about its forward axis in rad.
        pitch: tilt about its left axis in rad.
        lever: place in the segment's frame from the ankle in m.
    """

    axes: tuple[tuple[float, float, float], ...]
    yaw: float
    roll: float
    pitch: float
    lever: tuple[float, float, float]

    @property
    def matrix(self) -> FloatArray:
        """(3, 3) that turns a vector in the segment's frame into the sensor's."""
        tilt = rotation(np.array([self.yaw]), np.array([self.roll]), np.array([self.pitch]))[0]
        matrix: FloatArray = np.array(self.axes) @ tilt.T
        return matrix


@dataclass(frozen=True)
class UserProfile:
    """One person's leg, gait and sensor mounting.

    Attributes:
        height: body height in m.
        stride_time: own stride time in s.
        stride_length: own stride length in m.
        flat: share of the stride at which the foot has come to rest.
        heel_off: share at which the heel leaves the ground.
        toe_off: share at which the foot points down most steeply.
        release: share by which the ball has left the ground before that.
        foot_gain: size of the foot's pitch against the normative curve.
        ankle_gain: size of the ankle's angle against it.
        ankle_offset: what walking adds to the ankle's angle in rad.
        ankle_shape: (cosine, sine) in rad of what is added at the 2nd, 3rd, 4th harmonic of the stride.
        loading_dip: how far the ankle gives way as the foot comes down, in rad.
        rocker_power: how late the heel rises, as the exponent of the foot's pitch between heel off and toe off.
        landing_pitch: how far the toes point up as the heel meets the ground, in rad.
        landing: forward and downward speed of the ankle as the heel meets the ground, m/s.
        launch: forward and upward acceleration as the ball leaves the ground, in stride lengths and in m, per time in
            the air squared.
        braking: forward deceleration and downward acceleration just before landing, likewise.
        variability: standard deviation of a stride's time and size against the last ones, relative.
        swing_yaw: amplitudes in rad of the leg's yaw while off the ground, first three half waves.
        swing_roll: the same for its roll.
        twist: half range in rad of the shank's yaw against the flat foot.
        lean: half range in rad of the shank's roll against the flat foot.
        strap: how far an impact shakes a sensor in its strap, relative.
        rattle: how far walking shakes it all the time, relative.
        foot_mount: the foot's sensor.
        shank_mount: the shank's sensor.
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
        """The foot's contacts, from body height by usual proportions."""
        return FootGeometry(heel=0.03 * self.height, ball=0.095 * self.height, height=0.04 * self.height)


def draw_user(seed: int) -> UserProfile:
    """Draw a healthy adult who walks slowly indoors, as the recorded subjects do; the same seed is the same person."""
    rng = np.random.default_rng([seed, 0x6A17])
    height = float(np.clip(rng.normal(1.72, 0.08), 1.5, 1.95))
    # Levers as the five walks show them, by the condition that both sensors give the ankle one acceleration.
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
    """Scatter a mounting about the recordings' usual (roll, pitch) in deg; its tilt stays within 5 to 25 deg."""
    tilt = np.radians(rng.normal(usual, 4.0))
    size = float(np.hypot(*tilt))
    roll, pitch = tilt * np.clip(size, math.radians(5.0), math.radians(25.0)) / size
    return Mount(axes, math.radians(rng.normal(0.0, 6.0)), float(roll), float(pitch), lever)


def _three(values: FloatArray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
