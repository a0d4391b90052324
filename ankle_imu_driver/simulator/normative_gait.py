"""Hip, knee and ankle angles over one stride, from published normative data.

The level curves are approximately digitised from Winter, "The Biomechanics and Motor Control of Human Gait", 2nd ed.
(1991), natural cadence; the stair curves from Riener, Rabuffetti and Frigo, "Stair ascent and descent at different
inclinations", Gait & Posture 15 (2002), normal inclination. They may differ from these sources by some degrees. They
give the shape of a healthy stride, which the simulator scales, warps and varies for each user and stride. Do not use
them as reference data.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.interpolate import CubicSpline

from ankle_imu_driver.arrays import FloatArray


@dataclass(frozen=True)
class GaitPattern:
    """Sagittal joint angles over one stride from initial contact (0) to the next (1), in deg every 5 %.

    Attributes:
        hip: hip angle, flexion positive.
        knee: knee angle, flexion positive.
        ankle: ankle angle, dorsiflexion positive.
        flat: share of the stride at which the whole foot has come to rest on the ground.
        heel_off: share of the stride at which the heel leaves the ground.
        toe_off: share of the stride at which the toes leave the ground; there the toes point down most steeply.
    """

    hip: tuple[float, ...]
    knee: tuple[float, ...]
    ankle: tuple[float, ...]
    flat: float
    heel_off: float
    toe_off: float

    def ankle_angle(self, phase: FloatArray) -> FloatArray:
        """Return the ankle angle in rad, dorsiflexion positive, at each share of the stride."""
        angle: FloatArray = self._ankle(phase)
        return angle

    def foot_pitch(self, phase: FloatArray) -> FloatArray:
        """Return the pitch of the foot in rad, toes down positive, at each share of the stride.

        The pelvis is assumed to be level: shank = knee - hip, foot = shank - ankle.
        """
        pitch: FloatArray = self._foot(phase)
        return pitch

    def shank_pitch(self, phase: FloatArray) -> FloatArray:
        """Return the pitch of the shank in rad, leaning forward positive, at each share of the stride."""
        pitch: FloatArray = self._shank(phase)
        return pitch

    @cached_property
    def _shank(self) -> CubicSpline:
        return _periodic(np.array(self.knee) - np.array(self.hip))

    @cached_property
    def _ankle(self) -> CubicSpline:
        return _periodic(np.array(self.ankle))

    @cached_property
    def _foot(self) -> CubicSpline:
        return _periodic(np.array(self.knee) - np.array(self.hip) - np.array(self.ankle))


def _periodic(degrees: FloatArray) -> CubicSpline:
    phase = np.linspace(0.0, 1.0, len(degrees) + 1)
    return CubicSpline(phase, np.radians(np.append(degrees, degrees[0])), bc_type="periodic")


# fmt: off
LEVEL = GaitPattern(
    hip=(19.5, 18.5, 17.0, 14.0, 10.2, 6.3, 2.5, -1.0, -4.4, -7.6, -10.2, -11.3, -8.3, -1.0, 6.5, 13.0, 18.0, 21.0,
         21.8, 20.8),
    knee=(4.0, 11.0, 17.5, 20.3, 18.7, 15.5, 12.0, 9.3, 7.6, 7.7, 11.2, 21.0, 37.0, 54.0, 63.5, 63.0, 51.5, 33.0,
          14.0, 2.0),
    ankle=(0.0, -4.3, -3.5, 0.2, 2.8, 4.5, 5.8, 7.2, 8.6, 9.6, 6.5, -5.0, -16.0, -19.3, -11.5, -4.0, -0.8, -0.3, 0.5,
           1.5),
    flat=0.07, heel_off=0.40, toe_off=0.65,
)
STAIRS_UP = GaitPattern(
    hip=(58.0, 56.0, 52.0, 46.0, 40.0, 34.0, 28.0, 22.0, 16.0, 11.0, 7.0, 5.0, 8.0, 18.0, 34.0, 50.0, 61.0, 65.0,
         64.0, 61.0),
    knee=(66.0, 68.0, 67.0, 62.0, 55.0, 47.0, 39.0, 31.0, 24.0, 18.0, 14.0, 16.0, 28.0, 50.0, 74.0, 88.0, 92.0, 86.0,
          77.0, 69.0),
    ankle=(12.0, 15.0, 17.0, 16.0, 14.0, 12.0, 10.0, 8.0, 7.0, 6.0, 2.0, -6.0, -14.0, -16.0, -6.0, 6.0, 13.0, 15.0,
           14.0, 12.0),
    flat=0.07, heel_off=0.45, toe_off=0.66,
)
STAIRS_DOWN = GaitPattern(
    hip=(14.0, 14.0, 14.0, 13.0, 12.0, 11.0, 11.0, 11.0, 12.0, 13.0, 16.0, 21.0, 28.0, 36.0, 41.0, 40.0, 34.0, 26.0,
         18.0, 14.0),
    knee=(8.0, 13.0, 18.0, 20.0, 21.0, 23.0, 26.0, 31.0, 38.0, 47.0, 58.0, 70.0, 82.0, 89.0, 86.0, 72.0, 50.0, 28.0,
          12.0, 6.0),
    ankle=(-20.0, -10.0, 2.0, 9.0, 12.0, 14.0, 16.0, 19.0, 23.0, 27.0, 30.0, 29.0, 22.0, 9.0, -4.0, -13.0, -18.0,
           -21.0, -23.0, -22.0),
    flat=0.12, heel_off=0.42, toe_off=0.66,
)
# fmt: on
