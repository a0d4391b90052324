"""The filter's three topics become whole pairs again: both segments and the joint of one time."""

from __future__ import annotations

from dataclasses import dataclass

from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_predictor.estimation.pair_matcher import Matched, PairMatcher
from ankle_predictor.estimation.samples import JointSample, PairSample, SegmentSample

Received = tuple[SegmentSample, float]
PAIR, JOINT = SHANK, FOOT  # the two streams of the second match


@dataclass(frozen=True)
class Joined:
    """One time at which both sensors were sampled.

    Attributes:
        stamp: s, the later one of the two samples.
        received: s on the monotonic clock, when the earlier one of the two came in.
        pair: None while the sensors are not calibrated.
    """

    stamp: float
    received: float
    pair: PairSample | None


@dataclass(frozen=True)
class _Segments:
    shank: SegmentSample
    foot: SegmentSample
    received: float


class PairAssembler:
    """Matches the segments with each other by near stamps, and each pair with its joint by the very same stamp.

    Attributes:
        segments: the matcher of the segments; its ``counts`` say what found no partner.
        joints: likewise of pairs and joints.
    """

    def __init__(self, tolerance: float) -> None:
        """Make one; ``tolerance`` in s is the largest difference of two segments' stamps."""
        self.segments: PairMatcher[Received] = PairMatcher(tolerance)
        self.joints: PairMatcher[_Segments | JointSample] = PairMatcher(tolerance=0.0)

    def push_segment(self, stream: int, sample: SegmentSample, received: float) -> list[Joined]:
        """Take one sample of ``SHANK`` or ``FOOT`` and the monotonic time at which it came in; both in s."""
        joined: list[Joined] = []
        for match in self.segments.push(stream, sample.stamp, (sample, received)):
            if match.shank is None or match.foot is None:
                continue
            (shank, shank_time), (foot, foot_time) = match.shank, match.foot
            stamp, came = max(shank.stamp, foot.stamp), min(shank_time, foot_time)
            if shank.orientation is None or foot.orientation is None:
                joined.append(Joined(stamp, came, None))
            else:
                joined += _whole(self.joints.push(PAIR, stamp, _Segments(shank, foot, came)))
        return joined

    def push_joint(self, joint: JointSample) -> list[Joined]:
        """Take the ankle of one time."""
        return _whole(self.joints.push(JOINT, joint.stamp, joint))


def _whole(matches: list[Matched[_Segments | JointSample]]) -> list[Joined]:
    joined = []
    for match in matches:
        segments, joint = match.shank, match.foot
        if isinstance(segments, _Segments) and isinstance(joint, JointSample):
            pair = PairSample(segments.shank, segments.foot, joint)
            joined.append(Joined(joint.stamp, segments.received, pair))
    return joined
