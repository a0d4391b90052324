"""Measures what a gyro whose range ends too early costs of the ankle angle, on recorded walks against the encoder.

Run: scripts/run python benchmarks/angle_clips.py --walks FOLDER [--seconds 45]
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from ankle_imu_driver.recordings.recording import ImuSamples, Recording
from benchmarks.angle_gaps import errors, print_table

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
    head = "| range | of the foot's readings clipped | error of the angle, deg | of the worst walk |"
    print_table(__doc__, head, rows)


if __name__ == "__main__":
    main()
