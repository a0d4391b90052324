"""The comparison before and after an adaptation."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rigs.recorded_runs import made_up_run
from rigs.tiny_bundle import write_tiny_bundle
from rigs.walks import swinging

from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_predictor.demo.before_after import compare
from ankle_predictor.model.bundle import load_bundle
from ankle_predictor.model.engine import InferenceEngine, load_engine
from ankle_predictor.offline.log_forecasts import forecast_log

pytest.importorskip("onnx", reason="onnx, which comes with the training requirements, is not installed")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> InferenceEngine:
    folder = tmp_path_factory.mktemp("models")
    write_tiny_bundle(folder, "base")
    return load_engine(load_bundle("base", [folder]))


def test_an_adaptation_is_scored_on_two_spans_of_the_same_length(tmp_path: Path, base: InferenceEngine) -> None:
    write_bag(tmp_path / "recording", swinging(40.0))
    run = made_up_run(40.0)
    swap = 25.0
    later = run.forecast_stamp >= swap - 1e-9
    better = np.where(later, math.radians(0.5), math.radians(2.0))
    truth = run.forecast - math.radians(2.0)
    models = tuple("anna" if is_later else "base" for is_later in later)
    run = replace(run, forecast=truth + better[:, np.newaxis], forecast_model=models, model="anna")
    compared = compare(run, tmp_path / "recording", base, "anna", 30.0)
    assert compared is not None
    assert compared.seconds == pytest.approx(39.99 - swap)
    assert (compared.before.model, compared.after.model) == ("base", "anna")
    assert (compared.before.mae_h50_deg, compared.after.mae_h50_deg) == pytest.approx((2.0, 0.5), abs=0.01)
    assert abs(compared.before.forecasts - compared.after.forecasts) <= 1
    shorter = compare(run, tmp_path / "recording", base, "anna", 5.0)
    assert shorter is not None
    assert shorter.before.forecasts == shorter.after.forecasts == 500
    figures = json.loads(json.dumps(shorter.to_json(), allow_nan=False))
    assert figures["span_s"] == 5.0
    assert figures["after"]["mae_h20_deg"] < figures["before"]["mae_h20_deg"]
    console = Console(width=100, file=io.StringIO())
    console.print(shorter.table())
    assert "0.50°" in console.file.getvalue()
    assert compare(run, tmp_path / "recording", base, "ben", 30.0) is None
    assert compare(made_up_run(), tmp_path / "recording", base, "base", 30.0) is None


def test_the_base_model_is_recomputed_for_the_second_span(tmp_path: Path, base: InferenceEngine) -> None:
    recording = swinging(12.0)
    assert recording.encoder is not None
    write_bag(tmp_path / "recording", recording)
    made = forecast_log(base, recording)
    run = replace(
        made_up_run(),
        encoder_stamp=recording.encoder.stamp - recording.start,
        encoder=recording.encoder.angle,
        forecast_stamp=made.stamp - recording.start,
        forecast_model=tuple("anna" if k >= 400 else "base" for k in range(len(made.stamp))),
        forecast=made.forecast.angle,
        lower=made.forecast.lower,
        upper=made.forecast.upper,
        latency=np.full(len(made.stamp), 0.004),
    )
    compared = compare(run, tmp_path / "recording", base, "anna", 3.0)
    assert compared is not None
    stayed, after = compared.stayed.to_json(), compared.after.to_json()
    assert (stayed["model"], stayed["forecasts"]) == ("base", 300)
    for name in ("forecasts", "mae_h20_deg", "mae_h50_deg", "coverage_90", "scored"):
        assert stayed[name] == pytest.approx(after[name], rel=1e-6)
    assert compared.before.mae_h50_deg != pytest.approx(compared.after.mae_h50_deg, rel=1e-3)
