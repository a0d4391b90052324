"""The names and signs that the whole code shares."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ankle_imu_driver.conventions import JointConvention, check_side
from ankle_imu_driver.refusal import Refusal


@pytest.mark.parametrize("side", ["left", "right"])
def test_both_sides_are_accepted(side: str) -> None:
    check_side(side)


def test_another_side_is_refused() -> None:
    with pytest.raises(Refusal, match="side must be 'left' or 'right', not 'both'"):
        check_side("both")


def test_an_angle_is_published_and_received_by_the_convention() -> None:
    plantarflexion = JointConvention("ankle", -1.0, 0.5)
    assert plantarflexion.published(0.2) == pytest.approx(0.3)
    assert plantarflexion.published(np.array([0.2, -0.1])) == pytest.approx([0.3, 0.6])
    assert plantarflexion.received(0.3) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (("", 1.0, 0.0), "^joint_name must not be empty$"),
        (("ankle", 2.0, 0.0), "^joint_sign must be 1 or -1, not 2$"),
        (("ankle", math.nan, 0.0), "^joint_sign must be 1 or -1, not nan$"),
        (("ankle", 1.0, math.inf), "^joint_offset must be finite, not inf$"),
    ],
)
def test_an_impossible_convention_is_refused(values: tuple[str, float, float], sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence):
        JointConvention(*values)
