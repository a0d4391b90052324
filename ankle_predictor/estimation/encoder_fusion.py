"""Fuses a joint encoder with the IMUs: the encoder for the angle, the gyros for its change between encoder samples.

The result is the IMUs' own angle plus a correction, which never moves by more than ``STEP`` from pair to pair. While
the encoder is believed (``encoder_watch.py``), the correction leads to the encoder. Otherwise it leads to what was
learned of the person's offset between the two, which slowly fades.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter, deque
from typing import Literal

from ankle_predictor.estimation.encoder_delay import EncoderDelay
from ankle_predictor.estimation.encoder_watch import DEGREE, EncoderLimits, EncoderWatch, Reading
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION
from ankle_predictor.estimation.joint_track import JointTrack, TrackPoint
from ankle_predictor.estimation.level_jumps import LevelJumps
from ankle_predictor.estimation.samples import AngleSource, JointSample

EncoderRole = Literal["input", "score", "off"]
"""What the encoder is for: an input of the forecast, only to score forecasts, or nothing."""

LOST = 0.3  # s without a usable sample, after which the encoder counts as lost
FOLLOW = 0.02  # s, time constant with which the fused angle follows the encoder, against its noise
GATE = 1.0 * DEGREE  # rad; a sample that differs more from the expected one has no more influence,
REFUSED = 2.5 * DEGREE  # rad; and one that differs more than this has none
STEP = 0.4 * DEGREE  # rad, most by which the correction moves from one pair to the next
GLIDE = 0.15  # s, time constant with which the correction leaves an encoder that is not believed
FADE = 30.0  # s, time constant with which the learned offset fades without the encoder
SLACK = 0.5 * DEGREE  # rad; what the mean difference has moved beyond this is taken for a slip and taken off
RESTARTED = 1.0  # s; an encoder whose stamps go back by more has started again
MAX_GAP = 0.1  # s between two pairs, over which the gyros' integral is not continued
SPACING = 0.0075  # s; of a faster encoder's samples only so many are used: between them the gyros tell as much
PENDING = 256  # encoder samples that may wait for their pair; of more, the oldest are dropped


class EncoderFusion:
    """Takes encoder samples and pairs in the order in which they come.

    Attributes:
        counts: encoder samples that were not used, by reason.
    """

    def __init__(self, limits: EncoderLimits | None = None) -> None:
        self._limits = limits or EncoderLimits()
        self._watch = EncoderWatch(self._limits)
        self._delay = EncoderDelay()
        self._track = JointTrack()
        self._jumps = LevelJumps()
        self._pending: deque[tuple[float, float]] = deque(maxlen=PENDING)
        self.counts: Counter[str] = Counter()
        self.restart()

    def change_max_angle(self, angle: float) -> None:
        """Believe no angle beyond another one, in rad, from now on."""
        self._limits = dataclasses.replace(self._limits, max_angle=angle)

    def restart(self) -> None:
        """Start over, as after a new calibration: nothing is known of the encoder and its offset any more."""
        self._watch = EncoderWatch(self._limits)
        self._track.clear()
        self._jumps = LevelJumps()
        self._forget_samples()
        self._level = math.nan  # rad, the believed angle less the gyros' integral
        self._correction = 0.0  # rad
        self._believed = -math.inf  # s, stamp of the newest pair whose angle rests on the encoder

    def _forget_samples(self) -> None:
        self._pending.clear()
        self._heard = -math.inf  # s, stamp of the newest encoder sample, good or not
        self._taken = -math.inf  # s, stamp of the newest one that could be compared with the IMUs
        self._followed = -math.inf  # s, stamp of the newest one that the angle may rest on
        self._refused = ""  # why the newest sample was of no use

    @property
    def suspicion(self) -> str:
        """Why the encoder is not believed, one clause; empty if it is, or if none has sent for ``LOST``."""
        now = self._track.newest
        if now is None or now.stamp - self._heard > LOST:
            return ""
        return self._watch.reason or (self._refused if now.stamp - self._followed > LOST else "")

    @property
    def offset(self) -> float:
        """What was learned of the person's offset, encoder above IMUs, in rad."""
        return self._watch.offset

    @property
    def delay(self) -> float:
        """Estimated delay of the encoder's stamps in s."""
        return self._delay.seconds

    def report(self) -> dict[str, str]:
        """Return what diagnostics report, by name."""
        heard = self._track.newest is not None and self._track.newest.stamp - self._heard <= LOST
        said = self.suspicion or ("used" if self._watch.believed else "being checked") if heard else "none"
        return {
            "encoder": said,
            "encoder above IMUs (deg)": f"{math.degrees(self.offset):.2f}",
            "encoder delay (ms)": f"{1e3 * self.delay:.0f}",
            **({"encoder jumps taken off": str(self._jumps.count)} if self._jumps.count else {}),
            **{f"encoder.{kind}": str(n) for kind, n in self.counts.items()},
        }

    def push_encoder(self, stamp: float, angle: float) -> None:
        """Add an encoder sample.

        Args:
            stamp: s.
            angle: rad, dorsiflexion positive.
        """
        if stamp < self._heard - RESTARTED:
            self._forget_samples()
        if stamp <= self._heard:
            self.counts["stamp not newer"] += 1
            return
        self._heard = stamp
        if not math.isfinite(angle):
            self._refuse("its angle is not a number")
        elif abs(angle) > self._limits.max_angle:
            self._refuse("its angle is beyond any ankle's", f": {math.degrees(angle):.0f} deg")
        else:
            self._pending.append((stamp, angle))

    def fuse(self, joint: JointSample) -> JointSample:
        """Return the joint of the next pair with the fused angle and its source.

        Args:
            joint: the IMUs' own angle in rad, and the gyros' hinge rate in rad/s.
        """
        last = self._track.newest
        dt = 0.0 if last is None else joint.stamp - last.stamp
        if last is not None and not 0.0 < dt <= MAX_GAP + TIME_RESOLUTION:
            self._interrupt(dt)
        now = self._track.push(joint.stamp, joint.angle, joint.rate)
        while self._pending and self._pending[0][0] <= joint.stamp:
            stamp, angle = self._pending.popleft()
            if stamp - self._taken >= SPACING:
                self._take(stamp, angle)
        believed = self._watch.believed and joint.stamp - self._followed <= LOST and not math.isnan(self._level)
        if believed:
            self._believed, target = joint.stamp, self._encoder_above(now)
        else:
            learned = self._watch.offset * self._kept(joint.stamp)
            target = self._correction + (learned - self._correction) * min(1.0, max(dt, 0.0) / GLIDE)
        self._correction += min(max(target - self._correction, -STEP), STEP)
        source = AngleSource.ENCODER if believed else AngleSource.IMU
        return dataclasses.replace(joint, angle=joint.angle + self._correction, source=source)

    def _kept(self, stamp: float) -> float:
        """Return the share of the learned offset that is left at a stamp in s."""
        return math.exp(-max(stamp - self._believed, 0.0) / FADE)

    def _encoder_above(self, now: TrackPoint) -> float:
        """Return the rad by which the encoder lies above the IMUs' angle now, less what it seems to have slipped."""
        slipped = self._watch.slipped
        return self._level + now.turned - now.angle - slipped + min(max(slipped, -SLACK), SLACK)

    def _interrupt(self, dt: float) -> None:
        self._track.clear()
        self._jumps.interrupt()
        self._watch.interrupt()
        self._level = math.nan
        if dt < 0.0:
            self._forget_samples()
            self._believed = -math.inf

    def _take(self, stamp: float, angle: float) -> None:
        if self._delay.due(stamp):
            before = self._delay.seconds
            self._delay.push(stamp, angle, *self._track.turns())
            if self._delay.seconds != before:  # the level moves with it
                self._jumps.interrupt()
        watch, then = self._watch, self._track.at(stamp - self._delay.seconds)
        if then is None or then.stamp <= watch.newest:
            self._refuse("its stamps do not fit the IMUs'")
            return
        if stamp - self._taken > LOST:
            watch.restart(self._kept(stamp))
        self._taken = stamp
        kept = self._jumps.push(then.stamp, angle - then.turned, watch.believed)
        angle -= self._jumps.taken_off
        reading = Reading(then.stamp, angle, then.turned, angle - then.angle)
        if not kept:
            return
        watch.push(reading)
        off = reading.level - self._level
        if watch.believed and abs(off) > REFUSED:
            self._refuse("it jumped against the gyros", f" by {math.degrees(off):+.1f} deg")
            if stamp - self._followed > LOST:
                watch.suspect(self._refused)
            return
        if watch.believed and not math.isnan(off):
            gain = min(1.0, (stamp - self._followed) / FOLLOW)
            self._level += gain * min(max(off, -GATE), GATE)
        else:
            self._level = reading.level
        self._followed, self._refused = stamp, ""

    def _refuse(self, kind: str, detail: str = "") -> None:
        self._refused = kind + detail
        self.counts[kind] += 1
