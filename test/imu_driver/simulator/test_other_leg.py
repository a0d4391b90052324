"""Two legs of one simulated person, half a stride apart."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import takewhile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.simulator.gait_planner import GaitPlanner
from ankle_imu_driver.simulator.gait_scenario import Label, Stand, Turn, Walk, indoor_walk
from ankle_imu_driver.simulator.leg_motion import RATE, MotionPiece
from ankle_imu_driver.simulator.other_leg import RESTING, later
from ankle_imu_driver.simulator.sensor_model import SensorModel
from ankle_imu_driver.simulator.simulate import SimulatedWalk, simulated_chunks, stream
from ankle_imu_driver.simulator.user_profile import draw_user

SCENARIO = [Stand(3.0), Walk(6.0, 0.8), Turn(), Walk(6.0, 1.2), Stand(1.0), Walk(4.0, 1.0)]


def pieces_of(person: int) -> list[MotionPiece]:
    return list(GaitPlanner(draw_user(person), np.random.default_rng(person)).motion(SCENARIO))


def begins(pieces: list[MotionPiece]) -> FloatArray:
    """The start of each piece in s."""
    return np.cumsum([0, *(len(piece.label) for piece in pieces)])[:-1] / RATE


@settings(max_examples=10, deadline=None)
@given(person=st.integers(1, 50), phase=st.floats(0.1, 0.9))
def test_each_stride_begins_within_the_other_legs_at_the_same_place(person: int, phase: float) -> None:
    planned = pieces_of(person)
    delayed = list(later(planned, phase))
    assert [piece.label[0] for piece in delayed] == [piece.label[0] for piece in planned]
    for piece, own, other in zip(planned, begins(planned), begins(delayed), strict=True):
        if piece.label[0] not in RESTING:
            share = (other - own) / (len(piece.label) / RATE)
            assert share == pytest.approx(phase, abs=0.002)


def test_a_delayed_stride_keeps_its_impacts_and_its_rest() -> None:
    planned = pieces_of(3)
    for before, after in zip(planned, later(planned, 0.5), strict=True):
        assert np.sum(after.impact) == pytest.approx(np.sum(before.impact))
        assert np.ptp(after.channels, axis=0) == pytest.approx(np.ptp(before.channels, axis=0), rel=0.02, abs=1e-3)
        assert len(after.channels) == len(after.label) == len(after.impact)


def contacts(side: str, phase: float) -> FloatArray:
    """The times in s at which a foot has turned fastest downward: shortly after each heel strike of a level walk."""
    chunks = list(takewhile(lambda c: c.start < 40.0, stream(draw_user(2), SensorModel(), 2, side, phase)))
    stamp = np.concatenate([c.encoder.stamp for c in chunks if c.encoder is not None])
    angle = np.concatenate([c.encoder.angle for c in chunks if c.encoder is not None])
    even = np.arange(8.0, 38.0, 0.01)
    return np.interp(even, stamp, angle)


def test_the_two_legs_of_a_stream_are_half_a_stride_apart() -> None:
    right, left, together = contacts("right", 0.0), contacts("left", 0.5), contacts("left", 0.0)
    np.testing.assert_allclose(right, together)
    assert np.corrcoef(right, left)[0, 1] < 0.5
    stride = 1 + int(np.argmax([np.corrcoef(right[:-k], right[k:])[0, 1] for k in range(60, 200)])) + 59
    lags = range(10, stride - 10)
    best = lags[int(np.argmax([np.corrcoef(right[:-k], left[k:])[0, 1] for k in lags]))]
    assert best / stride == pytest.approx(0.5, abs=0.08)


def test_a_stand_between_strides_is_kept() -> None:
    delayed = list(later(pieces_of(1), 0.5))
    labels = np.concatenate([piece.label for piece in delayed])
    assert np.count_nonzero(labels == Label.STAND) / RATE == pytest.approx(4.0, abs=1.0)


def truth(walk: Iterator[SimulatedWalk], until: float) -> tuple[FloatArray, FloatArray]:
    """The stamps and the true angles of a walk."""
    chunks = list(takewhile(lambda c: c.recording.start < until, walk))
    return np.concatenate([c.recording.shank.stamp for c in chunks]), np.concatenate([c.truth.angle for c in chunks])


@pytest.mark.parametrize("phase", [0.0, 0.5])
@pytest.mark.parametrize("begin", [5.0, 33.3, 61.0])
def test_a_walk_that_begins_later_is_the_same_walk(begin: float, phase: float) -> None:
    made = [simulated_chunks(indoor_walk(4), draw_user(4), SensorModel(), 4, phase, begin=b) for b in (0.0, begin)]
    (stamp, whole), (late, joined) = (truth(chunks, begin + 8.0) for chunks in made)
    assert max(0.0, begin - 8.0) <= late[0] <= begin
    since = stamp >= late[0] + 0.2
    np.testing.assert_allclose(whole[since], np.interp(stamp[since], late, joined), atol=np.radians(0.5))


def test_a_stride_that_is_only_sketched_is_as_long_and_ends_as_it_would() -> None:
    def motion(begin: int) -> list[MotionPiece]:
        return list(GaitPlanner(draw_user(5), np.random.default_rng(5)).motion(SCENARIO, begin))

    whole, sketched = motion(0), motion(12 * RATE)
    assert [piece.is_sketch for piece in sketched] == [k < 12.0 for k in begins(whole)]
    for piece, other in zip(whole, sketched, strict=True):
        assert len(piece.label) == len(other.label) == len(other.channels) == len(other.impact)
        np.testing.assert_allclose(other.channels[-1], piece.channels[-1], atol=1e-9)
    for piece, other in zip(later(whole, 0.5), later(sketched, 0.5), strict=True):
        np.testing.assert_array_equal(piece.label, other.label)


def test_what_is_over_is_not_simulated() -> None:
    began = time.process_time()
    first = next(stream(draw_user(6), SensorModel(), 6, "left", 0.5, begin=3600.0))
    assert 3590.0 < first.start < 3600.0
    assert time.process_time() - began < 5.0, "an hour takes 20 s of CPU time to simulate"
