"""Compares simulated movement with recordings, kind by kind: size and peaks of what the sensors read, stride times.

    scripts/run python benchmarks/simulated_spread.py [--people 10] [--kinds level run] [--data ../shared/data]

Nothing is learned from the recordings: they show whether the simulated ranges are those of people.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.signal import butter, find_peaks, sosfiltfilt

from ankle_imu_driver.arrays import BoolArray, FloatArray
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import ImuSamples, Recording
from ankle_imu_driver.simulator.gait_scenario import Label
from ankle_imu_driver.simulator.varied_walks import varied_walk

FIGURES = ("stride s", "shank ax", "shank az", "foot ax", "foot az", "shank -", "shank +", "foot -", "foot +")
LABELS = {"run": Label.RUN, "stairs_up": Label.STAIRS, "stairs_down": Label.STAIRS}
HUGADB = {"level": 1, "run": 2, "stairs_up": 3, "stairs_down": 4}
SMOOTH = butter(2, 12, fs=100, output="sos")
SHORTEST = 3.0  # s of a kind that a recording needs


def figures(recording: Recording, stamp: FloatArray, chosen: BoolArray) -> list[float] | None:
    """Return ``FIGURES`` of the chosen samples: deviations in m/s^2, 0.5 and 99.5 % of pitch rates in rad/s."""
    grid = np.arange(recording.start + 5.0, min(recording.shank.stamp[-1], recording.foot.stamp[-1]), 0.01)
    inside = np.interp(grid, stamp, chosen.astype(float)) > 0.99
    if inside.sum() < 100 * SHORTEST or recording.calibration is None:
        return None

    def even(samples: ImuSamples, bias: float) -> tuple[FloatArray, FloatArray]:
        accel = np.stack([np.interp(grid, samples.stamp, a) for a in np.clip(samples.accel, -19.6, 19.6).T], axis=1)
        rate = -np.interp(grid, samples.stamp, samples.gyro[:, 2] - bias)
        return sosfiltfilt(SMOOTH, accel, axis=0)[inside], sosfiltfilt(SMOOTH, rate)[inside]

    shank, shank_rate = even(recording.shank, recording.calibration.shank.gyro_bias[2])
    foot, foot_rate = even(recording.foot, recording.calibration.foot.gyro_bias[2])
    swings = find_peaks(-shank_rate, height=1.5, distance=45)[0]
    period = float(np.median(np.diff(swings))) / 100 if len(swings) > 2 else np.nan
    sizes = [shank[:, 0].std(), shank[:, 1].std(), foot[:, 1].std(), foot[:, 0].std()]
    return [period, *sizes, *np.percentile(shank_rate, [0.5, 99.5]), *np.percentile(foot_rate, [0.5, 99.5])]


def simulated(kind: str, people: int) -> Iterator[list[float] | None]:
    """Yield the figures of ``people`` people."""
    for seed in range(people):
        walk = varied_walk(kind, 5000 + seed, 30.0)
        yield figures(walk.recording, walk.recording.shank.stamp, walk.label == LABELS.get(kind, Label.WALK))


def recorded(kind: str, data: Path) -> Iterator[list[float] | None]:
    """Yield the figures of the recordings that show a kind of movement."""
    for folder in sorted((data / "public" / "hugadb").glob("hug*")):
        labels = np.load(folder / "labels.npz")
        if (labels["label"] == HUGADB[kind]).sum() > 300:
            yield figures(read_recording(folder), labels["t"], labels["label"] == HUGADB[kind])
    if kind == "level":
        others = [*(data / "walks").glob("*.TXT"), *(data / "public" / "camargo").glob("camargo_*")]
        for path in sorted(others):
            recording = read_recording(path)
            stamp = recording.shank.stamp
            yield figures(recording, stamp, np.ones(len(stamp), dtype=bool))


def _row(name: str, rows: list[list[float]]) -> str:
    low, middle, high = np.nanpercentile(rows, [10, 50, 90], axis=0)
    cells = (f"{m:.1f} ({a:.1f} to {b:.1f})" for a, m, b in zip(low, middle, high, strict=True))
    return f"| {name} | {len(rows)} | " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--kinds", nargs="+", default=list(HUGADB), choices=list(HUGADB))
    arguments = parser.parse_args()
    print("| kind | n | " + " | ".join(FIGURES) + " |\n|" + "---|" * (len(FIGURES) + 2))
    for kind in arguments.kinds:
        for name, found in (
            (f"{kind}, simulated", simulated(kind, arguments.people)),
            (f"{kind}, recorded", recorded(kind, arguments.data)),
        ):
            rows = [row for row in found if row is not None]
            if rows:
                print(_row(name, rows), flush=True)


if __name__ == "__main__":
    main()
