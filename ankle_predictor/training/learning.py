"""Trains a network on recorded walks and puts it into a bundle."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from ankle_imu_driver.arrays import Float32Array, FloatArray
from ankle_imu_driver.recordings.recording import EncoderSamples, Recording
from ankle_imu_driver.simulator.varied_scenario import KINDS
from ankle_imu_driver.simulator.varied_walks import varied_recording
from ankle_predictor.estimation.gait import StrideMonitor
from ankle_predictor.model.bundle import Bundle
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.model.feature_family import family_called
from ankle_predictor.model.features import ANGLE_FEATURE, SEGMENT_FEATURES, FeatureSpec
from ankle_predictor.model.manifest import Canary, Intervals, Manifest, MemorySettings, Output, Scaler, Training
from ankle_predictor.offline.feature_tables import feature_table
from ankle_predictor.offline.live_run import LiveSettings
from ankle_predictor.offline.pipeline import FeatureTable, with_encoder
from ankle_predictor.training.augmentation import Augmentation, VariedSource, varied_windows
from ankle_predictor.training.dataset import (
    DatasetError,
    Examples,
    cut_examples,
    fit_scaler,
    network_arrays,
    scaled,
    split_in_time,
)
from ankle_predictor.training.measurement import check_parity
from ankle_predictor.training.needs_tensorflow import NETWORK, imported

Progress = Callable[[str, float], None]

INTERVAL_LEVEL = 0.9
CANARY_DECIMALS = 6
PARITY_WINDOWS = 200  # compared between Keras and ONNX
SIMULATED_SECONDS = 60.0  # of each simulated walk
SIMULATED_STRIDE = 5  # times as many pairs between two windows, so that real people weigh more than simulated ones
SHANK_RATE = SEGMENT_FEATURES.index("shank_gyro_y")
UNKNOWN = Training("", {}, {}, {})


@dataclass(frozen=True)
class TrainSettings:
    """The settings of ``train``.

    Attributes:
        epochs: passes over the examples.
        stride: pairs between two windows.
        seed: of all random numbers.
        side: the leg that was recorded.
        horizon: steps to forecast.
        features: label of the family of input features.
        augment: whether walks are varied; only possible for features of the segment family.
        memory: whether the model learns from the wearer; only possible for features with an ankle angle.
        labels: what a recording is learned from: its encoder, or where it has none, the IMUs' own later angle.
        simulated: simulated people of each kind of movement to learn from beside the recordings.
        leg: the leg in a rosbag2 with several legs, by its namespace; empty for the only one.
        worn: what the nodes' parameters say about the leg; its side is not used.
    """

    epochs: int = 6
    stride: int = 10
    seed: int = 0
    side: Literal["left", "right"] = "right"
    horizon: int = 50
    features: str = "segment"
    augment: bool = True
    memory: bool = True
    labels: Literal["encoder", "imu"] = "encoder"
    simulated: int = 0
    leg: str = ""
    worn: LiveSettings = field(default_factory=LiveSettings)

    @property
    def spec(self) -> FeatureSpec:
        """Features and size of the windows."""
        spec = family_called(self.features).spec
        return spec if self.worn.filter is None else replace(spec, filter=self.worn.filter)

    @property
    def is_varied(self) -> bool:
        """Whether windows are varied anew for each epoch."""
        return self.augment and self.spec.names == SEGMENT_FEATURES


@dataclass(frozen=True, eq=False)
class Walk:
    """A recording to learn from.

    Attributes:
        recording: with calibration.
        truth: the angle to forecast: the encoder's, or the IMUs' later one.
        table: its features, with the IMUs' angle.
        examples: its windows, without variation.
        fused: (N,) rad, the angle of each pair fused with the encoder; None without an encoder.
        stride: pairs between two windows that are learned from.
        simulated: whether nobody walked it. The model's scales rest on real walks.
    """

    recording: Recording
    truth: EncoderSamples
    table: FeatureTable
    examples: Examples
    fused: FloatArray | None
    stride: int
    simulated: bool = False


def walk_of(recording: Recording, settings: TrainSettings, simulated: bool = False, mirrored: bool = False) -> Walk:
    """Run a recording through the live code and cut it into examples.

    Args:
        recording: the walk.
        settings: of the training.
        simulated: whether nobody walked it.
        mirrored: whether it is of the other leg than the settings' one.

    Raises:
        DatasetError: the recording has no encoder though one is to be learned from, or gives no example.
        ChainError, FeatureError, MountingError, ReferenceFeatureError: the features cannot be made from the recording.
    """
    encoder, spec = recording.encoder, settings.spec
    if encoder is None and settings.labels == "encoder":
        raise DatasetError(
            f"{recording.name} has no encoder, so there is no angle to learn; "
            "--labels imu learns from the IMUs' own later angle"
        )
    leg = None if simulated else settings.worn.leg
    table = feature_table(recording, spec, mirrored=mirrored, leg=leg)
    truth = encoder or EncoderSamples(table.stamp, table.angle)
    stride = settings.stride * (SIMULATED_STRIDE if simulated else 1)
    examples = cut_examples(table, (recording.name, recording.start), truth, spec, settings.horizon, stride)
    fused = with_encoder(table, encoder).angle if encoder is not None and settings.is_varied else None
    return Walk(recording, truth, table, examples, fused, stride, simulated)


def simulated_walks(settings: TrainSettings, on_progress: Progress = lambda _stage, _share: None) -> list[Walk]:
    """Return the walks of simulated people, ``settings.simulated`` for each kind of movement."""
    walks, kinds = [], KINDS if settings.simulated else ()
    for k, kind in enumerate(kinds):
        on_progress(f"simulating {kind}", k / len(kinds))
        for person in range(settings.simulated):
            seed = settings.seed * 10_000 + person * len(kinds) + k
            recording = varied_recording(kind, seed, SIMULATED_SECONDS, settings.side)
            walks.append(walk_of(replace(recording, name=f"simulated_{kind}_{person}"), settings, simulated=True))
    return walks


def learn(
    walks: Sequence[Walk],
    settings: TrainSettings,
    on_progress: Progress = lambda _stage, _share: None,
    until: float = 1.0,
) -> Bundle:
    """Train a network and put it into a bundle whose intervals and errors are still unknown.

    Args:
        walks: to learn from.
        settings: of the training.
        on_progress: called with the current stage and the share of it that is done.
        until: share of each walk's examples, in time order, to learn from.

    Raises:
        NetworkError: TensorFlow is not installed.
        DatasetError: a walk is too short to be split.
        MeasurementError: the exported network computes something else than the trained one.
    """
    module, spec = imported(NETWORK, "training"), settings.spec
    parts = [walk.examples if until == 1.0 else split_in_time(walk.examples, spec, 1.0 - until)[0] for walk in walks]
    real = [part for part, walk in zip(parts, walks, strict=True) if not walk.simulated]
    scaler = fit_scaler(real or parts)
    examples = EpochExamples(walks, parts, settings, scaler)
    network = module.build_network(module.NetworkShape(spec.window, len(spec.names), settings.horizon), settings.seed)
    fit_settings = module.FitSettings(epochs=settings.epochs, seed=settings.seed)
    module.fit(network, examples.of, fit_settings, lambda share: on_progress("training", share))
    on_progress("exporting", 0.0)
    canary = np.round(parts[0].window[0].astype(np.float64), CANARY_DECIMALS)
    manifest = _manifest(settings, scaler, canary, module.QUANTILES)
    bundle = Bundle("", Path(), manifest, module.onnx_bytes(network), module.keras_bytes(network))
    engine = InferenceEngine(bundle)
    some = parts[0].window[:PARITY_WINDOWS]
    check_parity(engine, module.predict(network, scaled(some, scaler)), some.astype(np.float64))
    tried = Canary(manifest.canary.window, tuple(engine.forecast(canary).angle.tolist()))
    return dataclasses.replace(bundle, manifest=dataclasses.replace(manifest, canary=tried))


class EpochExamples:
    """Gives the examples of each epoch: varied anew for each one, or always the same."""

    def __init__(
        self, walks: Sequence[Walk], parts: Sequence[Examples], settings: TrainSettings, scaler: Scaler
    ) -> None:
        """Create the source of examples.

        Args:
            walks: to learn from.
            parts: the examples of each walk that may be learned from.
            settings: of the training.
            scaler: of the network's inputs.
        """
        ends = [float(part.stamp[-1]) for part in parts]
        self._walks = [_until(walk, end, settings) for walk, end in zip(walks, ends, strict=True)]
        self._settings, self._scaler = settings, scaler
        has_angle = ANGLE_FEATURE in settings.spec.names
        self._same = None if settings.is_varied else network_arrays(parts, scaler, has_angle)

    def of(self, epoch: int) -> tuple[Float32Array, Float32Array]:
        """Return the network's (N, W, F) scaled inputs and its (N, H) expected outputs in rad for an epoch."""
        if self._same is not None:
            return self._same
        settings, random = self._settings, np.random.default_rng([self._settings.seed, epoch])
        varied = [
            varied_windows(walk, settings.spec, settings.horizon, stride, Augmentation(), random)
            for walk, stride in self._walks
        ]
        windows, changes = (np.concatenate(both) for both in zip(*varied, strict=True))
        return scaled(windows, self._scaler), changes


def _until(walk: Walk, end: float, settings: TrainSettings) -> tuple[VariedSource, int]:
    """Return a walk up to its last example, made at ``end`` in s, the truth until its last step, and the stride."""
    table, truth, fused = walk.table, walk.truth, walk.fused
    rows = table.stamp <= end
    known = truth.stamp <= end + settings.horizon * settings.spec.period
    shorter = replace(table, stamp=table.stamp[rows], values=table.values[rows], angle=table.angle[rows])
    followed = EncoderSamples(truth.stamp[known], truth.angle[known])
    period = _stride_time(shorter) if settings.is_varied else math.nan
    return VariedSource(shorter, followed, None if fused is None else fused[rows], walk.simulated, period), walk.stride


def _stride_time(table: FeatureTable) -> float:
    """Return the median stride time of a walk in s; NaN if nobody walks steadily."""
    strides, found = StrideMonitor(), []
    for stamp, rate in zip(table.stamp.tolist(), table.values[:, SHANK_RATE].tolist(), strict=True):
        strides.push(stamp, rate)
        found.append(strides.period)
    steady = np.array(found)[np.isfinite(found)]
    return float(np.median(steady)) if len(steady) else math.nan


def _manifest(
    settings: TrainSettings, scaler: Scaler, canary: FloatArray, quantiles: tuple[float, float, float]
) -> Manifest:
    """Return a manifest without name, intervals, errors and origin, which are not known yet."""
    has_angle = ANGLE_FEATURE in settings.spec.names
    return Manifest(
        name="",
        parent=None,
        side=settings.side,
        features=settings.spec,
        horizon=settings.horizon,
        scaler=scaler,
        output=Output("delta" if has_angle else "absolute", quantiles),
        intervals=Intervals(INTERVAL_LEVEL, (0.0,) * settings.horizon, ""),
        canary=Canary(tuple(map(tuple, canary.tolist())), (0.0,) * settings.horizon),
        metrics=(),
        training=UNKNOWN,
        files={},
        memory=MemorySettings() if settings.memory and has_angle else None,
    )
