"""``--side`` and ``--params-file`` mean what the nodes' parameters mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from ankle_imu_driver.mounting import FOOT_TILT, SHANK_TILT
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.estimation.leg_estimator import LegConfig
from ankle_predictor.offline.leg_options import leg_settings
from ankle_predictor.offline.live_run import LiveSettings
from ankle_predictor.trust.input_monitor import TrustLimits

SHIPPED = Path(__file__).parents[3] / "config" / "ankle.yaml"


def test_without_options_everything_is_as_the_nodes_have_it() -> None:
    assert leg_settings(None, None) == LiveSettings()
    left = leg_settings("left", None)
    assert left.side == left.leg.side == "left"
    assert left == LiveSettings().worn_on("left")
    assert left.leg.tilts == ((-SHANK_TILT[0], SHANK_TILT[1]), (-FOOT_TILT[0], FOOT_TILT[1]))


def test_the_shipped_parameter_file_gives_the_defaults() -> None:
    found = leg_settings(None, SHIPPED)
    assert (found.side, found.leg, found.limits, found.filter) == ("right", LegConfig(), TrustLimits(), FilterConfig())


def test_every_node_has_its_section_and_the_option_wins(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(
        "/**:\n  ros__parameters:\n    side: left\n    pair_tolerance: 0.002\n    shank.mounting: '+X,+Y,+Z'\n"
        "/**/orientation_filter:\n  ros__parameters:\n    foot: {mounting: '-X,-Y,+Z', tilt: [0.1, 0.2]}\n"
        "    rest_rate: 2\n"
        "/**/predictor:\n  ros__parameters:\n    plausible: {angle: 0.5}\n    max_input_age: 0.1\n"
    )
    found = leg_settings(None, path)
    assert found.side == "left"
    assert (found.leg.shank_mounting, found.leg.foot_mounting) == ("+X,+Y,+Z", "-X,-Y,+Z")
    assert found.leg.tilts[1] == (-0.1, 0.2)  # of a right leg in the file
    assert found.leg.pair_tolerance == found.limits.skew == 0.002
    assert (found.limits.max_angle, found.limits.max_input_age, found.limits.max_rate) == (0.5, 0.1, 15.0)
    assert found.filter == FilterConfig(rest_rate=2.0)
    assert leg_settings("right", path).leg.tilts[1] == (0.1, 0.2)


def test_a_namespaces_sections_count_in_that_namespace_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "legs.yaml"
    path.write_text(
        "/*/orientation_filter: {ros__parameters: {pair_tolerance: 2e-3, shank: {mounting: '+X,+Y,+Z'}}}\n"
        "left_ankle: {predictor: {ros__parameters: {side: left}}}\n"
    )
    found = leg_settings(None, path, "left_ankle")
    assert (found.side, found.leg.pair_tolerance, found.leg.shank_mounting) == ("left", 0.002, "+X,+Y,+Z")
    assert not capsys.readouterr().err
    assert leg_settings(None, path) == LiveSettings()
    assert "no node takes the sections /*/orientation_filter, left_ankle/predictor; the nodes in / are" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("side: up", "side must be 'left' or 'right'"),
        ("pair_tolerance: wide", "pair_tolerance must be a number, not 'wide'"),
        ("side: 1", "parameter side must be text, not 1"),
        ("shank.mounting: 10", "parameter shank.mounting must be text, not 10"),
        ("shank.tilt: [1.0]", r"shank.tilt must be \[roll, pitch\] in rad"),
        ("rest_rate: -1.0", "rest_rate must be a finite positive number"),
        ("plausible.angle: 0.0", "max_angle must be a positive number"),
    ],
)
def test_what_the_nodes_refuse_is_refused(tmp_path: Path, line: str, sentence: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(f"/**:\n  ros__parameters:\n    {line}\n")
    with pytest.raises(Refusal, match=sentence):
        leg_settings(None, path)
