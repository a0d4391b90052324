"""Estimates the present ankle angle from the inclinations of shank and foot, one pair of samples at a time."""

from __future__ import annotations

from ankle_imu_driver.arrays import FloatArray, Vector
from ankle_imu_driver.calibration import Calibration
from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.estimation.foot_rest import FootRest
from ankle_predictor.estimation.heading_tracker import HeadingTracker, KnownHeading
from ankle_predictor.estimation.raw_sample_converter import RawSampleConverter
from ankle_predictor.estimation.samples import JointSample, PairSample, RawPair, SegmentSample, pitch_of
from ankle_predictor.estimation.segment_filter import AccelTrust, SegmentFilter

UNPAIRED_TRUST = AccelTrust(resting=False, tau=2.0)  # for a segment whose partner is silent


class AnkleAngleEstimator:
    """Estimates both segments and the ankle angle of one calibrated leg. It uses past samples only.

    Attributes:
        shank_converter, foot_converter, shank_filter, foot_filter: their ``counts`` tell which faults occurred.
        heading: turns the levelled segments so that x points forward.
    """

    def __init__(
        self,
        calibration: Calibration,
        shank_mounting: FloatArray,
        foot_mounting: FloatArray,
        config: FilterConfig | None = None,
        *,
        known: KnownHeading | None = None,
        documented: tuple[FloatArray | None, FloatArray | None] = (None, None),
    ) -> None:
        """Make an estimator.

        Args:
            calibration: bias and gravity of both sensors, measured while the wearer stood.
            shank_mounting: (3, 3) nominal rotation of the shank, sensor to segment.
            foot_mounting: (3, 3) nominal rotation of the foot, sensor to segment.
            config: the constants of the filter; the default ones if None.
            known: what is known of the sensors' headings; those of the mountings if None.
            documented: of shank and foot, see ``RawSampleConverter``.

        Raises:
            MountingError: calibration and mounting contradict each other.
        """
        config = config or FilterConfig()
        self._config = config
        self._zero = calibration.angle_zero
        self._foot_rest = FootRest(config)
        self.heading = HeadingTracker(known or KnownHeading())
        self.shank_converter = RawSampleConverter(shank_mounting, calibration.shank, config, documented[SHANK])
        self.foot_converter = RawSampleConverter(foot_mounting, calibration.foot, config, documented[FOOT])
        self.shank_filter = SegmentFilter(config, config.lever_arm)
        self.foot_filter = SegmentFilter(config, lever_arm=0.0)

    def step(self, pair: RawPair) -> PairSample:
        """Process one raw pair. The converters must accept both of its samples.

        Returns:
            Both segments, and the ankle angle in rad: shank pitch minus foot pitch plus ``Calibration.angle_zero``.
        """
        shank = self.shank_converter.convert(pair.shank_accel, pair.shank_gyro)
        foot = self.foot_converter.convert(pair.foot_accel, pair.foot_gyro)
        trust = self._foot_rest.step(pair.foot_stamp, *foot)
        shank_sample = self.shank_filter.step(pair.shank_stamp, *shank, trust)
        foot_sample = self.foot_filter.step(pair.foot_stamp, *foot, trust)
        if self.heading.push(shank_sample, foot_sample) is not None:
            self.shank_converter.turn(self.heading.headings[SHANK])
            self.foot_converter.turn(self.heading.headings[FOOT])
        shank_sample = self.heading.turned(SHANK, shank_sample)
        foot_sample = self.heading.turned(FOOT, foot_sample)
        assert shank_sample.orientation is not None
        assert foot_sample.orientation is not None
        joint = JointSample(
            stamp=max(pair.shank_stamp, pair.foot_stamp),
            angle=pitch_of(shank_sample.orientation) - pitch_of(foot_sample.orientation) + self._zero,
            rate=shank_sample.gyro[1] - foot_sample.gyro[1],
        )
        return PairSample(shank_sample, foot_sample, joint)

    def restart(self, stream: int) -> None:
        """Find the orientation of ``SHANK`` or ``FOOT`` anew from the next samples."""
        old = self.shank_filter if stream == SHANK else self.foot_filter
        new = SegmentFilter(self._config, self._config.lever_arm if stream == SHANK else 0.0)
        new.counts = old.counts
        new.counts["restarts"] += 1
        if stream == SHANK:
            self.shank_filter = new
        else:
            self.foot_filter = new

    def step_unpaired(self, stream: int, stamp: float, accel: Vector, gyro: Vector) -> SegmentSample:
        """Process a raw sample that has no partner. Whether the foot rests is then unknown.

        Args:
            stream: ``SHANK`` or ``FOOT``.
            stamp: s.
            accel: specific force in m/s^2, sensor frame.
            gyro: angular rate in rad/s, sensor frame.
        """
        converter, segment = (
            (self.shank_converter, self.shank_filter) if stream == SHANK else (self.foot_converter, self.foot_filter)
        )
        return self.heading.turned(stream, segment.step(stamp, *converter.convert(accel, gyro), UNPAIRED_TRUST))
