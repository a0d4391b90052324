"""A recorded walk, measured by the emulated chips and read by the driver, compared with the recording itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rigs.mpu6050_rig import FOOT, SECOND, SHANK, START, Rig

from ankle_imu_driver.mpu6050_emulator.chip import EmulatedChip
from ankle_imu_driver.mpu6050_emulator.motion import Recorded
from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.recordings.recording import ImuSamples, Recording
from ankle_predictor.model.bundle import load_bundle, model_directories
from ankle_predictor.model.engine import load_engine
from ankle_predictor.offline.pipeline import run_chain, windows_of

SECONDS = 30.0


@pytest.fixture(scope="module")
def walk(walks_dir: Path) -> Recording:
    return read_recording(walks_dir / "LOG10.TXT")


@pytest.fixture(scope="module")
def driven(walk: Recording) -> Recording:
    motions = {SHANK: Recorded(walk.shank, walk.start), FOOT: Recorded(walk.foot, walk.start)}
    chips = {address: EmulatedChip(motion, start=START, noise=0.0) for address, motion in motions.items()}
    rig = Rig(chips=chips).run(SECONDS)
    assert not rig.messages

    def samples(name: str) -> ImuSamples:
        of = rig.of(name)
        stamp = np.array([(sample.measured - START) / SECOND + walk.start for sample in of])
        return ImuSamples(stamp, np.array([s.accel for s in of]), np.array([s.gyro for s in of]))

    return Recording("driven", samples("shank"), samples("foot"), None, walk.calibration)


def at(times: np.ndarray, samples: ImuSamples) -> ImuSamples:
    """The recording, linearly interpolated at the driver's times."""
    columns = [np.interp(times, samples.stamp, column) for column in np.hstack([samples.accel, samples.gyro]).T]
    return ImuSamples(times, np.column_stack(columns[:3]), np.column_stack(columns[3:]))


def test_the_angle_is_the_recordings_within_quantisation(walk: Recording, driven: Recording) -> None:
    ideal = Recording(
        "ideal", at(driven.shank.stamp, walk.shank), at(driven.foot.stamp, walk.foot), None, walk.calibration
    )
    ours, theirs = run_chain(driven), run_chain(ideal)
    assert np.array_equal(ours.stamp, theirs.stamp)
    difference = np.degrees(np.abs(ours.angle - theirs.angle))
    assert difference.mean() < 0.02
    assert difference.max() < 0.15


def test_the_angle_equals_the_replays_within_the_encoders_step(walk: Recording, driven: Recording) -> None:
    """The jitter of the recording's own samples adds to the difference here; the encoder's step is 0.25 deg."""
    ours, replayed = run_chain(driven), run_chain(walk)
    late = ours.stamp > walk.start + 2.0
    difference = np.degrees(np.abs(ours.angle - np.interp(ours.stamp, replayed.stamp, replayed.angle)))[late]
    assert difference.mean() < 0.15


def forecasts(recording: Recording) -> np.ndarray:
    """Every fifth forecast of the base model in deg, as the live code calculates them."""
    engine = load_engine(load_bundle("base", model_directories()))
    table = run_chain(recording)
    windows = [window for _, window in windows_of(table, engine.manifest.features, stride=5)]
    return np.degrees(engine.forecast_batch(np.array(windows)).angle)


def test_the_forecasts_are_the_recordings_within_quantisation(walk: Recording, driven: Recording) -> None:
    ideal = Recording(
        "ideal", at(driven.shank.stamp, walk.shank), at(driven.foot.stamp, walk.foot), None, walk.calibration
    )
    difference = np.abs(forecasts(driven) - forecasts(ideal))
    assert difference.shape == (pytest.approx(560, abs=10), 50)
    assert difference.mean() < 0.02
    assert difference.max() < 0.3
