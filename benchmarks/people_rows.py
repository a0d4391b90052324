"""Which recordings ``people.py`` scores, whose they are, and what the person did when; pure functions on recordings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from ankle_imu_driver.arrays import BoolArray, FloatArray
from ankle_predictor.estimation.filter_config import TIME_RESOLUTION
from ankle_predictor.estimation.gait import LONGEST_STRIDE, Swing, SwingDetector
from ankle_predictor.offline.live_run import LiveRun

HORIZON = 0.5  # s: a moment counts for an activity if all of it is in the activity until its last step is due
HUGADB = {1: "walking", 2: "running", 3: "stairs up", 4: "stairs down", 5: "sitting", 8: "standing"}
"""Activities of HuGaDB's labels; the others are too short here to be scored."""
PEOPLE = (
    "HuGaDB, level walks", "HuGaDB, walking", "HuGaDB, stairs up", "HuGaDB, stairs down", "HuGaDB, running",
    "HuGaDB, standing", "HuGaDB, sitting", "Marpino, elderly", "Marpino, young", "Marpino, author", "Marpino, disabled",
    "Camargo, slow (optical)", "Camargo, normal (optical)", "qmt, right", "qmt, left", "qmt, right, axes as strapped",
    "five walks",
)  # fmt: skip
LEARNED = ", learned from"
ROWS = (*PEOPLE, *(f"{row}{LEARNED}" for row in PEOPLE))
"""All rows in the order of the tables; people whom the model has learned from have rows of their own, at the end."""
SETTLED = 5.0  # s after a gap of the joined trials of Camargo, and from the start of the five walks, that do not count
QMT_WALKS = 55.0  # s from the start of qmt's recording, when brisk walking begins
GAP = 0.1  # s


@dataclass(frozen=True, eq=False)
class Part:
    """The moments of a recording that count for a row of the table.

    Attributes:
        row: one of ``ROWS``.
        person: who walked; unique among all data sets.
        chosen: (T,) mask of the run's ticks.
    """

    row: str
    person: str
    chosen: BoolArray


def side_of(log: Path) -> str:
    """Return the leg that a recording is of, by its name."""
    return "left" if re.search(r"_(l|left)$", log.stem) else "right"


def person_of(name: str) -> str:
    """Return who walks in a recording, by its stem; unique among all data sets."""
    if found := re.match(r"hugw?_(\d+)_", name):
        return f"HuGaDB {found[1]}"
    if found := re.match(r"marp_([a-z]+)(\d+)_", name):
        return f"Marpino {found[1]} {found[2]}"
    if found := re.match(r"camargo|qmt", name):
        return found[0]
    return name


def parts_of(log: Path, run: LiveRun, learned: bool) -> Iterator[Part]:
    """Yield what a recording counts for.

    Args:
        log: the recording; its activities are beside it.
        run: what the predictor did with it.
        learned: whether the model has learned from this person.
    """
    for row, chosen in _rows_of(log, run):
        yield Part(f"{row}{LEARNED if learned else ''}", person_of(log.stem), chosen)


def _rows_of(log: Path, run: LiveRun) -> Iterator[tuple[str, BoolArray]]:
    name, stamp = log.stem, run.stamp
    if name.startswith("hug"):
        labels = np.load(log / "labels.npz")
        for label, activity in HUGADB.items():
            row = "HuGaDB, level walks" if name.startswith("hugw") else f"HuGaDB, {activity}"
            yield row, in_activity(stamp, labels["t"], labels["label"] == label)
    elif name.startswith("marp"):
        group = re.sub(r"\d.*", "", name.removeprefix("marp_"))
        yield f"Marpino, {group}", in_activity(stamp, stamp, between_swings(stamp, run.pitch[:, 0]))
    elif name.startswith("camargo"):
        yield f"Camargo, {name.split('_')[1]} (optical)", since_gap(stamp) >= SETTLED
    elif name.startswith("qmt"):
        leg = name.removeprefix("qmt_").replace("right_raw_axes", "right, axes as strapped")
        yield f"qmt, {leg}", stamp - stamp[0] >= QMT_WALKS
    else:
        yield "five walks", stamp - stamp[0] >= SETTLED


def in_activity(stamp: FloatArray, known: FloatArray, active: BoolArray) -> BoolArray:
    """Return which moments lie in an activity together with the whole time that is forecast from them.

    Args:
        stamp: (T,) s, of the moments.
        known: (M,) s, increasing; times at which the activity is known.
        active: (M,) whether it is going on; it holds until the next time.
    """
    left = np.concatenate([[0], np.cumsum(~active)])  # number of times out of the activity before each
    first = np.maximum(np.searchsorted(known, stamp + TIME_RESOLUTION, "right") - 1, 0)
    last = np.searchsorted(known, stamp + HORIZON + TIME_RESOLUTION, "right")
    inside: BoolArray = (left[last] == left[first]) & (stamp + HORIZON <= known[-1] + TIME_RESOLUTION)
    return inside


def since_gap(stamp: FloatArray) -> FloatArray:
    """Return the time in s of each of (T,) stamps since the first one, or since the last gap."""
    begins = np.concatenate([[True], np.diff(stamp) > GAP + TIME_RESOLUTION])
    since: FloatArray = stamp - stamp[np.maximum.accumulate(np.where(begins, np.arange(len(stamp)), 0))]
    return since


def between_swings(stamp: FloatArray, shank_pitch: FloatArray) -> BoolArray:
    """Return when a person walks, told afterwards: between two forward swings that follow each other as in strides.

    Args:
        stamp: (T,) s.
        shank_pitch: (T,) rad; NaN where it is not known.
    """
    walking = np.zeros(len(stamp), dtype=bool)
    known = np.flatnonzero(np.isfinite(shank_pitch))
    if len(known) < 3:
        return walking
    detector, rate = SwingDetector(), np.gradient(shank_pitch[known], stamp[known])
    samples = zip(stamp[known].tolist(), rate.tolist(), strict=True)
    swings = [detector.fastest for when, value in samples if detector.push(when, value) is Swing.ENDS]
    for begin, end in pairwise(swings):
        if end - begin < LONGEST_STRIDE:
            walking |= (stamp >= begin) & (stamp <= end)
    return walking


def after_walking(stamp: FloatArray, walking: BoolArray, seconds: float) -> BoolArray:
    """Return the moments before which the predictor has seen so many seconds of steady gait in all.

    Args:
        stamp: (T,) s.
        walking: (T,) whether it saw steady gait.
        seconds: how many.
    """
    step = np.minimum(np.diff(stamp, prepend=stamp[:1]), GAP)
    after: BoolArray = np.cumsum(np.where(walking, step, 0.0)) >= seconds
    return after


def minutes(stamp: FloatArray, inside: FloatArray, length: float = 60.0, least: float = 20.0) -> list[float]:
    """Return the coverage of each minute, one beginning every second, of moments that need not be in one piece.

    Args:
        stamp: (N,) s, increasing.
        inside: (N,) share of each forecast's steps that were in their interval.
        length: s of a minute.
        least: s; fewer moments give nothing, moments of less than a minute give one value.
    """
    clock = np.cumsum(np.minimum(np.diff(stamp, prepend=stamp[:1]), GAP))
    if not len(clock) or clock[-1] < least:
        return []
    total = np.concatenate([[0.0], np.cumsum(inside)])
    begins = np.arange(0.0, max(clock[-1] - length, 0.0) + 1e-9, 1.0)
    first, last = np.searchsorted(clock, begins), np.searchsorted(clock, begins + length, "right")
    shares: list[float] = ((total[last] - total[first]) / (last - first)).tolist()
    return shares


def recordings_in(public: Path, walks: Path) -> Sequence[Path]:
    """Return all recordings of both folders, in a fixed order."""
    return [*sorted(path.parent for path in public.glob("*/*/metadata.yaml")), *sorted(walks.glob("*.TXT"))]
