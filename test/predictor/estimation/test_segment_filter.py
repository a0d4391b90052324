"""The filter of one segment: inclination, orientation, gyro bias, gaps and free fall."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.estimation.foot_rest import FootRest
from ankle_predictor.estimation.samples import pitch_of
from ankle_predictor.estimation.segment_filter import GRAVITY, AccelTrust, SegmentFilter

STILL = (0.0, 0.0, 0.0)
MOVING, RESTING = AccelTrust(False, 2.0), AccelTrust(True, 0.15)
FREE_FALL = (0.0, 0.0, 0.0)  # m/s^2: the accelerometer shows no direction


def up_at(pitch):
    return (-GRAVITY * math.sin(pitch), 0.0, GRAVITY * math.cos(pitch))


@given(st.floats(-1.4, 1.4))
def test_a_still_segment_has_the_inclination_of_gravity(pitch):
    segment = SegmentFilter(FilterConfig(), 0.0)
    for k in range(20):
        sample = segment.step(k * 0.01, up_at(pitch), STILL, MOVING)
    assert pitch_of(sample.orientation) == pytest.approx(pitch, abs=1e-9)


@given(st.floats(-2.0, 2.0), st.floats(0.005, 0.05))
def test_the_gyro_alone_tracks_the_inclination(rate, dt):
    segment = SegmentFilter(FilterConfig(), 0.0)
    segment.step(0.0, up_at(0.0), (0.0, rate, 0.0), MOVING)
    for k in range(1, 21):
        sample = segment.step(k * dt, FREE_FALL, (0.0, rate, 0.0), MOVING)
    assert pitch_of(sample.orientation) == pytest.approx(math.remainder(rate * 20 * dt, math.tau), abs=1e-6)


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(-3.0, 3.0))
def test_the_orientation_is_a_unit_quaternion_that_agrees_with_gravity(x, y, yaw_rate):
    segment = SegmentFilter(FilterConfig(), 0.0)
    for k in range(50):
        sample = segment.step(k * 0.01, (GRAVITY * x, GRAVITY * y, GRAVITY), (0.0, 0.0, yaw_rate), RESTING)
    qx, qy, qz, qw = sample.orientation
    assert qx**2 + qy**2 + qz**2 + qw**2 == pytest.approx(1.0, abs=1e-12)
    seen = (2 * (qx * qz - qw * qy), 2 * (qy * qz + qw * qx), 1 - 2 * (qx**2 + qy**2))
    assert math.hypot(*segment.up) * seen[0] == pytest.approx(segment.up[0], abs=1e-9)
    assert math.hypot(*segment.up) * seen[1] == pytest.approx(segment.up[1], abs=1e-9)


def test_the_acceleration_of_a_swing_about_the_resting_foot_is_compensated():
    """A pendulum at 1.5 Hz: without the lever arm the accelerometer would be off by degrees."""
    arm, amplitude, omega = 0.1, 0.2, 2 * math.pi * 1.5

    def worst(lever_arm):
        segment, worst_error = SegmentFilter(FilterConfig(bias_gain=0.0), lever_arm), 0.0
        for k in range(600):
            t = k * 0.01
            pitch = amplitude * math.sin(omega * t)
            rate, change = amplitude * omega * math.cos(omega * t), -amplitude * omega**2 * math.sin(omega * t)
            x, y, z = up_at(pitch)
            sample = segment.step(t, (x + arm * change, y, z - arm * rate**2), (0.0, rate, 0.0), RESTING)
            if t > 2.0:
                worst_error = max(worst_error, abs(pitch_of(sample.orientation) - pitch))
        return math.degrees(worst_error)

    assert worst(arm) < 1.5
    assert worst(0.0) > 3 * worst(arm)


def test_at_rest_a_gyro_bias_is_estimated_and_removed():
    bias = math.radians(1.0)
    segment = SegmentFilter(FilterConfig(), 0.0)
    for k in range(60000):
        sample = segment.step(k * 0.01, up_at(0.2), (0.0, bias, 0.0), RESTING)
    assert segment.gyro_bias[1] == pytest.approx(bias, rel=0.05)
    assert pitch_of(sample.orientation) == pytest.approx(0.2, abs=math.radians(0.02))
    assert sample.gyro[1] == pytest.approx(0.0, abs=0.05 * bias)


def test_the_estimated_bias_stays_within_its_limit():
    config = FilterConfig(bias_limit=0.001)
    segment = SegmentFilter(config, 0.0)
    for k in range(2000):
        segment.step(k * 0.01, up_at(0.0), (0.0, 0.5, 0.0), RESTING)
    assert segment.gyro_bias[1] == pytest.approx(0.001)


@pytest.mark.parametrize("next_stamp", [5.0, 2.1, -3.0, 1.0])
def test_a_long_gap_or_a_jump_of_the_clock_restarts_the_estimate(next_stamp):
    segment = SegmentFilter(FilterConfig(), 0.0)
    for k in range(101):
        segment.step(k * 0.01, up_at(0.0), STILL, MOVING)
    sample = segment.step(next_stamp, up_at(0.4), STILL, MOVING)
    assert segment.counts["restarts"] == 1
    assert pitch_of(sample.orientation) == pytest.approx(0.4)


def test_free_fall_is_counted_and_does_not_change_the_inclination():
    segment = SegmentFilter(FilterConfig(), 0.0)
    for k in range(100):
        segment.step(k * 0.01, up_at(0.3), STILL, MOVING)
    sample = segment.step(1.0, (0.0, 0.0, 0.0), STILL, MOVING)
    assert segment.counts["free_fall"] == 1
    assert pitch_of(sample.orientation) == pytest.approx(0.3, abs=1e-9)


def test_upside_down_is_not_a_singularity():
    segment = SegmentFilter(FilterConfig(), 0.0)
    sample = segment.step(0.0, (0.0, 0.0, -GRAVITY), STILL, MOVING)
    assert all(map(math.isfinite, sample.orientation))
    assert abs(pitch_of(sample.orientation)) == pytest.approx(math.pi)


def test_after_a_short_gap_an_impact_is_not_taken_for_gravity():
    segment = SegmentFilter(FilterConfig(), 0.0)
    for k in range(101):
        segment.step(k * 0.01, up_at(0.2), STILL, MOVING)
    sample = segment.step(1.2, (19.0, 0.0, -8.0), STILL, MOVING)
    assert segment.counts["restarts"] == 1
    assert pitch_of(sample.orientation) == pytest.approx(0.2, abs=1e-9)
    for k in range(1, 300):
        sample = segment.step(1.2 + k * 0.01, up_at(0.5), STILL, RESTING)
    assert pitch_of(sample.orientation) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("gap", [0.11, 0.15, 0.3])
def test_over_a_short_gap_the_segment_turns_on(gap):
    segment, rate = SegmentFilter(FilterConfig(), 0.0), 3.0
    segment.step(0.0, up_at(0.0), (0.0, rate, 0.0), MOVING)
    for k in range(1, 11):
        segment.step(k * 0.01, FREE_FALL, (0.0, rate, 0.0), MOVING)
    sample = segment.step(0.1 + gap, FREE_FALL, (0.0, rate, 0.0), MOVING)
    assert segment.counts["restarts"] == 1
    assert pitch_of(sample.orientation) == pytest.approx(rate * (0.1 + gap), abs=1e-9)


def test_after_a_gap_the_next_rest_counts_for_more_and_motion_does_not():
    config = FilterConfig()
    walking, standing = ((0.0, 0.0, GRAVITY), (0.0, 2.0, 0.0)), ((0.0, 0.0, GRAVITY), STILL)

    def taus(gap):
        rest, found = FootRest(config), []
        for k in range(200):
            found.append(rest.step(0.01 * k, *walking))
        for k in range(20):
            found.append(rest.step(1.99 + gap + 0.01 * k, *walking))
        for k in range(10):
            found.append(rest.step(2.19 + gap + 0.01 * k, *standing))
        return next(trust.tau for trust in found if trust.resting), found[215].tau

    at_rest, moving = taus(0.01)
    at_rest_after, moving_after = taus(0.25)
    assert at_rest_after < 0.6 * at_rest
    assert moving_after > 0.3 * moving
