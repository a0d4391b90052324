"""Small models that differ in all respects that matter for a change of models, and pairs as their input."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.estimation.samples import PairSample
from ankle_predictor.model.bundle import Bundle, write_bundle
from ankle_predictor.model.engine import InferenceEngine
from ankle_predictor.model.features import FeatureSpec, pair_features
from ankle_predictor.model.manifest import Canary, Familiarity
from ankle_predictor.offline.pipeline import pairs_of
from rigs.familiarities import fit_familiarity
from rigs.tiny_bundle import KERAS, tiny_manifest, tiny_onnx, write_tiny_bundle
from rigs.walks import swinging

onnx = pytest.importorskip("onnx", reason="onnx, which comes with the training requirements, is not installed")

SHORT = FeatureSpec(window=20)


def pairs(seconds: float, start: float = 0.0) -> list[PairSample]:
    """Pairs of two swinging segments, every 10 ms from ``start`` s on; calibrated and confirmed before."""
    recording = swinging(seconds)
    return [moved(pair, start) for pair in pairs_of(recording)]


def moved(pair: PairSample, shift: float) -> PairSample:
    """The same pair at another time."""
    shank, foot, joint = (
        dataclasses.replace(part, stamp=part.stamp + shift) for part in (pair.shank, pair.foot, pair.joint)
    )
    return PairSample(*(dataclasses.replace(part, is_confirmed=True) for part in (shank, foot)), joint)


def write_linear_bundle(
    folder: Path, name: str, spec: FeatureSpec, seed: int, horizon: int = 50, familiarity: Familiarity | None = None
) -> None:
    """Write a model whose network depends on its whole window."""
    manifest = tiny_manifest(name, spec)
    size = spec.window * len(spec.names)
    network = onnx.load_from_string(tiny_onnx(spec, change=0.0, horizon=horizon))
    reach = np.random.default_rng(seed).normal(scale=0.02 / math.sqrt(size), size=(size, 1))
    weights = (reach * np.linspace(0.1, 1.0, horizon)).astype(np.float32)
    network.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weights, "w"))
    data = network.SerializeToString()
    intervals = dataclasses.replace(manifest.intervals, margin=(0.05,) * horizon)
    canary = Canary(manifest.canary.window, (0.0,) * horizon)
    manifest = dataclasses.replace(
        manifest, horizon=horizon, intervals=intervals, canary=canary, familiarity=familiarity
    )
    angle = InferenceEngine(Bundle(name, folder, manifest, data, KERAS)).forecast(np.array(canary.window)).angle
    manifest = dataclasses.replace(manifest, canary=Canary(canary.window, tuple(angle.tolist())))
    write_bundle(folder / name, manifest, data, KERAS)


def write_models(folder: Path) -> Path:
    """Write one model of each kind into a folder, and return it."""
    write_tiny_bundle(folder, "tiny", SHORT)
    write_linear_bundle(folder, "linear", SHORT, seed=1)
    write_linear_bundle(folder, "second", SHORT, seed=2)
    rows = np.array([pair_features(pair) for pair in pairs(3.0)])
    cut = np.stack([rows[k - 20 : k] for k in range(20, 300)])
    walks = fit_familiarity([cut[:140], cut[140:]], [], (1.0,) * 16)
    write_linear_bundle(folder, "knows_walks", SHORT, seed=1, familiarity=walks)
    write_linear_bundle(folder, "longer", FeatureSpec(window=30), seed=3, horizon=20)
    write_linear_bundle(folder, "whole", FeatureSpec(), seed=4)
    write_linear_bundle(folder, "other_filter", FeatureSpec(window=20, filter=FilterConfig(rest_rate=3.0)), seed=5)
    write_tiny_bundle(folder, "other_features", FeatureSpec(window=20, names=("MPU1_accX", "ankle_angle")))
    wrong = tiny_manifest("wrong", SHORT)
    canary = Canary(wrong.canary.window, tuple(a + 0.01 for a in wrong.canary.angle))
    write_bundle(folder / "wrong", dataclasses.replace(wrong, canary=canary), tiny_onnx(SHORT), KERAS)
    broken = write_tiny_bundle(folder, "broken", SHORT) / "model.onnx"
    broken.write_bytes(broken.read_bytes()[:-1] + b"?")
    return folder
