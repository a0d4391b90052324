"""Keeps the pairs of the last minute, so that a model knows the wearer when it comes into use."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.estimation.samples import AngleSource, JointSample
from ankle_predictor.forecasting.wearer import Wearer
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.model.features import SEGMENT_FEATURES, full_windows, interpolated
from ankle_predictor.model.row_buffer import RowBuffer

SECONDS = 65.0  # a memory spans one minute; its first forecast also needs a window before it and a horizon after it
BATCH = 16  # windows for which the network makes forecasts at once; this takes less than half the time of one by one
EVERY = 4  # pairs from one moment that is learned from to the next; live it is twice as often
PAUSE = 5e-4  # s after each moment in which the thread that makes forecasts gets its turn


@dataclass(frozen=True, eq=False)
class Past:
    """N pairs, oldest first.

    Attributes:
        stamps: (N,) s.
        angles: (N,) ankle angles in rad.
        from_encoder: (N,) whether an angle rests on the encoder.
        features: (N, F) ``pair_features``, not mirrored.
    """

    stamps: FloatArray
    angles: FloatArray
    from_encoder: FloatArray
    features: FloatArray


class WalkHistory:
    """Keeps the pairs of the last ``SECONDS``. Another thread may read them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pairs = RowBuffer((3 + len(SEGMENT_FEATURES),))

    def push(self, joint: JointSample, features: FloatArray) -> None:
        """Add a pair. A stamp that goes back removes all older pairs.

        Args:
            joint: the pair's ankle angle.
            features: (F,) ``pair_features`` of the pair, not mirrored.
        """
        with self._lock:
            if len(self._pairs) and joint.stamp <= self._pairs.rows[-1, 0]:
                self._pairs.clear()
            from_encoder = float(joint.source == AngleSource.ENCODER)
            self._pairs.append(np.concatenate(((joint.stamp, joint.angle, from_encoder), features)))
            while self._pairs.rows[0, 0] < joint.stamp - SECONDS:  # at most one pair; a search would read all of them
                self._pairs.drop(1)

    def clear(self) -> None:
        """Remove all pairs."""
        with self._lock:
            self._pairs.clear()

    def since(self, stamp: float = -math.inf) -> Past:
        """Return the pairs after a stamp."""
        with self._lock:
            pairs = self._pairs.rows
            newer = pairs[np.searchsorted(pairs[:, 0], stamp, "right") :].copy()
        return Past(newer[:, 0], newer[:, 1], newer[:, 2], newer[:, 3:])

    def teach(self, wearer: Wearer, engine: InferenceEngine, mirror: FloatArray) -> float:
        """Let a model learn as if it had been in use for the whole history.

        Args:
            wearer: of the model; knows nothing yet.
            engine: the engine of the model.
            mirror: (F,) factors of the features: ``MIRROR`` for a model of the other leg, otherwise ones.

        Returns:
            Stamp in s of the newest pair that it knows; -inf if there is none.
        """
        spec, past = engine.manifest.features, self.since()
        stamps, rows = past.stamps, past.features * mirror
        if not len(stamps):
            return -math.inf
        moments = full_windows(stamps, spec)[::EVERY].tolist()
        pushed = 0
        for first in range(0, len(moments), BATCH):
            batch = moments[first : first + BATCH]
            offsets = spec.period * np.arange(1 - spec.window, 1)
            windows = interpolated(stamps, rows, stamps[batch, np.newaxis] + offsets)
            network = engine.forecast_batch(windows)
            for n, pair in enumerate(batch):
                for k in range(pushed, pair):
                    wearer.push(float(stamps[k]), rows[k], float(past.angles[k]))
                wearer.forecast(float(stamps[pair]), windows[n], network.at(n), bool(past.from_encoder[pair]))
                wearer.push(float(stamps[pair]), rows[pair], float(past.angles[pair]))
                pushed = pair + 1
                time.sleep(PAUSE)  # Python code does not let other threads run by itself
        for k in range(pushed, len(stamps)):
            wearer.push(float(stamps[k]), rows[k], float(past.angles[k]))
        return float(stamps[-1])
