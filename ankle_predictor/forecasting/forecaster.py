"""Makes forecasts from pairs with the model in use: feature window, mirror image, network, and the wearer's ways."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.estimation.samples import AngleSource, JointSample, PairSample
from ankle_predictor.forecasting.walk_history import WalkHistory
from ankle_predictor.forecasting.wearer import Wearer
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.model.feature_family import family_of
from ankle_predictor.model.features import MIRROR, FeatureError, WindowGrid, pair_features
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.model.manifest import BundleError, Manifest
from ankle_predictor.trust.familiarity import FamiliarityScore, apartness, unfamiliarity

NOT_MIRRORED = np.ones(len(MIRROR))
CONSTANT_TOLERANCE = 1e-3  # relative; a YAML file may round the filter constants


@dataclass(frozen=True, eq=False)
class PreparedModel:
    """A model that is ready for use.

    Attributes:
        engine: the tested engine.
        wearer: has learned as if this model had been in use for the last minute; None for a model without memory.
        newest: s, stamp of the newest pair that it knows.
        era: of the predictor, from one restart to the next, in which it has learned. In another one that is not used:
            the wearer may have changed.
        figures: what its trial measured, as text for people.
    """

    engine: InferenceEngine
    wearer: Wearer | None
    newest: float
    era: object
    figures: str = ""


class Forecaster:
    """Makes a forecast for each pair. The model can be exchanged between two pairs.

    Attributes:
        engine: the engine of the model in use, None before the first.
    """

    def __init__(self, side: str, config: FilterConfig) -> None:
        """Make a forecaster without a model.

        Args:
            side: the leg that the pairs come from, "left" or "right".
            config: the constants of the filter that the pairs come from.
        """
        self._side = side
        self._config = config
        self._mirror = NOT_MIRRORED
        self._grid: WindowGrid | None = None
        self._familiarity: FamiliarityScore | None = None
        self._wearer: Wearer | None = None
        self._history = WalkHistory()
        self._era = object()  # from one restart to the next
        self.engine: InferenceEngine | None = None
        self._window: FloatArray | None = None  # (W, F) of the newest forecast, until its unfamiliarity is computed
        self._unfamiliarity = math.nan
        self._newest = math.nan  # s, stamp of the newest pair
        self._unsettled: tuple[JointSample, FloatArray] | None = None  # joint and features of the newest pair

    def check(self, name: str, manifest: Manifest) -> None:
        """Refuse a model that does not fit the input.

        Raises:
            BundleError: INCOMPATIBLE; the message names the feature or the constant.
        """
        try:
            family = family_of(manifest.features)
        except FeatureError as error:
            raise BundleError("INCOMPATIBLE", f"model {name} was trained on {error}") from error
        if family.not_live:
            raise BundleError("INCOMPATIBLE", f"model {name} cannot run live: {family.not_live}")
        for field in fields(FilterConfig):
            here, there = getattr(self._config, field.name), getattr(manifest.features.filter, field.name)
            if not math.isclose(here, there, rel_tol=CONSTANT_TOLERANCE):
                raise BundleError(
                    "INCOMPATIBLE",
                    f"model {name} was trained with {field.name} {there:g}, the filter here has {here:g}",
                )

    def prepare(self, engine: InferenceEngine) -> PreparedModel:
        """Let a new model learn the wearer from the last minute while the old model stays in use.

        This may take seconds. It may run in another thread.

        Raises:
            BundleError: INCOMPATIBLE.
        """
        manifest, era = engine.manifest, self._era
        self.check(engine.bundle.name, manifest)
        wearer, newest = _new_wearer(manifest), -math.inf
        if wearer is not None:
            newest = self._history.teach(wearer, engine, self._mirror_for(manifest))
        return PreparedModel(engine, wearer, newest, era)

    def last_minute(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return stamps (N,), angles (N,) and features (N, F) of the wearer's last minute; for any thread."""
        past = self._history.since()
        return past.stamps, past.angles, past.features

    def afresh(self, engine: InferenceEngine) -> PreparedModel:
        """Return a model that knows nothing of the wearer, which takes no time, unlike ``prepare``."""
        return PreparedModel(engine, _new_wearer(engine.manifest), self._newest, self._era)

    def drop(self) -> None:
        """Go on without a model; pairs are kept for the next one."""
        self.settle()
        self.engine = self._grid = self._wearer = self._familiarity = self._window = None
        self._unfamiliarity = math.nan

    def use(self, ready: PreparedModel) -> None:
        """Switch to a prepared model. It continues with the pairs so far, so its window is full at once."""
        self.settle()
        engine, manifest = ready.engine, ready.engine.manifest
        mirror = self._mirror_for(manifest)
        same_window = self.engine is not None and self.engine.manifest.features == manifest.features
        if self._grid is None or not same_window or self._mirror is not mirror:
            self._grid = WindowGrid(manifest.features)
            since = self._newest - 2.0 * manifest.features.window * manifest.features.period
            past = self._history.since(since)
            for stamp, row in zip(past.stamps, past.features * mirror, strict=True):
                self._grid.push(stamp, row)
        is_of_now = ready.era is self._era
        self._wearer = ready.wearer if is_of_now else _new_wearer(manifest)
        if self._wearer is not None:
            newer = self._history.since(ready.newest if is_of_now else -math.inf)
            for stamp, angle, row in zip(newer.stamps, newer.angles, newer.features * mirror, strict=True):
                self._wearer.push(stamp, row, angle)
        self._mirror = mirror
        walks = manifest.familiarity
        self._familiarity = None if walks is None else FamiliarityScore(walks, manifest.scaler.scale)
        self._window, self._unfamiliarity = None, math.nan
        self.engine = engine

    def push(self, pair: PairSample) -> bool:
        """Add the next pair and return whether the window is full, so that ``forecast`` may be called."""
        self.settle()
        joint, row = pair.joint, pair_features(pair)
        self._newest, self._unsettled = joint.stamp, (joint, row)
        if self._mirror is not NOT_MIRRORED:  # saves a multiplication by ones in most cases
            row = row * self._mirror
        return self._grid is not None and self._grid.push(joint.stamp, row)

    def forecast(self) -> Forecast:
        """Return the forecast from the newest pairs. Call it only if ``push`` returned True."""
        assert self._grid is not None
        assert self.engine is not None
        assert self._unsettled is not None
        window = self._window = self._grid.window()
        network, joint = self.engine.forecast(window), self._unsettled[0]
        from_encoder = joint.source == AngleSource.ENCODER
        if self._wearer is not None:
            return self._wearer.forecast(joint.stamp, window, network, from_encoder)
        return network.without_offset() if from_encoder else network

    @property
    def unfamiliarity(self) -> float:
        """How unfamiliar the newest forecast's movement is; above 1 it counts as unfamiliar.

        NaN if the model has no such score. It is computed on request, so that the forecast does not wait for it.
        """
        if self._window is not None and self._familiarity is not None:
            self._unfamiliarity = self._familiarity.of(self._window)
            if self._wearer is not None:
                known = self._wearer.surprise, self._wearer.experience
                self._unfamiliarity = unfamiliarity(self._unfamiliarity, apartness(self._window), *known)
        self._window = None
        return self._unfamiliarity

    def settle(self) -> None:
        """Add the newest pair to the history, and learn from the forecasts that are due with it.

        This is separate from ``push``, so that the pair's own forecast does not wait for it. If it was not called, the
        next ``push`` calls it.
        """
        if self._unsettled is None:
            return
        joint, row = self._unsettled
        self._unsettled = None
        self._history.push(joint, row)
        if self._wearer is not None:
            self._wearer.push(joint.stamp, row * self._mirror, joint.angle)

    def restart(self) -> None:
        """Empty the window, the history and what was learned of the wearer."""
        self._unsettled = None
        self._history.clear()
        self._era = object()  # after that: what another thread begins to learn now is of the new era
        if self._grid is not None:
            self._grid.clear()
        if self._wearer is not None:
            self._wearer.clear()

    def _mirror_for(self, manifest: Manifest) -> FloatArray:
        return MIRROR if manifest.side != self._side else NOT_MIRRORED


def _new_wearer(manifest: Manifest) -> Wearer | None:
    return None if manifest.memory is None else Wearer(manifest)
