"""From walks to a network in a bundle, and to an honest idea of how well it does on people whom it never saw."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ankle_imu_driver.arrays import Float32Array
from ankle_imu_driver.recordings.recording import EncoderSamples, Recording
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.model.bundle import Bundle
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.model.feature_family import family_called
from ankle_predictor.model.features import ANGLE_FEATURE, SEGMENT_FEATURES, FeatureSpec
from ankle_predictor.model.manifest import Canary, Familiarity, Intervals, Manifest, MemorySettings, Output, Training
from ankle_predictor.offline.feature_tables import feature_table
from ankle_predictor.offline.pipeline import FeatureTable
from ankle_predictor.training.augmentation import Augmentation, varied_windows
from ankle_predictor.training.dataset import (
    Examples,
    examples_of,
    fit_scaler,
    network_arrays,
    scaled,
    split_in_time,
)
from ankle_predictor.training.measurement import Judged, check_parity, judged, measured
from ankle_predictor.training.needs_tensorflow import NETWORK, imported
from ankle_predictor.trust.familiarity import fit_familiarity, moving

Progress = Callable[[str, float], None]

HELD_OUT = 0.15  # of a single log's time, at its end
INTERVAL_LEVEL = 0.9
METHOD_PEOPLE = (
    "split conformal per step: each log forecast by a network of the others; at the level that held a log which was "
    "left out of it as asked, in the mean"
)
METHOD_END = f"split conformal per step on the last {HELD_OUT:.0%} of the one log"
ROLE_PEOPLE = "forecast by a network of the other logs; the intervals were made on it"
ROLE_END = "end of the one training log, kept aside in time order; the intervals were made on it"
MOST_GROUPS = 5  # networks that are trained to see what one does for somebody new
CANARY_DECIMALS = 6
PARITY_WINDOWS = 200
EMPTY = Training("", {}, {}, {})


class TrainingError(Refusal):
    """A training that gives no model; the message says why and what to do."""


@dataclass(frozen=True)
class TrainSettings:
    """What ``train`` is told.

    Attributes:
        epochs: passes over the examples.
        stride: every how many pairs a window is taken.
        seed: of everything random.
        side: the leg that the logs are of.
        horizon: steps to forecast.
        features: label of the inputs' family.
        augment: whether walks are varied; only our own features can be.
        memory: whether the model remembers the wearer; likewise.
    """

    epochs: int = 12
    stride: int = 10
    seed: int = 0
    side: Literal["left", "right"] = "right"
    horizon: int = 50
    features: str = "segment"
    augment: bool = True
    memory: bool = True

    @property
    def spec(self) -> FeatureSpec:
        """Of the windows."""
        return family_called(self.features).spec


@dataclass(frozen=True, eq=False)
class Walk:
    """A recording that can be learned from.

    Attributes:
        recording: with calibration.
        encoder: its encoder.
        table: its features.
        examples: its windows as they were walked.
    """

    recording: Recording
    encoder: EncoderSamples
    table: FeatureTable
    examples: Examples


def walk_of(recording: Recording, settings: TrainSettings) -> Walk:
    """Run a recording through the live code.

    Raises:
        DatasetError: there is no encoder, or not one example.
        ChainError, FeatureError, MountingError, ReferenceFeatureError: the features cannot be made of it.
    """
    table = feature_table(recording, settings.spec)
    examples = examples_of(recording, settings.spec, settings.horizon, settings.stride, table)
    assert recording.encoder is not None  # it would have been refused
    return Walk(recording, recording.encoder, table, examples)


def learn(
    walks: Sequence[Walk],
    settings: TrainSettings,
    on_progress: Progress = lambda _stage, _share: None,
    until: float = 1.0,
) -> Bundle:
    """Train a network and put it into a bundle whose intervals and errors are still unknown.

    Args:
        walks: to learn from.
        settings: see there.
        on_progress: told what is being done and which share of it is done.
        until: share of each walk's examples, in time order, that is learned from.

    Raises:
        NetworkError: tensorflow is not installed.
        DatasetError: a walk is too short to be split.
        MeasurementError: the exported network is not the trained one.
    """
    module, spec = imported(NETWORK, "training"), settings.spec
    parts = [walk.examples if until == 1.0 else split_in_time(walk.examples, spec, 1.0 - until)[0] for walk in walks]
    ends = [float(part.stamp[-1]) for part in parts]
    scaler = fit_scaler(parts)
    delta = ANGLE_FEATURE in spec.names
    plain = network_arrays(parts, scaler, delta)
    vary = settings.augment and spec.names == SEGMENT_FEATURES

    def epoch(k: int) -> tuple[Float32Array, Float32Array]:
        if not vary:
            return plain
        random = np.random.default_rng([settings.seed, k])
        varied = [
            varied_windows(
                *_until(walk, end, settings), spec, settings.horizon, settings.stride, Augmentation(), random
            )
            for walk, end in zip(walks, ends, strict=True)
        ]
        windows, changes = (np.concatenate(both) for both in zip(*varied, strict=True))
        return scaled(windows, scaler), changes

    shape = module.NetworkShape(spec.window, len(spec.names), settings.horizon)
    fit_settings = module.FitSettings(epochs=settings.epochs, seed=settings.seed)
    network = module.build_network(shape, settings.seed)
    module.fit(network, epoch, fit_settings, lambda share: on_progress("training", share))
    on_progress("exporting", 0.0)
    canary = np.round(parts[0].window[0].astype(np.float64), CANARY_DECIMALS)
    manifest = Manifest(
        name="",
        parent=None,
        side=settings.side,
        features=spec,
        horizon=settings.horizon,
        scaler=scaler,
        output=Output("delta" if delta else "absolute", module.QUANTILES),
        intervals=Intervals(INTERVAL_LEVEL, (0.0,) * settings.horizon, ""),
        canary=Canary(tuple(map(tuple, canary.tolist())), (0.0,) * settings.horizon),
        metrics=(),
        training=EMPTY,
        files={},
        memory=MemorySettings() if settings.memory and delta else None,
    )
    bundle = Bundle("", Path(), manifest, module.onnx_bytes(network), module.keras_bytes(network))
    engine = InferenceEngine(bundle)
    some = parts[0].window[:PARITY_WINDOWS]
    check_parity(engine, module.predict(network, scaled(some, scaler)), some.astype(np.float64))
    canary_angle = engine.forecast(canary).angle
    return _with(bundle, canary=Canary(manifest.canary.window, tuple(canary_angle.tolist())))


def measure(
    bundle: Bundle, walks: Sequence[Walk], settings: TrainSettings, on_progress: Progress = lambda _stage, _share: None
) -> Bundle:
    """Find the intervals and the errors of a bundle that ``learn`` made of the walks.

    With one walk its end has to do; ``learn`` then has to leave it out.
    """
    if len(walks) > 1:
        return with_intervals(bundle, walks, unseen_forecasts(walks, settings, on_progress))
    walk = walks[0]
    since = float(split_in_time(walk.examples, settings.spec, HELD_OUT)[1].stamp[0]) - walk.recording.start
    end = judged(InferenceEngine(bundle), walk.recording, walk.table, (since, math.inf))
    return with_intervals(bundle, walks, [end])


def unseen_forecasts(
    walks: Sequence[Walk], settings: TrainSettings, on_progress: Progress = lambda _stage, _share: None
) -> list[Judged]:
    """Forecast every walk by a network that never saw the person, as the wearer's does not, trained on the others.

    With more than ``MOST_GROUPS`` walks several are left out together, so that training does not take for ever.
    """
    groups = [walks[k::MOST_GROUPS] for k in range(min(MOST_GROUPS, len(walks)))]
    parts: dict[str, Judged] = {}
    for k, unseen in enumerate(groups):
        learned = [walk for walk in walks if not any(walk is other for other in unseen)]
        report = partial(_report_group, on_progress, k, len(groups))
        engine = InferenceEngine(learn(learned, settings, report))
        parts |= {walk.recording.name: judged(engine, walk.recording, walk.table) for walk in unseen}
    return [parts[walk.recording.name] for walk in walks]


def with_intervals(bundle: Bundle, walks: Sequence[Walk], parts: Sequence[Judged]) -> Bundle:
    """Return the bundle with intervals and errors by forecasts of what the networks behind them never saw."""
    method, role = (METHOD_PEOPLE, ROLE_PEOPLE) if len(walks) > 1 else (METHOD_END, ROLE_END)
    manifest = measured(bundle.manifest, parts, INTERVAL_LEVEL, method, role)
    return _with(bundle, manifest, familiarity=_familiarity(manifest, walks))


def _familiarity(manifest: Manifest, walks: Sequence[Walk]) -> Familiarity | None:
    if manifest.features.names != SEGMENT_FEATURES:
        return None
    learned, kept = [walk.examples for walk in walks], list[Examples]()
    if len(learned) == 1:
        learned, kept = ([part] for part in split_in_time(learned[0], manifest.features, HELD_OUT))
    return fit_familiarity(
        [moving(part.window) for part in learned], [moving(part.window) for part in kept], manifest.scaler.scale
    )


def _report_group(on_progress: Progress, group: int, groups: int, _stage: str, share: float) -> None:
    on_progress(f"on all logs but some, {group + 1} of {groups}", share)


def _until(walk: Walk, end: float, settings: TrainSettings) -> tuple[FeatureTable, EncoderSamples]:
    """Return the walk up to its last example, and the encoder up to when that one's last step is due."""
    table, encoder = walk.table, walk.encoder
    rows = table.stamp <= end
    known = encoder.stamp <= end + settings.horizon * settings.spec.period
    shorter = dataclasses.replace(table, stamp=table.stamp[rows], values=table.values[rows], angle=table.angle[rows])
    return shorter, EncoderSamples(encoder.stamp[known], encoder.angle[known])


def _with(bundle: Bundle, manifest: Manifest | None = None, **changes: Any) -> Bundle:
    return dataclasses.replace(bundle, manifest=dataclasses.replace(manifest or bundle.manifest, **changes))
