"""A model of the MPU6050 with its errors, and of the logger's stamps.

Source: InvenSense PS-MPU-6000A rev. 3.4, sections 6.1 and 6.2, and RM-MPU-6000A, register 26.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.signal import butter, lfilter

from ankle_imu_driver.arrays import FloatArray, IntArray
from ankle_imu_driver.refusal import Refusal

STANDARD_GRAVITY = 9.80665
ACCEL_RANGES_G = (2, 4, 8, 16)
GYRO_RANGES_DPS = (250, 500, 1000, 2000)
# DLPF_CFG 0..6: bandwidth in Hz of the accelerometer and of the gyro.
BANDWIDTHS = ((260, 256), (184, 188), (94, 98), (44, 42), (21, 20), (10, 10), (5, 5))
ACCEL_NOISE = 400e-6 * STANDARD_GRAVITY  # m/s^2/sqrt(Hz)
GYRO_NOISE = math.radians(0.005)  # rad/s/sqrt(Hz)
GYRO_PER_G = math.radians(0.1) / STANDARD_GRAVITY  # rad/s per m/s^2
GYRO_DRIFT_PER_K = math.radians(20.0 / 62.5)  # rad/s/K: +-20 deg/s over -40..85 degC about 25 degC
ACCEL_DRIFT_PER_K = 0.035 * STANDARD_GRAVITY / 35.0  # m/s^2/K: +-35 mg over 0..70 degC


@dataclass(frozen=True)
class SensorModel:
    """Settings and quality of both chips.

    Attributes:
        accel_range: +-2, 4, 8 or 16 g; the recordings have 2.
        gyro_range: +-250, 500, 1000 or 2000 deg/s; the recordings have 500.
        dlpf: DLPF_CFG, 0 (260 Hz) to 6 (5 Hz).
        quality: 1 for errors whose three standard deviations are the datasheet's limits, none beyond; 0 for no errors.
        noise: 1 for the datasheet's noise density, 0 for no noise.
        warming: warming of a chip after power-on in K, with a time constant of 60 s.
    """

    accel_range: int = 2
    gyro_range: int = 500
    dlpf: int = 0
    quality: float = 1.0
    noise: float = 1.0
    warming: float = 3.0

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            Refusal: the chip does not have a setting; the message says which.
        """
        for name, value, allowed in (
            ("accel_range", self.accel_range, ACCEL_RANGES_G),
            ("gyro_range", self.gyro_range, GYRO_RANGES_DPS),
            ("dlpf", self.dlpf, tuple(range(len(BANDWIDTHS)))),
        ):
            if value not in allowed:
                raise Refusal(f"{name} must be one of {allowed}, not {value}")

    @property
    def accel_count(self) -> float:
        """Size of one count of the accelerometer in m/s^2."""
        return self.accel_range * STANDARD_GRAVITY / 32768

    @property
    def gyro_count(self) -> float:
        """Size of one count of the gyro in rad/s, by its rounded sensitivity (65.5 counts per deg/s at +-500)."""
        return math.radians(self.gyro_range / 250 / 131)


@dataclass
class Chip:
    """One chip. Its errors are drawn once; the state of its low-pass continues from block to block.

    Attributes:
        model: settings and quality.
        rng: random generator for the errors and the noise.
    """

    model: SensorModel
    rng: np.random.Generator
    _accel_state: FloatArray = field(init=False)
    _gyro_state: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        milli_g = STANDARD_GRAVITY / 1000
        accel_offset = np.array([50.0, 50.0, 80.0]) * milli_g
        self.accel_matrix = np.eye(3) + self._error(np.full((3, 3), 0.02)) * (1 - np.eye(3))
        self.gyro_matrix = np.eye(3) + self._error(np.full((3, 3), 0.02)) * (1 - np.eye(3))
        self.accel_matrix += np.diag(self._error(np.full(3, 0.03)))
        self.gyro_matrix += np.diag(self._error(np.full(3, 0.03)))
        self.accel_offset = self._error(accel_offset)
        self.gyro_offset = self._error(np.full(3, math.radians(20.0)))
        self.accel_drift = self._error(np.full(3, ACCEL_DRIFT_PER_K))
        self.gyro_drift = self._error(np.full(3, GYRO_DRIFT_PER_K))
        self.gyro_per_force = self._error(np.full(3, GYRO_PER_G))
        self._filters: list[tuple[FloatArray, FloatArray]] | None = None

    def _error(self, limit: FloatArray) -> FloatArray:
        """Draw errors whose three standard deviations are the limits of the datasheet, none beyond these."""
        return self.model.quality / 3 * np.clip(self.rng.normal(0.0, limit), -3 * limit, 3 * limit)

    def filtered(self, force: FloatArray, rate: FloatArray, sample_rate: float) -> tuple[FloatArray, FloatArray]:
        """Filter a block with the chip's low-pass; the result does not depend on how a signal is cut into blocks.

        The datasheet gives only bandwidths; a filter of first order is assumed.

        Args:
            force: (N, 3) specific force in m/s^2, sensor frame.
            rate: (N, 3) angular rate in rad/s, sensor frame.
            sample_rate: sample rate of both in Hz, more than twice the bandwidth.

        Returns:
            Specific force and angular rate after the filter, as in the arguments.
        """
        bands = BANDWIDTHS[self.model.dlpf]
        if self._filters is None:
            self._filters = [butter(1, 2 * band / sample_rate) for band in bands]
            # The initial state is that of a constant input equal to the first sample, to avoid a transient.
            self._accel_state, self._gyro_state = (
                (1 - b[0]) * block[:1] for (b, _), block in zip(self._filters, (force, rate), strict=True)
            )
        (b, a), (d, c) = self._filters
        force, self._accel_state = lfilter(b, a, force, axis=0, zi=self._accel_state)
        rate, self._gyro_state = lfilter(d, c, rate, axis=0, zi=self._gyro_state)
        return force, rate

    def measured(self, stamp: FloatArray, force: FloatArray, rate: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Add the chip's errors and noise at the sampling instants, then round to counts and clip.

        Args:
            stamp: (N,) time since power-on in s.
            force: (N, 3) filtered specific force in m/s^2.
            rate: (N, 3) filtered angular rate in rad/s.

        Returns:
            The readings (N, 3) in m/s^2 and (N, 3) in rad/s.
        """
        model = self.model
        warm = model.warming * (1 - np.exp(-stamp / 60.0))[:, None]
        # The noise bandwidth of a first-order low-pass is pi/2 times its bandwidth.
        accel_sigma, gyro_sigma = (
            model.noise * density * math.sqrt(band * math.pi / 2)
            for density, band in zip((ACCEL_NOISE, GYRO_NOISE), BANDWIDTHS[model.dlpf], strict=True)
        )
        noise = self.rng.normal(0.0, 1.0, (len(stamp), 6))
        accel = force @ self.accel_matrix.T + self.accel_offset + warm * self.accel_drift + accel_sigma * noise[:, :3]
        gyro = rate @ self.gyro_matrix.T + self.gyro_offset + warm * self.gyro_drift + gyro_sigma * noise[:, 3:]
        gyro += force * self.gyro_per_force
        return quantised(accel, model.accel_count), quantised(gyro, model.gyro_count)


def quantised(values: FloatArray, count: float) -> FloatArray:
    """Round to whole counts of a 16-bit converter and clip at its ends."""
    counts: FloatArray = np.clip(np.rint(values / count), -32768, 32767)
    return counts * count


@dataclass
class StampSource:
    """Stamps in whole ms as in the recordings: 10 ms apart, with jitter up to 13 ms.

    Every 2.08 s there is a gap, when the logger writes to its card. The distribution is the pooled histogram of the
    five walks: 73 to 95 gaps over 20 ms in 180 s, up to 53 ms.

    Attributes:
        rng: random generator for the jitter.
    """

    rng: np.random.Generator
    _next: int = field(init=False, default=0)
    _gap: int = field(init=False, default=2080)

    def begin_at(self, start: int) -> None:
        """Leave out all stamps before ``start``, in ms; the gaps stay 2.08 s apart."""
        self._next = max(self._next, start)
        self._gap += max(0, -((self._gap - self._next) // 2080)) * 2080

    def until(self, end: int) -> IntArray:
        """Return the next stamps below ``end``, in ms from the start; may be empty."""
        usual = self.rng.choice([9, 10, 11, 12, 13], p=[0.134, 0.624, 0.142, 0.09, 0.01], size=max(end - self._next, 0))
        stamps = []
        for step in usual:
            if self._next >= end:
                break
            stamps.append(self._next)
            self._next += int(step)
            if self._next >= self._gap:
                write = (21, 22) if self.rng.random() < 0.93 else (25, 54)
                self._next += int(self.rng.integers(*write, endpoint=True)) - int(step)
                self._gap += 2080
        return np.array(stamps, dtype=np.int64)
