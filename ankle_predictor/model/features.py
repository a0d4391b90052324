"""From pairs to the window that a model sees. Training and the live node call this same code, sample by sample."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ankle_imu_driver.arrays import FloatArray
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
"""Segment frames, SI units: specific force, angular rate, inclination, the joint; the order of ``pair_features``."""

REFERENCE_SENSOR_FEATURES = ("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z", "roll", "pitch")
REFERENCE_FEATURES = tuple(f"{sensor}_{name}" for sensor in ("foot", "shank") for name in REFERENCE_SENSOR_FEATURES)
REFERENCE_RAW_FEATURES = tuple(name for name in REFERENCE_FEATURES if not name.endswith(("_roll", "_pitch")))
"""The inputs of its experiment with 12 features."""

ANGLE_FEATURE = "ankle_angle"
MIRROR = np.array([1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, 1, 1, 1], dtype=np.float64)
"""Factors that turn one leg's features into the other's: lateral force and the rates about forward and up flip."""


class FeatureError(Refusal):
    """A feature spec that this software cannot serve; the message says what differs."""


@dataclass(frozen=True)
class FeatureSpec:
    """All that a window depends on. A model is good for one spec only.

    Attributes:
        names: the columns of a window, in order.
        rate: Hz of the grid.
        window: rows of a window.
        sampling: ``grid`` (a row every 1/rate s back from the newest pair, interpolated) or ``rows`` (the last pairs
            as they came).
        filter: constants of the orientation and angle estimate, saturation among them.
    """

    names: tuple[str, ...] = SEGMENT_FEATURES
    rate: float = 100.0
    window: int = 200
    sampling: str = "grid"
    filter: FilterConfig = field(default_factory=FilterConfig)

    def __post_init__(self) -> None:
        """Refuse what no window can be made of.

        Raises:
            FeatureError: a value is out of bounds.
        """
        if self.sampling not in ("grid", "rows"):
            raise FeatureError(f"sampling must be 'grid' or 'rows', not {self.sampling!r}")
        if not 2 <= self.window <= 2000:
            raise FeatureError(f"a window has 2 to 2000 rows, not {self.window}")
        if not (math.isfinite(self.rate) and 10.0 <= self.rate <= 1000.0):
            raise FeatureError(f"the grid's rate lies between 10 and 1000 Hz, not at {self.rate}")
        if not 1 <= len(self.names) <= 64 or len(set(self.names)) != len(self.names):
            raise FeatureError(f"feature names must be 1 to 64 different ones, not {list(self.names)}")

    @property
    def period(self) -> float:
        """The grid's step in s."""
        return 1.0 / self.rate

    def to_json(self) -> dict[str, Any]:
        """Return the spec as JSON types."""
        return asdict(self) | {"names": list(self.names)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FeatureSpec:
        """Read what ``to_json`` wrote.

        Raises:
            FeatureError: a key is missing or unknown, or a value is not what it should be.
        """
        try:
            constants = FilterConfig(**{name: float(value) for name, value in data["filter"].items()})
            return cls(
                names=tuple(str(name) for name in data["names"]),
                rate=float(data["rate"]),
                window=int(data["window"]),
                sampling=str(data["sampling"]),
                filter=constants,
            )
        except FeatureError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise FeatureError(f"feature spec cannot be read: {error}") from error


def pair_features(pair: PairSample, mirrored: bool = False) -> FloatArray:
    """Return one pair's features.

    Args:
        pair: both segments and the joint.
        mirrored: whether the pair is from the other leg than the model was trained on.

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
    """Keeps the newest pairs and cuts the model's window from them.

    The grid is anchored on the newest pair and runs backward, so that the newest sample is used as it is and nothing
    waits for a later one. A gap over ``max_gap``, or a stamp that does not lie after the last, starts it afresh.

    Attributes:
        full: whether the pairs reach back over a whole window.
        restarts: how often it started afresh.
    """

    def __init__(self, spec: FeatureSpec) -> None:
        self._spec = spec
        # Jitter can put more pairs than rows into a window's time; a stream twice as fast as the grid still fits.
        self._size = 2 * spec.window + 16
        # Each row is kept twice, a size apart, so that the newest ones always lie in one piece.
        self._stamps = np.zeros(2 * self._size)
        self._rows = np.zeros((2 * self._size, len(spec.names)))
        self._offsets = np.arange(1 - spec.window, 1) * spec.period
        self._next = 0
        self._count = 0
        self._last = math.nan
        self.full = False
        self.restarts = 0

    def push(self, stamp: float, row: FloatArray) -> bool:
        """Take one pair's features (F,) with its stamp in s; return whether the window is full."""
        if self._count and not 0.0 < stamp - self._last <= self._spec.filter.max_gap + TIME_RESOLUTION:
            self._count = 0
            self.restarts += 1
        k = self._next
        self._stamps[k] = self._stamps[k + self._size] = stamp
        self._rows[k] = self._rows[k + self._size] = row
        self._next = (k + 1) % self._size
        self._count = min(self._count + 1, self._size)
        self._last = stamp
        self.full = self._reaches_back()
        return self.full

    def clear(self) -> None:
        """Start afresh."""
        self._count = 0
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


def interpolated(stamps: FloatArray, rows: FloatArray, times: FloatArray) -> FloatArray:
    """Return (M, ..., F) rows at (M, ...) times between the (N,) stamps of (N, F) rows, N at least 2."""
    # Few calls, and sums in place, as this runs every tick: half the time of the same as one formula. Searching
    # between the first stamp and the last bounds the neighbours to what there is.
    before = np.searchsorted(stamps[1:-1], times)
    start = stamps.take(before)
    weight = (times - start) / (stamps[1:].take(before) - start)
    low = rows.take(before, axis=0)
    found: FloatArray = rows[1:].take(before, axis=0)
    found -= low
    found *= weight[..., None]
    found += low
    return found
