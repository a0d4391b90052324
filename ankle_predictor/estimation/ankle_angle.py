"""The ankle angle now, from the two segments' inclinations, sample by sample and with the past only."""

from __future__ import annotations

from ankle_imu_driver.arrays import FloatArray, Vector
from ankle_imu_driver.calibration import Calibration
from ankle_imu_driver.conventions import SHANK
from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.estimation.foot_rest import FootRest
from ankle_predictor.estimation.samples import JointSample, PairSample, RawPair, SegmentSample, pitch_of
from ankle_predictor.estimation.segment_filter import Intake, SegmentFilter, Trust

ALONE = Trust(resting=False, tau=2.0)  # of a segment while the other one is silent


class AnkleAngleEstimator:
    """Raw pairs in, segments and ankle angle out. The whole estimate of a leg in one place.

    Attributes:
        shank_intake, foot_intake, shank_filter, foot_filter: their ``counts`` say what went wrong.
    """

    def __init__(
        self,
        calibration: Calibration,
        shank_mounting: FloatArray,
        foot_mounting: FloatArray,
        config: FilterConfig | None = None,
    ) -> None:
        """Make an estimator.

        Args:
            calibration: both sensors at standing.
            shank_mounting: (3, 3) nominal sensor-to-segment rotation.
            foot_mounting: likewise.
            config: the constants, the default ones if None.

        Raises:
            MountingError: calibration and mounting contradict each other.
        """
        config = config or FilterConfig()
        self._zero = calibration.angle_zero
        self._ground = FootRest(config)
        self.shank_intake = Intake(shank_mounting, calibration.shank, config)
        self.foot_intake = Intake(foot_mounting, calibration.foot, config)
        self.shank_filter = SegmentFilter(config, config.lever_arm)
        self.foot_filter = SegmentFilter(config, lever_arm=0.0)

    def step(self, pair: RawPair) -> PairSample:
        """Take a raw pair of what the intakes accept."""
        shank = self.shank_intake.take(pair.shank_accel, pair.shank_gyro)
        foot = self.foot_intake.take(pair.foot_accel, pair.foot_gyro)
        trust = self._ground.step(pair.foot_stamp, *foot)
        shank_sample = self.shank_filter.step(pair.shank_stamp, *shank, trust)
        foot_sample = self.foot_filter.step(pair.foot_stamp, *foot, trust)
        assert shank_sample.orientation is not None
        assert foot_sample.orientation is not None
        joint = JointSample(
            stamp=max(pair.shank_stamp, pair.foot_stamp),
            angle=pitch_of(shank_sample.orientation) - pitch_of(foot_sample.orientation) + self._zero,
            rate=shank_sample.gyro[1] - foot_sample.gyro[1],
        )
        return PairSample(shank_sample, foot_sample, joint)

    def step_alone(self, stream: int, stamp: float, accel: Vector, gyro: Vector) -> SegmentSample:
        """Take a raw sample of ``SHANK`` or ``FOOT`` without a partner; nothing is known of the foot's rest."""
        intake, segment = (
            (self.shank_intake, self.shank_filter) if stream == SHANK else (self.foot_intake, self.foot_filter)
        )
        return segment.step(stamp, *intake.take(accel, gyro), ALONE)
