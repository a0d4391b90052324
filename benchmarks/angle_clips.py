"""Measures what a gyro whose range ends too early costs of the ankle angle, on recorded walks against the encoder.

Run: scripts/run python benchmarks/angle_clips.py --walks FOLDER [--seconds 45]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import ImuSamples, Recording
from benchmarks.angle_gaps import errors, only

ENDS = (math.inf, 400.0, 350.0, 300.0, 250.0)  # deg/s


def clipped(recording: Recording, end: float) -> tuple[Recording, float]:
    """Return the recording with rates that end at rad/s, and the share of the foot's readings that are clipped."""

    def part(samples: ImuSamples) -> ImuSamples:
        return ImuSamples(samples.stamp, samples.accel, np.clip(samples.gyro, -end, end))

    share = float(np.mean(np.abs(recording.foot.gyro).max(axis=1) > end))
    return replace(recording, shank=part(recording.shank), foot=part(recording.foot)), share


def rows(walks: list[Recording]) -> Iterator[str]:
    """Yield a line for each end of the range."""
    for end in ENDS:
        cut = [clipped(walk, math.radians(end)) for walk in walks]
        found = [float(errors(walk)[1].mean()) for walk, _ in cut]
        share = 100.0 * float(np.mean([share for _, share in cut]))
        name = "as recorded" if math.isinf(end) else f"{end:.0f} deg/s"
        yield f"| {name} | {share:.1f} % | {np.mean(found):.2f} | {max(found):.2f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--walks", type=Path, required=True, help="folder with the logger's TXT files")
    parser.add_argument("--seconds", type=float, default=45.0, help="of each walk")
    arguments = parser.parse_args()
    recordings = [read_recording(path) for path in sorted(arguments.walks.glob("*.TXT"))]
    walks = [only(r, r.shank.stamp < r.start + arguments.seconds) for r in recordings]
    print("| range | of the foot's readings clipped | error of the angle, deg | of the worst walk |\n|---|---|---|---|")
    for line in rows(walks):
        print(line, flush=True)


if __name__ == "__main__":
    main()
