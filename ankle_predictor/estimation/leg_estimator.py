"""Estimates one leg from two raw streams, and calibrates it from standing if no calibration is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ankle_imu_driver.arrays import FloatArray, Vector
from ankle_imu_driver.calibration import Calibration
from ankle_imu_driver.conventions import FOOT, SENSORS, SHANK
from ankle_imu_driver.mounting import AUTO, FOOT_TILT, SHANK_TILT, MountingError
from ankle_predictor.estimation.ankle_angle import AnkleAngleEstimator
from ankle_predictor.estimation.filter_config import FilterConfig
from ankle_predictor.estimation.heading_tracker import HeadingTracker
from ankle_predictor.estimation.leg_mounting import LegMounting, kept_forward, same_posture, to_segments
from ankle_predictor.estimation.leg_watch import LegWatch
from ankle_predictor.estimation.pair_matcher import PAIR_TOLERANCE, Matched, PairMatcher
from ankle_predictor.estimation.rate_adapter import RateAdapter
from ankle_predictor.estimation.raw_sample_converter import RawSampleConverter
from ankle_predictor.estimation.repeated_reading import RepeatedReading
from ankle_predictor.estimation.samples import LegSample, Raw, RawPair, SegmentSample
from ankle_predictor.estimation.sensor_watch import SensorWatch
from ankle_predictor.estimation.stamp_guard import StampGuard
from ankle_predictor.estimation.standing_calibration import NotStandingError, StillestRefusal

ATTEMPT_INTERVAL = 25  # pairs between two attempts to calibrate from standing


@dataclass(frozen=True)
class LegConfig:
    """How the sensors are mounted, and the constants of the estimate.

    Attributes:
        shank_mounting: axes of the shank's sensor that point forward, left and up, such as ``-X,-Z,-Y``; or ``auto``:
            up is found from standing, forward from walking.
        foot_mounting: the same of the foot's sensor.
        shank_tilt: (roll, pitch) in rad, the usual tilt of the strapped shank sensor from its mounting, on a right leg.
        foot_tilt: (roll, pitch) in rad, the usual tilt of the strapped foot sensor from its mounting, on a right leg.
        pair_tolerance: s, largest difference of a pair's two stamps.
        filter: the constants of the filter.
        side: the leg that wears the sensors, "left" or "right".
    """

    shank_mounting: str = AUTO
    foot_mounting: str = AUTO
    shank_tilt: tuple[float, float] = SHANK_TILT
    foot_tilt: tuple[float, float] = FOOT_TILT
    pair_tolerance: float = PAIR_TOLERANCE
    filter: FilterConfig = field(default_factory=FilterConfig)
    side: str = "right"

    @property
    def tilts(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """(roll, pitch) in rad of shank and foot of the leg that wears them: a left one has the opposite rolls."""
        sign = -1.0 if self.side == "left" else 1.0
        (shank_roll, shank_pitch), (foot_roll, foot_pitch) = self.shank_tilt, self.foot_tilt
        return (sign * shank_roll, shank_pitch), (sign * foot_roll, foot_pitch)


class LegEstimator:
    """Estimates segments and ankle angle from the raw samples of both sensors, in time order.

    Without a calibration it returns segments without orientation, and calibrates itself after two seconds of standing.

    After ``reset``, and after a calibration that replaces another, the next pair has no orientation. This tells all
    later steps to start over as well.

    Attributes:
        rates: what is known about the sensors' rates, and why a stream cannot be used.
        calibration: the calibration in use, None before the first. It gets ``forward`` as soon as walking shows it.
        refusal: why the wearer's standing so far gave no calibration, judged by the stillest stretch.
    """

    def __init__(self, config: LegConfig | None = None, calibration: Calibration | None = None) -> None:
        """Make an estimator.

        Raises:
            MountingError: a mounting is invalid, or contradicts the calibration.
        """
        self._config = config = config or LegConfig()
        self._mounting = LegMounting((config.shank_mounting, config.foot_mounting), config.tilts)
        self._guards: tuple[StampGuard[Raw], ...] = (StampGuard(keep_repeated=True), StampGuard(keep_repeated=True))
        self.rates = RateAdapter(config.pair_tolerance)
        self._matcher: PairMatcher[Raw] = PairMatcher(config.pair_tolerance)
        self._standing = self._mounting.make_standing()
        self._refusals = StillestRefusal()
        self._watches = SensorWatch(), SensorWatch()
        self._repeats = RepeatedReading(), RepeatedReading()
        self._leg_watch = LegWatch(calibration)
        self._had_fault = False  # of a sensor
        self._pairs_since_attempt = 0
        self._restarted = False
        self._earlier_counts: Counter[str] = Counter()
        self.refusal = ""
        self.calibration: Calibration | None = None
        self._uncalibrated = self._make_uncalibrated()
        self._estimator: AnkleAngleEstimator | None = None
        self._levelled = self._mounting.axes
        if calibration is not None:
            self._use(calibration)

    def push(self, stream: int, stamp: float, accel: Vector, gyro: Vector) -> list[LegSample]:
        """Process one raw sample and return the estimates that are now complete, in time order.

        Args:
            stream: ``SHANK`` or ``FOOT``.
            stamp: s.
            accel: specific force in m/s^2, sensor frame.
            gyro: angular rate in rad/s, sensor frame.
        """
        if not self._converters[stream].accepts(accel, gyro):
            return []
        guard = self._guards[stream]
        jumps = guard.jumps
        certain = guard.push(stamp, (stamp, accel, gyro))
        if guard.jumps != jumps:
            self.rates.clear()
        certain = [(to, raw) for to, raw in certain if self._admit(stream, raw)]
        certain = [(to, raw) for to, raw in certain if self._converters[stream].is_possible(*raw[1:])]
        adapted = [sample for _, raw in certain for sample in self.rates.push(stream, *raw)]
        return [self._step(match) for to, raw in adapted for match in self._matcher.push(to, raw[0], raw)]

    def calibrate(self) -> Calibration:
        """Calibrate from the last two seconds, use the result from now on, and return it.

        Raises:
            CalibrationError: the wearer did not stand still and upright; the message says why. The old calibration
                stays in use.
            MountingError: the result contradicts the mounting. The old calibration stays in use.
        """
        calibration = kept_forward(self._standing.calibrate(), self.calibration)
        self._restarted = self.calibration is not None
        self._use(calibration, is_fresh=True)
        return calibration

    def reset(self) -> None:
        """Drop all samples and restart the estimate. The calibration stays in use."""
        for guard in self._guards:
            guard.clear()
        self.rates.clear()
        self._matcher.clear()
        self._standing = self._mounting.make_standing()
        if self.calibration is not None:
            self._restarted = True
            self._use(self.calibration)

    @property
    def rotations(self) -> tuple[FloatArray, FloatArray]:
        """(3, 3) rotations of shank and foot, sensor to segment: as found or levelled, nominal before a calibration."""
        if self._estimator is None:
            return self._mounting.axes
        return to_segments(self._levelled, self._estimator.heading.headings)

    @property
    def waiting(self) -> str:
        """Why there is no angle although there is a calibration, one sentence; empty if there is one."""
        return self.sensor_problem or ("" if self._estimator is None else self._estimator.heading.waiting)

    @property
    def sensor_problem(self) -> str:
        """Why a sensor's samples cannot be right, one sentence; empty if nothing speaks against them."""
        watches = zip(self._repeats, self._watches, strict=True)
        problems = zip(SENSORS, (repeats.problem or watch.problem for repeats, watch in watches), strict=True)
        found = "; ".join(f"the {name} sensor {problem}" for name, problem in problems if problem)
        return found or self._leg_watch.problem

    @property
    def unconfirmed(self) -> str:
        """Why nothing is forecast from the calibration yet, one sentence; empty if it is confirmed."""
        return self._leg_watch.doubt

    @property
    def notes(self) -> list[str]:
        """What the wearer should know about the sensors, one sentence each; the estimate goes on."""
        sensors = zip(SENSORS, (watch.note for watch in self._watches), strict=True)
        notes = [f"the {name} sensor {note}" for name, note in sensors if note]
        return notes if self._estimator is None else notes + self._estimator.heading.notes + self._leg_watch.notes

    @property
    def mountings(self) -> dict[str, str]:
        """The mounting of each sensor as it is used, as text for people."""
        certain = self._estimator is not None and self._estimator.heading.is_certain
        return self._mounting.described(self.rotations, certain)

    @property
    def counts(self) -> Mapping[str, int]:
        """Number of faults and restarts since the start, by ``stream.reason``."""
        repeated = {f"{name}.repeated": repeats.count for name, repeats in zip(SENSORS, self._repeats, strict=True)}
        return self._earlier_counts + self._current_counts() + Counter(repeated)

    @property
    def _converters(self) -> tuple[RawSampleConverter, ...]:
        estimator = self._estimator
        return self._uncalibrated if estimator is None else (estimator.shank_converter, estimator.foot_converter)

    def _make_uncalibrated(self) -> tuple[RawSampleConverter, ...]:
        return tuple(RawSampleConverter(mounting, None, self._config.filter) for mounting in self._mounting.axes)

    def _step(self, match: Matched[Raw]) -> LegSample:
        shank, foot, estimator = match.shank, match.foot, self._estimator
        if shank is not None and foot is not None:
            raw = RawPair(*shank, *foot)
            self._standing.push(raw)
            if self._restarted:
                # One uncalibrated pair tells all later steps that keep a window to start over.
                self._restarted = False
                shank_sample, foot_sample = (
                    self._uncalibrated_segment(SHANK, shank),
                    self._uncalibrated_segment(FOOT, foot),
                )
                return LegSample(shank_sample, foot_sample, None)
            if estimator is not None:
                pair = estimator.step(raw)
                for stream in self._leg_watch.push(pair, raw, estimator.heading):
                    estimator.restart(stream)
                if estimator.heading.waiting:
                    self._attempt_calibration()
                if not (self._follow(estimator.heading) or self.waiting or self._restarted):
                    return LegSample(self._told(pair.shank), self._told(pair.foot), pair.joint)
                return LegSample(self._uncalibrated_segment(SHANK, shank), self._uncalibrated_segment(FOOT, foot), None)
            self._attempt_calibration()
        return LegSample(self._segment(SHANK, shank), self._segment(FOOT, foot), None)

    def _admit(self, stream: int, raw: Raw) -> bool:
        """Watch a sample and return whether to use it; start over when a sensor that gave wrong readings is well."""
        repeats, calibration = self._repeats[stream], self.calibration
        bias = None if calibration is None else (calibration.shank, calibration.foot)[stream].gyro_bias
        is_new = repeats.admits(*raw, bias)
        if is_new:
            self._watches[stream].push(*raw)
        had, self._had_fault = self._had_fault, any(watch.problem for watch in self._watches)
        if ((had and not self._had_fault) or repeats.has_moved) and calibration is not None:
            self._restarted = True
            self._use(calibration)
        return is_new

    def _segment(self, stream: int, raw: Raw | None) -> SegmentSample | None:
        if raw is None:
            return None
        if self._estimator is None:
            return self._uncalibrated_segment(stream, raw)
        sample = self._estimator.step_unpaired(stream, *raw)
        return self._uncalibrated_segment(stream, raw) if self.waiting else self._told(sample)

    def _told(self, sample: SegmentSample) -> SegmentSample:
        return replace(sample, is_confirmed=False) if self._leg_watch.doubt else sample

    def _follow(self, heading: HeadingTracker) -> bool:
        """Keep what walking has shown in the calibration; return whether later steps must start over."""
        jumped, heading.has_jumped = heading.has_jumped, False
        if heading.news and self.calibration is not None:
            heading.news = False
            self.calibration = self._mounting.with_found(self.calibration, self._levelled, heading)
        return jumped

    def _uncalibrated_segment(self, stream: int, raw: Raw) -> SegmentSample:
        stamp, accel, gyro = raw
        return SegmentSample(stamp, *self._uncalibrated[stream].convert(accel, gyro), orientation=None)

    def _attempt_calibration(self) -> None:
        self._pairs_since_attempt += 1
        if self._pairs_since_attempt < ATTEMPT_INTERVAL:
            return
        self._pairs_since_attempt = 0
        try:
            calibration = self._standing.calibrate()
            if self.calibration is None or not same_posture(calibration, self.calibration):
                self.calibrate()
        except NotStandingError as refusal:
            self._refusals.add(self._standing.stamp, refusal)
            self.refusal = self._refusals.text
        except MountingError as refusal:
            self.refusal = str(refusal)

    def _use(self, calibration: Calibration, is_fresh: bool = False) -> None:
        mounting = self._mounting
        levelled = mounting.levelled(calibration)
        estimator = AnkleAngleEstimator(
            calibration,
            *levelled,
            self._config.filter,
            known=mounting.known(calibration, self._standing if is_fresh else None),
            documented=mounting.documented,
        )
        self._earlier_counts = self._earlier_counts + self._current_counts(matcher=False)
        self._uncalibrated = self._make_uncalibrated()
        self._leg_watch.restart(calibration, is_fresh)
        self._estimator, self.calibration, self.refusal = estimator, calibration, ""
        self._levelled = levelled  # the headings are in these frames, also after the calibration has got its forward
        self._refusals = StillestRefusal()

    def _current_counts(self, matcher: bool = True) -> Counter[str]:
        parts: list[tuple[str, Mapping[str, int]]] = []
        if matcher:
            parts = [("pairs.", counts) for counts in (self._matcher.counts, self.rates.counts)]
            # The matcher counts the jumps of the clock, too.
            parts += [("pairs.", {n: k for n, k in g.counts.items() if n != "clock_jumps"}) for g in self._guards]
        if self._estimator is None:
            parts += [("shank.", self._uncalibrated[SHANK].counts), ("foot.", self._uncalibrated[FOOT].counts)]
        else:
            e = self._estimator
            parts += [("shank.", e.shank_converter.counts), ("shank.", e.shank_filter.counts)]
            parts += [("foot.", e.foot_converter.counts), ("foot.", e.foot_filter.counts)]
        total: Counter[str] = Counter()
        for prefix, counts in parts:
            total.update({prefix + name: n for name, n in counts.items()})
        return total
