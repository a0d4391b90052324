"""Adapts a bundle to a person: a walk in, the user's bundle and a report out. Nothing is written here."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ankle_imu_driver.arrays import BoolArray, FloatArray
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.adaptation.acceptance import LEARNED_AT_LEAST, PARTS, is_better, parts_of
from ankle_predictor.adaptation.user_correction import PRIOR_SECONDS, WIDTH, Correction, fit_correction
from ankle_predictor.adaptation.user_walk import Labels, UserWalk, check_walk, examples_in, stride_stamps
from ankle_predictor.model.bundle import Bundle
from ankle_predictor.model.engine import InferenceEngine, load_engine
from ankle_predictor.model.forecast import Forecast, joined
from ankle_predictor.model.manifest import Canary, Intervals, Manifest, Metric, Training
from ankle_predictor.offline.log_forecasts import LogMemory
from ankle_predictor.training.dataset import DatasetError, Examples, scaled
from ankle_predictor.training.measurement import needed_stretch
from ankle_predictor.training.needs_tensorflow import NETWORK, imported
from ankle_predictor.trust.familiarity import moving, widened
from ankle_predictor.trust.scoring import Score, due_times, score, truth_at

USER_LAYER = "ankle_predictor.adaptation.user_layer"  # imports TensorFlow
CLOSEST_WINDOWS = 3  # pairs between two windows
MOST_WINDOWS = 1500  # the linear system grows with their third power
BASE_STRIDES = 10  # how many of the user's strides the base's widths weigh as much as
PARITY = 1e-4  # rad, largest difference between the network as computed here and as ONNX runs it
METHOD = "split conformal per step on the user's judged seconds, drawn toward the base's widths as strides are few"
ROLE = "the user's seconds but the first quarter, scored before they were learned from; the intervals were made on them"


class AdaptationError(Refusal):
    """A model that cannot be adapted; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class Report:
    """What an adaptation saw and did.

    Every part of the seconds but the first is forecast by the base, and by an adaptation that knows only what was
    before it. Both forecasts of all these parts are here. If the adaptations did better, the model learns from all.

    Attributes:
        user: whom for.
        base: name of the model that it started from.
        adapted: whether there is a new model; if not, the base stays.
        labels: "imu" or "encoder".
        log: the recording's name.
        seconds: given.
        strides: seen in them.
        warnings: a sentence each.
        stamp: (N,) s from the log's first sample, of the judged forecasts.
        truth: (N, H) rad, what the labels say.
        encoder: (N, H) rad, what the encoder says, NaN where it says nothing; None without one.
        base_forecast, user_forecast: of the judged seconds.
    """

    user: str
    base: str
    adapted: bool
    labels: Labels
    log: str
    seconds: float
    strides: int
    warnings: tuple[str, ...]
    stamp: FloatArray
    truth: FloatArray
    encoder: FloatArray | None
    base_forecast: Forecast
    user_forecast: Forecast

    @property
    def model(self) -> str:
        """Name of the model to use now."""
        return self.user if self.adapted else self.base

    @property
    def label_error(self) -> float:
        """Mean absolute difference of the labels from the encoder in rad; NaN without one."""
        if self.encoder is None:
            return math.nan
        return float(np.nanmean(np.abs(self.truth - self.encoder)))

    def scores(self, truth: FloatArray) -> tuple[Score, Score]:
        """Score the base and the adaptation against ``truth`` or ``encoder``."""
        before, after = (
            score(forecast.angle, forecast.lower, forecast.upper, truth)
            for forecast in (self.base_forecast, self.user_forecast)
        )
        return before, after


@dataclass(frozen=True, eq=False)
class Adaptation:
    """The outcome.

    Attributes:
        report: for people.
        bundle: the user's, tried and ready to be written; None where the base stays.
    """

    report: Report
    bundle: Bundle | None


def adapt(
    base: Bundle,
    walk: UserWalk,
    labels: Labels,
    user: str,
    on_progress: Callable[[str, float], None] = lambda _stage, _share: None,
) -> Adaptation:
    """Adapt a model to a person.

    Args:
        base: a checked bundle.
        walk: the person's seconds.
        labels: by what the forecasts are judged.
        user: the new model's name.
        on_progress: told what is being done and which share of all is done. What it raises stops the work, of which
            nothing is left then.

    Raises:
        UserWalkError: the seconds are not worth learning from.
        DatasetError: they are too short, or full of gaps.
        AdaptationError, NetworkError: the model cannot be adapted.
        BundleError: the base, or what came out, does not run.
    """
    warnings = check_walk(walk, labels)
    on_progress("looking at the walk", 0.1)
    networks, user_layer = (imported(module, "adapting") for module in (NETWORK, USER_LAYER))
    manifest = base.manifest
    examples, period = _examples(walk, manifest, labels)
    parts = parts_of(examples.stamp, examples.target.shape[1] * manifest.features.period)
    if not parts:
        raise DatasetError(f"{walk.name} has too many gaps in the {walk.seconds:g} s given; give other seconds")
    windows = examples.window.astype(np.float64)
    network_forecast = load_engine(base).forecast_batch(windows)
    later = truth_at(
        walk.leg.stamp, walk.leg.angle, due_times(examples.stamp, manifest.horizon, manifest.features.period)
    )
    target = examples.target
    if labels == "imu" and network_forecast.offset is not None:
        target = target + network_forecast.offset  # what an encoder once taught stays known
    network = networks.read_network(base.keras)
    on_progress("adapting", 0.3)
    offset = None
    if labels == "encoder" and manifest.memory is not None:
        offset = _filled(target - later)
    inputs = user_layer.last_inputs(network, scaled(examples.window, manifest.scaler))
    learner = _Learner(inputs, period, network_forecast, target, offset)

    def remembered(forecast: Forecast) -> Forecast:
        index = np.searchsorted(walk.inputs.stamp, examples.stamp).tolist()
        return LogMemory(manifest, walk.inputs, every=1).correct(index, windows, forecast)

    kept = np.logical_or.reduce([part for _, part in parts])
    judged = examples.select(kept)
    before = remembered(network_forecast).at(kept)
    after = joined([remembered(learner.learn(learned)[2]).at(part) for learned, part in parts])
    strides = stride_stamps(walk.leg)
    wider = _widening(manifest, after, target[kept], int(np.sum(strides >= judged.stamp[0])))
    after = _widened(after, wider)
    gain = np.mean(np.abs(before.angle - target[kept]), axis=1) - np.mean(np.abs(after.angle - target[kept]), axis=1)
    report = Report(
        user=user,
        base=base.name,
        adapted=is_better(gain, int(parts[-1][1].sum()), period),
        labels=labels,
        log=walk.name,
        seconds=walk.seconds,
        strides=len(strides),
        warnings=warnings,
        stamp=judged.stamp - judged.start,
        truth=target[kept],
        encoder=_encoder_truth(walk, judged, manifest),
        base_forecast=before,
        user_forecast=after,
    )
    if not report.adapted:
        return Adaptation(report, None)
    correction, offset_correction, expected = learner.learn(np.ones(len(examples), dtype=np.bool_))
    on_progress("exporting", 0.4)
    network = user_layer.corrected(network, correction, offset_correction, len(manifest.output.quantiles) or 1)
    onnx, keras = networks.onnx_bytes(network), networks.keras_bytes(network)
    on_progress("trying it", 0.9)
    manifest = dataclasses.replace(
        manifest,
        name=user,
        parent=base.name,
        output=dataclasses.replace(manifest.output, offset=expected.offset is not None),
        intervals=_intervals(manifest, wider),
        canary=Canary(manifest.canary.window, (0.0,) * manifest.horizon),
        metrics=(_metric(report, manifest),),
        familiarity=widened(manifest.familiarity, moving(examples.window), manifest.scaler.scale),
        training=_training(base, examples, labels, networks.software()),
    )
    bundle = _tried(dataclasses.replace(base, name=user, manifest=manifest, onnx=onnx, keras=keras))
    exported = load_engine(bundle).forecast_batch(windows)
    off = float(np.max(np.abs(exported.angle - expected.angle)))
    if exported.offset is not None and expected.offset is not None:
        off = max(off, float(np.max(np.abs(exported.offset - expected.offset))))
    if not off <= PARITY:
        raise AdaptationError(f"the exported network is {off:.1e} rad off the adapted one; nothing was written")
    on_progress("done", 1.0)
    return Adaptation(report, bundle)


@dataclass(frozen=True, eq=False)
class _Learner:
    """Learns a user's corrections from any of the examples.

    Attributes:
        inputs: (N, D) of the network's last layer.
        period: s between two examples.
        forecast: (N, H) the network's.
        target: (N, H) rad, what it should have been.
        offset: (N, H) rad by which the encoder lay above the IMUs' angle; None where that is not learned.
    """

    inputs: FloatArray
    period: float
    forecast: Forecast
    target: FloatArray
    offset: FloatArray | None

    def learn(self, which: BoolArray) -> tuple[Correction, Correction | None, Forecast]:
        """Return what some examples teach, the offset's where it is learned, and the forecasts of all with it."""
        inputs, known = self.inputs[which], self.forecast
        correction = fit_correction(inputs, (self.target - known.angle)[which], self.period)
        forecast, of_offset = known.moved(correction.of(self.inputs)), None
        if self.offset is not None:
            before = np.zeros_like(self.offset) if known.offset is None else known.offset
            of_offset = fit_correction(inputs, (self.offset - before)[which], self.period)
            forecast = dataclasses.replace(forecast, offset=of_offset.of(self.inputs) + before)
        return correction, of_offset, forecast


def _examples(walk: UserWalk, manifest: Manifest, labels: Labels) -> tuple[Examples, float]:
    """Cut the walk, and tell the s between two examples."""
    spec, horizon = manifest.features, manifest.horizon
    shortest = spec.window * spec.period + PARTS * (horizon * spec.period + LEARNED_AT_LEAST) + horizon * spec.period
    if walk.seconds < shortest:
        raise DatasetError(f"{walk.seconds:g} s are too short to learn from and to judge; give {shortest:g} s or more")
    stride = max(CLOSEST_WINDOWS, math.ceil(walk.seconds / spec.period / MOST_WINDOWS))
    return examples_in(walk, spec, horizon, labels, stride), stride * spec.period


def _encoder_truth(walk: UserWalk, kept: Examples, manifest: Manifest) -> FloatArray | None:
    if walk.encoder is None:
        return None
    due = due_times(kept.stamp, manifest.horizon, manifest.features.period)
    truth = truth_at(walk.encoder.stamp, walk.encoder.angle, due)
    return truth if np.isfinite(truth).all(axis=1).any() else None


def _filled(values: FloatArray) -> FloatArray:
    """Return (N, H) values with each step's mean where one is not known."""
    filled: FloatArray = np.where(np.isfinite(values), values, np.nanmean(values, axis=0))
    return filled


def _widening(manifest: Manifest, after: Forecast, truth: FloatArray, strides: int) -> FloatArray:
    """Return (H,) by what the base's interval, about the adapted forecast, is to be multiplied.

    How far the truths lie from the forecast, in half widths of the interval, is ranked per step (after conformalised
    quantile regression, Romano et al. 2019). Neighbouring windows are alike, so that the seconds that judge hold no
    more than their few strides; the fewer, the more of the base's own width stays.
    """
    wanted = needed_stretch(after, truth, manifest.intervals.level)
    wider: FloatArray = np.exp(np.log(wanted) * strides / (strides + BASE_STRIDES))
    return wider


def _widened(forecast: Forecast, wider: FloatArray) -> Forecast:
    below, above = forecast.angle - forecast.lower, forecast.upper - forecast.angle
    return dataclasses.replace(forecast, lower=forecast.angle - below * wider, upper=forecast.angle + above * wider)


def _intervals(manifest: Manifest, wider: FloatArray) -> Intervals:
    margin = np.array(manifest.intervals.margin) * wider
    stretch = np.array(manifest.intervals.stretch or [1.0] * manifest.horizon) * wider
    return Intervals(manifest.intervals.level, tuple(margin.tolist()), METHOD, tuple(stretch.tolist()))


def _tried(bundle: Bundle) -> Bundle:
    """Return the bundle with what its network makes of the canary window, which is the base's."""
    angle = InferenceEngine(bundle).forecast(np.array(bundle.manifest.canary.window)).angle
    canary = Canary(bundle.manifest.canary.window, tuple(angle.tolist()))
    return dataclasses.replace(bundle, manifest=dataclasses.replace(bundle.manifest, canary=canary))


def _metric(report: Report, manifest: Manifest) -> Metric:
    after = report.scores(report.truth)[1]
    h50 = after.mae_deg(50)
    return Metric(
        log=report.log,
        start=float(report.stamp[0]),
        end=float(report.stamp[-1]) + manifest.horizon * manifest.features.period,
        role=f"{ROLE}; against the {report.labels} labels",
        windows=after.windows,
        mae_h20_deg=after.mae_deg(20),
        mae_h50_deg=h50 if math.isfinite(h50) else None,
        coverage_90=after.coverage,
    )


def _training(base: Bundle, examples: Examples, labels: Labels, software: Mapping[str, str]) -> Training:
    data = hashlib.sha256(examples.window.tobytes() + examples.target.tobytes()).hexdigest()
    settings = {
        "start": float(examples.stamp[0] - examples.start),
        "windows": float(len(examples)),
        "encoder_labels": float(labels == "encoder"),
        "kernel_width": WIDTH,
        "prior_seconds": PRIOR_SECONDS,
    }
    everything = json.dumps([data, settings, dict(base.manifest.files), base.manifest.features.to_json()])
    return Training(hashlib.sha256(everything.encode()).hexdigest(), {examples.log: data}, settings, software)
