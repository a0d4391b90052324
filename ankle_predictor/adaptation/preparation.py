"""Prepares a walk for adapting a model: checks it, cuts it into examples and forecasts each by the base's network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.adaptation.rolling_origin import shortest_walk
from ankle_predictor.adaptation.user_correction import CorrectionLearner
from ankle_predictor.adaptation.user_walk import Labels, UserWalk, check_walk, examples_in
from ankle_predictor.model.bundle import Bundle
from ankle_predictor.model.engine import load_engine
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.model.manifest import Manifest
from ankle_predictor.offline.log_forecasts import LogWearer
from ankle_predictor.training.dataset import DatasetError, Examples, scaled
from ankle_predictor.training.needs_tensorflow import NETWORK, imported
from ankle_predictor.trust.scoring import due_times, truth_at

USER_LAYER = "ankle_predictor.adaptation.user_layer"  # imports TensorFlow
PURPOSE = "adapting"  # named in the message if TensorFlow is missing
CLOSEST_WINDOWS = 3  # pairs between two windows
MOST_WINDOWS = 1500  # the cost of the linear system grows with the third power of their number


@dataclass(frozen=True, eq=False)
class PreparedWalk:
    """A walk cut into N examples, with all that is needed to learn from them.

    Attributes:
        base: the model to adapt.
        network: the base's Keras network.
        walk: the person's seconds.
        labels: what the forecasts are compared with.
        warnings: one sentence each.
        examples: the windows and what followed each.
        period: s between two examples.
        learner: learns a correction of the base's forecasts.
    """

    base: Bundle
    network: Any
    walk: UserWalk
    labels: Labels
    warnings: tuple[str, ...]
    examples: Examples
    period: float
    learner: CorrectionLearner

    def as_live(self, forecast: Forecast) -> Forecast:
        """Return what the node makes of a network's (N, H) forecasts of the examples as it learns the wearer."""
        index = np.searchsorted(self.walk.inputs.stamp, self.examples.stamp).tolist()
        wearer = LogWearer(self.base.manifest, self.walk.inputs)
        return wearer.forecast(index, self.examples.window.astype(np.float64), forecast)


def prepare(base: Bundle, walk: UserWalk, labels: Labels) -> PreparedWalk:
    """Prepare a walk for adapting a model.

    Args:
        base: the model to adapt, a checked bundle.
        walk: the person's seconds.
        labels: what the forecasts are compared with.

    Raises:
        UserWalkError: the walk is not good enough to learn from.
        DatasetError: the walk is too short, or has too many gaps.
        NetworkError: TensorFlow is missing, or the network cannot be adapted.
        BundleError: the base does not run.
    """
    warnings = check_walk(walk, labels)
    networks, user_layer = (imported(module, PURPOSE) for module in (NETWORK, USER_LAYER))
    examples, period = _examples(walk, base.manifest, labels)
    forecast = load_engine(base).forecast_batch(examples.window.astype(np.float64))
    target = examples.target
    if labels == "imu" and forecast.offset is not None:
        target = target + forecast.offset  # the base has learned the encoder's offset; keep it
    network = networks.read_network(base.keras)
    inputs = user_layer.last_inputs(network, scaled(examples.window, base.manifest.scaler))
    learner = CorrectionLearner(inputs, period, forecast, target, _offset(walk, base.manifest, labels, examples))
    return PreparedWalk(base, network, walk, labels, warnings, examples, period, learner)


def _examples(walk: UserWalk, manifest: Manifest, labels: Labels) -> tuple[Examples, float]:
    """Cut the walk; return the examples and the s between two of them."""
    spec, horizon = manifest.features, manifest.horizon
    shortest = shortest_walk(spec.window, horizon, spec.period)
    if walk.seconds < shortest:
        raise DatasetError(
            f"{walk.seconds:g} s are too short to learn from and to score; give {shortest:g} s or more of walking"
        )
    stride = max(CLOSEST_WINDOWS, math.ceil(walk.seconds / spec.period / MOST_WINDOWS))
    return examples_in(walk, spec, horizon, labels, stride), stride * spec.period


def _offset(walk: UserWalk, manifest: Manifest, labels: Labels, examples: Examples) -> FloatArray | None:
    """Return (N, H) rad by which the encoder lies above the IMUs' angle; None where it is not to be learned.

    Where the IMUs' angle is not known, it is the mean of the step.
    """
    if labels != "encoder" or manifest.memory is None:
        return None
    due = due_times(examples.stamp, manifest.horizon, manifest.features.period)
    offset = examples.target - truth_at(walk.leg.stamp, walk.leg.angle, due)
    filled: FloatArray = np.where(np.isfinite(offset), offset, np.nanmean(offset, axis=0))
    return filled
