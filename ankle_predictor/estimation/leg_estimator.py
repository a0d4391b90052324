"""One leg from two raw streams: pairs, segments, the ankle, and a calibration from standing where none was given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ankle_imu_driver.arrays import FloatArray, Vector
from ankle_imu_driver.calibration import Calibration, CalibrationError
from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_imu_driver.mounting import (
    FOOT_MOUNTING,
    FOOT_TILT,
    SHANK_MOUNTING,
    SHANK_TILT,
    MountingError,
    levelled,
    parse_mounting,
)
from ankle_predictor.estimation.ankle_angle import AnkleAngleEstimator
from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.estimation.pair_matcher import PAIR_TOLERANCE, Matched, PairMatcher
from ankle_predictor.estimation.samples import LegSample, Raw, RawPair, SegmentSample
from ankle_predictor.estimation.segment_filter import Intake
from ankle_predictor.estimation.standing_calibration import StandingCalibrator

STANDING_TRIES = 25  # pairs between two tries to calibrate from standing


@dataclass(frozen=True)
class LegConfig:
    """How the sensors sit, and the constants of the estimate.

    Attributes:
        shank_mounting: which sensor axes point forward, left and up.
        foot_mounting: likewise.
        shank_tilt: (roll, pitch) in rad by which the strapped sensor usually sits off that.
        foot_tilt: likewise.
        pair_tolerance: s, largest difference of a pair's two stamps.
        filter: the constants.
    """

    shank_mounting: str = SHANK_MOUNTING
    foot_mounting: str = FOOT_MOUNTING
    shank_tilt: tuple[float, float] = SHANK_TILT
    foot_tilt: tuple[float, float] = FOOT_TILT
    pair_tolerance: float = PAIR_TOLERANCE
    filter: FilterConfig = field(default_factory=FilterConfig)


class LegEstimator:
    """Takes raw samples of both sensors as they come, and returns what they tell, in time order.

    After ``reset`` or a second calibration one pair comes without orientation, so that listeners start afresh as well.

    Without a calibration it hands on segments without orientation, and calibrates itself as soon as it has seen two
    seconds of standing.

    Attributes:
        calibration: None until there is one.
        refusal: why the newest try to calibrate from standing failed.
    """

    def __init__(self, config: LegConfig | None = None, calibration: Calibration | None = None) -> None:
        """Make a leg.

        Raises:
            MountingError: a mounting is none, or contradicts the calibration.
        """
        self._config = config = config or LegConfig()
        self._mountings = parse_mounting(config.shank_mounting), parse_mounting(config.foot_mounting)
        self._matcher: PairMatcher[Raw] = PairMatcher(config.pair_tolerance)
        self._standing = StandingCalibrator(*self._mountings, config.shank_tilt, config.foot_tilt)
        self._untried = 0
        self._restarted = False
        self._past: Counter[str] = Counter()
        self.refusal = ""
        self.calibration: Calibration | None = None
        self._nominal = tuple(Intake(mounting, None, config.filter) for mounting in self._mountings)
        self._estimator: AnkleAngleEstimator | None = None
        if calibration is not None:
            self._use(calibration)

    def push(self, stream: int, stamp: float, accel: Vector, gyro: Vector) -> list[LegSample]:
        """Take one raw sample of ``SHANK`` or ``FOOT`` (s, m/s^2, rad/s, sensor frame)."""
        if not self._intakes[stream].accepts(accel, gyro):
            return []
        decided = self._matcher.push(stream, stamp, (stamp, accel, gyro))
        return [self._step(match) for match in decided]

    def calibrate(self) -> Calibration:
        """Calibrate from the newest two seconds, use the result from now on, and return it.

        Raises:
            CalibrationError: they were no standing still and upright; one sentence says why. The old calibration stays.
        """
        calibration = self._standing.calibrate()
        self._restarted = self.calibration is not None
        self._use(calibration)
        return calibration

    def reset(self) -> None:
        """Forget all samples and start the estimate afresh; the calibration stays."""
        self._matcher.clear()
        self._standing = StandingCalibrator(*self._mountings, self._config.shank_tilt, self._config.foot_tilt)
        if self.calibration is not None:
            self._restarted = True
            self._use(self.calibration)

    @property
    def rotations(self) -> tuple[FloatArray, FloatArray]:
        """(3, 3) of shank and foot, sensor to segment: levelled once there is a calibration, nominal before."""
        shank, foot = self._mountings
        if self.calibration is None:
            return shank, foot
        return levelled(shank, self.calibration.shank), levelled(foot, self.calibration.foot)

    @property
    def counts(self) -> Mapping[str, int]:
        """What was refused, repaired or noted since the start, by ``stream.reason``."""
        return self._past + self._present()

    @property
    def _intakes(self) -> tuple[Intake, ...]:
        estimator = self._estimator
        return self._nominal if estimator is None else (estimator.shank_intake, estimator.foot_intake)

    def _step(self, match: Matched[Raw]) -> LegSample:
        shank, foot, estimator = match.shank, match.foot, self._estimator
        if shank is not None and foot is not None:
            raw = RawPair(*shank, *foot)
            self._standing.push(raw)
            if self._restarted:
                # One pair as if not calibrated tells whoever keeps a window to start it afresh, too.
                self._restarted = False
                return LegSample(self._nominally(SHANK, shank), self._nominally(FOOT, foot), None)
            if estimator is not None:
                pair = estimator.step(raw)
                return LegSample(pair.shank, pair.foot, pair.joint)
            self._try_standing()
        return LegSample(self._alone(SHANK, shank), self._alone(FOOT, foot), None)

    def _alone(self, stream: int, raw: Raw | None) -> SegmentSample | None:
        if raw is None:
            return None
        if self._estimator is not None:
            return self._estimator.step_alone(stream, *raw)
        return self._nominally(stream, raw)

    def _nominally(self, stream: int, raw: Raw) -> SegmentSample:
        stamp, accel, gyro = raw
        return SegmentSample(stamp, *self._nominal[stream].take(accel, gyro), orientation=None)

    def _try_standing(self) -> None:
        self._untried += 1
        if self._untried < STANDING_TRIES:
            return
        self._untried = 0
        try:
            self.calibrate()
        except (CalibrationError, MountingError) as refusal:
            self.refusal = str(refusal)

    def _use(self, calibration: Calibration) -> None:
        estimator = AnkleAngleEstimator(calibration, *self._mountings, self._config.filter)
        self._past = self._past + self._present(matcher=False)
        self._nominal = tuple(Intake(mounting, None, self._config.filter) for mounting in self._mountings)
        self._estimator, self.calibration, self.refusal = estimator, calibration, ""

    def _present(self, matcher: bool = True) -> Counter[str]:
        parts: list[tuple[str, Mapping[str, int]]] = [("pairs.", self._matcher.counts)] if matcher else []
        if self._estimator is None:
            parts += [("shank.", self._nominal[SHANK].counts), ("foot.", self._nominal[FOOT].counts)]
        else:
            e = self._estimator
            parts += [("shank.", e.shank_intake.counts), ("shank.", e.shank_filter.counts)]
            parts += [("foot.", e.foot_intake.counts), ("foot.", e.foot_filter.counts)]
        return Counter({prefix + name: n for prefix, counts in parts for name, n in counts.items()})
