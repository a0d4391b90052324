"""``import_keras``: makes a bundle from the reference's published ``.keras`` weights."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import EncoderSamples, Recording
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.command_line import run_command
from ankle_predictor.model.bundle import Bundle, bundle_path, check_writable, model_directories, write_bundle
from ankle_predictor.model.engine import InferenceEngine, load_engine
from ankle_predictor.model.feature_family import family_called
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.model.manifest import Canary, Intervals, Manifest, Output, Scaler, Training
from ankle_predictor.offline.feature_tables import feature_table
from ankle_predictor.offline.pipeline import FeatureTable
from ankle_predictor.training.dataset import Examples, cut_examples, scaled
from ankle_predictor.training.keras_format import HOW, check_format
from ankle_predictor.training.measurement import check_parity, conformal_margins
from ankle_predictor.training.needs_tensorflow import NETWORK, NetworkError, imported

STRIDE = 20  # rows between two windows, as in the reference's training
CANARY_DECIMALS = 6
LEVEL = 0.9
METHOD = "constant width per step: quantile of the residuals on the scaler's rows, which are not held out"
MAX_BYTES = 64 * 2**20


class ImportKerasError(Refusal):
    """Weights or a log that cannot be made into a bundle; the message says why and what to do."""


def import_keras(weights: Path, scaler_log: Path, scaler_rows: int, features: str, output: Path) -> Manifest:
    """Make a bundle from weights that were trained elsewhere, completely or not at all.

    The network was trained on filtered features and an angle that were scaled to -1..1 over the first rows of one log.
    Both scalings go into the bundle, so that its inputs are unscaled features and its output is in rad.

    Args:
        weights: a ``.keras`` file.
        scaler_log: the log whose rows the scaling comes from, with an encoder that was read in the same rows.
        scaler_rows: how many rows.
        features: label of the feature family.
        output: the bundle's directory; its last part is the model's name. An existing bundle is replaced.

    Raises:
        ImportKerasError: these weights or this log do not fit.
        Refusal: the log, the features or the bundle are refused; nothing was written.
    """
    check_writable(output, replace=True)
    spec, data = family_called(features).spec, _read(weights)
    rows, encoder, recording = _first_rows(scaler_log, spec, scaler_rows)
    module = imported(NETWORK, "importing")
    try:
        network, horizon = _network_in_rad(module, weights, data, spec, encoder)
        onnx, keras = module.onnx_bytes(network), module.keras_bytes(network)
    except NetworkError as error:
        raise ImportKerasError(f"{weights} cannot be imported: {error}") from error
    examples = cut_examples(rows, (recording.name, recording.start), encoder, spec, horizon, STRIDE)
    canary = np.round(examples.window[0].astype(np.float64), CANARY_DECIMALS)
    offset, scale = _range(rows.in_window(rows.values))
    manifest = Manifest(
        name=output.name,
        parent=None,
        side="right",
        features=spec,
        horizon=horizon,
        scaler=Scaler(tuple(offset.tolist()), tuple(scale.tolist())),
        output=Output("absolute", ()),
        intervals=Intervals(LEVEL, (0.0,) * horizon, METHOD),
        canary=Canary(tuple(map(tuple, canary.tolist())), (0.0,) * horizon),
        metrics=(),
        training=_training(data, rows, encoder, recording.name, module.software()),
        files={},
    )
    bundle = _measured(Bundle(output.name, output, manifest, onnx, keras), network, examples)
    load_engine(bundle)
    write_bundle(output, bundle.manifest, onnx, keras, replace=True)
    return bundle.manifest


def _measured(bundle: Bundle, network: Any, examples: Examples) -> Bundle:
    """Check the exported network against Keras's, and fill in the intervals and the answer to the canary window.

    Raises:
        MeasurementError: the exported network computes something else.
    """
    engine, manifest, windows = InferenceEngine(bundle), bundle.manifest, examples.window.astype(np.float64)
    check_parity(engine, network.predict(scaled(examples.window, manifest.scaler), verbose=0), windows)
    margin = conformal_margins(engine.forecast_batch(windows).angle - examples.target, LEVEL)
    canary = engine.forecast(np.array(manifest.canary.window)).angle
    manifest = dataclasses.replace(
        manifest,
        intervals=Intervals(LEVEL, tuple(margin.tolist()), METHOD),
        canary=Canary(manifest.canary.window, tuple(canary.tolist())),
    )
    return dataclasses.replace(bundle, manifest=manifest)


def _read(weights: Path) -> bytes:
    if weights.is_dir():
        raise ImportKerasError(
            f"{weights} is a directory, perhaps a SavedModel of TensorFlow; give a .keras file: {HOW}"
        )
    try:
        with weights.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ImportKerasError(f"{weights} cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise ImportKerasError(f"{weights} is larger than {MAX_BYTES // 2**20} MiB, which no bundle may hold")
    try:
        check_format(data)  # before TensorFlow is imported, which takes seconds
    except NetworkError as error:
        raise ImportKerasError(f"{weights} cannot be imported: {error}") from error
    return data


def _first_rows(log: Path, spec: FeatureSpec, count: int) -> tuple[FeatureTable, EncoderSamples, Recording]:
    recording = read_recording(log)
    encoder = recording.encoder
    if encoder is None or not np.array_equal(encoder.stamp, recording.foot.stamp):
        raise ImportKerasError(f"{log} has no encoder that was read in the same rows as its sensors")
    table = feature_table(recording, spec)
    if not spec.window + 1 < count <= len(table.stamp):
        raise ImportKerasError(
            f"--scaler-rows must be more than a window of {spec.window} and no more than the {len(table.stamp)} rows "
            f"of {log.name}, not {count}"
        )
    first = dataclasses.replace(
        table, stamp=table.stamp[:count], values=table.values[:count], angle=table.angle[:count]
    )
    return first, EncoderSamples(encoder.stamp[:count], encoder.angle[:count]), recording


def _range(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return middle and half width of each column of (N, F) values; (value - middle) / half is scaled to -1..1."""
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    half = (high - low) / 2.0
    return (high + low) / 2.0, np.where(half > 0.0, half, 1.0)


def _network_in_rad(
    module: Any, weights: Path, data: bytes, spec: FeatureSpec, encoder: EncoderSamples
) -> tuple[Any, int]:
    """Return the network with its output in rad, and its horizon.

    Raises:
        NetworkError: the network cannot be read.
        ImportKerasError: the network's input or output does not fit the features.
    """
    network = module.read_network(data)
    inputs, outputs = tuple(network.input.shape[1:]), tuple(network.output.shape[1:])
    if inputs != (spec.window, len(spec.names)) or len(outputs) != 1:
        raise ImportKerasError(
            f"{weights} takes {inputs} and gives {outputs}, these features are {(spec.window, len(spec.names))}; "
            "choose other --features"
        )
    middle, half = _range(encoder.angle[:, np.newaxis])
    return module.rescaled(network, float(half[0]), float(middle[0])), int(outputs[0])


def _training(
    data: bytes, rows: FeatureTable, encoder: EncoderSamples, log: str, software: Mapping[str, str]
) -> Training:
    """Return the record of what the bundle was made from."""
    everything = hashlib.sha256(data + rows.values.tobytes() + encoder.angle.tobytes()).hexdigest()
    logs = {log: hashlib.sha256(rows.values.tobytes()).hexdigest()}
    return Training(everything, logs, {"scaler_rows": float(len(rows.stamp))}, software)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="import_keras", description="Make a bundle of the reference's weights.")
    parser.add_argument("weights", type=Path, metavar="FILE", help=".keras weights")
    parser.add_argument(
        "--scaler-log", type=Path, required=True, metavar="FILE", help="log whose rows gave their scaling"
    )
    parser.add_argument("--scaler-rows", type=int, required=True, metavar="N", help="how many of its first rows")
    parser.add_argument("--features", required=True, metavar="NAME", help="reference16 or reference12")
    parser.add_argument("--user", required=True, metavar="NAME", help="name of the new model")
    parser.add_argument("--models-dir", type=Path, metavar="DIR", help="where the bundle is written")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``import_keras``; returns the exit status."""
    args = _arguments(argv)
    directory = args.models_dir.absolute() if args.models_dir else model_directories()[0]

    def work() -> None:
        with Console(stderr=True).status(f"importing {args.weights.name}"):
            output = bundle_path(directory, args.user)
            manifest = import_keras(args.weights, args.scaler_log, args.scaler_rows, args.features, output)
        margin = math.degrees(float(np.mean(manifest.intervals.margin)))
        print(f"wrote {output}: {manifest.horizon} steps, intervals of +-{margin:.1f} deg on average")

    return run_command(work, "interrupted; nothing was written")


if __name__ == "__main__":
    sys.exit(main())
