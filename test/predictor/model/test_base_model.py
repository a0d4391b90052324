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
    named = base.manifest.training.logs
    assert {name: digest for name, digest in named.items() if name in logs} == logs
    # Nothing else than what the model card names, whose licences allow it.
    assert set(named) - set(logs) == {"qmt_right", "camargo_slow_a", "camargo_normal_a"}
    assert {metric.log for metric in base.manifest.metrics} == set(named)


def test_it_is_more_accurate_on_a_training_walk_than_on_held_out_people(base: Bundle, walks_dir: Path) -> None:
    metrics = {metric.log: metric for metric in base.manifest.metrics}
    metric = metrics["LOG2"]
    scored = evaluate("base", [walks_dir / "LOG2.TXT"], MODELS).scores["LOG2"].forecasts
    assert metric.mae_h50_deg is not None
    assert scored.windows == metric.windows
    # The metrics are those of networks that were trained without LOG2; this network was trained with it.
    assert 0.5 * metric.mae_h50_deg < scored.mae_deg(50) < metric.mae_h50_deg
    assert 0.5 * metric.mae_h20_deg < scored.mae_deg(20) < metric.mae_h20_deg
    walks = [metrics[name] for name in ("LOG2", "LOG7", "LOG8", "LOG10", "LOG13")]
    assert np.mean([m.mae_h50_deg for m in walks if m.mae_h50_deg is not None]) < 2.0
    assert np.mean([m.mae_h20_deg for m in walks]) < 1.6
    # The interval follows the IMUs' own angle, and is widened for its error.
    assert scored.coverage > 0.85
