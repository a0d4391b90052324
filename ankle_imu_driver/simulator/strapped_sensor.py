"""One sensor on a moving leg: its mounting, the vibration in its strap, and its chip."""

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

# Vibration caused by an impact (KICK) and by each ms of walking (RATTLE), in m/s^2 and rad/s. Fitted by eye to the
# walks' sample-to-sample scatter while the foot rests, and to their share of clipped samples.
KICK = np.array([4.0, 4.0, 4.0, 0.3, 0.3, 0.15])
RATTLE = np.array([0.005, 0.005, 0.008, 0.0005, 0.001, 0.0005])


@dataclass
class StrappedSensor:
    """A chip in its strap. Its state continues from block to block.

    Attributes:
        mount: mounting on the segment.
        chip: model of the chip.
        strap: factor on the vibration caused by impacts.
        rattle: factor on the vibration caused by walking.
        rng: random generator for the vibration.
    """

    mount: Mount
    chip: Chip
    strap: float
    rattle: float
    rng: np.random.Generator

    def __post_init__(self) -> None:
        # The strap vibrates at about 25 Hz; the vibration decays within 30 ms.
        pole = np.exp((-1 / 0.012 + 2j * np.pi * self.rng.uniform(18.0, 30.0)) / RATE)
        self._ring = np.array([1.0, -2 * pole.real, abs(pole) ** 2])
        self._state = np.zeros((2, 6))

    def perfect(self, ankle: FloatArray, angles: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the readings of an ideal, rigidly mounted sensor: m/s^2 and rad/s, (N, 3) each, sensor frame.

        Args:
            ankle: (N + 2, 3) world position of the ankle in m.
            angles: (N + 2, 3) yaw, roll, pitch of the segment in rad.
        """
        force, rate = rigid_body_imu(ankle, angles, np.array(self.mount.lever), 1 / RATE)
        return force @ self.mount.matrix.T, rate @ self.mount.matrix.T

    def read(
        self, perfect: tuple[FloatArray, FloatArray], motion: SegmentMotion, at: IntArray, start: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return the chip's readings of a block, as ``perfect`` does.

        Args:
            perfect: readings of the ideal sensor for the block.
            motion: the block's motion, for its impacts.
            at: (M,) indices of the samples in the block.
            start: index of the block's first sample in the walk.
        """
        vibration = self._vibration(motion)
        force, rate = self.chip.filtered(perfect[0] + vibration[:, :3], perfect[1] + vibration[:, 3:], RATE)
        return self.chip.measured((start + at) / RATE, force[at], rate[at])

    def _vibration(self, motion: SegmentMotion) -> FloatArray:
        """Return the strap's vibration (N, 6), caused by impacts in random directions and by walking."""
        walking = motion.label >= Label.WALK
        kick = self.rattle * RATTLE * self.rng.normal(0.0, 1.0, (len(walking), 6)) * walking[:, None]
        hits = np.flatnonzero(motion.impact)
        kick[hits] += self.strap * motion.impact[hits, None] * self.rng.normal(0.0, 1.0, (len(hits), 6)) * KICK
        filtered, self._state = lfilter([1.0], self._ring, kick, axis=0, zi=self._state)
        vibration: FloatArray = filtered
        return vibration
