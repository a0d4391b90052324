"""Measures how well unfamiliar movement is distinguished from walking, leaving one subject out.

For each walk the familiarity score and its limits are fitted to the other walks, as ``train`` does. Windows of the walk
that was left out should pass. Windows of simulated activities, and of walks with simulated faults, should not. The
tables go into ``docs/trust.md``.

    scripts/run python benchmarks/familiarity.py --log ../shared/data/walks/*.TXT
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ankle_imu_driver.arrays import FloatArray
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.simulator.gait_scenario import Activity, Shuffle, Sit, Slope, Stairs, Stand, Sway, Walk
from ankle_imu_driver.simulator.sensor_model import SensorModel
from ankle_imu_driver.simulator.simulate import simulate
from ankle_imu_driver.simulator.user_profile import draw_user
from ankle_predictor.estimation.segment_filter import GRAVITY
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.offline.pipeline import FeatureTable, run_chain, windows_of
from ankle_predictor.performance.results_page import ResultsPage
from ankle_predictor.trust.familiarity import FamiliarityScore, fit_familiarity, moving

PAGE = Path(__file__).resolve().parent.parent / "docs" / "trust.md"
SPEC = FeatureSpec()
PEOPLE = (101, 102, 103, 104)  # seeds of simulated people
FASTER = 2.0  # running: everything in half the time
SWAP = [*range(6, 12), *range(6), 13, 12, 14, 15]  # columns of swapped sensors
SIMULATED: dict[str, Activity] = {
    "standing": Stand(8.0),
    "standing, swaying 4 deg": Sway(8.0),
    "sitting": Sit(8.0),
    "shuffling": Shuffle(12.0),
    "stairs up": Stairs(12.0),
    "stairs down": Stairs(12.0, up=False),
    "level walking": Walk(12.0),
    "level walking, 1.4 times as fast": Walk(12.0, 1.4),
    "slope up 5 deg": Slope(12.0),
    "slope down 5 deg": Slope(12.0, -math.radians(5.0)),
}


def cut(table: FeatureTable, stride: int, from_stamp: float = -math.inf) -> FloatArray:
    """Return (N, W, F) windows that begin at ``from_stamp`` s or later."""
    first = from_stamp + (SPEC.window - 1) * SPEC.period
    return np.array([window for k, window in windows_of(table, SPEC, stride) if table.stamp[k] >= first])


def simulated(activity: Activity) -> FloatArray:
    """Return the windows of several people that lie completely in an activity."""
    windows = []
    for seed in PEOPLE:
        walk = simulate([Stand(4.0), Walk(4.0), activity], draw_user(seed), SensorModel(), seed)
        label, stamp = walk.truth.label, walk.recording.shank.stamp
        begin = float(stamp[np.flatnonzero(label != label[-1])[-1]]) if (label != label[-1]).any() else 0.0
        if isinstance(activity, Walk):
            begin = float(stamp[-1]) - activity.duration
        windows.append(cut(run_chain(walk.recording), 5, begin + 0.5))
    return np.concatenate(windows)


def running(table: FeatureTable) -> FloatArray:
    """Return windows of a faster walk: rates scale with the factor, accelerations with its square; both clip."""
    values, limits = table.values.copy(), SPEC.filter
    for first, pitch in ((0, 12), (6, 13)):
        tilt = values[:, pitch]
        gravity = GRAVITY * np.stack([-np.sin(tilt), np.zeros(len(tilt)), np.cos(tilt)], axis=1)
        accel, gyro = values[:, first : first + 3], values[:, first + 3 : first + 6]
        accel[:] = np.clip(gravity + FASTER**2 * (accel - gravity), -limits.accel_limit, limits.accel_limit)
        gyro[:] = np.clip(FASTER * gyro, -limits.gyro_limit, limits.gyro_limit)
    values[:, 15] *= FASTER
    stamp = table.stamp / FASTER
    return cut(FeatureTable(stamp, values, table.angle), 10)


def leg_shaking() -> FloatArray:
    """Return windows of a seated person's leg that bounces on the ball of the foot at 3 to 6 Hz."""
    time = np.arange(0.0, 10.0, SPEC.period)
    random, windows = np.random.default_rng(0), []
    for rate, size in ((3.0, 2.0), (4.0, 3.0), (5.0, 2.0), (6.0, 1.5), (4.0, 8.0)):
        pace, amplitude = 2.0 * math.pi * rate, math.radians(size)
        shank, turn = -0.4 + amplitude * np.sin(pace * time), amplitude * pace * np.cos(pace * time)
        foot = 0.6 * (shank + 0.4)
        values = random.normal(scale=0.03, size=(len(time), len(SPEC.names)))
        for first, pitch, gain in ((0, shank, 1.0), (6, foot, 0.6)):
            values[:, first] += -GRAVITY * np.sin(pitch) - 0.1 * gain * amplitude * pace**2 * np.sin(pace * time)
            values[:, first + 2] += GRAVITY * np.cos(pitch)
            values[:, first + 4] += gain * turn
        values[:, 12:16] += np.stack([shank, foot, shank - foot, 0.4 * turn], axis=1)
        windows.append(cut(FeatureTable(time, values, shank - foot), 5))
    return np.concatenate(windows)


def run(logs: Sequence[Path]) -> str:
    """Fit and score all walks and activities; returns the tables as Markdown."""
    tables = {log.stem: run_chain(read_recording(log)) for log in logs}
    walks = {name: cut(table, 10) for name, table in tables.items()}
    others = {name: simulated(activity) for name, activity in SIMULATED.items()}
    others["seated leg shaking, 3 to 6 Hz"] = leg_shaking()
    changes: dict[str, Callable[[str], FloatArray]] = {
        "running (the walk at twice its pace)": lambda name: running(tables[name]),
        "sensors swapped": lambda name: walks[name][:, :, SWAP] * ([1.0] * 14 + [-1.0] * 2),
        "shank gyro dead": lambda name: without_shank_gyro(walks[name]),
    }
    passed: dict[str, float] = {}
    flagged: dict[str, list[float]] = {}
    for name, held_out in walks.items():
        learned = [moving(windows) for other, windows in walks.items() if other != name]
        scale = np.concatenate(learned).std(axis=(0, 1)).tolist()
        score = FamiliarityScore(fit_familiarity(learned, [], scale), scale)

        def share(windows: FloatArray, score: FamiliarityScore = score) -> float:
            return float(np.mean([score.of(window) > 1.0 for window in windows]))

        passed[name] = share(held_out)
        for activity, windows in others.items():
            flagged.setdefault(activity, []).append(share(windows))
        for activity, changed in changes.items():
            flagged.setdefault(activity, []).append(share(changed(name)))
    names = list(passed)
    lines = [f"| walk left out | {' | '.join(names)} | mean |", "|---" * (len(names) + 2) + "|"]
    values = [*passed.values(), float(np.mean(list(passed.values())))]
    lines += [f"| windows called unfamiliar | {' | '.join(f'{v:.1%}' for v in values)} |", ""]
    lines += ["| movement | windows called unfamiliar |", "|---|---|"]
    lines += [f"| {activity} | {np.mean(shares):.0%} |" for activity, shares in flagged.items()]
    return "\n".join(lines)


def without_shank_gyro(windows: FloatArray) -> FloatArray:
    """Return the windows with a shank gyro that reads zero."""
    dead = windows.copy()
    dead[:, :, 3:6] = 0.0
    return dead


def main() -> int:
    """Run the benchmark and write its tables into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", type=Path, nargs="+", required=True, metavar="FILE", help="one for each subject")
    page = ResultsPage(PAGE, "familiarity")
    tables = run(sorted(parser.parse_args().log, key=lambda log: (len(log.stem), log.stem)))
    print(tables)
    page.write(tables)
    return 0


if __name__ == "__main__":
    sys.exit(main())
