"""From pairs to forecasts with whatever model is in use: window, mirror image, network and memory in one place."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.estimation.samples import PairSample
from ankle_predictor.forecasting.stride_memory import Key, StrideMemory
from ankle_predictor.forecasting.walk_history import WalkHistory
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.model.feature_family import family_of
from ankle_predictor.model.features import MIRROR, WindowGrid, pair_features
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.model.manifest import BundleError, Manifest
from ankle_predictor.trust.familiarity import FamiliarityScore

AS_IT_IS = np.ones(len(MIRROR))
SAME = 1e-3  # filter constants that differ by less are the same: a YAML file rounds


@dataclass(frozen=True, eq=False)
class PreparedModel:
    """A model that can be put to use at once.

    Attributes:
        engine: a tried one.
        memory: what it would know of the wearer by now had it run all along; None if it works without.
        newest: s, stamp of the newest pair in the memory.
        wearer: counts restarts; the memory is of no use after one.
    """

    engine: InferenceEngine
    memory: StrideMemory | None
    newest: float
    wearer: int


class Forecaster:
    """Feeds a model that can be exchanged between two pairs.

    Attributes:
        engine: the model in use, None before the first.
    """

    def __init__(self, side: str, config: FilterConfig) -> None:
        """Make one without a model.

        Args:
            side: the leg that the pairs come from, "left" or "right".
            config: the constants of the filter that makes the pairs.
        """
        self._side = side
        self._config = config
        self._mirror = AS_IT_IS
        self._grid: WindowGrid | None = None
        self._familiarity: FamiliarityScore | None = None
        self._memory: StrideMemory | None = None
        self._history = WalkHistory()
        self._wearer = 0
        self.engine: InferenceEngine | None = None
        self._window: FloatArray | None = None  # of the newest forecast, while nobody asked how familiar it is
        self._unfamiliarity = math.nan
        self._newest = math.nan  # s, stamp of the newest pair
        self._unsettled: tuple[float, FloatArray] | None = None  # the newest pair's angle and features
        self._moment: tuple[Key, Forecast] | None = None  # what the memory is to know of its forecast

    def check(self, name: str, manifest: Manifest) -> None:
        """Refuse a model that this input does not suit.

        Raises:
            BundleError: INCOMPATIBLE; the sentence names the feature or the constant.
        """
        family = family_of(manifest.features)
        if family.not_live:
            raise BundleError("INCOMPATIBLE", f"model {name} cannot run live: {family.not_live}")
        for field in fields(FilterConfig):
            here, there = getattr(self._config, field.name), getattr(manifest.features.filter, field.name)
            if not math.isclose(here, there, rel_tol=SAME):
                raise BundleError(
                    "INCOMPATIBLE",
                    f"model {name} was trained with {field.name} {there:g}, the filter here has {here:g}",
                )

    def prepare(self, engine: InferenceEngine) -> PreparedModel:
        """Let a model go through the last minute, beside the one in use; may take seconds, in another thread.

        Raises:
            BundleError: INCOMPATIBLE.
        """
        manifest, wearer = engine.manifest, self._wearer
        self.check(engine.bundle.name, manifest)
        memory, newest = new_memory(manifest), -math.inf
        if memory is not None:
            newest = self._history.teach(memory, engine, self._sign(manifest))
        return PreparedModel(engine, memory, newest, wearer)

    def use(self, ready: PreparedModel) -> None:
        """Switch to another model, which goes on where the last one was."""
        self.settle()
        engine, manifest = ready.engine, ready.engine.manifest
        sign = self._sign(manifest)
        same_window = self.engine is not None and self.engine.manifest.features == manifest.features
        if self._grid is None or not same_window or self._mirror is not sign:
            self._grid = WindowGrid(manifest.features)
            stamps, _, rows = self._history.since(
                self._newest - 2.0 * manifest.features.window * manifest.features.period
            )
            for stamp, row in zip(stamps, rows * sign, strict=True):
                self._grid.push(stamp, row)
        self._memory = ready.memory if ready.wearer == self._wearer else new_memory(manifest)
        if self._memory is not None:
            for stamp, angle in zip(*self._history.since(ready.newest)[:2], strict=True):
                self._memory.push_angle(stamp, angle)
        self._mirror = sign
        walks = manifest.familiarity
        self._familiarity = None if walks is None else FamiliarityScore(walks, manifest.scaler.scale)
        self._window, self._unfamiliarity = None, math.nan
        self.engine = engine

    def push(self, pair: PairSample) -> bool:
        """Take the next pair and return whether there is enough to forecast from."""
        self.settle()
        joint, row = pair.joint, pair_features(pair)
        self._newest, self._unsettled, self._moment = joint.stamp, (joint.angle, row), None
        if self._mirror is not AS_IT_IS:  # which most are; a product by ones is not for nothing in a tick
            row = row * self._mirror
        return self._grid is not None and self._grid.push(joint.stamp, row)

    def forecast(self) -> Forecast:
        """Forecast from the newest pairs; only after ``push`` said yes."""
        assert self._grid is not None
        assert self.engine is not None
        window = self._window = self._grid.window()
        forecast, memory = self.engine.forecast(window), self._memory
        if memory is None:
            return forecast
        key = memory.key(window)
        self._moment = key, forecast
        return forecast.moved(memory.correction(key))

    @property
    def unfamiliarity(self) -> float:
        """How unlike the model's training walks the newest forecast's window is, above 1 if it is none.

        NaN where the model does not tell. Computed when it is asked for, as a forecast need not wait for it.
        """
        if self._window is not None and self._familiarity is not None:
            self._unfamiliarity = self._familiarity.of(self._window)
        self._window = None
        return self._unfamiliarity

    def settle(self) -> None:
        """Keep the newest pair and its forecast for those to come; the next ``push`` does so if nobody did.

        The pair's own forecast need not wait for it.
        """
        if self._unsettled is None:
            return
        (angle, row), moment, memory = self._unsettled, self._moment, self._memory
        self._unsettled = self._moment = None
        self._history.push(self._newest, angle, row)
        if memory is None:
            return
        memory.push_angle(self._newest, angle)
        if moment is not None and memory.keeps_next():
            key, forecast = moment
            memory.remember(self._newest, key, forecast.angle, forecast.offset)

    def restart(self) -> None:
        """Empty the window, and forget the wearer."""
        self._wearer += 1
        self._unsettled = self._moment = None
        self._history.clear()
        if self._grid is not None:
            self._grid.clear()
        if self._memory is not None:
            self._memory.clear()

    def _sign(self, manifest: Manifest) -> FloatArray:
        return MIRROR if manifest.side != self._side else AS_IT_IS


def new_memory(manifest: Manifest) -> StrideMemory | None:
    """Return an empty memory for a model; None if it works without."""
    if manifest.memory is None:
        return None
    spec = manifest.features
    return StrideMemory(
        manifest.memory,
        spec.names,
        manifest.scaler.scale,
        period=spec.period,
        window=spec.window,
        horizon=manifest.horizon,
    )
