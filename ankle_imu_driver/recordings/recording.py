"""The raw samples of a walk, in the form that every reader and the simulator return.

All values are in the sensors' own frames. An accelerometer measures specific force, which includes gravity: at rest it
points up with 9.81 m/s^2 (REP-145, ``imu/data_raw``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.calibration import Calibration
from ankle_imu_driver.refusal import Refusal


class RecordingError(Refusal):
    """A recording cannot be used; the message is one sentence that says why and what to do."""


@dataclass(frozen=True, eq=False)
class ImuSamples:
    """One sensor's samples, strictly increasing in time.

    Attributes:
        stamp: (N,) time of each sample in s, all on one clock.
        accel: (N, 3) specific force in m/s^2, sensor frame.
        gyro: (N, 3) angular rate in rad/s, sensor frame.
    """

    stamp: FloatArray
    accel: FloatArray
    gyro: FloatArray

    def __post_init__(self) -> None:
        """Check the arrays.

        Raises:
            ValueError: the shapes do not fit, or a stamp is not later than the previous one.
        """
        n = len(self.stamp)
        if self.accel.shape != (n, 3) or self.gyro.shape != (n, 3):
            raise ValueError(
                f"{n} stamps need accel and gyro of shape ({n}, 3), not {self.accel.shape} and {self.gyro.shape}"
            )
        _check_order(self.stamp)

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
        """Check the arrays.

        Raises:
            ValueError: the shapes differ, or a stamp is not later than the previous one.
        """
        if self.angle.shape != self.stamp.shape:
            raise ValueError(f"stamps of shape {self.stamp.shape} need as many angles, not {self.angle.shape}")
        _check_order(self.stamp)

    def __len__(self) -> int:
        return len(self.stamp)


@dataclass(frozen=True, eq=False)
class Recording:
    """A walk: two sensors, and optionally an encoder and a calibration.

    Attributes:
        name: the file's stem; reports use it as the walk's name.
        shank: samples of the shank sensor.
        foot: samples of the foot sensor.
        encoder: samples of the ankle encoder; None if there is no encoder.
        calibration: standing calibration from before or within the recording; None if there is none.
        notes: what the reader found, repaired or assumed, one sentence each.
        period: time in s after which it begins anew when it is repeated, so that another leg that was recorded together
            with it does so at the same moment; None: a sample period after its end.
    """

    name: str
    shank: ImuSamples
    foot: ImuSamples
    encoder: EncoderSamples | None
    calibration: Calibration | None
    notes: tuple[str, ...] = ()
    period: float | None = None

    @property
    def start(self) -> float:
        """Time of the first sample of either sensor in s."""
        return float(min(self.shank.stamp[0], self.foot.stamp[0]))

    @property
    def end(self) -> float:
        """Time of the last sample of either sensor in s."""
        return float(max(self.shank.stamp[-1], self.foot.stamp[-1]))


def _check_order(stamp: FloatArray) -> None:
    step = np.diff(stamp)
    if np.any(step <= 0):
        k = int(np.argmax(step <= 0)) + 1
        raise ValueError(f"stamp {k} ({stamp[k]:.6f} s) is not later than the previous one ({stamp[k - 1]:.6f} s)")
