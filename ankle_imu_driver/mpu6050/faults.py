"""Detects bursts that arrived without a bus error but are not measurements."""

from __future__ import annotations

import math

from ankle_imu_driver.mpu6050.device import Raw
from ankle_imu_driver.mpu6050.errors import Fault

ADC_LIMITS = (-32768, 32767)
MOTION = (0, 1, 2, 4, 5, 6)  # indices in Raw without the temperature
AXIS_NAMES = {0: "accel x", 1: "accel y", 2: "accel z", 4: "gyro x", 5: "gyro y", 6: "gyro z"}

_FALSE_ALARM = 1e-10  # probability that a healthy axis is taken for stuck
_QUIETER = 2.0  # a good chip may have half the data sheet's noise
_MIN_NOISE = 0.4  # LSB; an axis with less noise may repeat its value for long and is not judged
_FULL_BANDWIDTH = 40.0  # Hz; below this, successive samples at 100 Hz are not independent
_MOVING = 30.0  # change of another gyro axis, in multiples of the noise, that shows that the leg turns
_REPEAT_MOVING = 0.02  # probability of a repeat while turning; at most 0.0097 in the five walks, at coarser resolution
_PROOF = 5  # changes after which an axis that was stuck is trusted again


class SampleGuard:
    """Checks burst after burst whether it is a measurement.

    A working axis has noise, so a run of equal values becomes less probable with its length: at rest each repeat has
    the probability 1 / (2 sqrt(pi) sigma) for a rounded Gaussian of sigma LSB, in motion less. All six axes never
    repeat at the same time. The evidence is kept over a reset of the chip, so a broken axis stays refused until its
    value changes. A reset may change the value at which a broken axis is stuck; this does not count as a change, and
    the run of equal values continues.

    Args:
        noise: expected noise (rms) of an accelerometer axis and of a gyro axis, in LSB.
        bandwidth: bandwidth of the low-pass in Hz.

    Attributes:
        stuck_axes: names of the axes whose values do not change.
    """

    def __init__(self, noise: tuple[float, float], bandwidth: float) -> None:
        self.stuck_axes: frozenset[str] = frozenset()
        self._noise = noise
        accel, gyro = (_evidence(n / _QUIETER, bandwidth) for n in noise)
        moving = max(gyro, -math.log(_REPEAT_MOVING) * min(1.0, bandwidth / _FULL_BANDWIDTH)) if gyro else 0.0
        # A clipping accelerometer repeats its value in motion, so motion is no extra evidence for accelerometers.
        self._evidence = ((accel, accel), (gyro, moving))
        self._last: Raw | None = None
        self._after_reset = False
        self._score = dict.fromkeys(MOTION, 0.0)
        self._proof = dict.fromkeys(MOTION, 0)

    def resume(self) -> None:
        """Note that the chip was reset or configured again since the last burst."""
        self._after_reset = True

    def check(self, raw: Raw) -> Fault | None:
        """Return the fault of the next burst, or None if it is a measurement."""
        # Such bursts come from the bus and are no evidence on the axes, so they are not stored.
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
                if raw[axis] in ADC_LIMITS or (own and not after_reset):
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
    """Return whether an axis is at the end of its range."""
    return any(raw[axis] in ADC_LIMITS for axis in MOTION)


def _evidence(noise: float, bandwidth: float) -> float:
    """Return the evidence of one repeat at rest for a stuck axis: -log of its probability for a working axis."""
    if noise < _MIN_NOISE / _QUIETER:
        return 0.0
    return -math.log(min(1.0 / (2.0 * math.sqrt(math.pi) * noise), 0.9)) * min(1.0, bandwidth / _FULL_BANDWIDTH)
