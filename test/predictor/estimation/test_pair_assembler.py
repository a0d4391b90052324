"""Three topics become pairs again."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_predictor.estimation.pair_assembler import Joined, PairAssembler
from ankle_predictor.estimation.samples import JointSample, SegmentSample

LEVEL = (0.0, 0.0, 0.0, 1.0)
JOINT = 2


def segment(stamp: float, calibrated: bool = True) -> SegmentSample:
    return SegmentSample(stamp, (0.0, 0.0, 9.8), (0.0, 0.0, 0.0), LEVEL if calibrated else None)


def push(join: PairAssembler, stream: int, stamp: float, received: float = 0.0) -> list[Joined]:
    if stream == JOINT:
        return join.push_joint(JointSample(stamp, 0.1 * stamp, 0.0))
    return join.push_segment(stream, segment(stamp), received)


@given(st.integers(1, 40), st.randoms(use_true_random=False))
def test_every_pair_is_joined_once_and_in_order_however_the_topics_interleave(n: int, order: random.Random) -> None:
    join, joined, done = PairAssembler(0.005), [], [0, 0, 0]
    while min(done) < n:
        # No topic runs more than three samples ahead of another.
        stream = order.choice([k for k in range(3) if done[k] < n and done[k] - min(done) < 3])
        joined += push(join, stream, 0.01 * done[stream])
        done[stream] += 1
    assert [one.stamp for one in joined] == [0.01 * k for k in range(n)]
    for one in joined:
        assert one.pair is not None
        assert one.pair.shank.stamp == one.pair.foot.stamp == one.pair.joint.stamp == one.stamp
        assert one.pair.joint.angle == 0.1 * one.stamp


def test_a_pair_is_as_old_as_the_older_of_its_samples() -> None:
    join = PairAssembler(0.005)
    assert push(join, SHANK, 1.001, received=7.0) == []
    assert push(join, FOOT, 1.0, received=7.04) == []
    (joined,) = push(join, JOINT, 1.001)
    assert (joined.stamp, joined.received) == (1.001, 7.0)


def test_without_calibration_there_is_no_joint_to_wait_for() -> None:
    join = PairAssembler(0.005)
    join.push_segment(SHANK, segment(1.0, calibrated=False), 5.0)
    assert join.push_segment(FOOT, segment(1.0, calibrated=False), 6.0) == [Joined(1.0, 5.0, None)]


def test_a_joint_that_never_comes_costs_its_pair_only() -> None:
    join, joined = PairAssembler(0.005), []
    for k in range(5):
        for stream in (SHANK, FOOT, JOINT):
            if (k, stream) != (2, JOINT):
                joined += push(join, stream, 0.01 * k)
    assert [round(j.stamp, 3) for j in joined] == [0.0, 0.01, 0.03, 0.04]
    assert join.joints.counts["unmatched"] == 1


def test_after_a_jump_back_it_goes_on() -> None:
    join, joined = PairAssembler(0.005), []
    for start in (100.0, 1.0):
        for k in range(3):
            for stream in (JOINT, SHANK, FOOT):
                joined += push(join, stream, start + 0.01 * k)
    assert [round(j.stamp, 3) for j in joined] == [100.0, 100.01, 100.02, 1.0, 1.01, 1.02]
