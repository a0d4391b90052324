"""Builds a user's bundle: exports the corrected network, checks it and fills in the manifest."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Mapping

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.adaptation.acceptance import Judgement
from ankle_predictor.adaptation.preparation import PURPOSE, USER_LAYER, PreparedWalk
from ankle_predictor.adaptation.report import LONG, SHORT, Report
from ankle_predictor.adaptation.user_correction import PRIOR_SECONDS, WIDTH, UserCorrection
from ankle_predictor.model.bundle import Bundle
from ankle_predictor.model.engine import InferenceEngine, load_engine
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.model.manifest import Canary, Intervals, Manifest, Metric, Training
from ankle_predictor.training.needs_tensorflow import NETWORK, imported
from ankle_predictor.trust.familiarity import moving, widened

PARITY = 1e-4  # rad, largest difference between the corrected network as computed here and as ONNX runs it
METHOD = "split conformal per step on the user's judged seconds, drawn toward the base's widths as strides are few"
ROLE = "the user's seconds but the first quarter, scored before they were learned from; the intervals were made on them"


class AdaptationError(Refusal):
    """A model that cannot be adapted; the message says why and what to do."""


def build_bundle(prepared: PreparedWalk, judgement: Judgement, on_progress: Callable[[str, float], None]) -> Bundle:
    """Learn from all of a walk and build the user's bundle, which is ready to be written.

    Args:
        prepared: the walk.
        judgement: of adaptations to it.
        on_progress: called with the current stage and the share that is done.

    Raises:
        AdaptationError: the exported network computes something else than the corrected one.
        NetworkError: the network cannot be exported.
        BundleError: the new bundle does not run.
    """
    examples, base, report = prepared.examples, prepared.base, judgement.report
    correction = prepared.learner.learn(np.ones(len(examples), dtype=np.bool_))
    expected = prepared.learner.corrected(correction)
    on_progress("exporting", 0.4)
    onnx, keras = _exported(prepared, correction)
    on_progress("checking", 0.9)
    manifest = dataclasses.replace(
        base.manifest,
        name=report.user,
        parent=base.name,
        output=dataclasses.replace(base.manifest.output, offset=expected.offset is not None),
        intervals=_intervals(base.manifest, judgement.widening),
        canary=Canary(base.manifest.canary.window, (0.0,) * base.manifest.horizon),
        metrics=(_metric(report, base.manifest),),
        familiarity=widened(base.manifest.familiarity, moving(examples.window), base.manifest.scaler.scale),
        training=_training(prepared, imported(NETWORK, PURPOSE).software()),
    )
    bundle = _with_canary(dataclasses.replace(base, name=report.user, manifest=manifest, onnx=onnx, keras=keras))
    _check_parity(load_engine(bundle).forecast_batch(examples.window.astype(np.float64)), expected)
    return bundle


def _exported(prepared: PreparedWalk, correction: UserCorrection) -> tuple[bytes, bytes]:
    """Return the corrected network as ONNX and in Keras's format."""
    networks, user_layer = (imported(module, PURPOSE) for module in (NETWORK, USER_LAYER))
    columns = len(prepared.base.manifest.output.quantiles) or 1
    network = user_layer.corrected(prepared.network, correction.angle, correction.offset, columns)
    return networks.onnx_bytes(network), networks.keras_bytes(network)


def _with_canary(bundle: Bundle) -> Bundle:
    """Return the bundle with its network's answer to the canary window, which is the base's."""
    angle = InferenceEngine(bundle).forecast(np.array(bundle.manifest.canary.window)).angle
    canary = Canary(bundle.manifest.canary.window, tuple(angle.tolist()))
    return dataclasses.replace(bundle, manifest=dataclasses.replace(bundle.manifest, canary=canary))


def _check_parity(exported: Forecast, expected: Forecast) -> None:
    """Refuse an exported network whose forecasts differ from the expected ones.

    Raises:
        AdaptationError: they differ.
    """
    difference = float(np.max(np.abs(exported.angle - expected.angle)))
    if exported.offset is not None and expected.offset is not None:
        difference = max(difference, float(np.max(np.abs(exported.offset - expected.offset))))
    if not difference <= PARITY:
        raise AdaptationError(f"the exported network is {difference:.1e} rad off the adapted one; nothing was written")


def _intervals(manifest: Manifest, widening: FloatArray) -> Intervals:
    """Return the base's intervals, widened."""
    margin = np.array(manifest.intervals.margin) * widening
    stretch = np.array(manifest.intervals.stretch or [1.0] * manifest.horizon) * widening
    return Intervals(manifest.intervals.level, tuple(margin.tolist()), METHOD, tuple(stretch.tolist()))


def _metric(report: Report, manifest: Manifest) -> Metric:
    _, after = report.scores(report.truth)
    h50 = after.mae_deg(LONG)
    return Metric(
        log=report.log,
        start=float(report.stamp[0]),
        end=float(report.stamp[-1]) + manifest.horizon * manifest.features.period,
        role=f"{ROLE}; against the {report.labels} labels",
        windows=after.windows,
        mae_h20_deg=after.mae_deg(SHORT),
        mae_h50_deg=h50 if math.isfinite(h50) else None,
        coverage_90=after.coverage,
    )


def _training(prepared: PreparedWalk, software: Mapping[str, str]) -> Training:
    """Return the record of what the model was made from."""
    examples, manifest = prepared.examples, prepared.base.manifest
    data = hashlib.sha256(examples.window.tobytes() + examples.target.tobytes()).hexdigest()
    settings = {
        "start": float(examples.stamp[0] - examples.start),
        "windows": float(len(examples)),
        "encoder_labels": float(prepared.labels == "encoder"),
        "kernel_width": WIDTH,
        "prior_seconds": PRIOR_SECONDS,
    }
    everything = json.dumps([data, settings, dict(manifest.files), manifest.features.to_json()])
    return Training(hashlib.sha256(everything.encode()).hexdigest(), {examples.log: data}, settings, software)
