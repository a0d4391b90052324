"""Decides whether an adaptation is worth having: each part of a walk is forecast before it is learned from."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.adaptation.preparation import PreparedWalk
from ankle_predictor.adaptation.report import Report
from ankle_predictor.adaptation.rolling_origin import rolling_parts
from ankle_predictor.adaptation.user_walk import UserWalk, stride_stamps
from ankle_predictor.model.forecast import Forecast, joined
from ankle_predictor.model.manifest import Manifest
from ankle_predictor.training.dataset import DatasetError, Examples
from ankle_predictor.training.measurement import needed_stretch
from ankle_predictor.trust.scoring import due_times, truth_at

ENOUGH_SECONDS = 4  # in the last part, to know its scatter
BEYOND_CHANCE = 1.645  # standard errors; 5 % of purely random differences lie beyond
BASE_STRIDES = 10  # of the user's strides that the base's interval widths weigh as much as


@dataclass(frozen=True, eq=False)
class Judgement:
    """How adaptations to a walk did on parts of it that they had not learned from.

    Attributes:
        report: both forecasts of these parts, and whether the adaptation is accepted.
        widening: (H,) factor by which the base's intervals are to be multiplied for the user.
    """

    report: Report
    widening: FloatArray


def judge(prepared: PreparedWalk, user: str) -> Judgement:
    """Forecast each part of a walk but the first by the base and by an adaptation that knows only the time before it.

    Args:
        prepared: the walk.
        user: name of the person's model.

    Raises:
        DatasetError: the walk has too many gaps.
    """
    manifest, walk, learner = prepared.base.manifest, prepared.walk, prepared.learner
    parts = rolling_parts(prepared.examples.stamp, manifest.horizon * manifest.features.period)
    if not parts:
        raise DatasetError(f"{walk.name} has too many gaps in the {walk.seconds:g} s given; give other seconds")
    scored = np.logical_or.reduce([part for _, part in parts])
    examples, truth = prepared.examples.select(scored), learner.target[scored]
    before = prepared.as_live(learner.forecast).at(scored)
    adapted = [(learner.corrected(learner.learn(learned)), part) for learned, part in parts]
    after = joined([prepared.as_live(forecast).at(part) for forecast, part in adapted])
    alone = joined([forecast.at(part) for forecast, part in adapted])
    strides = stride_stamps(walk.leg)
    widening = _widening(manifest, alone, truth, int(np.sum(strides >= examples.stamp[0])))
    gain = np.mean(np.abs(before.angle - truth), axis=1) - np.mean(np.abs(after.angle - truth), axis=1)
    report = Report(
        user=user,
        base=prepared.base.name,
        adapted=is_better(gain, int(parts[-1][1].sum()), prepared.period),
        labels=prepared.labels,
        log=walk.name,
        seconds=walk.seconds,
        strides=len(strides),
        warnings=prepared.warnings,
        stamp=examples.stamp - examples.start,
        truth=truth,
        encoder=_encoder_truth(walk, examples, manifest),
        base_forecast=before,
        user_forecast=after,
    )
    return Judgement(report, widening)


def is_better(gain: FloatArray, last: int, period: float) -> bool:
    """Return whether an adaptation is worth having.

    It must be better on average, and in the last part not worse than its scatter from second to second explains: what
    held for most of the walk may not hold for what comes.

    Args:
        gain: (N,) rad, mean error of the base less that of the adaptation, for each scored forecast.
        last: how many of these belong to the last part.
        period: s between two of them.
    """
    if not float(np.mean(gain)) > 0.0:
        return False
    seconds = np.array_split(gain[-last:], max(1, round(last * period)))
    means = np.array([float(np.mean(second)) for second in seconds])
    scatter = float(np.std(means, ddof=1)) / math.sqrt(len(means)) if len(means) >= ENOUGH_SECONDS else 0.0
    return float(np.mean(means)) > -BEYOND_CHANCE * scatter


def _widening(manifest: Manifest, alone: Forecast, truth: FloatArray, strides: int) -> FloatArray:
    """Return the (H,) factor by which the half widths of the adapted network's intervals are to be multiplied.

    It is for the network alone, as a wearer of whom nothing else is known meets it.

    The distances of the truths from the forecast, in half widths of the interval, are ranked per step (after
    conformalised quantile regression, Romano et al. 2019). Neighbouring windows are alike, so the scored seconds hold
    no more information than their few strides. The fewer strides, the closer the factor stays to one.
    """
    stretch = needed_stretch(alone, truth, manifest.intervals.level)
    widening: FloatArray = np.exp(np.log(stretch) * strides / (strides + BASE_STRIDES))
    return widening


def _encoder_truth(walk: UserWalk, examples: Examples, manifest: Manifest) -> FloatArray | None:
    """Return (N, H) rad by the encoder; None if it gives no forecast's truth completely."""
    if walk.encoder is None:
        return None
    due = due_times(examples.stamp, manifest.horizon, manifest.features.period)
    truth = truth_at(walk.encoder.stamp, walk.encoder.angle, due)
    return truth if np.isfinite(truth).all(axis=1).any() else None
