"""A user's seconds: warnings about their faults, and the strides in them."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from rigs.user_walks import walking
from scipy.signal import find_peaks

from ankle_imu_driver.recordings.mirror import mirrored
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import EncoderSamples, ImuSamples
from ankle_predictor.adaptation.user_walk import (
    SHANK_RATE,
    UserWalkError,
    check_walk,
    encoder_offset,
    sensor_warnings,
    stride_stamps,
    walk_of,
)
from ankle_predictor.estimation.gait import SHORTEST_STRIDE, SWING_RATE
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.offline.pipeline import run_chain

SPEC = FeatureSpec()


def test_a_walk_with_faults_gives_warnings() -> None:
    recording = walking()
    encoder = recording.encoder
    assert encoder is not None
    holes = np.where((encoder.stamp > 5) & (encoder.stamp < 9), np.nan, encoder.angle)
    slipping = encoder.angle + math.radians(4.0)
    for angle, words in ((holes, "missing in"), (slipping, "brace may slip")):
        odd = dataclasses.replace(recording, encoder=EncoderSamples(encoder.stamp, angle))
        assert any(words in w for w in check_walk(walk_of(odd, SPEC, 2.0, 20.0), "encoder")), words
    assert any("only" in w for w in check_walk(walk_of(recording, SPEC, 2.0, 7.0), "imu"))
    assert check_walk(walk_of(recording, SPEC, 2.0, 20.0), "encoder") == ()


def test_the_encoder_of_log7_slips_and_that_of_log8_does_not(walks_dir: Path) -> None:
    for log in ("LOG7", "LOG8"):
        recording = read_recording(walks_dir / f"{log}.TXT")
        whole = walk_of(recording, SPEC, 2.0, 170.0)
        slips = any("brace may slip" in warning for warning in check_walk(whole, "encoder"))
        assert slips == (log == "LOG7"), math.degrees(encoder_offset(whole))
        assert len(stride_stamps(whole.leg)) == pytest.approx(170 / 1.9, rel=0.15)


def test_sensors_of_another_range_give_warnings() -> None:
    recording = walking()
    assert sensor_warnings(recording, SPEC.filter) == ()
    narrow = np.clip(5.0 * recording.shank.gyro, -math.radians(250), math.radians(250))
    wide = recording.foot.accel.copy()
    wide[::50, 0] = 60.0
    odd = dataclasses.replace(
        recording,
        shank=ImuSamples(recording.shank.stamp, recording.shank.accel, narrow),
        foot=ImuSamples(recording.foot.stamp, wide, recording.foot.gyro),
    )
    warnings = sensor_warnings(odd, SPEC.filter)
    assert any("shank's gyro ends at 250 deg/s" in w for w in warnings)
    assert any("foot accelerometer's samples are cut" in w for w in warnings)


def test_a_log_that_ends_before_the_seconds_is_refused() -> None:
    with pytest.raises(UserWalkError, match="so it has no 30 s from 20 s on"):
        walk_of(walking(), SPEC, 20.0, 30.0)


def test_the_strides_of_a_recorded_walk_are_the_peaks_of_the_shanks_forward_rate(walks_dir: Path) -> None:
    leg = run_chain(read_recording(walks_dir / "LOG10.TXT"), SPEC)
    apart = round(SHORTEST_STRIDE / SPEC.period)
    peaks, _ = find_peaks(-leg.values[:, SHANK_RATE], height=SWING_RATE, distance=apart)
    stamps = stride_stamps(leg)
    assert len(stamps) == len(peaks) > 100
    np.testing.assert_allclose(stamps, leg.stamp[peaks], rtol=0.0, atol=0.1)


def test_a_walk_with_the_other_leg_gives_the_inputs_of_the_models_own() -> None:
    right = walk_of(walking(), FeatureSpec(), 2.0, 10.0)
    left = walk_of(mirrored(walking()), FeatureSpec(), 2.0, 10.0, mirrored=True)
    np.testing.assert_array_equal(left.inputs.values, right.inputs.values)
