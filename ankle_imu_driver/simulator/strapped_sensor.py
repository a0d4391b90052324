"""One sensor on a moving leg: its mounting, the strap that shakes it, its chip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from ankle_imu_driver.arrays import FloatArray, IntArray
from ankle_imu_driver.simulator.gait_scenario import Label
from ankle_imu_driver.simulator.leg_kinematics import rigid_body_imu
from ankle_imu_driver.simulator.leg_motion import RATE
from ankle_imu_driver.simulator.segment_motion import SegmentMotion
from ankle_imu_driver.simulator.sensor_model import Chip
from ankle_imu_driver.simulator.user_profile import Mount

# What an impact, and walking in every ms, kick a sensor by (m/s^2, then rad/s): fitted by eye to the walks' scatter
# from sample to sample while the foot rests, and to their clipped share.
KICK = np.array([4.0, 4.0, 4.0, 0.3, 0.3, 0.15])
RATTLE = np.array([0.005, 0.005, 0.008, 0.0005, 0.001, 0.0005])


@dataclass
class StrappedSensor:
    """A chip in its strap; its state carries on from block to block.

    Attributes:
        mount: how it sits on the segment.
        chip: what reads the motion.
        strap: how far an impact shakes it, relative.
        rattle: how far walking shakes it, relative.
        rng: where the shaking comes from.
    """

    mount: Mount
    chip: Chip
    strap: float
    rattle: float
    rng: np.random.Generator

    def __post_init__(self) -> None:
        # It rings at some 25 Hz and is quiet again after 30 ms.
        pole = np.exp((-1 / 0.012 + 2j * np.pi * self.rng.uniform(18.0, 30.0)) / RATE)
        self._ring = np.array([1.0, -2 * pole.real, abs(pole) ** 2])
        self._state = np.zeros((2, 6))

    def perfect(self, ankle: FloatArray, angles: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Specific force in m/s^2 and angular rate in rad/s, (N, 3) each, of a sensor without any error or strap.

        Args:
            ankle: (N + 2, 3) world position of the ankle in m.
            angles: (N + 2, 3) yaw, roll, pitch of the segment in rad.
        """
        force, rate = rigid_body_imu(ankle, angles, np.array(self.mount.lever), 1 / RATE)
        return force @ self.mount.matrix.T, rate @ self.mount.matrix.T

    def read(
        self, perfect: tuple[FloatArray, FloatArray], motion: SegmentMotion, at: IntArray, start: int
    ) -> tuple[FloatArray, FloatArray]:
        """The chip's readings of a block at the indices ``at``; the block begins at sample ``start`` of the walk."""
        shaken = self._shaken(motion)
        force, rate = self.chip.filtered(perfect[0] + shaken[:, :3], perfect[1] + shaken[:, 3:], RATE)
        return self.chip.measured((start + at) / RATE, force[at], rate[at])

    def _shaken(self, motion: SegmentMotion) -> FloatArray:
        """What the strap adds: impacts ring on in a random direction, and walking rattles all the time."""
        walking = motion.label >= Label.WALK
        kick = self.rattle * RATTLE * self.rng.normal(0.0, 1.0, (len(walking), 6)) * walking[:, None]
        hits = np.flatnonzero(motion.impact)
        kick[hits] += self.strap * motion.impact[hits, None] * self.rng.normal(0.0, 1.0, (len(hits), 6)) * KICK
        ringing, self._state = lfilter([1.0], self._ring, kick, axis=0, zi=self._state)
        shaken: FloatArray = ringing
        return shaken
