"""Walking is collected pair by pair: strides count, standing and gaps do not, and no window spans a seam."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import find_peaks

from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_predictor.adaptation.user_walk import stride_stamps
from ankle_predictor.adaptation.walk_collector import SHANK_RATE, WalkCollector, WalkedSeconds
from ankle_predictor.estimation.gait import LONGEST_STRIDE, SHORTEST_STRIDE, SWING_RATE
from ankle_predictor.model.features import SEGMENT_FEATURES, FeatureSpec
from ankle_predictor.offline.pipeline import FeatureTable, run_chain, windows_of

SPEC = FeatureSpec()
PERIOD = 0.01
STRIDE = 1.2  # s
WIDTH = len(SEGMENT_FEATURES)


def rows(seconds: float, swing: float = 4.0) -> np.ndarray:
    """Features of a shank that swings forward once in a stride."""
    time = PERIOD * np.arange(round(seconds / PERIOD))
    values = np.zeros((len(time), WIDTH))
    values[:, SHANK_RATE] = -swing * np.maximum(np.sin(2 * np.pi * time / STRIDE), -0.3)
    return values


def fed(*parts: tuple[float, np.ndarray], encoder: bool = False) -> WalkCollector:
    """Return a collector that received parts, each from its stamp on."""
    collector = WalkCollector(SPEC, 50)
    for start, values in parts:
        for k, row in enumerate(values):
            if encoder:
                collector.push_encoder(start + k * PERIOD, start + k * PERIOD)
            collector.push(start + k * PERIOD, row)
    return collector


def test_walking_counts_from_swing_to_swing() -> None:
    collector = fed((0.0, rows(10.0)))
    assert collector.seconds == pytest.approx(8 * STRIDE - PERIOD, abs=0.25)
    walked = collector.walked()
    assert walked.stamp[-1] - walked.stamp[0] == pytest.approx(8 * STRIDE, abs=0.3)
    assert walked.stamp[0] == 0.0


@pytest.mark.parametrize("swing", [0.0, 1.5], ids=["standing", "swaying"])
def test_standing_does_not_count(swing: float) -> None:
    collector = fed((0.0, rows(10.0, swing)), encoder=True)
    assert collector.seconds == 0.0
    assert len(collector.walked().stamp) == 0


def test_standing_in_between_is_left_out() -> None:
    still = rows(8.0, 0.0)
    alone = fed((0.0, rows(6.0))).seconds
    collector = fed((0.0, rows(6.0)), (6.0, still), (14.0, rows(6.0)))
    assert collector.seconds == pytest.approx(2 * alone, abs=0.05)
    stamp = collector.walked().stamp
    assert np.max(np.diff(stamp)) == pytest.approx(0.2)
    assert stamp[-1] == pytest.approx(2 * alone + 0.2, abs=0.05)


def test_no_window_spans_a_seam_and_a_short_piece_is_dropped() -> None:
    parts = [(0.0, rows(5.0)), (5.3, rows(2.0)), (7.6, rows(5.0))]
    for number, (_, values) in enumerate(parts):
        values[:, 0] = number
    walked = fed(*parts).walked()
    assert set(walked.values[:, 0]) == {0.0, 2.0}
    table = FeatureTable(walked.stamp, walked.values, walked.values[:, 0])
    windows = [window for _, window in windows_of(table, SPEC)]
    assert len(windows) > 300
    assert all(np.ptp(window[:, 0]) == 0.0 for window in windows)


def test_a_clock_that_jumps_back_ends_the_piece() -> None:
    walked = fed((100.0, rows(6.0)), (50.0, rows(6.0)), encoder=True).walked()
    assert np.all(np.diff(walked.stamp) > 0)
    assert np.sum(np.diff(walked.stamp) > 0.1) == 1
    assert np.all(np.diff(walked.encoder_stamp) > 0)
    # The encoder's angle is its stamp, which shows whether its samples stay with their pairs.
    late = walked.encoder_stamp > walked.stamp[-1] / 2
    for part, start in ((~late, 100.0), (late, 50.0)):
        np.testing.assert_allclose(np.ptp(walked.encoder_angle[part] - walked.encoder_stamp[part]), 0.0, atol=1e-9)
        assert start <= walked.encoder_angle[part][0] < start + STRIDE


@settings(max_examples=15)
@given(st.lists(st.tuples(st.floats(0.5, 8.0), st.booleans(), st.floats(0.0, 3.0)), min_size=1, max_size=6))
def test_seconds_never_decrease_and_equal_the_length_of_the_result(parts: list[tuple[float, bool, float]]) -> None:
    collector, at, seen = WalkCollector(SPEC, 50), 0.0, 0.0
    for seconds, walks, gap in parts:
        for k, row in enumerate(rows(seconds, 4.0 if walks else 0.0)):
            collector.push(at + k * PERIOD, row)
            assert collector.seconds >= seen
            seen = collector.seconds
        at += seconds + gap
    seams = np.diff(collector.walked().stamp)
    assert np.sum(seams[seams < 0.15]) == pytest.approx(seen)


def test_a_saved_walk_is_read_back_without_pickle(tmp_path: Path) -> None:
    walked = fed((0.0, rows(6.0)), encoder=True).walked()
    walked.save(tmp_path / "w.npz")
    again = WalkedSeconds.load(tmp_path / "w.npz")
    for name, value in vars(walked).items():
        np.testing.assert_array_equal(getattr(again, name), value)
    np.savez(tmp_path / "evil.npz", stamp=np.array([object()], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="pickle"):
        WalkedSeconds.load(tmp_path / "evil.npz")


def test_a_recorded_walk_is_walking_from_its_first_stride_to_its_last(walks_dir: Path) -> None:
    recording = read_recording(walks_dir / "LOG10.TXT")
    table = run_chain(recording, SPEC)
    collector = WalkCollector(SPEC, 50)
    for stamp, row in zip(table.stamp, table.values, strict=True):
        collector.push(float(stamp), row)
    assert collector.seconds > 0.95 * (recording.end - recording.start)


def swings(values: np.ndarray) -> np.ndarray:
    """Find the peaks of the shank's forward rate with scipy."""
    peaks, _ = find_peaks(-values[:, SHANK_RATE], height=SWING_RATE, distance=round(SHORTEST_STRIDE / PERIOD))
    return np.asarray(peaks)


def test_the_collected_strides_are_those_between_the_peaks_of_the_shanks_forward_rate(walks_dir: Path) -> None:
    table = run_chain(read_recording(walks_dir / "LOG10.TXT"), SPEC)
    collector = WalkCollector(SPEC, 50)
    for stamp, row in zip(table.stamp, table.values, strict=True):
        collector.push(float(stamp), row)
    walked = collector.walked()
    strides = np.diff(table.stamp[swings(table.values)])
    walking = strides <= LONGEST_STRIDE
    collected = swings(walked.values)
    assert len(collected) == pytest.approx(np.sum(walking), abs=1)  # the newest swing may not have its peak yet
    assert collector.seconds == pytest.approx(np.sum(strides[walking]), abs=np.max(strides[walking]))
    leg = FeatureTable(walked.stamp, walked.values, walked.values[:, 0])
    np.testing.assert_allclose(stride_stamps(leg), walked.stamp[collected], rtol=0.0, atol=0.1)
