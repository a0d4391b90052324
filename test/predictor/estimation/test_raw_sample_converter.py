"""Raw samples are checked, clipped, calibrated and rotated into the segment frame."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rigs.walks import SHANK, UPRIGHT

from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.estimation.raw_sample_converter import RawSampleConverter
from ankle_predictor.estimation.segment_filter import GRAVITY

STILL = (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("accel", "gyro", "reason"),
    [
        ((math.nan, 0.0, 0.0), STILL, "not_finite"),
        ((0.0, -9.8, 0.0), (0.0, math.inf, 0.0), "not_finite"),
        (STILL, STILL, "all_zero"),
    ],
)
def test_a_reading_that_is_not_a_measurement_is_rejected_and_counted(accel, gyro, reason):
    converter = RawSampleConverter(SHANK, UPRIGHT.shank, FilterConfig())
    assert not converter.accepts(accel, gyro)
    assert converter.counts[reason] == 1


@given(st.tuples(*[st.floats(-80, 80)] * 3), st.tuples(*[st.floats(-20, 20)] * 3))
def test_sensors_of_all_ranges_saturate_alike(accel, gyro):
    """An 8 g sensor and a 2 g sensor give the same values for the same motion."""
    config = FilterConfig()
    clipped_accel = tuple(min(max(v, -config.accel_limit), config.accel_limit) for v in accel)
    clipped_gyro = tuple(min(max(v, -config.gyro_limit), config.gyro_limit) for v in gyro)
    wide, narrow = (RawSampleConverter(SHANK, UPRIGHT.shank, config) for _ in range(2))
    assert wide.convert(accel, gyro) == narrow.convert(clipped_accel, clipped_gyro)
    assert wide.counts == narrow.counts


def test_a_sensor_with_a_scale_error_reads_one_g_at_standing():
    gravity = tuple(1.06 * v for v in UPRIGHT.shank.gravity)
    calibration = type(UPRIGHT.shank)((0.0, 0.0, 0.0), gravity)
    accel, _ = RawSampleConverter(SHANK, calibration, FilterConfig()).convert(gravity, STILL)
    assert accel == pytest.approx((0.0, 0.0, GRAVITY))
