"""Segments and joints from three topics are joined to pairs."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_predictor.estimation.pair_assembler import JoinedPair, PairAssembler
from ankle_predictor.estimation.samples import JointSample, SegmentSample

LEVEL = (0.0, 0.0, 0.0, 1.0)
JOINT = 2


def segment(stamp: float, calibrated: bool = True) -> SegmentSample:
    return SegmentSample(stamp, (0.0, 0.0, 9.8), (0.0, 0.0, 0.0), LEVEL if calibrated else None)


def push(assembler: PairAssembler, stream: int, stamp: float, received: float = 0.0) -> list[JoinedPair]:
    if stream == JOINT:
        return assembler.push_joint(JointSample(stamp, 0.1 * stamp, 0.0))
    return assembler.push_segment(stream, segment(stamp), received)


@given(st.integers(1, 40), st.randoms(use_true_random=False))
def test_every_pair_is_joined_once_and_in_order_however_the_topics_interleave(n: int, order: random.Random) -> None:
    assembler, joined, done = PairAssembler(0.005), [], [0, 0, 0]
    while min(done) < n:
        # No topic runs more than three samples ahead of another.
        stream = order.choice([k for k in range(3) if done[k] < n and done[k] - min(done) < 3])
        joined += push(assembler, stream, 0.01 * done[stream])
        done[stream] += 1
    assert [one.stamp for one in joined] == [0.01 * k for k in range(n)]
    for one in joined:
        assert one.pair is not None
        assert one.pair.shank.stamp == one.pair.foot.stamp == one.pair.joint.stamp == one.stamp
        assert one.pair.joint.angle == 0.1 * one.stamp


def test_a_pair_is_as_old_as_the_older_one_of_its_samples() -> None:
    assembler = PairAssembler(0.005)
    assert push(assembler, SHANK, 1.001, received=7.0) == []
    assert push(assembler, FOOT, 1.0, received=7.04) == []
    (joined,) = push(assembler, JOINT, 1.001)
    assert (joined.stamp, joined.received) == (1.001, 7.0)


def test_a_pair_that_is_not_calibrated_does_not_wait_for_a_joint() -> None:
    assembler = PairAssembler(0.005)
    assembler.push_segment(SHANK, segment(1.0, calibrated=False), 5.0)
    assert assembler.push_segment(FOOT, segment(1.0, calibrated=False), 6.0) == [JoinedPair(1.0, 5.0, None)]


def test_a_missing_joint_loses_only_its_own_pair() -> None:
    assembler, joined = PairAssembler(0.005), []
    for k in range(5):
        for stream in (SHANK, FOOT, JOINT):
            if (k, stream) != (2, JOINT):
                joined += push(assembler, stream, 0.01 * k)
    assert [round(j.stamp, 3) for j in joined] == [0.0, 0.01, 0.03, 0.04]
    assert assembler.joints.counts["unmatched"] == 1


def test_pairs_are_joined_again_after_a_clock_that_jumps_back() -> None:
    assembler, joined = PairAssembler(0.005), []
    for start in (100.0, 1.0):
        for k in range(3):
            for stream in (JOINT, SHANK, FOOT):
                joined += push(assembler, stream, start + 0.01 * k)
    assert [round(j.stamp, 3) for j in joined] == [100.0, 100.01, 100.02, 1.0, 1.01, 1.02]
