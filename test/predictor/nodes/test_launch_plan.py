"""What the launch file starts for which leg."""

from __future__ import annotations

from typing import Any

import pytest
from rigs.repository import REPOSITORY

from ankle_imu_driver.parameter_file import parameters_of, sections_of
from ankle_imu_driver.refusal import Refusal
from ankle_predictor.nodes.launch_plan import LegPlan, check_arguments, plan_legs

NAMES = (
    "sides", "source", "log", "leg", "rate", "calibration_file", "left_calibration_file", "right_calibration_file",
    "model", "left_model", "right_model", "side", "namespace", "frame_prefix", "joint_name", "autostart",
    "use_sim_time",
)  # fmt: skip
DEFAULTS = {**dict.fromkeys(NAMES, ""), "composed": "false", "driver": "true", "respawn": "true", "rviz": "false"}


def plan(sections: Any = None, outer: str = "", **given: str) -> list[LegPlan]:
    return plan_legs(check_arguments({**DEFAULTS, "source": "simulator", **given}), sections or {}, outer)


def test_one_leg_is_started_as_before() -> None:
    (leg,) = plan(side="left", namespace="left_ankle", model="anna")
    assert leg.namespace == "/left_ankle"
    wanted = {"source": "simulator", "side": "left", "model": "anna", "calibration_save": ""}
    assert leg.parameters == wanted
    assert leg.respawns


def test_both_legs_differ_in_all_that_must_not_be_shared() -> None:
    left, right = plan(
        sides="both", namespace="exo", left_model="anna_left", model="base", left_calibration_file="l.yaml"
    )
    assert (left.namespace, right.namespace) == ("/exo/left_ankle", "/exo/right_ankle")
    for leg, side in ((left, "left"), (right, "right")):
        named = {name: leg.parameters[name] for name in ("side", "frame_prefix", "joint_name")}
        assert named == {"side": side, "frame_prefix": f"{side}_", "joint_name": f"{side}_ankle"}
    assert (left.parameters["model"], right.parameters["model"]) == ("anna_left", "base")
    assert left.parameters["calibration_file"] == "l.yaml"
    assert "calibration_file" not in right.parameters
    assert left.parameters["follow"] == "/exo/right_ankle"
    assert left.parameters["simulator.phase"] == 0.5
    assert not {"follow", "simulator.phase"} & right.parameters.keys()


def test_a_prefix_and_a_joint_name_are_joined_with_the_sides() -> None:
    left, _ = plan(sides="both", frame_prefix="exo_", joint_name="ankle_pitch")
    assert left.parameters["frame_prefix"] == "exo_left_"
    assert left.parameters["joint_name"] == "left_ankle_pitch"


@pytest.mark.parametrize(
    ("outer", "namespace", "found"),
    [("", "", "/"), ("/robot", "", "/robot"), ("/robot", "leg", "/robot/leg"), ("/robot", "/leg", "/leg")],
)
def test_the_namespace_that_it_was_included_into_counts(outer: str, namespace: str, found: str) -> None:
    (leg,) = plan(outer=outer, namespace=namespace)
    assert leg.namespace == found


def test_at_another_rate_one_leg_publishes_the_clock_and_all_use_it() -> None:
    left, right = plan(sides="both", rate="2")
    assert left.parameters["rate"] == right.parameters["rate"] == 2.0
    assert left.parameters["use_sim_time"] is right.parameters["use_sim_time"] is True
    assert "follow" in left.parameters
    assert "follow" not in right.parameters


def test_without_our_driver_nothing_follows_from_its_source() -> None:
    (leg,) = plan(driver="false", source="", use_sim_time="true", autostart="False")
    assert leg.parameters == {"use_sim_time": True, "autostart": False}


@pytest.mark.parametrize("general", ["/**", "/*/predictor", "/**/predictor", "/left_ankle/*"])
def test_an_argument_wins_over_a_section_that_comes_before_or_is_the_nodes_own(general: str) -> None:
    sections = {general: {"model": "file", "threads": 2}, "/left_ankle/predictor": {"model": "exact", "spinning": True}}
    (leg,) = plan(sections, namespace="left_ankle", model="argument")
    own = leg.sections()["/left_ankle/predictor"]["ros__parameters"]
    merged = {**sections, "/left_ankle/predictor": {**sections["/left_ankle/predictor"], **own}}
    found = parameters_of(merged, "/left_ankle/predictor")
    assert (found["model"], found["threads"], found["spinning"]) == ("argument", 2, True)


def test_a_general_section_that_would_override_an_argument_is_refused() -> None:
    sections = {"/predictor": {"threads": 2}, "/**": {"model": "file"}}
    with pytest.raises(
        Refusal, match="a general section comes after /predictor and would override model of the launch"
    ):
        plan(sections, model="argument")
    plan(sections)


def test_a_process_that_ends_with_its_recording_does_not_come_back() -> None:
    assert not plan({"/**": {"exit_at_end": True}})[0].respawns
    assert not plan(respawn="false")[0].respawns


def test_two_legs_on_the_same_sensors_are_refused() -> None:
    with pytest.raises(Refusal, match=r"both legs would read the sensor at address 0x68 of /dev/i2c-1"):
        plan(sides="both", source="mpu6050")
    plan({"/**": {"bus": "emulated"}}, sides="both", source="mpu6050")
    plan(sides="both", source="mpu6050", driver="false")
    plan(sections_of(REPOSITORY / "config" / "two_legs.yaml"), sides="both", source="mpu6050")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"sides": "three"}, "sides must be left or right or both, not 'three'"),
        ({"composed": "maybe"}, "composed must be true or false, not 'maybe'"),
        ({"driver": ""}, "driver must be true or false, not ''"),
        ({"autostart": "1"}, "autostart must be true or false, not '1'"),
        ({"left_model": "anna"}, "left_model needs sides:=both or sides:=left; for a single leg give model"),
        ({"sides": "left", "right_calibration_file": "r.yaml"}, "right_calibration_file needs sides:=both"),
        ({"sides": "both", "side": "left"}, "side left contradicts sides both"),
        ({"sides": "both", "calibration_file": "c.yaml"}, "calibration_file is the calibration of one leg"),
        ({"composed": "true", "driver": "false"}, "composed:=true also runs our driver"),
        ({"rate": "fast"}, "rate must be a number, not 'fast'"),
    ],
)
def test_an_argument_that_does_not_fit_is_refused_in_one_sentence(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence):
        plan(**given)
