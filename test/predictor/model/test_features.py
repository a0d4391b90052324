from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rigs.walks import swinging

from ankle_imu_driver.document import DocumentError, build
from ankle_imu_driver.recordings.mirror import mirrored
from ankle_predictor.model.features import SEGMENT_FEATURES, FeatureError, FeatureSpec, WindowGrid
from ankle_predictor.offline.pipeline import run_chain, windows_of

SMALL = FeatureSpec(names=("a", "b"), window=5)


def fill(grid, stamps):
    return [grid.push(t, np.array([t, math.sin(t)])) for t in stamps]


@given(st.lists(st.floats(0.002, 0.09), min_size=12, max_size=60))
def test_the_rows_of_a_window_are_at_the_times_of_the_grid(steps):
    grid, stamps = WindowGrid(SMALL), np.cumsum(steps)
    full = fill(grid, stamps)
    assert full == [t - stamps[0] >= 0.04 for t in stamps]
    if full[-1]:
        np.testing.assert_allclose(grid.window()[:, 0], stamps[-1] + np.arange(-4, 1) * 0.01, atol=1e-12)


@given(st.lists(st.floats(0.002, 0.09), min_size=12, max_size=40), st.integers(0, 30))
@settings(max_examples=50)
def test_a_window_depends_on_its_last_rows_only(steps, more):
    """A grid whose ring buffer has wrapped around gives the same bits as a new one."""
    stamps = np.cumsum(steps)
    old, fresh = WindowGrid(SMALL), WindowGrid(SMALL)
    fill(old, stamps[0] - 0.01 * np.arange(more, 0, -1))
    fill(old, stamps)
    fill(fresh, stamps)
    if fresh.full:
        np.testing.assert_array_equal(old.window(), fresh.window())


@pytest.mark.parametrize("next_stamp", [1.2, 5.0, 0.5, 1.0])
def test_a_gap_or_a_stamp_that_does_not_increase_clears_the_grid(next_stamp):
    grid = WindowGrid(SMALL)
    fill(grid, np.linspace(0.9, 1.0, 11))
    assert grid.full
    assert not grid.push(next_stamp, np.zeros(2))
    with pytest.raises(FeatureError, match="not full"):
        grid.window()


@given(st.floats(120.0, 5000.0), st.floats(0.0, 0.9), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_a_window_fills_in_its_time_however_fast_the_pairs_come(rate, jitter, seed):
    spec = FeatureSpec(names=("a", "b"), window=50)
    grid = WindowGrid(spec)
    count = int(0.8 * rate)
    stamps = ((np.arange(count) + jitter * np.random.default_rng(seed).random(count)) / rate).tolist()
    full = fill(grid, stamps)
    assert full == [t - stamps[0] >= 0.49 - 1e-6 for t in stamps]
    expected = stamps[-1] + np.arange(-49, 1) * 0.01
    np.testing.assert_allclose(grid.window()[:, 0], expected, atol=1e-9)
    # s between two stored pairs, thinned by half a grid's period; linear interpolation errs by h^2 / 8 |f''|
    longest = (1.0 + jitter) / rate + 0.5 * spec.period
    np.testing.assert_allclose(grid.window()[:, 1], np.sin(expected), atol=longest**2 / 8.0 + 1e-9)


def test_rows_sampling_uses_the_pairs_without_interpolation():
    grid = WindowGrid(FeatureSpec(names=("a", "b"), window=5, sampling="rows"))
    stamps = np.cumsum([0.01, 0.02, 0.03, 0.01, 0.013, 0.017, 0.01])
    assert fill(grid, stamps) == [False] * 4 + [True] * 3
    np.testing.assert_array_equal(grid.window()[:, 0], stamps[2:])


def test_a_spec_is_read_back_from_json():
    spec = FeatureSpec(window=120, sampling="rows")
    assert build(FeatureSpec, json.loads(json.dumps(spec.to_json()))) == spec


@pytest.mark.parametrize(
    "change",
    [
        {"window": 1},
        {"sampling": "dots"},
        {"rate": math.nan},
        {"names": []},
        {"names": ["a", "a"]},
        {"filter": {}},
        {"filter": {"x": 1}},
        {"rate": 9.9},
        {"window": 2001},
        {"names": [f"n{k}" for k in range(65)]},
    ],
)
def test_a_spec_that_makes_no_sense_is_refused(change):
    with pytest.raises(DocumentError):
        build(FeatureSpec, FeatureSpec().to_json() | change)


@pytest.mark.parametrize("change", [{"window": 1}, {"sampling": "dots"}, {"rate": math.inf}, {"names": ("a", "a")}])
def test_values_that_make_no_sense_are_refused(change):
    with pytest.raises(FeatureError, match=f"{next(iter(change))} must be"):
        FeatureSpec(**change)


def test_sample_by_sample_and_over_the_whole_log_are_bit_equal():
    """Compares the offline table and windows with a live loop."""
    recording = swinging(seconds=4.0, jitter=0.003)
    spec = FeatureSpec()
    table = run_chain(recording, spec)
    offline = dict(windows_of(table, spec))
    grid = WindowGrid(spec)
    live = {
        k: grid.window() for k, (t, row) in enumerate(zip(table.stamp, table.values, strict=True)) if grid.push(t, row)
    }
    assert offline.keys() == live.keys()
    assert len(live) > 150
    for k, window in live.items():
        np.testing.assert_array_equal(window, offline[k])


@given(st.integers(210, 390), st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_no_future_sample_changes_anything_now(cut, seed):
    recording = swinging(seconds=4.0, jitter=0.003)
    random = np.random.default_rng(seed)
    order = np.concatenate((np.arange(cut), cut + random.permutation(len(recording.shank) - cut)))
    shuffled = type(recording)(
        name="shuffled",
        shank=type(recording.shank)(recording.shank.stamp, recording.shank.accel[order], recording.shank.gyro[order]),
        foot=type(recording.foot)(recording.foot.stamp, recording.foot.accel[order], -recording.foot.gyro[order]),
        encoder=None,
        calibration=recording.calibration,
    )
    # Only the foot's rates after the cut are inverted.
    shuffled.foot.gyro[:cut] *= -1
    before, after = run_chain(recording), run_chain(shuffled)
    np.testing.assert_array_equal(before.values[:cut], after.values[:cut])
    assert not np.array_equal(before.values[cut:], after.values[cut:])


def test_the_features_of_the_other_leg_are_mirrored():
    recording = swinging()
    np.testing.assert_array_equal(run_chain(mirrored(recording), mirrored=True).values, run_chain(recording).values)


def test_the_columns_of_the_table_match_their_names():
    recording = swinging()
    table = run_chain(recording)
    column = {name: table.values[:, k] for k, name in enumerate(SEGMENT_FEATURES)}
    np.testing.assert_array_equal(column["ankle_angle"], table.angle)
    np.testing.assert_allclose(column["shank_pitch"] - column["foot_pitch"], column["ankle_angle"], atol=1e-12)
    np.testing.assert_allclose(column["shank_gyro_y"] - column["foot_gyro_y"], column["ankle_rate"], atol=1e-12)
