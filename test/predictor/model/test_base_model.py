"""The delivered base model is intact and small, matches the present features, and is as accurate as its metrics say."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from rigs.repository import REPOSITORY

from ankle_predictor.model.bundle import Bundle, load_bundle
from ankle_predictor.model.engine import load_engine
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.offline.evaluate import evaluate

MODELS = REPOSITORY / "models"


@pytest.fixture(scope="module")
def base() -> Bundle:
    return load_bundle("base", [MODELS])


def test_it_runs_and_is_small(base: Bundle) -> None:
    load_engine(base)
    assert sum(path.stat().st_size for path in base.path.iterdir()) < 5e6


def test_it_matches_the_present_features_and_filter_constants(base: Bundle) -> None:
    assert base.manifest.features == FeatureSpec(), "train models/base again: the features have changed since"


def test_it_names_the_logs_of_its_training(base: Bundle, walks_dir: Path) -> None:
    logs = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in walks_dir.glob("*.TXT")}
    assert base.manifest.training.logs == logs
    assert {metric.log for metric in base.manifest.metrics} == set(logs)


def test_it_is_more_accurate_on_a_training_walk_than_on_held_out_people(base: Bundle, walks_dir: Path) -> None:
    metrics = {metric.log: metric for metric in base.manifest.metrics}
    metric = metrics["LOG2"]
    scored = evaluate("base", [walks_dir / "LOG2.TXT"], MODELS).scores["LOG2"].forecasts
    assert metric.mae_h50_deg is not None
    assert scored.windows == metric.windows
    # The metrics are those of networks that were trained without LOG2; this network was trained with it.
    assert 0.5 * metric.mae_h50_deg < scored.mae_deg(50) < metric.mae_h50_deg
    assert 0.5 * metric.mae_h20_deg < scored.mae_deg(20) < metric.mae_h20_deg
    assert np.mean([m.mae_h50_deg for m in metrics.values() if m.mae_h50_deg is not None]) < 2.3
    assert np.mean([m.mae_h20_deg for m in metrics.values()]) < 1.65
    # The interval was calibrated on held-out people: on a training walk it contains more than its level.
    assert scored.coverage > 0.9
