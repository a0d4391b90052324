"""The raw samples of a walk, as every source (hardware, recording, simulator) hands them on.

Frames are the sensors' own. An accelerometer value is specific force, so gravity is included: at rest it points up
with 9.81 m/s^2 (REP-145, ``imu/data_raw``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.calibration import Calibration
from ankle_imu_driver.refusal import Refusal


class RecordingError(Refusal):
    """A recording that cannot be used; the message is one sentence that says why and what to do."""


@dataclass(frozen=True, eq=False)
class ImuSamples:
    """One sensor's samples, strictly increasing in time.

    Attributes:
        stamp: (N,) time of each sample in s, on any one clock.
        accel: (N, 3) specific force in m/s^2, sensor frame.
        gyro: (N, 3) angular rate in rad/s, sensor frame.
    """

    stamp: FloatArray
    accel: FloatArray
    gyro: FloatArray

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together.

        Raises:
            ValueError: shapes differ, or a stamp does not lie after the one before it.
        """
        n = len(self.stamp)
        if self.accel.shape != (n, 3) or self.gyro.shape != (n, 3):
            raise ValueError(
                f"{n} stamps need accel and gyro of shape ({n}, 3), not {self.accel.shape} and {self.gyro.shape}"
            )
        _refuse_unordered(self.stamp)

    def __len__(self) -> int:
        return len(self.stamp)


@dataclass(frozen=True, eq=False)
class EncoderSamples:
    """The ankle encoder's samples, strictly increasing in time.

    Attributes:
        stamp: (N,) time of each sample in s, on the clock of the IMU samples.
        angle: (N,) ankle angle in rad, dorsiflexion positive, zero at standing.
    """

    stamp: FloatArray
    angle: FloatArray

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together.

        Raises:
            ValueError: shapes differ, or a stamp does not lie after the one before it.
        """
        if self.angle.shape != self.stamp.shape:
            raise ValueError(f"{self.stamp.shape} stamps need as many angles, not {self.angle.shape}")
        _refuse_unordered(self.stamp)

    def __len__(self) -> int:
        return len(self.stamp)


@dataclass(frozen=True, eq=False)
class Recording:
    """A walk: two sensors, perhaps an encoder, perhaps a calibration.

    Attributes:
        name: the file's stem, by which reports call it.
        shank: the shank sensor.
        foot: the foot sensor.
        encoder: the ankle encoder, None where there is none.
        calibration: what standing still before (or in) the recording gave, None if nothing did.
        notes: what the reader found out, repaired or assumed, a sentence each.
    """

    name: str
    shank: ImuSamples
    foot: ImuSamples
    encoder: EncoderSamples | None
    calibration: Calibration | None
    notes: tuple[str, ...] = ()

    @property
    def start(self) -> float:
        """Time of the first sample of either sensor in s."""
        return float(min(self.shank.stamp[0], self.foot.stamp[0]))

    @property
    def end(self) -> float:
        """Time of the last sample of either sensor in s."""
        return float(max(self.shank.stamp[-1], self.foot.stamp[-1]))


def _refuse_unordered(stamp: FloatArray) -> None:
    step = np.diff(stamp)
    if np.any(step <= 0):
        k = int(np.argmax(step <= 0)) + 1
        raise ValueError(f"stamp {k} ({stamp[k]:.6f} s) does not lie after the one before it ({stamp[k - 1]:.6f} s)")
