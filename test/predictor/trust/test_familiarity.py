"""The familiarity score, on made-up windows, recorded walks and simulated activities."""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rigs.familiarities import fit_familiarity
from rigs.walks import part

from ankle_imu_driver.recordings.read_recording import read_recording
from ankle_imu_driver.simulator.gait_scenario import Shuffle, Sit, Stairs, Stand, Walk
from ankle_imu_driver.simulator.sensor_model import SensorModel
from ankle_imu_driver.simulator.simulate import simulate
from ankle_imu_driver.simulator.user_profile import draw_user
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.model.manifest import Familiarity
from ankle_predictor.offline.pipeline import run_chain, windows_of
from ankle_predictor.trust.familiarity import (
    METHOD_END,
    METHOD_LOGS,
    FamiliarityScore,
    moving,
    widened,
)

SPEC = FeatureSpec()
WIDTH = 4
SCALE = (1.0, 2.0, 0.5, 10.0)


def windows(seed: int, size: float = 1.0, count: int = 80) -> np.ndarray:
    """Windows of sines with slightly different amplitudes, each feature with its own scale."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0.0, 2.0 * math.pi, (count, 1, WIDTH))
    amplitude = size * np.exp(rng.normal(0.0, 0.1, (count, 1, WIDTH)))
    return amplitude * np.sin(np.linspace(0.0, 8.0 * math.pi, 100)[:, np.newaxis] + phase) * SCALE


@pytest.fixture(scope="module")
def fitted() -> Familiarity:
    return fit_familiarity([windows(seed) for seed in range(3)], [windows(9, count=10)], SCALE)


def share(familiarity: Familiarity, some: np.ndarray, scale: tuple[float, ...] = SCALE) -> float:
    score = FamiliarityScore(familiarity, scale)
    return float(np.mean([score.of(window) > 1.0 for window in some]))


def test_similar_windows_are_familiar_and_others_are_not(fitted: Familiarity) -> None:
    assert fitted.method == METHOD_LOGS
    assert share(fitted, windows(50)) <= 0.05
    assert share(fitted, windows(51, size=0.0)) == 1.0  # standing
    assert share(fitted, windows(52, size=2.0)) == 1.0  # running
    assert share(fitted, windows(53) * [1.0, 1.0, 5.0, 1.0]) == 1.0  # one feature moves far more


@settings(max_examples=20)
@given(st.lists(st.floats(-1e3, 1e3), min_size=WIDTH, max_size=WIDTH), st.integers(0, 100))
def test_the_position_of_a_strap_does_not_matter(fitted: Familiarity, shift: list[float], seed: int) -> None:
    window, score = windows(seed, count=1)[0], FamiliarityScore(fitted, SCALE)
    assert score.of(window + shift) == pytest.approx(score.of(window), rel=1e-6)


def test_the_limit_of_a_single_log_is_fitted_on_its_end(fitted: Familiarity) -> None:
    alone = fit_familiarity([windows(0)], [windows(9, count=20)], SCALE)
    assert alone.method == METHOD_END
    assert share(alone, windows(9, count=20)) <= 0.06


def test_a_feature_without_movement_is_handled() -> None:
    still = [windows(seed) * [1.0, 1.0, 0.0, 1.0] for seed in range(3)]
    fitted = fit_familiarity(still, [], SCALE)
    assert share(fitted, windows(50) * [1.0, 1.0, 0.0, 1.0]) <= 0.05
    assert share(fitted, windows(50)) == 1.0


def test_the_users_own_walk_becomes_familiar(fitted: Familiarity) -> None:
    own = windows(60, size=1.6)
    assert share(fitted, own) > 0.5
    wider = widened(fitted, own, SCALE)
    assert wider is not None
    assert share(wider, windows(61, size=1.6)) <= 0.1
    assert share(wider, windows(61, size=0.0)) == 1.0
    assert widened(fitted, own[:0], SCALE) == fitted
    assert widened(None, own, SCALE) is None


@pytest.mark.parametrize(
    "change",
    [
        {"whitening": ((1.0,) * WIDTH,)},
        {"whitening": ((1.0,),) * WIDTH},
        {"distance_limit": 0.0},
        {"vigour_limit": -1.0},
    ],
)
def test_statistics_that_do_not_fit_are_refused(fitted: Familiarity, change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="familiarity"):
        dataclasses.replace(fitted, **change)  # type: ignore[arg-type]


def test_it_is_fast() -> None:
    random = np.random.default_rng(0)
    window, scale = random.normal(size=(200, 16)), (1.0,) * 16
    score = FamiliarityScore(fit_familiarity([random.normal(size=(30, 200, 16))] * 2, [], scale), scale)
    took = []
    for _ in range(200):
        start = time.perf_counter()
        score.of(window)
        took.append(time.perf_counter() - start)
    assert min(took) < 5e-4  # 0.04 ms on an idle core


LOGS = ("LOG2", "LOG7", "LOG8", "LOG10", "LOG13")


def test_a_new_persons_walk_is_familiar_and_other_activities_are_not(walks_dir: Path) -> None:
    """Leaves out one of the five subjects; docs/trust.md has all five."""
    found = {}
    for name in LOGS:
        table = run_chain(part(read_recording(walks_dir / f"{name}.TXT"), 45.0))
        found[name] = np.array([window for _, window in windows_of(table, SPEC, 20)])
    held_out = found.pop("LOG10")
    scale = tuple(np.concatenate(list(found.values())).std(axis=(0, 1)).tolist())
    familiarity = fit_familiarity([moving(windows) for windows in found.values()], [], scale)
    assert share(familiarity, held_out, scale) <= 0.05
    swapped = held_out[..., [*range(6, 12), *range(6), 13, 12, 14, 15]] * ([1.0] * 14 + [-1.0] * 2)
    assert share(familiarity, swapped, scale) >= 0.7
    for activity in (Stand(6.0), Sit(6.0), Shuffle(6.0), Stairs(6.0)):
        walk = simulate([Stand(3.0), Walk(3.0), activity], draw_user(101), SensorModel(), 101)
        table = run_chain(walk.recording)
        last = [window for k, window in windows_of(table, SPEC, 5) if table.stamp[k] > table.stamp[-1] - 2.0]
        assert share(familiarity, np.array(last), scale) >= 0.9, activity
