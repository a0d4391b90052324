"""Brings two streams of any rate, or of different rates, to samples that make pairs at about 100 Hz or slower.

Two streams that sample alike, at 135 Hz or slower, are passed on as they come, unless they are slow and their clocks
drift apart. All others are resampled to common times. Where one of them is that slow, its samples give the times (the
slower one's, or that which makes the other wait less), so nothing is invented between them; where both are faster, the
times are 10 ms apart. At these times

- a faster stream is smoothed by a weighted straight line over 20 ms, with the weights of Hann's window: a symmetric
  filter, half of whose amplitude is left at 50 Hz and less than 3 % above 100 Hz. For evenly spaced samples it is
  Hann's window itself (Harris 1978), for others it still keeps every straight line. It waits for 10 ms.
- a slower stream is interpolated linearly between the samples before and after.

Each is computed from samples that have come, so the stamp of a pair is up to 10 ms older than the newest sample, or up
to one period of the other stream.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter, deque

import numpy as np

from ankle_imu_driver.arrays import Vector
from ankle_imu_driver.conventions import FOOT, SHANK, STREAM_NAMES
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION
from ankle_predictor.estimation.packet_times import PacketTimes
from ankle_predictor.estimation.samples import Raw
from ankle_predictor.estimation.stream_rate import StreamRate

PERIOD = 0.01  # s between two outputs, where both streams are faster
FAST = 1.0 / 135.0  # s; streams with a shorter period are smoothed
ALIKE = 0.1  # relative difference of two periods below which the samples still pair one by one
NEAR = 0.8  # share of the pair tolerance up to which the stamps of two streams may typically differ
DRIFT = 0.005  # relative difference of two periods above which the streams drift apart within seconds
DRIFT_SPAN = 1.2  # s of stamps that show it; in a shorter time stamps of chance look like that
HALF_WIDTH = 0.01  # s, of the smoothing window
KEPT = 0.25  # s of samples that are kept
LONGEST_STEP = 0.1  # s between two samples that are interpolated
SILENT = 0.15  # s that one stream is behind the other, after which the other one is passed on alone

Sample = tuple[int, Raw]  # stream and sample


class _Track:
    """The newest samples of one stream."""

    def __init__(self) -> None:
        self.stamps: list[float] = []
        self.values: list[tuple[float, ...]] = []

    @property
    def newest(self) -> float:
        return self.stamps[-1] if self.stamps else -math.inf

    def add(self, stamp: float, accel: Vector, gyro: Vector) -> None:
        if stamp <= self.newest:
            return
        self.stamps.append(stamp)
        self.values.append((*accel, *gyro))
        if self.stamps[0] < stamp - 2.0 * KEPT:
            cut = bisect_left(self.stamps, stamp - KEPT)
            del self.stamps[:cut], self.values[:cut]

    def sample(self, index: int) -> Raw:
        return _raw(self.stamps[index], self.values[index])

    def interpolated(self, time: float) -> Raw | None:
        after = bisect_left(self.stamps, time)
        if after < len(self.stamps) and self.stamps[after] == time:
            return self.sample(after)
        if not 0 < after < len(self.stamps):
            return None
        begin, end = self.stamps[after - 1], self.stamps[after]
        if end - begin > LONGEST_STEP + TIME_RESOLUTION:
            return None
        share = (time - begin) / (end - begin)
        pairs = zip(self.values[after - 1], self.values[after], strict=True)
        return _raw(time, tuple(a + share * (b - a) for a, b in pairs))

    def smoothed(self, time: float) -> Raw | None:
        """Return the weighted straight line through the samples around a time in s, at that time."""
        first, end = bisect_left(self.stamps, time - HALF_WIDTH), bisect_left(self.stamps, time + HALF_WIDTH)
        x = np.array(self.stamps[first:end]) - time
        if not len(x) or x[0] > TIME_RESOLUTION or x[-1] < -TIME_RESOLUTION:
            return None
        w = 1.0 + np.cos(math.pi / HALF_WIDTH * x)
        s0, s1, s2 = w.sum(), w @ x, w @ (x * x)
        spread = s0 * s2 - s1 * s1
        w = w / s0 if spread <= 1e-12 * s0 * s0 else (s2 * w - s1 * w * x) / spread
        return _raw(time, tuple((w @ np.array(self.values[first:end])).tolist()))


class RateAdapter:
    """Turns the samples of two streams to samples that pair.

    Attributes:
        rates: what is known about the rate of ``SHANK`` and ``FOOT``.
        counts: how often samples were ``repeated``: the same values with the same stamp.
        resampling: whether samples are resampled; otherwise they are passed on as they come.
    """

    def __init__(self, tolerance: float) -> None:
        """Make an adapter; ``tolerance`` in s is the largest difference of a pair's two stamps."""
        self._tolerance = tolerance
        self.rates = StreamRate(STREAM_NAMES[SHANK]), StreamRate(STREAM_NAMES[FOOT])
        self.counts: Counter[str] = Counter()
        self.resampling = False
        self._reference: int | None = SHANK  # the stream that gives the times; None for times 10 ms apart
        self._packets = PacketTimes(), PacketTimes()
        self._last: list[Raw | None] = [None, None]
        self.clear()

    def clear(self) -> None:
        """Drop all samples; the next ones may have any stamp. What is known about the rates stays."""
        self._tracks = _Track(), _Track()
        self._times: deque[float] = deque()  # s, at which a pair is due
        self._alone = -math.inf  # s, the newest sample that was passed on alone
        self._next = -math.inf  # s, the next time, where both streams are fast
        self._given = -math.inf  # s, the newest time that was resampled
        self._reached = -math.inf  # s, before which no more times come from the reference
        self._last = [None, None]
        for parts in (self.rates, self._packets):
            for part in parts:
                part.clear()

    @property
    def problem(self) -> str:
        """Why a stream cannot be used, as one sentence; empty if both can."""
        for rate in self.rates:
            if rate.cadence is not None and rate.cadence.problem:
                return rate.cadence.problem
        return ""

    def push(self, stream: int, stamp: float, accel: Vector, gyro: Vector) -> list[Sample]:
        """Add one sample; return the samples that are now certain, in time order.

        Args:
            stream: ``SHANK`` or ``FOOT``.
            stamp: s, no older than the stream's last one.
            accel: specific force in m/s^2, sensor frame.
            gyro: angular rate in rad/s, sensor frame.
        """
        raw = stamp, accel, gyro
        if raw == self._last[stream]:
            self.counts["repeated"] += 1
            return []
        self._last[stream] = raw
        rate, was_resampling = self.rates[stream], self.resampling
        if rate.push(stamp):
            self._choose()
        if self.problem:
            return []
        if not self.resampling:
            return [*(self._not_given() if was_resampling else ()), (stream, raw)]
        if not was_resampling:
            self._take_over(1 - stream, stamp)
        cadence = rate.cadence
        assert cadence is not None
        if cadence.packet:
            stamp = self._packets[stream].time_of(stamp, cadence)
        track = self._tracks[stream]
        track.add(stamp, accel, gyro)
        self._add_times()
        other = self._tracks[1 - stream].newest
        if track.newest - other > SILENT:
            return self._pass_alone(stream)
        return self._due()

    def _choose(self) -> None:
        """Decide how the two streams are brought together."""
        shank, foot = (rate.cadence for rate in self.rates)
        if shank is None or foot is None or self.problem or min(len(rate.stamps) for rate in self.rates) < 2:
            return
        lags = self._lags()
        fast = [cadence.period < FAST for cadence in (shank, foot)]
        alike = abs(shank.period - foot.period) <= ALIKE * min(shank.period, foot.period)
        near = self._apart() <= NEAR * self._tolerance and not self._drift_apart((shank.period, foot.period))
        was, reference = self.resampling, self._reference
        self.resampling = any(fast) or not alike or not near or bool(shank.packet or foot.packet)
        if all(fast):
            self._reference = None
        elif alike:
            now = SHANK if self._reference is None else self._reference
            # A change is only worth it if it clearly saves time.
            self._reference = now if lags[now] <= lags[1 - now] + 0.2 * shank.period else 1 - now
        else:
            self._reference = SHANK if shank.period > foot.period else FOOT
        if was and reference != self._reference:
            # The new reference's samples that belong to the old one's times give none of their own.
            self._reached = max(self._reached, self._given) + 0.5 * max(shank.period, foot.period)
        if not was:
            self._tracks, self._times, self._next = (_Track(), _Track()), deque(), -math.inf

    def _take_over(self, other: int, now: float) -> None:
        """Begin to resample with the sample of the other stream whose partner is the one that comes now (s)."""
        last, cadence = self._last[other], self.rates[other].cadence
        if last is not None and cadence is not None and not cadence.packet and now - last[0] <= self._tolerance:
            self._tracks[other].add(*last)

    def _add_times(self) -> None:
        """Add the times of the reference's samples, also of those that came before it was the reference."""
        if self._reference is None:
            return
        stamps = self._tracks[self._reference].stamps
        self._times.extend(stamps[bisect_right(stamps, self._reached) :])
        if stamps:
            self._reached = max(self._reached, stamps[-1])

    def _not_given(self) -> list[Sample]:
        """Return, where resampling ends, the samples that wait for a time that will no longer come."""
        given = max(self._given, self._alone)
        left = [
            (track.stamps[k], stream, track.sample(k))
            for stream, track in enumerate(self._tracks)
            for k in range(bisect_right(track.stamps, given), len(track.stamps))
        ]
        return [(stream, raw) for _, stream, raw in sorted(left)]

    def _lags(self) -> tuple[float, float]:
        """Return for each stream how long its samples typically wait for the next one of the other stream, in s."""
        lags = []
        for stream in (SHANK, FOOT):
            own, other = np.array(self.rates[stream].stamps), np.array(self.rates[1 - stream].stamps)
            after = np.searchsorted(other, own)
            known = after < len(other)
            lags.append(float(np.median(other[after[known]] - own[known])) if known.any() else 0.0)
        return lags[0], lags[1]

    def _apart(self) -> float:
        """Return how far the stamps of one stream typically lie from the nearest ones of the other, in s."""
        own, other = (np.array(rate.stamps) for rate in self.rates)
        after = np.clip(np.searchsorted(other, own), 1, len(other) - 1)
        return float(np.median(np.minimum(np.abs(own - other[after - 1]), np.abs(other[after] - own))))

    def _drift_apart(self, periods: tuple[float, float]) -> bool:
        """Return whether two streams, each with a clock of its own, come to lie where no sample has a partner.

        Args:
            periods: s, of shank and foot. Stamps of chance change these more than the mean ones, losses less.
        """
        shortest, spans = min(periods), [rate.stamps[-1] - rate.stamps[0] for rate in self.rates]
        if 0.5 * shortest <= self._tolerance or min(spans) < DRIFT_SPAN:
            return False
        means = [span / (len(rate.stamps) - 1) for span, rate in zip(spans, self.rates, strict=True)]
        return all(abs(a - b) > DRIFT * shortest for a, b in (periods, means))

    def _pass_alone(self, stream: int) -> list[Sample]:
        track = self._tracks[stream]
        self._times.clear()
        self._next = -math.inf
        self._reached = max(self._reached, track.newest)
        if track.newest - self._alone < 0.5 * PERIOD:
            return []
        self._alone = track.newest
        return [(stream, track.sample(-1))]

    def _due(self) -> list[Sample]:
        if self._reference is None:
            self._plan()
        found: list[Sample] = []
        while self._times and self._is_certain(self._times[0]):
            time = self._times.popleft()
            shank, foot = self._at(SHANK, time), self._at(FOOT, time)
            if shank is not None and foot is not None:
                self._given = time
                found += [(SHANK, shank), (FOOT, foot)]
        return found

    def _plan(self) -> None:
        """Add the times, 10 ms apart, that both streams have reached."""
        reached = min(track.newest for track in self._tracks)
        if reached == -math.inf:
            return
        if not reached - KEPT < self._next <= reached + 2.0 * PERIOD:
            self._next = reached
        while self._next <= reached:
            self._times.append(self._next)
            self._next += PERIOD

    def _is_certain(self, time: float) -> bool:
        """Return whether both streams have all the samples that their values at a time depend on."""
        for stream, track in enumerate(self._tracks):
            cadence = self.rates[stream].cadence
            assert cadence is not None
            if stream == self._reference:
                continue
            if cadence.period < FAST:
                if track.newest + cadence.period < time + HALF_WIDTH - TIME_RESOLUTION:
                    return False
            elif track.newest < time - (0.0 if cadence.packet else self._tolerance) - TIME_RESOLUTION:
                return False
        return True

    def _at(self, stream: int, time: float) -> Raw | None:
        track, cadence = self._tracks[stream], self.rates[stream].cadence
        assert cadence is not None
        if stream != self._reference and cadence.period < FAST:
            return track.smoothed(time)
        if track.newest > time:
            return track.interpolated(time)
        # As pairs are matched everywhere: a sample just before the other one is not kept waiting.
        return track.sample(-1) if time - track.newest <= self._tolerance + TIME_RESOLUTION else None


def _raw(stamp: float, values: tuple[float, ...]) -> Raw:
    ax, ay, az, gx, gy, gz = values
    return stamp, (ax, ay, az), (gx, gy, gz)
