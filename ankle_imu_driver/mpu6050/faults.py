"""Which samples are not samples: what a burst that arrived without an error can still be."""

from __future__ import annotations

import math

from ankle_imu_driver.mpu6050.device import Raw
from ankle_imu_driver.mpu6050.errors import Fault

RAILS = (-32768, 32767)
MOTION = (0, 1, 2, 4, 5, 6)  # indices in Raw without the temperature
AXIS_NAMES = {0: "accel x", 1: "accel y", 2: "accel z", 4: "gyro x", 5: "gyro y", 6: "gyro z"}

_FALSE_ALARM = 1e-10  # chance that a healthy axis repeats itself for as long as is taken for stuck
_QUIETER = 2.0  # a good chip may have half the data sheet's noise
_MIN_NOISE = 0.4  # LSB; an axis with less may stand still for long and is not judged
_FULL_BANDWIDTH = 40.0  # Hz; below, neighbouring samples at 100 Hz are no longer independent
_MOVING = 30.0  # noises by which another gyro axis has changed: the leg turns, and no axis stands still meanwhile
_REPEAT_MOVING = 0.02  # chance of a repeat then; in the five recorded walks, at a coarser resolution, at most 0.0097
_PROOF = 5  # changes after which an axis that was stuck is believed again


class SampleGuard:
    """Refuses bursts that are no measurement, sample by sample.

    An axis that is alive has noise, so that a run of equal values has a chance that falls off with its length: at rest
    1 / (2 sqrt(pi) sigma) a step for a rounded Gaussian of sigma LSB, in motion less. All six at once never repeat.
    What was seen is kept over a reset of the chip, so that a broken axis stays refused until it moves; that a reset
    changes what a broken axis is held at is no sign of life: a run of equal values goes on over it.

    Args:
        noise: expected noise of an accelerometer and a gyro axis, LSB (rms).
        bandwidth: of the low-pass, Hz.

    Attributes:
        stuck_axes: names of the axes that do not move.
    """

    def __init__(self, noise: tuple[float, float], bandwidth: float) -> None:
        self.stuck_axes: frozenset[str] = frozenset()
        self._noise = noise
        accel, gyro = (_evidence(n / _QUIETER, bandwidth) for n in noise)
        moving = max(gyro, -math.log(_REPEAT_MOVING) * min(1.0, bandwidth / _FULL_BANDWIDTH)) if gyro else 0.0
        # An accelerometer that was recorded clipping stands still amid motion, which therefore says nothing there.
        self._evidence = ((accel, accel), (gyro, moving))
        self._last: Raw | None = None
        self._after_reset = False
        self._score = dict.fromkeys(MOTION, 0.0)
        self._proof = dict.fromkeys(MOTION, 0)

    def resume(self) -> None:
        """Say that the chip was reset or set anew since the last burst."""
        self._after_reset = True

    def check(self, raw: Raw) -> Fault | None:
        """Return what is wrong with the next burst, or None."""
        # Neither is remembered: a bus that gives nothing says nothing about the chip's axes.
        if not any(raw):
            return Fault.ALL_ZERO
        if all(value == -1 for value in raw):
            return Fault.ALL_ONES
        last, self._last = self._last, raw
        after_reset, self._after_reset = self._after_reset, False
        if last is None:
            return None
        for kind, axes in enumerate((MOTION[:3], MOTION[3:])):
            change = [abs(raw[axis] - last[axis]) for axis in axes]
            for axis, own in zip(axes, change, strict=True):
                if raw[axis] in RAILS or (own and not after_reset):
                    self._clear(axis)
                elif not own or self._score[axis]:
                    moving = not after_reset and max(change) > _MOVING * self._noise[kind]
                    self._score[axis] += self._evidence[kind][moving]
                    if self._score[axis] >= -math.log(_FALSE_ALARM):
                        self._proof[axis] = _PROOF
        self.stuck_axes = frozenset(AXIS_NAMES[axis] for axis, needed in self._proof.items() if needed)
        if all(raw[axis] == last[axis] for axis in MOTION):
            return Fault.REPEATED
        return Fault.STUCK if self.stuck_axes else None

    def _clear(self, axis: int) -> None:
        self._score[axis] = 0.0
        self._proof[axis] = max(0, self._proof[axis] - 1)


def is_saturated(raw: Raw) -> bool:
    """Whether an axis is at the end of its range."""
    return any(raw[axis] in RAILS for axis in MOTION)


def _evidence(noise: float, bandwidth: float) -> float:
    """What one repeat says against an axis at rest, as -log of its chance."""
    if noise < _MIN_NOISE / _QUIETER:
        return 0.0
    return -math.log(min(1.0 / (2.0 * math.sqrt(math.pi) * noise), 0.9)) * min(1.0, bandwidth / _FULL_BANDWIDTH)
