"""What a parameter may be, without ROS."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_imu_driver.parameter_spec import SMALLEST, ParameterSpec
from ankle_imu_driver.refusal import Refusal

THREADS = ParameterSpec("threads", 1, "threads", low=1, high=64)
AGE = ParameterSpec("age", 0.05, "s", low=SMALLEST, high=10.0)
TILT = ParameterSpec("tilt", [0.0, 0.0], "rad", low=-3.0, high=3.0, length=2)
MODEL = ParameterSpec("model", "base", "name")
SIDE = ParameterSpec("side", "right", "leg", choices=("left", "right"))
LOOP = ParameterSpec("loop", False, "repeat")
SPECS = (THREADS, AGE, TILT, MODEL, SIDE, LOOP)


@pytest.mark.parametrize(
    ("spec", "value", "read"),
    [(THREADS, 2, 2), (AGE, 1, 1.0), (TILT, [0, 1], [0.0, 1.0]), (TILT, (0.5, 1.0), [0.5, 1.0]), (MODEL, "10", "10")],
)
def test_a_value_has_the_type_of_the_parameter(spec: ParameterSpec, value: Any, read: Any) -> None:
    assert repr(spec.checked(value)) == repr(read)


@pytest.mark.parametrize(
    ("spec", "value", "sentence"),
    [
        (THREADS, 1.0, "threads must be a whole number, not 1.0"),
        (THREADS, True, "threads must be a whole number, not True"),
        (THREADS, 0, "threads must be 1 to 64, not 0"),
        (AGE, 0.0, "age must be above 0, at most 10, not 0.0"),
        (AGE, float("nan"), "age must be above 0, at most 10, not nan"),
        (AGE, "fast", "age must be a number, not 'fast'"),
        (MODEL, 10, 'model must be text, not 10; text has quotes in YAML: "10"'),
        (MODEL, None, "model must be text, not empty"),
        (SIDE, "both", "side must be one of left, right, not 'both'"),
        (LOOP, 1, "loop must be true or false, not 1"),
        (TILT, [0.1], "tilt must be a list of 2 numbers, not [0.1]"),
        (TILT, "flat", "tilt must be a list of 2 numbers, not 'flat'"),
        (TILT, None, "tilt must be a list of 2 numbers, not empty"),
        (TILT, [0.1, 4], "tilt must be -3 to 3, not 4.0"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(spec: ParameterSpec, value: Any, sentence: str) -> None:
    with pytest.raises(Refusal) as refusal:
        spec.checked(value)
    assert str(refusal.value) == sentence


ANY = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers() | st.floats())


@given(st.sampled_from(SPECS), ANY)
def test_every_value_is_taken_in_its_type_or_refused(spec: ParameterSpec, value: Any) -> None:
    try:
        read = spec.checked(value)
    except Refusal as refusal:
        assert spec.name in str(refusal)  # noqa: PT017 - both outcomes are right
    else:
        assert type(read) is type(spec.default)
        assert spec.checked(read) == read
