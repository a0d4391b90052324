"""Watches one calibrated leg, pair by pair: whether sensors and calibration can be right."""

from __future__ import annotations

import math

from ankle_imu_driver.calibration import Calibration
from ankle_imu_driver.conventions import FOOT, SENSORS, SHANK
from ankle_predictor.estimation.agreement_watch import AgreementWatch
from ankle_predictor.estimation.calibration_watch import CalibrationWatch
from ankle_predictor.estimation.heading_tracker import HeadingTracker
from ankle_predictor.estimation.samples import PairSample, RawPair
from ankle_predictor.estimation.still_watch import StillWatch
from ankle_predictor.estimation.stride_evidence import StrideEvidence
from ankle_predictor.estimation.stride_watch import StrideWatch
from ankle_predictor.estimation.swap_watch import SwapWatch
from ankle_predictor.estimation.turn_watch import TurnWatch

LARGEST_GAP = 0.1  # s


class LegWatch:
    """Watches one leg.

    Attributes:
        calibration: the watch of the calibration in use.
    """

    def __init__(self, calibration: Calibration | None) -> None:
        """Make a watch; ``calibration`` is one that was given, or None."""
        self.calibration = CalibrationWatch(calibration)
        self._swap, self._still = SwapWatch(), StillWatch()
        self._last = math.nan
        self._turns: TurnWatch | None = None
        self.restart(calibration)

    def restart(self, calibration: Calibration | None, is_fresh: bool = False) -> None:
        """Begin anew with a new estimate; ``is_fresh`` says that standing has just made its calibration."""
        self._turns = None if calibration is None else TurnWatch(calibration)
        self._agreement = AgreementWatch(), AgreementWatch()
        self._strides = StrideWatch()
        self._newest: StrideEvidence | None = None
        if calibration is not None:
            self._still.calibrate(calibration)
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
        if (moving := self._still.push(raw)) is not None:
            # Neither its orientation nor what was averaged of it is worth anything after it has lain somewhere.
            lost.append(moving)
            self._agreement[moving].clear()
            if self._turns is not None:
                self._turns.clear()
        if heading.newest is not None and heading.newest is not self._newest:
            self._newest = heading.newest
            is_doubted = self._turns is not None and bool(self._turns.doubt) and self._turns.doubts_shank
            self._strides.push(self._newest, heading.headings, is_doubted)
        self._turn(pair.joint.stamp, raw)
        self.calibration.push(pair, raw, heading.evidence, heading.headings)
        return lost

    def _turn(self, stamp: float, raw: RawPair) -> None:
        dt, self._last = stamp - self._last, stamp
        if self._turns is None or not self.calibration.is_confirmed:
            return
        if 0.0 < dt <= LARGEST_GAP:
            self._turns.push(dt, raw, self._strides.change)
        else:
            self._turns.clear()

    @property
    def doubt(self) -> str:
        """Why nothing is forecast for the moment, one sentence; empty if nothing is in doubt."""
        return self.calibration.doubt or ("" if self._turns is None else self._turns.doubt)

    @property
    def problem(self) -> str:
        """Why the samples or the calibration cannot be right, one sentence; empty if nothing speaks against them."""
        problems = zip(SENSORS, (watch.problem for watch in self._agreement), strict=True)
        found = "; ".join(f"the {name} sensor {problem}" for name, problem in problems if problem)
        turns = "" if self._turns is None else self._turns.problem
        own = self._still.problem or turns or self._swap.problem or self._strides.problem
        return found or own or self.calibration.problem

    @property
    def notes(self) -> list[str]:
        """What is odd, one sentence each; the estimate goes on."""
        return [self._strides.note] if self._strides.note else []
