"""Turns the levelled samples of both sensors so that x points forward, as soon as walking shows where that is."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.conventions import FOOT, SENSORS, SHANK
from ankle_predictor.estimation.heading_finder import (
    STRIDES,
    HeadingError,
    Headings,
    find_headings,
    provisional_headings,
)
from ankle_predictor.estimation.samples import SegmentSample
from ankle_predictor.estimation.stride_evidence import StrideCollector, StrideEvidence

WINDOW = 20  # strides that a heading rests on; single ones scatter by 3 to 8 degrees
JUMP = math.radians(20.0)  # a larger change tells later steps to start over; anatomy and straps make 8 to 14
CONTRADICTION = math.radians(35.0)  # of the first strides to a heading that is assumed; single strides are within 20
SLIP = math.radians(10.0)  # turn of a strap that is said
WRONG_AXES = math.radians(25.0)  # difference of walking to axes that were set; anatomy and stairs make up to 18

_FIND = "walk a few steps straight ahead: which way is forward is found from that"


@dataclass(frozen=True)
class KnownHeading:
    """What is known of the headings before the first stride.

    Attributes:
        is_auto: of shank and foot, whether the heading is found from walking, otherwise it is given by the axes.
        is_assumed: the headings are those of the documented mounting: used until walking contradicts.
        is_found: they were found in an earlier session.
    """

    is_auto: tuple[bool, bool] = (False, False)
    is_assumed: bool = True
    is_found: bool = False


class HeadingTracker:
    """Follows the headings of both sensors stride by stride.

    The filters before it work in levelled frames of any heading and do not depend on it. So a heading that is found
    late gives exactly the orientations that it would have given from the start, and nothing has to settle.

    Attributes:
        waiting: why samples cannot be used yet, one sentence; empty if they can.
        has_jumped: since the last pair, the frames turned by so much that later steps must start over; the reader
            clears it.
        found: what the strides showed, in the levelled frames; None before.
        news: whether that is worth keeping; the reader clears it.
        evidence: the newest strides that show where forward is.
        newest: the newest stride of all; None before the first.
    """

    def __init__(self, known: KnownHeading) -> None:
        self._known = known
        self._collector = StrideCollector()
        self._turns = [(1.0, 0.0), (1.0, 0.0)]  # cosine and sine of the headings in use
        self._headings = [0.0, 0.0]
        self._reference: list[float] | None = [0.0, 0.0] if known.is_found else None
        self._is_refined = False
        self.evidence: deque[StrideEvidence] = deque(maxlen=WINDOW)
        self.newest: StrideEvidence | None = None
        self.found: Headings | None = None
        self.has_jumped = self.news = False
        self.waiting = "" if known.is_assumed or known.is_found or not any(known.is_auto) else _FIND

    def push(self, shank: SegmentSample, foot: SegmentSample) -> StrideEvidence | None:
        """Process one pair in the levelled frames; return the stride that it completes, or None."""
        stride = self._collector.push(shank, foot)
        self.newest = stride or self.newest
        if stride is not None and stride.is_clear:
            self.evidence.append(stride)
            self._judge()
        return stride

    def turned(self, stream: int, sample: SegmentSample) -> SegmentSample:
        """Return a sample in the frame whose x axis points forward."""
        cosine, sine = self._turns[stream]
        if sine == 0.0 and cosine == 1.0:
            return sample
        orientation = sample.orientation
        if orientation is not None:
            x, y, z, w = orientation
            half = 0.5 * self._headings[stream]
            c, s = math.cos(half), math.sin(half)
            orientation = (c * x + s * y, c * y - s * x, c * z + s * w, c * w - s * z)
        return SegmentSample(
            sample.stamp, _turn(sample.accel, cosine, sine), _turn(sample.gyro, cosine, sine), orientation
        )

    @property
    def is_certain(self) -> bool:
        """Whether the headings were found, now or in an earlier session."""
        return self.found is not None or self._known.is_found

    @property
    def headings(self) -> tuple[float, float]:
        """The headings in use, shank and foot, in rad about up from the levelled frame's x to forward."""
        return self._headings[SHANK], self._headings[FOOT]

    @property
    def notes(self) -> list[str]:
        """What the wearer should know: straps that have turned, and axes that walking contradicts."""
        if self.found is None:
            return []
        notes = []
        for stream, found in ((SHANK, self.found.shank), (FOOT, self.found.foot)):
            name = SENSORS[stream]
            if self._known.is_auto[stream]:
                if self._reference is not None and abs(turn := wrapped(found - self._reference[stream])) > SLIP:
                    notes.append(
                        f"the {name}'s strap has turned by {abs(math.degrees(turn)):.0f} degrees since it was "
                        "calibrated; tighten it, stand still and calibrate again"
                    )
            elif abs(found) > WRONG_AXES:
                way = (
                    "left for right" if abs(found) > math.radians(135.0) else f"{abs(math.degrees(found)):.0f} degrees"
                )
                notes.append(
                    f"walking shows that the {name}'s sensor is turned about its long axis, {way}, against "
                    f"{name}.mounting; correct the setting, or set it to auto"
                )
        return notes

    def _judge(self) -> None:
        try:
            if len(self.evidence) >= STRIDES:
                self._use(find_headings(self.evidence))
            elif self.found is None and not self.waiting:
                self._doubt(provisional_headings(self.evidence))
        except HeadingError as error:
            if self.waiting:
                self.waiting = str(error)

    def _doubt(self, seen: Headings) -> None:
        """Withhold what rests on a heading that the first strides contradict."""
        if max(self._changes(seen), default=0.0) > CONTRADICTION:
            self.waiting = f"the first steps contradict the assumed mounting; {_FIND}"

    def _use(self, found: Headings) -> None:
        self.has_jumped |= not self.waiting and max(self._changes(found), default=0.0) > JUMP
        self.waiting, self.found = "", found
        for stream, heading in self._auto(found):
            self._headings[stream] = heading
            self._turns[stream] = math.cos(heading), math.sin(heading)
        if found.strides == STRIDES or (found.strides == WINDOW and not self._is_refined):
            self._is_refined, self.news = found.strides == WINDOW, True
        if self._reference is None and found.strides >= WINDOW:
            self._reference = [found.shank, found.foot]

    def _changes(self, seen: Headings) -> list[float]:
        return [abs(wrapped(heading - self._headings[stream])) for stream, heading in self._auto(seen)]

    def _auto(self, seen: Headings) -> list[tuple[int, float]]:
        pairs = ((SHANK, seen.shank), (FOOT, seen.foot))
        return [(stream, heading) for stream, heading in pairs if self._known.is_auto[stream]]


def wrapped(angle: float) -> float:
    """Return an angle in rad between -pi and pi."""
    return math.remainder(angle, 2.0 * math.pi)


def _turn(v: Vector, cosine: float, sine: float) -> Vector:
    """Return a vector's coordinates in a frame that is turned about z."""
    return (cosine * v[0] + sine * v[1], cosine * v[1] - sine * v[0], v[2])
