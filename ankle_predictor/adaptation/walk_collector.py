"""Collects seconds of walking, pair by pair, without the time in which the wearer stands or samples are missing."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION
from ankle_predictor.estimation.gait import LONGEST_STRIDE, Swing, SwingDetector
from ankle_predictor.model.features import SEGMENT_FEATURES, FeatureSpec
from ankle_predictor.trust.scoring import MAX_TRUTH_GAP

SHANK_RATE = SEGMENT_FEATURES.index("shank_gyro_y")
SLACK = 0.5  # s by which a kept piece is longer than a window with its forecast
ENCODER_KEPT = 1000  # encoder samples that may wait for their pairs


@dataclass(frozen=True, eq=False)
class WalkedSeconds:
    """Walking in one or more pieces, put one after the other on one clock.

    Between two pieces the clock has a gap, long enough that no window spans it.

    Attributes:
        stamp: (N,) s, from 0.
        values: (N, F) ``features.pair_features`` of each pair.
        encoder_stamp: (M,) s on the same clock.
        encoder_angle: (M,) rad, dorsiflexion positive.
    """

    stamp: FloatArray
    values: FloatArray
    encoder_stamp: FloatArray
    encoder_angle: FloatArray

    def save(self, path: Path) -> None:
        """Write an ``.npz`` file.

        Raises:
            OSError: the file cannot be written.
        """
        with path.open("wb") as file:
            np.savez(file, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: Path) -> WalkedSeconds:
        """Read a file that ``save`` wrote, without unpickling anything.

        Raises:
            OSError, ValueError, KeyError: it is not such a file.
        """
        with np.load(path, allow_pickle=False) as arrays:
            return cls(**{field.name: arrays[field.name] for field in fields(cls)})


class WalkCollector:
    """Receives all pairs and keeps those of walking.

    Walking is the time between two forward swings of the shank that follow each other within ``LONGEST_STRIDE``. A gap
    over ``max_gap`` ends a piece. A piece counts once it is long enough to learn from.

    Attributes:
        pairs: how many were received.
        encoder_samples: how many were received.
    """

    def __init__(self, spec: FeatureSpec, horizon: int) -> None:
        """Start without any walking.

        Args:
            spec: features of the model to adapt.
            horizon: steps that the model forecasts.
        """
        self._max_gap = spec.filter.max_gap
        self._shortest = (spec.window + horizon) * spec.period + SLACK
        self._seam = 2.0 * max(self._max_gap, MAX_TRUTH_GAP)  # s between two pieces
        self._last = math.nan
        self._detector = SwingDetector()
        self._swing = math.nan  # when the newest swing began
        self._open: list[tuple[float, FloatArray]] = []  # pairs since then
        self._piece: list[tuple[float, FloatArray]] = []  # pairs known to be walking
        self._encoder: list[tuple[float, float]] = []
        self._kept: list[WalkedSeconds] = []
        self._closed_seconds = 0.0
        self.pairs = 0
        self.encoder_samples = 0

    @property
    def seconds(self) -> float:
        """Seconds of walking collected; never decreases."""
        open_piece = self._length()
        return self._closed_seconds + (open_piece if open_piece >= self._shortest else 0.0)

    def push(self, stamp: float, row: FloatArray) -> None:
        """Receive one pair's features (F,) with its stamp in s."""
        self.pairs += 1
        if not 0.0 < stamp - self._last <= self._max_gap + TIME_RESOLUTION:
            self.interrupt()
            if stamp <= self._last:  # the clock was set back
                self._encoder.clear()
        self._last = stamp
        if self._detector.push(stamp, float(row[SHANK_RATE])) is Swing.BEGINS:
            self._piece += self._open
            self._open, self._swing = [], stamp
        elif stamp - self._swing > LONGEST_STRIDE:
            self.interrupt()
        if not math.isnan(self._swing):
            self._open.append((stamp, row))

    def push_encoder(self, stamp: float, angle: float) -> None:
        """Receive the encoder's angle in rad at ``stamp`` in s, before its pair or shortly after it.

        A sample whose stamp does not rise is ignored.
        """
        if self._encoder and stamp <= self._encoder[-1][0]:
            return
        self.encoder_samples += 1
        self._encoder.append((stamp, angle))
        if not self._piece and not self._open:
            del self._encoder[:-ENCODER_KEPT]

    def interrupt(self) -> None:
        """End the present piece, and keep it if it is long enough; no window spans what comes before and after."""
        length = self._length()
        if length >= self._shortest:
            stamp = np.array([s for s, _ in self._piece])
            encoder = np.array(self._encoder).reshape(-1, 2)
            inside = (encoder[:, 0] >= stamp[0]) & (encoder[:, 0] <= stamp[-1])
            rows = np.array([row for _, row in self._piece])
            self._kept.append(WalkedSeconds(stamp, rows, encoder[inside, 0], encoder[inside, 1]))
            self._closed_seconds += length
        if self._piece:
            end = self._piece[-1][0]
            self._encoder = [sample for sample in self._encoder if sample[0] > end]
        self._piece, self._open = [], []
        self._swing, self._detector = math.nan, SwingDetector()

    def walked(self) -> WalkedSeconds:
        """Return all walking collected; the next pair begins a new piece."""
        self.interrupt()
        parts, at = [], 0.0
        for piece in self._kept:
            shift = at - piece.stamp[0]
            parts.append((piece.stamp + shift, piece.values, piece.encoder_stamp + shift, piece.encoder_angle))
            at = float(parts[-1][0][-1]) + self._seam
        if not parts:
            empty = np.empty(0)
            return WalkedSeconds(empty, np.empty((0, len(SEGMENT_FEATURES))), empty, empty)
        return WalkedSeconds(*map(np.concatenate, zip(*parts, strict=True)))

    def _length(self) -> float:
        """Return the length of the current piece in s."""
        return self._piece[-1][0] - self._piece[0][0] if self._piece else 0.0
