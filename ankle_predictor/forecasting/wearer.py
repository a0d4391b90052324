"""What is learned of the wearer while walking, and the forecast that comes out of it.

Four forecasts are mixed, each step by how well each did lately (``mixture``): the network's with the stride memory's
correction, the same with the regression's correction, the last stride repeated, and the angle as it is. The interval
follows what it promised and held (``online_interval``), and the result is blended with the last one (``blending``).
Everything is learned from forecasts that have come due, so nothing looks ahead and no label is needed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.forecasting.blending import Blending
from ankle_predictor.forecasting.due_moments import DueMoments
from ankle_predictor.forecasting.last_stride import LastStride
from ankle_predictor.forecasting.mixture import Mixture
from ankle_predictor.forecasting.online_interval import OnlineInterval
from ankle_predictor.forecasting.online_regression import OnlineRegression
from ankle_predictor.forecasting.stride_memory import Key, StrideMemory
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.model.manifest import KEY_FEATURES, Manifest

EXPERTS = ("network and memory", "with regression", "last stride", "angle as it is")
MOVING, STILL = 0, 1
# Mean absolute errors in deg that are assumed before a forecast of the wearer has come due, in the order of EXPERTS.
ASSUMED = np.radians(((2.5, 4.0, 5.0, 6.0), (1.5, 3.0, 3.0, 0.7)))
STILL_RATE = 0.35  # rad/s; both segments turn more slowly than this while standing, sway and shifting included
STILL_ROWS = 30  # newest rows of a window that must be still
INPUT_ROWS = (-1, -3, -5, -9, -15, -23, -33, -47, -65, -91)  # rows of the window that the regression sees
INPUT_STEPS = slice(4, None, 5)  # steps of the forecast that the regression sees
INPUT_CHANGE = 0.2  # rad, unit of these steps
IMU_ERROR = math.radians(1.3)  # what 90 % of the errors of the IMUs' angle add to the interval (docs/angle.md)
SURPRISE_TIME = 1.0  # s, time constant of the surprise
LONGEST_PAUSE = 0.1  # s between two moments of a kind; of a longer pause, or a step of the clock, no more counts
NARROWEST = 2e-3  # rad, smallest half width of an interval before the factors


@dataclass(frozen=True, eq=False)
class _Moment:
    """What a moment's forecast was made of. Angles in rad, on the scale of the pairs' angle."""

    stamp: float
    kind: int
    key: Key
    network: FloatArray  # (H,) the network's own forecast
    inputs: FloatArray  # (D,) of the regression
    experts: FloatArray  # (E, H)
    mixed: FloatArray  # (H,) before blending
    half_widths: FloatArray  # (2, H) before the factors


class Wearer:
    """Everything that one model has learned of one wearer. Another wearer, or calibration, needs ``clear``.

    Attributes:
        surprise: error of the forecasts that came due in the last second, in half widths of the interval that the
            model promises to a new person; NaN before the first.
        experience: s of forecasts that came due.
    """

    def __init__(self, manifest: Manifest) -> None:
        """Start with nothing learned.

        Args:
            manifest: of a model with a memory.
        """
        spec, settings = manifest.features, manifest.memory
        assert settings is not None
        self._manifest = manifest
        self._spacing = (settings.every - 0.5) * spec.period  # s between two moments that are learned from, at least
        self._columns = np.array([spec.names.index(name) for name in KEY_FEATURES])
        self._scale = np.array(manifest.scaler.scale)[self._columns]
        self._rates = np.array([spec.names.index(name) for name in ("shank_gyro_y", "foot_gyro_y")])
        self._pitches = np.array([spec.names.index(name) for name in ("shank_pitch", "foot_pitch")])
        self._mean = np.full(spec.window, 1.0 / spec.window)  # a product is faster than a mean over many short rows
        self._rows = np.array([row for row in INPUT_ROWS if -row <= spec.window])
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        manifest, settings = self._manifest, self._manifest.memory
        assert settings is not None
        period, horizon = manifest.features.period, manifest.horizon
        steps = len(range(*INPUT_STEPS.indices(horizon)))
        inputs = len(self._rows) * len(self._columns) + steps + 1
        self.memory = StrideMemory(
            settings, manifest.features.names, manifest.scaler.scale, period=period, horizon=horizon
        )
        self._regression = OnlineRegression(inputs, horizon)
        self._last_stride = LastStride(period, horizon, manifest.features.filter.max_gap)
        self.mixture = Mixture(ASSUMED, horizon)
        self._interval = OnlineInterval(manifest.intervals.level, len(ASSUMED), horizon)
        self._blending = Blending(period, horizon)
        self._due: DueMoments[tuple[_Moment, FloatArray]] = DueMoments(period, horizon)
        self._newest: tuple[_Moment, FloatArray] | None = None
        self._remembered = -math.inf  # s, stamp of the newest moment to learn from
        self._learned = [-math.inf] * len(ASSUMED)  # s, stamp of the newest moment of each kind that came due
        self.surprise = math.nan
        self.experience = 0.0

    def forecast(self, stamp: float, window: FloatArray, network: Forecast, from_encoder: bool = False) -> Forecast:
        """Return the forecast at ``stamp`` s.

        Args:
            stamp: s, of the window's newest row.
            window: (W, F) unscaled features; its newest ``ankle_angle`` is the pair's angle.
            network: the network's own forecast, (H,).
            from_encoder: whether the pair's angle rests on the encoder. Otherwise a network that was adapted to an
                encoder also tells how far the encoder's angle is from the IMUs'.
        """
        if from_encoder:  # the pair's angle has the encoder's offset already
            network = network.without_offset()
        offset = np.zeros_like(network.angle) if network.offset is None else network.offset
        moment = self._moment(stamp, window, network.angle - offset, network)
        lower, upper = moment.half_widths * self._interval.factors(moment.kind)
        middle = moment.mixed + offset
        curves = np.empty((3, len(middle)))
        curves[0], curves[1], curves[2] = middle, middle - lower, middle + upper
        self._blending.blend(stamp, curves)
        self._newest = moment, curves - offset
        angle, lower, upper = curves
        if not from_encoder and moment.kind == MOVING:  # what comes due is the IMUs' own angle, not the joint's
            lower, upper = angle - np.hypot(angle - lower, IMU_ERROR), angle + np.hypot(upper - angle, IMU_ERROR)
        return Forecast(angle, lower, upper)

    def _moment(self, stamp: float, window: FloatArray, angle: FloatArray, network: Forecast) -> _Moment:
        now = float(window[-1, self._columns[KEY_FEATURES.index("ankle_angle")]])
        mean = self._mean @ window
        still = bool(np.abs(window[-STILL_ROWS:, self._rates]).max() < STILL_RATE)
        key = self.memory.key(window, mean)
        remembered = angle + self.memory.correction(key)
        inputs = self._inputs(window, mean, remembered - now)
        experts = np.empty((len(EXPERTS), len(angle)))
        experts[0] = remembered
        experts[1] = remembered + self._regression.correction(inputs)
        repeated = self._last_stride.change(stamp, now)
        experts[2] = remembered if repeated is None else now + repeated
        experts[3] = now
        kind = STILL if still else MOVING
        mixed = (self.mixture.weights(kind) * experts).sum(axis=0)
        half_widths = np.empty((2, len(angle)))
        half_widths[0], half_widths[1] = network.angle - network.lower, network.upper - network.angle
        np.maximum(half_widths, NARROWEST, out=half_widths)
        return _Moment(stamp, kind, key, angle, inputs, experts, mixed, half_widths)

    def _inputs(self, window: FloatArray, mean: FloatArray, change: FloatArray) -> FloatArray:
        moved = (window[self._rows[:, np.newaxis], self._columns] - mean[self._columns]) / self._scale
        return np.concatenate([moved.ravel(), change[INPUT_STEPS] / INPUT_CHANGE, (1.0,)])

    def push(self, stamp: float, row: FloatArray, angle: float) -> None:
        """Add a pair, and learn from the forecasts that are due with it. Call it after the pair's forecast.

        Args:
            stamp: s.
            row: (F,) features of the pair.
            angle: rad, its ankle angle.
        """
        moment, self._newest = self._newest, None
        self._last_stride.push(stamp, float(row[self._pitches[0]]), float(row[self._pitches[1]]), angle)
        for (past, published), truth in self._due.push_angle(stamp, angle):
            self._learn(past, published, truth)
        if moment is not None and not 0.0 <= stamp - self._remembered < self._spacing:
            self._remembered = stamp
            self._due.remember(stamp, moment)

    def _learn(self, moment: _Moment, published: FloatArray, truth: FloatArray) -> None:
        """Learn from a moment; ``published`` are its (3, H) curves in rad: forecast, lower and upper end."""
        kind, (angle, lower, upper) = moment.kind, published
        passed, self._learned[kind] = moment.stamp - self._learned[kind], moment.stamp
        if not 0.0 <= passed <= LONGEST_PAUSE:
            passed = LONGEST_PAUSE
        self.mixture.learn(passed, kind, np.abs(truth - moment.experts))
        off = np.abs(truth - angle) / moment.half_widths.mean(axis=0)
        self._judge(passed, float(off.mean()))
        self._interval.learn(passed, kind, off, np.stack([truth < lower, truth > upper]))
        if kind == STILL:  # standing teaches nothing about walking, and a minute of it would push that out
            return
        self.memory.learn(moment.key, truth - moment.network)
        self._regression.learn(passed, moment.inputs, truth - moment.experts[0])

    def _judge(self, passed: float, off: float) -> None:
        if math.isnan(self.surprise):
            self.surprise = off
        self.surprise += (1.0 - math.exp(-passed / SURPRISE_TIME)) * (off - self.surprise)
        self.experience += passed
