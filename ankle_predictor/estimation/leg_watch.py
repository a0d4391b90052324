"""Watches one calibrated leg, pair by pair: whether sensors and calibration can be right."""

from __future__ import annotations

from ankle_imu_driver.calibration import Calibration
from ankle_imu_driver.conventions import FOOT, SENSORS, SHANK
from ankle_predictor.estimation.agreement_watch import AgreementWatch
from ankle_predictor.estimation.calibration_watch import CalibrationWatch
from ankle_predictor.estimation.heading_tracker import HeadingTracker
from ankle_predictor.estimation.samples import PairSample, RawPair
from ankle_predictor.estimation.stride_evidence import StrideEvidence
from ankle_predictor.estimation.stride_watch import StrideWatch
from ankle_predictor.estimation.swap_watch import SwapWatch


class LegWatch:
    """Watches one leg.

    Attributes:
        calibration: the watch of the calibration in use.
    """

    def __init__(self, calibration: Calibration | None) -> None:
        """Make a watch; ``calibration`` is one that was given, or None."""
        self.calibration = CalibrationWatch(calibration)
        self._swap = SwapWatch()
        self.restart()

    def restart(self, is_fresh: bool = False) -> None:
        """Begin anew with a new estimate; ``is_fresh`` says that standing has just made its calibration."""
        self._agreement = AgreementWatch(), AgreementWatch()
        self._strides = StrideWatch()
        self._newest: StrideEvidence | None = None
        if is_fresh:
            self.calibration = CalibrationWatch(None)

    def push(self, pair: PairSample, raw: RawPair, heading: HeadingTracker) -> list[int]:
        """Process a pair; return the streams whose orientation should be found anew.

        Args:
            pair: in the frames of the segments.
            raw: the same in the frames of the sensors.
            heading: that of the estimate.
        """
        self._swap.push(pair.foot.stamp, pair.shank.gyro, pair.foot.gyro)
        lost = [
            stream
            for stream, segment in ((SHANK, pair.shank), (FOOT, pair.foot))
            if self._agreement[stream].push(segment)
        ]
        if heading.newest is not None and heading.newest is not self._newest:
            self._newest = heading.newest
            self._strides.push(self._newest, heading.headings)
        self.calibration.push(pair, raw, heading.evidence, heading.headings)
        return lost

    @property
    def problem(self) -> str:
        """Why the samples or the calibration cannot be right, one sentence; empty if nothing speaks against them."""
        problems = zip(SENSORS, (watch.problem for watch in self._agreement), strict=True)
        found = "; ".join(f"the {name} sensor {problem}" for name, problem in problems if problem)
        return found or self._swap.problem or self._strides.problem or self.calibration.problem

    @property
    def notes(self) -> list[str]:
        """What is odd, one sentence each; the estimate goes on."""
        return [self._strides.note] if self._strides.note else []
