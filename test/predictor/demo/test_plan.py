"""What a demo plays, and for how long."""

from __future__ import annotations

from pathlib import Path

import pytest

from ankle_predictor.demo.output_folder import OutputFolder
from ankle_predictor.demo.plan import Plan
from ankle_predictor.estimation.encoder_fusion import EncoderRole

LOG, FOLDER = Path("walk.TXT"), OutputFolder(Path("out"))


@pytest.mark.parametrize(
    ("log", "seconds", "longest", "adapts"),
    [(None, None, 120.0, True), (None, 80.0, 80.0, True), (None, 79.0, 79.0, False), (LOG, None, 30.0, False)],
)
def test_a_simulated_walk_that_is_long_enough_adapts_the_model(
    log: Path | None, seconds: float | None, longest: float, adapts: bool
) -> None:
    plan = Plan(log, "base", emulated=False, seconds=seconds)
    assert (plan.longest, plan.adapts) == (longest, adapts)


@pytest.mark.parametrize(
    ("log", "emulated", "source"),
    [(None, False, "simulator"), (LOG, False, "replay"), (None, True, "mpu6050"), (LOG, True, "mpu6050")],
)
def test_the_driver_plays_the_walk(log: Path | None, emulated: bool, source: str) -> None:
    parameters = Plan(log, "base", emulated, None).parameters(FOLDER)
    assert parameters["imu_driver:source"] == source
    assert ("imu_driver:log" in parameters) == (log is not None)
    assert ("imu_driver:bus" in parameters) == emulated
    assert parameters["orientation_filter:calibration_save"] == str(Path("out/calibration.yaml").absolute())


@pytest.mark.parametrize(
    ("log", "asked", "role"),
    [(LOG, None, "input"), (None, None, "score"), (LOG, "off", "off"), (None, "input", "input")],
)
def test_the_encoder_of_a_recorded_walk_is_an_input(log: Path | None, asked: EncoderRole | None, role: str) -> None:
    plan = Plan(log, "base", emulated=False, seconds=None, encoder=asked)
    assert plan.parameters(FOLDER)["predictor:encoder.role"] == role
