"""The parameters that all sources of the driver share, without ROS."""

from __future__ import annotations

import pytest

from ankle_imu_driver.driver_parameters import SPECS
from ankle_imu_driver.refusal import Refusal

FOLLOW = next(spec for spec in SPECS if spec.name == "follow")


@pytest.mark.parametrize("name", ["", "right", "/right", "/exo_2/right/"])
def test_a_namespace_can_be_followed(name: str) -> None:
    assert FOLLOW.checked(name) == name


@pytest.mark.parametrize("name", [".", "/", "a//b", "2nd", "left right", "right\n", "模型", "~", "x" * 1000 + "-"])
def test_what_ros_takes_for_no_namespace_is_refused_before_the_node_starts(name: str) -> None:
    with pytest.raises(Refusal, match="follow must be a namespace") as refusal:
        FOLLOW.checked(name)
    assert len(str(refusal.value)) < 300
