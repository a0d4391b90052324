"""Gravity is estimated from clipping limits, and only where a log clipped."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ankle_imu_driver.recordings.logger_gravity import RANGE, SHANK, find_gravity, gravity_from_clipping
from ankle_imu_driver.recordings.read_recording import read_recording

# Table from the data set's description: foot x, y, z, shank x, y, z.
TABLE = {
    "LOG2": (-9.12, -0.65, -2.03, 2.7, -9.82, 0.60),
    "LOG7": (-9.09, -0.57, -2.39, 1.9, -9.95, 0.17),
    "LOG8": (-9.16, -0.66, -1.99, 4.24, -9.46, 0.77),
    "LOG10": (-9.15, -0.63, -2.05, 4.05, -9.52, 0.89),
    "LOG13": (-9.24, -0.67, -1.75, 3.06, -9.73, 1.26),
}
ASSUMED = {"LOG2", "LOG7"}  # their shank x never clipped


@pytest.mark.parametrize("stem", TABLE)
def test_the_five_walks_give_the_published_table(walks_dir: Path, stem: str) -> None:
    recording = read_recording(walks_dir / f"{stem}.TXT")
    assert recording.calibration is not None
    assert recording.calibration.foot.gravity == pytest.approx(TABLE[stem][:3], abs=0.05)
    assert recording.calibration.shank.gravity == pytest.approx(TABLE[stem][3:], abs=0.05)
    reported = [note for note in recording.notes if note.startswith("gravity at standing")]
    assert len(reported) == 6
    assumed = [note for note in reported if "assumed" in note]
    assert len(assumed) == (stem in ASSUMED)
    for note in assumed:
        assert "shank x" in note
        assert "0.5 more or less" in note
        assert "0.2 to 0.4 deg" in note
        assert recording.calibration.shank.gravity[0] == TABLE[stem][3]
    assert ("assumed: shank x" in recording.calibration.source) == (stem in ASSUMED)


@pytest.mark.parametrize("stem", TABLE)
def test_in_parts_of_a_walk_no_limit_is_wrong_and_without_the_clipped_samples_none_is_found(
    walks_dir: Path, stem: str
) -> None:
    recording = read_recording(walks_dir / f"{stem}.TXT")
    raw = np.hstack([recording.foot.accel, recording.shank.accel])
    rng = np.random.default_rng(0)
    found = 0
    for axis, true in enumerate(TABLE[stem]):
        logged = np.round(raw[:, axis] - true, 2)
        inside = logged[(logged < logged.max() - 0.02) & (logged > logged.min() + 0.02)]
        for size in (1000, 4000, 12000):
            start = int(rng.integers(0, len(inside) - size))
            part = gravity_from_clipping(logged[start : start + size])
            if not part.assumed:
                found += 1
                assert part.value == pytest.approx(true, abs=0.05)
            assert gravity_from_clipping(inside[start : start + size]).assumed
    assert found >= 6


@settings(max_examples=80, deadline=None)
@given(
    gravity=st.floats(-10.5, 10.5),
    spread=st.floats(7.0, 14.0),
    offset=st.floats(-5.0, 5.0),
    seed=st.integers(0, 10_000),
    heavy=st.booleans(),
)
def test_a_clipped_signal_gives_its_gravity(
    gravity: float, spread: float, offset: float, seed: int, heavy: bool
) -> None:
    rng = np.random.default_rng(seed)
    free = rng.laplace(offset, spread / 1.4, 6000) if heavy else rng.normal(offset, spread, 6000)
    logged = np.round(np.clip(free, -RANGE, RANGE) - gravity, 2)
    axis = gravity_from_clipping(logged)
    assert not axis.assumed
    assert axis.value == pytest.approx(gravity, abs=0.02)
    assert axis.least - 0.02 <= gravity <= axis.most + 0.02


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(["normal", "laplace", "uniform", "sine", "noisy sine", "exponential", "held", "standing"]),
    size=st.sampled_from([200, 1000, 5000, 17000]),
    scale=st.floats(0.2, 4.0),
    centre=st.floats(-9.0, 9.0),
    seed=st.integers(0, 10_000),
)
def test_a_signal_that_never_clipped_has_no_clipping_limit(
    kind: str, size: int, scale: float, centre: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    phase = np.arange(size) * 0.063
    free = {
        "normal": lambda: rng.normal(0, scale, size),
        "laplace": lambda: rng.laplace(0, scale, size),
        "uniform": lambda: rng.uniform(-3 * scale, 3 * scale, size),
        "sine": lambda: 3 * scale * np.sin(phase),
        "noisy sine": lambda: 3 * scale * np.sin(phase) + rng.normal(0, 0.1, size),
        "exponential": lambda: rng.exponential(scale, size),
        "held": lambda: np.repeat(rng.normal(0, scale, size // 50), 50),  # a sensor that freezes for half a second
        "standing": lambda: rng.normal(0, 0.04, size),
    }[kind]()
    assert gravity_from_clipping(np.round(free + centre, 2)).assumed


def test_a_constant_signal_has_no_clipping_limit() -> None:
    assert gravity_from_clipping(np.full(5000, 12.34)).assumed


def test_damaged_lines_beyond_a_clipping_limit_do_not_hide_it() -> None:
    rng = np.random.default_rng(3)
    logged = np.round(np.clip(rng.normal(0, 9, 6000), -RANGE, RANGE) - 4.0, 2)
    logged[[100, 200, 300]] = [RANGE - 4.0 + 2.5, RANGE - 4.0 + 1.0, -RANGE - 4.0 - 9.0]
    axis = gravity_from_clipping(logged)
    assert axis.value == pytest.approx(4.0, abs=0.02)
    assert axis.basis == "both clipping limits"


@pytest.mark.parametrize("axis", range(3))
def test_an_axis_that_did_not_clip_is_assumed_within_the_bounds_of_the_log(axis: int) -> None:
    rng = np.random.default_rng(axis)
    truth = np.array(SHANK.nominal)
    spread = np.where(np.arange(3) == axis, 2.0, 9.0)
    raw = np.clip(truth + rng.normal(0, spread, (8000, 3)), -RANGE, RANGE)
    foot = np.clip(rng.normal(0, 9, (8000, 3)), -RANGE, RANGE)
    gravity = find_gravity(np.round(foot + 9.15, 2), np.round(raw - truth, 2))
    found = gravity.shank[axis]
    assert found.assumed
    assert found.basis.startswith("assumed")
    assert f"{found.least:.2f} to {found.most:.2f}" in found.describe()
    assert found.least <= found.value <= found.most
    assert found.value == pytest.approx(truth[axis], abs=0.6)
    assert not any(g.assumed for k, g in enumerate(gravity.shank) if k != axis)


def test_the_bounds_of_the_log_limit_the_assumption() -> None:
    rng = np.random.default_rng(0)
    logged = np.round(rng.normal(0, 0.5, (4000, 3)), 2)
    logged[::500, 0] = np.linspace(15, 18.5, 8)  # a smooth tail: nothing clips, but x is at most 1.11
    gravity = find_gravity(logged, logged)
    assert gravity.shank[0].assumed
    assert gravity.shank[0].value == pytest.approx(RANGE - logged[:, 0].max())


def test_without_any_clipping_every_axis_is_assumed_and_finite() -> None:
    gravity = find_gravity(np.zeros((10, 3)), np.zeros((10, 3)))
    for axis in (*gravity.foot, *gravity.shank):
        assert axis.assumed
        assert math.isfinite(axis.value)
