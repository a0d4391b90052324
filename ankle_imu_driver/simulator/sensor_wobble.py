"""The motion of a strapped sensor relative to the bone: soft tissue that follows the gait, and a strap that swings.

A shank sensor moves by several degrees and about a centimetre against the bone in walking, partly in step with the
joints and partly in answer to impacts (Leardini et al. 2005, Gait & Posture 21:212-225; Peters et al. 2010, Gait &
Posture 31:1-8). The encoder does not see that motion, the sensor does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from ankle_imu_driver.arrays import FloatArray


@dataclass(frozen=True)
class Wobble:
    """How one sensor moves on its segment.

    Attributes:
        by_ankle: (3,) turn of the sensor about the segment's x, y, z per turn of the ankle (yaw, roll, pitch order).
        by_pitch: (3,) the same per pitch of the segment.
        frequency: natural frequency of sensor and soft tissue in Hz.
        damping: its damping ratio.
        tilt: (3,) turn in rad per m of deflection, yaw, roll, pitch.
    """

    by_ankle: FloatArray
    by_pitch: FloatArray
    frequency: float
    damping: float
    tilt: FloatArray


def draw_wobble(rng: np.random.Generator, size: float) -> Wobble:
    """Draw the wobble of one sensor; ``size`` 1 is a usual shank, 0.3 a foot, 0 a sensor screwed to the bone."""
    return Wobble(
        by_ankle=size * rng.normal(0.0, [0.05, 0.03, 0.035]),
        by_pitch=size * rng.normal(0.0, [0.04, 0.03, 0.02]),
        frequency=float(rng.uniform(7.0, 16.0)),
        damping=float(rng.uniform(0.15, 0.6)),
        tilt=size * rng.normal(0.0, [1.5, 1.5, 1.5]),
    )


def wobbling(wobble: Wobble, origin: FloatArray, angles: FloatArray, ankle: FloatArray, rate: float) -> FloatArray:
    """Return the orientation of the sensor's base.

    Args:
        wobble: how the sensor moves.
        origin: (N, 3) world position of the sensor in m; its forward acceleration makes the strap swing.
        angles: (N, 3) yaw, roll, pitch of the segment in rad.
        ankle: (N,) ankle angle in rad.
        rate: samples per s.

    Returns:
        (N, 3) yaw, roll, pitch in rad, at rest those of the segment.
    """
    turned = angles + np.outer(ankle, wobble.by_ankle) + np.outer(angles[:, 2], wobble.by_pitch)
    acceleration = np.gradient(np.gradient(origin[:, 0], 1 / rate), 1 / rate)
    turned += np.outer(_deflection(wobble, acceleration, rate), wobble.tilt)
    return turned


def _deflection(wobble: Wobble, acceleration: FloatArray, rate: float) -> FloatArray:
    """Return the deflection (N,) in m of a mass on a damped spring whose base accelerates."""
    pulsation = 2 * np.pi * wobble.frequency
    pole = np.exp((-wobble.damping + 1j * np.sqrt(1 - min(wobble.damping, 0.999) ** 2)) * pulsation / rate)
    gain = abs(1 - pole) ** 2 / pulsation**2
    deflection: FloatArray = lfilter([gain], [1.0, -2 * pole.real, abs(pole) ** 2], -acceleration)
    return deflection
