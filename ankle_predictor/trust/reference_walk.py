"""The walk on which every model is tried before it is used, and what such a walk is.

It is simulated, shipped with the package and part of no bundle: half a minute of a healthy person on level ground
(``benchmarks/reference_walk.py`` wrote it). Whoever makes a bundle cannot change it.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.model.features import ANGLE_FEATURE, MIRROR, SEGMENT_FEATURES

FILE = Path(__file__).with_suffix(".npz")
DIGEST = "4e9f15ca525628d3b38f4e241eeb2f4c2dc49b2fcd33c1a8bad634dd2c7d411c"
SIDE = "right"


@dataclass(frozen=True, eq=False)
class Walk:
    """Pairs of a walk, oldest first.

    Attributes:
        stamp: (N,) s, rising.
        angle: (N,) ankle angle in rad, against which forecasts are judged once they are due.
        features: (N, F) ``pair_features`` of each pair, not mirrored.
        side: the leg that wore the sensors.
    """

    stamp: FloatArray
    angle: FloatArray
    features: FloatArray
    side: str

    def rows_for(self, side: str) -> FloatArray:
        """Return the (N, F) features for a model of the leg ``side``."""
        return self.features if side == self.side else self.features * MIRROR


def reference_walk() -> Walk:
    """Read the shipped walk.

    Raises:
        Refusal: it is not the file that was shipped.
    """
    data = FILE.read_bytes() if FILE.is_file() else b""
    if hashlib.sha256(data).hexdigest() != DIGEST:
        raise Refusal(f"{FILE} is not the file that was shipped; install the package again")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        stamp, features = arrays["stamp"], arrays["features"].astype(np.float64)
    return Walk(stamp, features[:, SEGMENT_FEATURES.index(ANGLE_FEATURE)].copy(), features, SIDE)
