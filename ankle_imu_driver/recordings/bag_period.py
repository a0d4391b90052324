"""The time after which a rosbag2 with several legs is repeated: the same for all legs that were recorded together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_imu_driver.recordings.bag_streams import Stream, find_sessions
from ankle_imu_driver.recordings.recording import RecordingError


class Span(NamedTuple):
    """The longest session of a leg: its first and last stamp, and its median sample period, in s."""

    begin: float
    end: float
    step: float


def common_period(path: Path, legs: Mapping[str, Mapping[int, Stream]], leg: str) -> float | None:
    """Return the time in s from one beginning of a leg to the next when its bag is repeated; None if it is alone.

    It lasts from the first sample of any leg to the last one, and a sample period more. Legs without a moment in common
    with this one were not recorded together with it.

    Args:
        path: the bag.
        legs: the streams of each leg.
        leg: which one is repeated; it can be read.
    """
    own = _span(path, legs[leg])
    spans = [own]
    for other in legs.keys() - {leg}:
        if not all(len(legs[other][stream].stamp) for stream in (SHANK, FOOT)):
            continue
        try:
            span = _span(path, legs[other])
        except RecordingError:
            continue  # what cannot be read is not played, so that nobody has to keep step with it
        if span.begin <= own.end and span.end >= own.begin:
            spans.append(span)
    if len(spans) == 1:
        return None
    begins, ends, steps = zip(*spans, strict=True)
    return float(max(ends) - min(begins) + max(steps))


def _span(path: Path, streams: Mapping[int, Stream]) -> Span:
    longest = find_sessions(path, streams.values()).argmax()
    stamp, session = (
        np.concatenate([part(streams[stream]) for stream in (SHANK, FOOT)])
        for part in (lambda s: np.frombuffer(s.stamp, dtype=np.float64), lambda s: s.session)
    )
    stamps = np.unique(stamp[session == longest])
    shank = np.unique(np.frombuffer(streams[SHANK].stamp, dtype=np.float64))
    return Span(stamps[0], stamps[-1], float(np.median(np.diff(shank))) if len(shank) > 1 else 0.0)
