"""What the wearer did after moments like this one: corrects a network's forecast by its own errors of the last minute.

A network that never saw the wearer is wrong about them in the same way in every stride. As soon as a forecast has come
due, the IMUs' own later angle says by how much it was off; that error is kept with a key, the few numbers that say how
the leg moved then. A new forecast is corrected by the mean error of the moments whose keys are like its own
(Nadaraya 1964, Watson 1964; of the kind that meteorology calls analogues, Lorenz 1969). Where nothing alike was seen
the network's forecast stays as it is. Nothing is trained, nothing waits, and no encoder is needed; whatever is used was
known at the time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import Float32Array, FloatArray
from ankle_predictor.model.manifest import KEY_FEATURES, MemorySettings
from ankle_predictor.model.row_buffer import RowBuffer
from ankle_predictor.trust.scoring import truth_at

Known = tuple[FloatArray, FloatArray]
Key = Float32Array

KEY_ROWS = (-1, -3, -5)  # of the window: now, and 20 and 40 ms ago
UNLIKE = (
    16.0  # a moment counts e^-16 of one exactly alike, and is left out: few are nearer, which saves most of the time
)


@dataclass(frozen=True, eq=False)
class _Moment:
    """A forecast that is not yet due."""

    stamp: float
    key: Key
    angle: FloatArray  # (H,) rad, what the IMUs' angle would be if the network were right


class StrideMemory:
    """Remembers one wearer; a new wearer, or a new calibration, needs a new one or ``clear``."""

    def __init__(
        self,
        settings: MemorySettings,
        names: Sequence[str],
        scale: Sequence[float],
        *,
        period: float,
        window: int,
        horizon: int,
    ) -> None:
        """Make an empty memory.

        Args:
            settings: its constants.
            names: (F) features of a window, ``KEY_FEATURES`` among them.
            scale: (F,) the scaler's, in which distances are measured.
            period: s between two rows of a window and between two steps of a forecast.
            window: W, rows of a window.
            horizon: H, steps of a forecast.
        """
        self._settings = settings
        # (K,) of a key: its columns in a window, its places in a flat one counted from the end, its units
        self._columns = np.tile([list(names).index(name) for name in KEY_FEATURES], len(KEY_ROWS))
        self._places = np.repeat(KEY_ROWS, len(KEY_FEATURES)) * len(names) + self._columns
        self._scale = np.array(scale)[self._columns] * np.sqrt(len(self._columns))
        self._shares = np.full(window, 1.0 / window)  # that make a product a mean, which is faster over many short rows
        self._steps = period * np.arange(1, horizon + 1)
        size = max(1, round(settings.span / (period * settings.every)))
        # A key is a column, not a row, as a product with few long rows is several times as fast as one with many short.
        self._keys = np.zeros((len(KEY_FEATURES) * len(KEY_ROWS), size), np.float32)
        self._squares = np.zeros(size, np.float32)  # of the keys' lengths
        # rad, by how much the truth lay above the network's, and a 1 that sums the weights up
        self._missed = np.ones((size, horizon + 1), np.float32)
        self._count = self._next = self._tick = 0
        self._moments: deque[_Moment] = deque()
        self._angles = RowBuffer((2,))  # stamps and the IMUs' angle then

    @property
    def moments(self) -> int:
        """How many moments it knows."""
        return self._count

    def clear(self) -> None:
        """Forget the wearer."""
        self._count = self._next = 0
        self._moments.clear()
        self._angles.clear()

    def push_angle(self, stamp: float, angle: float) -> None:
        """Take the IMUs' own ankle angle of every pair, in s and rad.

        A stamp that jumps back drops what is not yet due.
        """
        if len(self._angles) and stamp <= self._angles.rows[-1, 0]:
            self._angles.clear()
            self._moments.clear()
        self._angles.append((stamp, angle))
        while self._moments and self._moments[0].stamp + self._steps[-1] <= stamp:
            self._learn(self._moments.popleft())
        oldest = self._moments[0].stamp if self._moments else stamp
        # One from before it is kept, to interpolate from.
        self._angles.drop(max(0, int(np.searchsorted(self._angles.rows[:, 0], oldest, "right")) - 1))

    def key(self, windows: FloatArray) -> Key:
        """Return what moments are compared by, (..., K), of (..., W, F) windows of unscaled features."""
        mean = self._shares @ windows
        key = windows.reshape(*windows.shape[:-2], -1).take(self._places, axis=-1)
        key -= mean.take(self._columns, axis=-1)
        key /= self._scale
        short: Key = key.astype(np.float32)
        return short

    def correction(self, key: Key) -> FloatArray:
        """Return what is to be added to the network's forecast at a moment with that (K,) key, (H,) rad."""
        n, sharpness = self._count, self._settings.sharpness
        # |key - known|^2 less |key|^2, which is the same for all
        squared = (-2.0 * key) @ self._keys[:, :n]
        squared += self._squares[:n]
        length = float(key @ key)
        near = (squared < UNLIKE / sharpness - length).nonzero()[0]
        likeness = np.exp(-sharpness * (squared.take(near) + length))
        total: FloatArray = likeness @ self._missed.take(near, axis=0)
        return total[:-1] / (float(total[-1]) + self._settings.prior)

    def keeps_next(self) -> bool:
        """Say whether the next moment is one to be remembered, as every ``every``-th is; asking counts it."""
        self._tick += 1
        return self._tick % self._settings.every == 0

    def remember(self, stamp: float, key: Key, angle: FloatArray, offset: FloatArray | None = None) -> None:
        """Keep the moment of a forecast until its error is known.

        Args:
            stamp: s, of its window's newest row.
            key: (K,) of its window.
            angle: (H,) rad, the network's own forecast.
            offset: (H,) rad by which the joint is thought to lie above the IMUs' angle when each step is due, where a
                network was adapted to an encoder.
        """
        wanted = angle if offset is None else angle - offset
        self._moments.append(_Moment(stamp, key, wanted))

    def relive(
        self, stamps: FloatArray, windows: FloatArray, forecast: FloatArray, offset: FloatArray | None, known: Known
    ) -> None:
        """Remember forecasts of the past together, and learn from those that have come due.

        Args:
            stamps: (N,) s, rising; later than those of an earlier call.
            windows: (N, W, F) unscaled features.
            forecast: (N, H) rad, the network's own.
            offset: (N, H) rad as in ``remember``.
            known: (M,) stamps and the IMUs' angle at each, up to now.
        """
        wanted = forecast if offset is None else forecast - offset
        keys = self.key(windows)
        is_due = stamps + self._steps[-1] <= known[0][-1]
        came = truth_at(*known, stamps[is_due, np.newaxis] + self._steps)
        for key, missed in zip(keys[is_due], came - wanted[is_due], strict=True):
            self._add(key, missed)
        self._moments.extend(map(_Moment, stamps[~is_due].tolist(), keys[~is_due], wanted[~is_due]))

    def _learn(self, moment: _Moment) -> None:
        known, due = self._angles.rows, np.asarray(moment.stamp + self._steps, dtype=np.float64)
        missed = truth_at(known[:, 0], known[:, 1], due) - moment.angle
        self._add(moment.key, missed)

    def _add(self, key: Key, missed: FloatArray) -> None:
        """Take a (K,) key and the (H,) errors there, of which a NaN says that the truth had a gap."""
        if not np.isfinite(missed).all():
            return
        place, size = self._next, len(self._squares)
        self._keys[:, place], self._missed[place, :-1], self._squares[place] = key, missed, key @ key
        self._next = (place + 1) % size
        self._count = min(self._count + 1, size)
