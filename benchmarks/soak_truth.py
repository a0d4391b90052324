"""Judges the soak's forecasts by the angle that the simulated person really had."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ankle_imu_driver.recordings.recording import Recording

AHEAD = 19  # the point 200 ms ahead
WRONG_ANGLE, WRONG_AHEAD = np.radians(
    (10.0, 20.0)
)  # rad, of the first point and of that one, as in benchmarks/faults.py
JOINED = 450  # samples after the walk's end is joined to its begin, in which the leg jumps from one posture to another


class Truth:
    """The walk's angle by the number of the sample, in a loop.

    Attributes:
        judged: forecasts that were compared.
        wrong: those that were wrong: after what (``Sent.after``), how long after in s, and by how many degrees.
    """

    def __init__(self, walk: Recording) -> None:
        """Take the encoder's angle of a walk.

        Raises:
            ValueError: it has no encoder.
        """
        if walk.encoder is None:
            raise ValueError("the walk has no encoder, so its true angle is not known")
        self._angle = np.interp(walk.shank.stamp, walk.encoder.stamp, walk.encoder.angle).tolist()
        self.judged = 0
        self.wrong: list[tuple[str, float, float, float]] = []

    def at(self, k: int) -> float:
        """Return the angle in rad at sample k."""
        return float(self._angle[k % len(self._angle)])

    def judge(self, k: int, angle: Sequence[float], after: str, since: float) -> None:
        """Compare a forecast.

        Args:
            k: number of the sample from which it was made.
            angle: rad, from the next sample on.
            after: the disturbance that came last.
            since: s since it began.
        """
        place = k % len(self._angle)
        if place + AHEAD + 1 >= len(self._angle) or (k >= len(self._angle) and place < JOINED):
            return
        near, far = abs(angle[0] - self.at(k + 1)), abs(angle[AHEAD] - self.at(k + AHEAD + 1))
        self.judged += 1
        if not (near <= WRONG_ANGLE and far <= WRONG_AHEAD):
            self.wrong.append((after, round(since, 2), *np.degrees((near, far)).round(1).tolist()))
