"""The estimate of a leg from raw samples, also without a partner, a calibration or valid measurements."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rigs.walks import FOOT as FOOT_AXES
from rigs.walks import SHANK as SHANK_AXES
from rigs.walks import UPRIGHT, G, swinging

from ankle_imu_driver.calibration import Calibration, CalibrationError, SensorCalibration
from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_imu_driver.mounting import FOOT_TILT, SHANK_TILT, MountingError, gravity_at_standing, levelled, quaternion_of
from ankle_predictor.estimation.leg_estimator import LegConfig, LegEstimator
from ankle_predictor.estimation.samples import LegSample

UP = {
    SHANK: tuple((G * gravity_at_standing(SHANK_AXES, *SHANK_TILT)).tolist()),
    FOOT: tuple((G * gravity_at_standing(FOOT_AXES, *FOOT_TILT)).tolist()),
}
STANDING = Calibration(SensorCalibration((0.0, 0.0, 0.0), UP[SHANK]), SensorCalibration((0.0, 0.0, 0.0), UP[FOOT]))
STILL = (0.0, 0.0, 0.001)


def stand(
    leg: LegEstimator, seconds: float, start: float = 0.0, streams: tuple[int, ...] = (SHANK, FOOT)
) -> list[LegSample]:
    samples = []
    for k in range(round(seconds * 100)):
        for stream in streams:
            samples += leg.push(stream, start + 0.01 * k, UP[stream], STILL)
    return samples


def test_a_sample_without_a_partner_still_updates_its_segment() -> None:
    leg = LegEstimator(calibration=STANDING)
    stand(leg, 0.5)
    alone = stand(leg, 0.3, 0.5, streams=(FOOT,))
    assert len(alone) >= 20
    assert all(s.shank is None and s.joint is None and s.foot is not None for s in alone)
    assert all(s.foot is not None and s.foot.orientation is not None for s in alone)
    both = stand(leg, 0.2, 0.8)
    assert [s.joint is not None for s in both][-15:] == [True] * 15
    # The foot's estimate was never interrupted, the shank's restarted after its gap.
    assert leg.counts["shank.restarts"] == 1
    assert leg.counts.get("foot.restarts", 0) == 0
    assert leg.counts["pairs.unmatched"] == 30


def test_a_rejected_sample_does_not_disturb_the_other_stream() -> None:
    leg = LegEstimator(calibration=STANDING)
    stand(leg, 0.1)
    assert leg.push(SHANK, 0.1, (math.nan, 0.0, 0.0), STILL) == []
    leg.push(FOOT, 0.1, UP[FOOT], STILL)
    leg.push(SHANK, 0.11, UP[SHANK], STILL)
    after = leg.push(FOOT, 0.11, UP[FOOT], STILL)
    assert leg.counts["shank.not_finite"] == 1
    assert after[-1].joint is not None


def test_without_a_calibration_it_rotates_the_axes_and_waits_for_standing() -> None:
    leg = LegEstimator()
    samples = stand(leg, 1.9)
    assert leg.calibration is None
    assert all(s.joint is None for s in samples)
    segment = samples[-1].shank
    assert segment is not None
    assert segment.orientation is None
    np.testing.assert_allclose(segment.accel, SHANK_AXES @ UP[SHANK])
    assert leg.refusal.startswith("only 1.")
    np.testing.assert_array_equal(leg.rotations[0], SHANK_AXES)
    later = stand(leg, 0.6, 1.9)
    assert leg.calibration is not None
    assert leg.refusal == ""
    assert later[-1].joint is not None
    np.testing.assert_allclose(leg.rotations[1], levelled(FOOT_AXES, leg.calibration.foot))


def test_a_refused_calibration_keeps_the_old_one() -> None:
    leg = LegEstimator(calibration=STANDING)
    stand(leg, 1.0)
    with pytest.raises(CalibrationError, match=r"only 1\.0 s"):
        leg.calibrate()
    assert leg.calibration is STANDING
    stand(leg, 1.5, 1.0)
    assert leg.calibrate() is leg.calibration is not STANDING
    assert [s.joint is None for s in stand(leg, 0.1, 2.5)] == [True] + [False] * 9


def test_reset_drops_samples_and_keeps_calibration_and_counts() -> None:
    leg = LegEstimator(calibration=STANDING)
    stand(leg, 3.0)
    leg.push(FOOT, 3.0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    leg.reset()
    assert leg.calibration is STANDING
    assert leg.counts["foot.all_zero"] == 1
    with pytest.raises(CalibrationError, match=r"only 0\.0 s"):
        leg.calibrate()
    again = stand(leg, 0.1)  # also at an earlier time
    assert [s.joint is None for s in again] == [True] + [False] * 9
    assert again[0].foot is not None
    assert again[0].foot.orientation is None


def test_a_mounting_that_contradicts_the_calibration_is_refused() -> None:
    with pytest.raises(MountingError, match="swapped"):
        LegEstimator(LegConfig(shank_mounting="+Y,-Z,-X"), UPRIGHT)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from((SHANK, FOOT)), st.integers(0, 60), st.booleans()), max_size=120))
def test_any_input_gives_finite_segments_and_near_pairs(events: list[tuple[int, int, bool]]) -> None:
    leg, used = LegEstimator(calibration=UPRIGHT), []
    walk = swinging(1.0)
    for stream, k, broken in events:
        samples = walk.shank if stream == SHANK else walk.foot
        accel = (math.nan,) * 3 if broken else tuple(samples.accel[k].tolist())
        for out in leg.push(stream, 0.01 * k, accel, tuple(samples.gyro[k].tolist())):
            used += [s for s in (out.shank, out.foot) if s is not None]
            if out.joint is not None:
                assert out.shank is not None
                assert out.foot is not None
                assert abs(out.shank.stamp - out.foot.stamp) <= 0.005001
                assert math.isfinite(out.joint.angle)
    assert all(math.isfinite(v) for s in used for v in (*s.accel, *s.gyro, *(s.orientation or ())))


@given(st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: math.hypot(*q) > 0.1))
def test_a_rotation_and_its_quaternion_are_the_same(q: tuple[float, float, float, float]) -> None:
    x, y, z, w = (v / math.hypot(*q) for v in q)
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    assert abs(float(np.dot(quaternion_of(rotation), (x, y, z, w)))) == pytest.approx(1.0)
