"""Joins the filter's three topics to pairs: both segments and the joint of one time."""

from __future__ import annotations

from dataclasses import dataclass

from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_predictor.estimation.pair_matcher import Matched, PairMatcher
from ankle_predictor.estimation.samples import JointSample, PairSample, SegmentSample

ReceivedSegment = tuple[SegmentSample, float]  # and s on the monotonic clock, when it was received
SEGMENTS, JOINT = SHANK, FOOT  # the two streams of the second matcher


@dataclass(frozen=True)
class JoinedPair:
    """One time at which both sensors were sampled.

    Attributes:
        stamp: s, the later stamp of the two samples.
        received: s on the monotonic clock, when the earlier one of the two was received.
        pair: None while the sensors are not calibrated.
    """

    stamp: float
    received: float
    pair: PairSample | None


@dataclass(frozen=True)
class _SegmentPair:
    shank: SegmentSample
    foot: SegmentSample
    received: float


class PairAssembler:
    """Matches the two segments by near stamps, and each pair of segments with its joint by the identical stamp.

    Attributes:
        segments: the matcher of shank and foot; its ``counts`` tell how many samples found no partner.
        joints: the matcher of segment pairs and joints.
    """

    def __init__(self, tolerance: float) -> None:
        """Make an assembler; ``tolerance`` in s is the largest difference of two segments' stamps."""
        self.segments: PairMatcher[ReceivedSegment] = PairMatcher(tolerance)
        self.joints: PairMatcher[_SegmentPair | JointSample] = PairMatcher(tolerance=0.0)

    def push_segment(self, stream: int, sample: SegmentSample, received: float) -> list[JoinedPair]:
        """Add a segment and return the pairs that are now complete.

        A pair that is not calibrated has no joint, so it is complete without one.

        Args:
            stream: ``SHANK`` or ``FOOT``.
            sample: the segment.
            received: s on the monotonic clock, when it was received.
        """
        joined: list[JoinedPair] = []
        for match in self.segments.push(stream, sample.stamp, (sample, received)):
            if match.shank is None or match.foot is None:
                continue
            (shank, shank_received), (foot, foot_received) = match.shank, match.foot
            stamp, earlier = max(shank.stamp, foot.stamp), min(shank_received, foot_received)
            if shank.orientation is None or foot.orientation is None:
                joined.append(JoinedPair(stamp, earlier, None))
            else:
                joined += _complete(self.joints.push(SEGMENTS, stamp, _SegmentPair(shank, foot, earlier)))
        return joined

    def push_joint(self, joint: JointSample) -> list[JoinedPair]:
        """Add a joint and return the pairs that are now complete."""
        return _complete(self.joints.push(JOINT, joint.stamp, joint))


def _complete(matches: list[Matched[_SegmentPair | JointSample]]) -> list[JoinedPair]:
    joined = []
    for match in matches:
        segments, joint = match.shank, match.foot
        if isinstance(segments, _SegmentPair) and isinstance(joint, JointSample):
            pair = PairSample(segments.shank, segments.foot, joint)
            joined.append(JoinedPair(joint.stamp, segments.received, pair))
    return joined
