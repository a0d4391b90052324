"""What a demo plays, and for how long."""

from __future__ import annotations

from pathlib import Path

import pytest
from rigs.tiny_bundle import KERAS, tiny_manifest, tiny_onnx

from ankle_predictor.demo.cli import keep_model
from ankle_predictor.demo.leg_parameters import NODES, leg_parameters
from ankle_predictor.demo.output_folder import OutputFolder
from ankle_predictor.demo.plan import Plan
from ankle_predictor.estimation.encoder_fusion import EncoderRole
from ankle_predictor.model.bundle import find_model, load_bundle, model_directories, write_bundle

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


@pytest.mark.parametrize(("seconds", "longest"), [(None, 600.0), (100.0, 100.0)])
def test_with_the_web_page_adapting_is_left_to_its_user(seconds: float | None, longest: float) -> None:
    for log in (None, LOG):
        plan = Plan(log, "base", emulated=False, seconds=seconds, web=True)
        assert (plan.longest, plan.adapts) == (longest, False)


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


def test_the_nodes_get_what_the_file_says_to_them(tmp_path: Path) -> None:
    file = tmp_path / "leg.yaml"
    file.write_text(
        "/left_ankle/**: {ros__parameters: {side: left, shank: {tilt: [0.1, 2e-1]}, rate: 7.0, autostart: false}}\n"
        "/*/predictor: {ros__parameters: {max_input_age: 1e-1, encoder: {joint_sign: -1.0}}}\n"
    )
    given = leg_parameters(None, file, "left_ankle")
    plan = Plan(LOG, "base", emulated=False, seconds=None, given=given)
    parameters = plan.parameters(FOLDER)
    assert parameters["orientation_filter:shank.tilt"] == [0.1, 0.2]
    assert parameters["predictor:max_input_age"] == 0.1
    assert parameters["predictor:joint_sign"] == parameters["orientation_filter:joint_sign"] == -1.0
    assert {parameters[f"{node}:side"] for node in NODES} == {"left"}
    assert "imu_driver:rate" not in parameters
    assert parameters["imu_driver:autostart"] is False  # the demo's own
    assert "orientation_filter:autostart" not in parameters
    assert leg_parameters("right", file, "left_ankle")["predictor:side"] == "right"


def test_a_model_from_elsewhere_is_kept_with_the_results(tmp_path: Path) -> None:
    write_bundle(tmp_path / "mine", tiny_manifest("mine"), tiny_onnx(), KERAS)
    bundle = load_bundle(*find_model(str(tmp_path / "mine"), None))
    keep_model(bundle, tmp_path / "models")
    assert load_bundle("mine", [tmp_path / "models"]).manifest == bundle.manifest
    keep_model(load_bundle("base", model_directories()), tmp_path / "none")
    assert not (tmp_path / "none").exists()
