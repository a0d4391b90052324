"""Measures the error of the present ankle angle after gaps in the samples, on recorded walks against the encoder.

Run: scripts/run python benchmarks/angle_gaps.py --walks FOLDER [--seconds 45]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ankle_imu_driver.arrays import BoolArray, FloatArray
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import ImuSamples, Recording
from ankle_predictor.offline.pipeline import run_chain

GAPS = (0.15, 0.3, 0.5)  # s
FIRST, EVERY, SCATTER = 8.0, 4.5, 1.5  # s: start of the first gap, from one to the next, largest delay of a start
SEED = 3


def only(recording: Recording, chosen: BoolArray) -> Recording:
    """Return the recording with the chosen samples of both sensors."""

    def part(samples: ImuSamples) -> ImuSamples:
        return ImuSamples(samples.stamp[chosen], samples.accel[chosen], samples.gyro[chosen])

    return replace(recording, shank=part(recording.shank), foot=part(recording.foot))


def starts_of(recording: Recording) -> FloatArray:
    """Return the times in s at which gaps begin, at random phases of the stride."""
    regular = np.arange(recording.start + FIRST, recording.shank.stamp[-1] - 5.0, EVERY)
    return regular + np.random.default_rng(SEED).uniform(0.0, SCATTER, len(regular))


def errors(recording: Recording) -> tuple[FloatArray, FloatArray]:
    """Return the stamps and the absolute errors in deg of the present angle."""
    assert recording.encoder is not None
    table = run_chain(recording)
    truth = np.interp(table.stamp, recording.encoder.stamp, recording.encoder.angle)
    return table.stamp, np.degrees(np.abs(table.angle - truth))


def after(found: tuple[FloatArray, FloatArray], begins: FloatArray, span: tuple[float, float]) -> float:
    """Return the mean error in deg in a span of s from each of the times."""
    stamp, error = found
    return float(np.mean([error[(stamp > b + span[0]) & (stamp <= b + span[1])].mean() for b in begins]))


def rows(walks: list[Recording]) -> Iterator[str]:
    """Yield a line for each length of the gaps."""
    whole = [errors(walk) for walk in walks]
    for gap in GAPS:
        figures = []
        for walk, before in zip(walks, whole, strict=True):
            begins, stamp = starts_of(walk), walk.shank.stamp
            lost = np.any((stamp > begins[:, np.newaxis]) & (stamp < begins[:, np.newaxis] + gap), axis=0)
            found = errors(only(walk, ~lost))
            first, later = (gap - 0.02, gap + 0.5), (gap + 0.5, gap + 2.5)
            figures.append((after(found, begins, first), after(found, begins, later), after(before, begins, first)))
        soon, later_error, none = np.mean(figures, axis=0)
        yield f"| {1e3 * gap:.0f} ms | {soon:.2f} | {later_error:.2f} | {none:.2f} |"


def print_table(description: str, head: str, lines: Callable[[list[Recording]], Iterator[str]]) -> None:
    """Print a table of the walks that the command line names."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--walks", type=Path, required=True, help="folder with the logger's TXT files")
    parser.add_argument("--seconds", type=float, default=45.0, help="of each walk")
    arguments = parser.parse_args()
    recordings = [read_recording(path) for path in sorted(arguments.walks.glob("*.TXT"))]
    walks = [only(r, r.shank.stamp < r.start + arguments.seconds) for r in recordings]
    print(f"{head}\n{'|---' * (head.count('|') - 1)}|")
    for line in lines(walks):
        print(line, flush=True)


def main() -> None:
    """Print the table."""
    print_table(__doc__, "| gaps of | error in the next 0.5 s, deg | in the 2 s after that | without gaps |", rows)


if __name__ == "__main__":
    main()
