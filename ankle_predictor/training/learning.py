"""Trains a network on walks and puts it into a bundle. What it holds in memory does not grow with the walks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ankle_imu_driver.arrays import FloatArray
from ankle_predictor.model.bundle import Bundle
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.model.features import ANGLE_FEATURE
from ankle_predictor.model.manifest import Canary, Intervals, Manifest, MemorySettings, Output, Scaler, Training
from ankle_predictor.training.augmentation import Augmentation, draw
from ankle_predictor.training.dataset import Examples, fit_scaler, network_changes, scaled, split_in_time
from ankle_predictor.training.examples_on_disk import EpochExamples, FixedExamples, VariedExamples, WalkRows
from ankle_predictor.training.feature_cache import StoredWalk
from ankle_predictor.training.measurement import check_parity
from ankle_predictor.training.needs_tensorflow import NETWORK, imported
from ankle_predictor.training.settings import TrainSettings
from ankle_predictor.training.walk import Walk

Progress = Callable[[str, float], None]
AnyWalk = Walk | StoredWalk

INTERVAL_LEVEL = 0.9
CANARY_DECIMALS = 6
PARITY_WINDOWS = 200  # compared between Keras and ONNX
UNKNOWN = Training("", {}, {}, {})


@dataclass(frozen=True, eq=False)
class Parts:
    """The examples of walks that may be learned from, read walk by walk, as often as they are asked for.

    Attributes:
        walks: to learn from.
        until: share of each walk's examples, in time order.
    """

    walks: Sequence[AnyWalk]
    until: float = 1.0

    def __iter__(self) -> Iterator[Examples]:
        return (self.of(walk) for walk in self.walks)

    def of(self, walk: AnyWalk) -> Examples:
        """Return the examples of one walk.

        Raises:
            DatasetError: it is too short to be split.
        """
        examples, spec = walk.load().examples, walk.settings.spec
        return examples if self.until == 1.0 else split_in_time(examples, spec, 1.0 - self.until)[0]

    def end(self, walk: AnyWalk) -> float:
        """Return the stamp of the last example of a walk in s."""
        return walk.last if self.until == 1.0 else float(self.of(walk).stamp[-1])

    def real(self) -> Parts:
        """Return the examples that somebody walked; all if nobody did."""
        return Parts([walk for walk in self.walks if not walk.simulated] or self.walks, self.until)


@dataclass(frozen=True)
class Job:
    """A network that is to be learned.

    Attributes:
        walks: to learn from.
        settings: of the training.
        until: share of each walk's examples, in time order, to learn from.
        networks: the folder of the networks, at the same path on every machine.
    """

    walks: Sequence[StoredWalk]
    settings: TrainSettings
    until: float
    networks: Path


def learn(
    walks: Sequence[AnyWalk],
    settings: TrainSettings,
    until: float = 1.0,
    on_progress: Progress = lambda _stage, _share: None,
    fit: Callable[..., None] | None = None,
) -> Bundle:
    """Train a network and put it into a bundle whose intervals and errors are still unknown.

    Args:
        walks: to learn from.
        settings: of the training.
        until: share of each walk's examples, in time order, to learn from.
        on_progress: called with the current stage and the share of it that is done.
        fit: trains the network, as ``network.fit``, which is the default.

    Raises:
        NetworkError: TensorFlow is not installed.
        DatasetError: a walk is too short to be split.
        MeasurementError: the exported network computes something else than the trained one.
    """
    module, spec = imported(NETWORK, "training"), settings.spec
    parts = Parts(walks, until)
    scaler = fit_scaler(parts.real())
    source = ExampleSource(parts, settings, scaler)
    network = module.build_network(module.NetworkShape(spec.window, len(spec.names), settings.horizon), settings.seed)
    fit_settings = module.FitSettings(epochs=settings.epochs, seed=settings.seed)
    (fit or module.fit)(network, source.of, fit_settings, lambda share: on_progress("training", share))
    on_progress("exporting", 0.0)
    some = parts.of(walks[0]).window[:PARITY_WINDOWS]
    canary = np.round(some[0].astype(np.float64), CANARY_DECIMALS)
    manifest = _manifest(settings, scaler, canary, module.QUANTILES)
    manifest = dataclasses.replace(manifest, training=dataclasses.replace(UNKNOWN, software=module.software()))
    bundle = Bundle("", Path(), manifest, module.onnx_bytes(network), module.keras_bytes(network))
    engine = InferenceEngine(bundle)
    check_parity(engine, module.predict(network, scaled(some, scaler)), some.astype(np.float64))
    tried = Canary(manifest.canary.window, tuple(engine.forecast(canary).angle.tolist()))
    return dataclasses.replace(bundle, manifest=dataclasses.replace(manifest, canary=tried))


class ExampleSource:
    """Gives the examples of each epoch: varied anew for each one, or always the same."""

    def __init__(self, parts: Parts, settings: TrainSettings, scaler: Scaler) -> None:
        """Write the rows of all walks, or their examples if these are always the same, to a scratch file.

        Args:
            parts: what may be learned from.
            settings: of the training.
            scaler: of the network's inputs.
        """
        self._parts, self._settings, self._scaler = parts, settings, scaler
        self._same: EpochExamples | None = None
        if not settings.is_varied:
            has_angle = ANGLE_FEATURE in settings.spec.names
            self._same = FixedExamples(((part.window, network_changes(part, has_angle)) for part in parts), scaler)
            return
        self._ends = [parts.end(walk) for walk in parts.walks]
        self._rows = WalkRows(settings.spec)
        for walk, end in zip(parts.walks, self._ends, strict=True):
            source = walk.source(end)
            self._rows.append(source.table.stamp, source.table.values, source.fused)

    def of(self, epoch: int) -> EpochExamples:
        """Return the examples of an epoch."""
        if self._same is not None:
            return self._same
        settings, random = self._settings, np.random.default_rng([self._settings.seed, epoch])
        examples = VariedExamples(self._rows, settings.horizon, self._scaler)
        for number, (walk, end) in enumerate(zip(self._parts.walks, self._ends, strict=True)):
            source = walk.source(end)
            drawn = draw(source, settings.spec, settings.horizon, walk.stride, Augmentation(), random)
            examples.append(number, source.table.stamp, drawn)
        return examples


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
