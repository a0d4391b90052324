"""Builds the input window of a model from pairs of samples. Training and the live node call the same code."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ankle_imu_driver.arrays import FloatArray, IntArray
from ankle_imu_driver.document import shown
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION, FilterConfig
from ankle_predictor.estimation.samples import PairSample, pitch_of

SEGMENT_FEATURES = (
    *(
        f"{segment}_{quantity}_{axis}"
        for segment in ("shank", "foot")
        for quantity in ("accel", "gyro")
        for axis in "xyz"
    ),
    "shank_pitch",
    "foot_pitch",
    "ankle_angle",
    "ankle_rate",
)
"""Specific force, angular rate and pitch of each segment in its frame, then the joint; SI units. The order is fixed."""

REFERENCE_SENSOR_FEATURES = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z", "roll", "pitch")
REFERENCE_FEATURES = tuple(f"{sensor}_{name}" for sensor in ("foot", "shank") for name in REFERENCE_SENSOR_FEATURES)
REFERENCE_RAW_FEATURES = tuple(name for name in REFERENCE_FEATURES if not name.endswith(("_roll", "_pitch")))
"""The inputs of the reference experiment with 12 features."""

ANGLE_FEATURE = "ankle_angle"
MIRROR = np.array([1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, 1, 1, 1], dtype=np.float64)
"""Factors that mirror the features to the other leg: lateral force and the rates about forward and up change sign."""


class FeatureError(Refusal):
    """A feature spec that this software cannot serve; the message says why."""


@dataclass(frozen=True)
class FeatureSpec:
    """Everything that defines an input window. A model works with one spec only.

    Attributes:
        names: the columns of a window, in order.
        rate: sample rate of the grid in Hz.
        window: number of rows of a window.
        sampling: ``grid``: rows 1/rate s apart, counted back from the newest pair, interpolated; ``rows``: the last
            pairs as they were received.
        filter: constants of the orientation and angle estimate, including the saturation limits.
    """

    names: tuple[str, ...] = SEGMENT_FEATURES
    rate: float = 100.0
    window: int = 200
    sampling: str = "grid"
    filter: FilterConfig = field(default_factory=FilterConfig)

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            FeatureError: a value is out of bounds.
        """
        if self.sampling not in ("grid", "rows"):
            raise FeatureError(f"sampling must be 'grid' or 'rows', not {shown(self.sampling)}")
        if not 2 <= self.window <= 2000:
            raise FeatureError(f"window must be 2 to 2000 rows, not {shown(self.window)}")
        if not (math.isfinite(self.rate) and 10.0 <= self.rate <= 1000.0):
            raise FeatureError(f"rate must be between 10 and 1000 Hz, not {self.rate}")
        if not 1 <= len(self.names) <= 64 or len(set(self.names)) != len(self.names):
            raise FeatureError(f"names must be 1 to 64 different ones, not {shown(self.names)}")

    @property
    def period(self) -> float:
        """Sample period of the grid in s."""
        return 1.0 / self.rate

    def to_json(self) -> dict[str, Any]:
        """Return the spec as in ``bundle.json``."""
        return asdict(self) | {"names": list(self.names)}


def pair_features(pair: PairSample, mirrored: bool = False) -> FloatArray:
    """Return one pair's features.

    Args:
        pair: both segments and the joint.
        mirrored: whether the pair comes from the leg that the model was not trained on.

    Returns:
        (16,) values in the order of ``SEGMENT_FEATURES``.
    """
    shank, foot = pair.shank, pair.foot
    assert shank.orientation is not None
    assert foot.orientation is not None
    values = np.array(
        (
            *shank.accel,
            *shank.gyro,
            *foot.accel,
            *foot.gyro,
            pitch_of(shank.orientation),
            pitch_of(foot.orientation),
            pair.joint.angle,
            pair.joint.rate,
        )
    )
    return values * MIRROR if mirrored else values


class WindowGrid:
    """Stores the newest pairs and resamples them to the model's input window.

    The grid starts at the newest pair and runs backward: the newest sample is used without interpolation, and no
    sample waits for a later one. A gap longer than ``max_gap``, or a stamp that is not later than the one before,
    clears the grid. Of pairs that come so fast that the stored ones would not reach back over a window, some
    are dropped, never the newest.

    Attributes:
        full: whether the stored pairs cover a whole window.
    """

    def __init__(self, spec: FeatureSpec) -> None:
        self._spec = spec
        # With jitter, more pairs than rows can fall into a window's time. A stream of twice the grid's rate still fits;
        # of a faster one, rows at least this far apart are kept.
        self._size = 2 * spec.window + 16
        self._spacing = (spec.window - 1) * spec.period / (self._size - 2) if spec.sampling == "grid" else 0.0
        self._newest_step = math.inf  # s from the row before the newest one to the newest one
        # A ring buffer that stores each row twice, one size apart, so that the newest rows are always contiguous.
        self._stamps = np.zeros(2 * self._size)
        self._rows = np.zeros((2 * self._size, len(spec.names)))
        self._offsets = np.arange(1 - spec.window, 1) * spec.period
        self._next = 0
        self._count = 0
        self._last = math.nan
        self.full = False

    def push(self, stamp: float, row: FloatArray) -> bool:
        """Add the (F,) features of one pair with its stamp in s; return whether the window is full."""
        if self._count and not 0.0 < stamp - self._last <= self._spec.filter.max_gap + TIME_RESOLUTION:
            self.clear()
        step = stamp - self._last if self._count else math.inf
        if self._newest_step < self._spacing:  # the newest row so far makes room
            self._next, self._count = (self._next - 1) % self._size, self._count - 1
            step += self._newest_step
        self._newest_step = step
        k = self._next
        self._stamps[k] = self._stamps[k + self._size] = stamp
        self._rows[k] = self._rows[k + self._size] = row
        self._next = (k + 1) % self._size
        self._count = min(self._count + 1, self._size)
        self._last = stamp
        self.full = self._reaches_back()
        return self.full

    def clear(self) -> None:
        """Remove all pairs."""
        self._count = 0
        self._newest_step = math.inf
        self.full = False

    def _reaches_back(self) -> bool:
        if self._spec.sampling == "rows":
            return self._count >= self._spec.window
        oldest = self._next + self._size - self._count
        return self._count > 1 and bool(self._stamps[oldest] <= self._last + self._offsets[0] + TIME_RESOLUTION)

    def window(self) -> FloatArray:
        """Return the (window, F) rows, oldest first.

        Raises:
            FeatureError: the window is not full.
        """
        if not self.full:
            raise FeatureError("the window is not full yet")
        end = self._next + self._size
        if self._spec.sampling == "rows":
            return self._rows[end - self._spec.window : end].copy()
        stamps, rows = self._stamps[end - self._count : end], self._rows[end - self._count : end]
        return interpolated(stamps, rows, np.asarray(self._last + self._offsets, dtype=np.float64))


def full_windows(stamps: FloatArray, spec: FeatureSpec) -> IntArray:
    """Return the indices of the (N,) stamps in s that end a window without a gap, by the rule of ``WindowGrid``."""
    gaps = np.diff(stamps, prepend=-math.inf) > spec.filter.max_gap + TIME_RESOLUTION
    first = np.maximum.accumulate(np.where(gaps, np.arange(len(stamps)), 0))
    reach = (spec.window - 1) * spec.period
    whole: IntArray = np.flatnonzero(stamps[first] <= stamps - reach + TIME_RESOLUTION)
    return whole


def interpolated(stamps: FloatArray, rows: FloatArray, times: FloatArray) -> FloatArray:
    """Interpolate (N, F) rows with (N,) stamps, N at least 2, at (M, ...) times; return (M, ..., F) rows."""
    # This runs for every sample. A few numpy calls that work in place take half the time of one formula. Searching
    # without the first and the last stamp keeps both neighbours within the rows.
    before = np.searchsorted(stamps[1:-1], times)
    start = stamps.take(before)
    weight = (times - start) / (stamps[1:].take(before) - start)
    low = rows.take(before, axis=0)
    found: FloatArray = rows[1:].take(before, axis=0)
    found -= low
    found *= weight[..., None]
    found += low
    return found
