"""Figures of a run."""

from __future__ import annotations

import json

import numpy as np
import pytest
from rigs.recorded_runs import made_up_run

from ankle_predictor.demo.summary import expected_forecasts, summarise
from ankle_predictor.model.features import FeatureSpec


def test_figures_of_a_run_that_is_known() -> None:
    summary = summarise(made_up_run(), FeatureSpec())
    assert summary.forecasts == summary.expected == 1001
    assert summary.scored == 1001 - 50  # the encoder ends before the last ones come due
    assert summary.rate_hz == pytest.approx(100.0)
    assert summary.mae_h20_deg == pytest.approx(2.0, abs=0.01)
    assert summary.mae_h50_deg == pytest.approx(2.0, abs=0.01)
    assert summary.angle_mae_deg == pytest.approx(1.0)
    assert summary.coverage_90 == 1.0
    assert (summary.latency_p50_ms, summary.latency_p99_ms) == pytest.approx((4.0, 4.0))
    assert json.loads(json.dumps(summary.to_json(), allow_nan=False))["latency_ms"]["p50"] == pytest.approx(4.0)


def test_without_an_encoder_the_imus_later_angle_scores_forecasts_and_nothing_scores_the_angle() -> None:
    summary = summarise(made_up_run(encoder=False), FeatureSpec())
    assert (summary.labels, summarise(made_up_run(), FeatureSpec()).labels) == ("IMUs", "encoder")
    assert summary.mae_h50_deg == pytest.approx(1.0, abs=0.01)  # the IMUs' angle is one degree off, the forecast two
    assert summary.to_json()["angle_mae_deg"] is None
    assert summary.forecasts == 1001


def test_a_gap_restarts_the_window_as_it_does_live() -> None:
    stamp = np.arange(0.0, 8.0, 0.01)
    assert expected_forecasts(stamp, FeatureSpec()) == 800 - 199
    assert expected_forecasts(stamp[(stamp < 4.0) | (stamp > 4.2)], FeatureSpec()) == (400 - 199) + (379 - 199)
