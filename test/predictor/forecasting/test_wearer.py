"""What is learned of the wearer: causal, finite whatever the clock does, and with an encoder in its own scale."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from rigs.walks import swinging

from ankle_predictor.forecasting.wearer import Wearer
from ankle_predictor.model.bundle import load_bundle, model_directories
from ankle_predictor.model.engine import InferenceEngine, load_engine
from ankle_predictor.model.forecast import Forecast
from ankle_predictor.offline.pipeline import FeatureTable, run_chain, windows_of
from ankle_predictor.trust.input_monitor import NARROWEST

NUMBER = 700  # pairs with a full window; 7 s
Cut = tuple[list[int], np.ndarray, Forecast]


@pytest.fixture(scope="module")
def engine() -> InferenceEngine:
    return load_engine(load_bundle("base", model_directories()))


@pytest.fixture(scope="module")
def table() -> FeatureTable:
    return run_chain(swinging(10.0))


@pytest.fixture(scope="module")
def cut(engine: InferenceEngine, table: FeatureTable) -> Cut:
    """Newest pairs, windows and the network's forecasts."""
    index, windows = zip(*list(windows_of(table, engine.manifest.features))[:NUMBER], strict=True)
    return list(index), np.array(windows), engine.forecast_batch(np.array(windows))


def walk(engine: InferenceEngine, table: FeatureTable, cut: Cut, step: float) -> list[Forecast]:
    """Walk with a clock that steps by ``step`` s in the middle."""
    made, (index, windows, network) = Wearer(engine.manifest), cut
    forecasts = []
    for n, k in enumerate(index):
        stamp = float(table.stamp[k]) + (step if n >= NUMBER // 2 else 0.0)
        forecasts.append(made.forecast(stamp, windows[n], network.at(n)))
        made.push(stamp, table.values[k], float(table.angle[k]))
    return forecasts


@pytest.mark.parametrize("step", [-7200.0, -5.0, -0.005, 0.3, 7200.0])
def test_what_was_learned_survives_a_step_of_the_clock(
    engine: InferenceEngine, table: FeatureTable, cut: Cut, step: float
) -> None:
    steady, stepped = (walk(engine, table, cut, s) for s in (0.0, step))
    for before, after in zip(steady, stepped, strict=True):
        for curve in (after.angle, after.lower, after.upper):
            assert np.all(np.isfinite(curve))
        assert np.all((after.lower < after.angle) & (after.angle < after.upper))
        # The knowledge stays: the forecast does not fall back to the network's alone.
        assert np.max(np.abs(after.angle - before.angle)) < 0.12


def test_the_first_forecast_is_that_of_nobody_known(engine: InferenceEngine, table: FeatureTable, cut: Cut) -> None:
    first = walk(engine, table, cut, 0.0)[0]
    # Four assumed errors to the eighth power leave the network nearly alone.
    assert np.max(np.abs(first.angle - cut[2].at(0).angle)) < 0.05


def test_a_networks_offset_is_added_to_the_imus_angle_and_never_to_the_encoders(
    engine: InferenceEngine, table: FeatureTable, cut: Cut
) -> None:
    index, windows, network = cut
    offset = np.full_like(network.angle, 0.1)
    adapted = dataclasses.replace(network.moved(offset), offset=offset)
    plain, imu, encoder = (Wearer(engine.manifest) for _ in range(3))
    for n, k in enumerate(index[:300]):
        stamp = float(table.stamp[k])
        base = plain.forecast(stamp, windows[n], network.at(n))
        np.testing.assert_allclose(imu.forecast(stamp, windows[n], adapted.at(n)).angle, base.angle + 0.1, atol=1e-9)
        by_encoder = encoder.forecast(stamp, windows[n], adapted.at(n), from_encoder=True)
        np.testing.assert_allclose(by_encoder.angle, base.angle, atol=1e-9)
        for wearer in (plain, imu, encoder):
            wearer.push(stamp, table.values[k], float(table.angle[k]))


def test_an_interval_of_a_leg_that_does_not_move_stays_wide_enough_to_be_believed(
    engine: InferenceEngine, table: FeatureTable, cut: Cut
) -> None:
    index, windows, network = cut
    wearer, row = Wearer(engine.manifest), np.array(table.values[index[0]])
    still = np.repeat(row[np.newaxis], windows.shape[1], axis=0)
    still[:, [engine.manifest.features.names.index(n) for n in ("shank_gyro_y", "foot_gyro_y")]] = 0.0
    now = float(still[-1, engine.manifest.features.names.index("ankle_angle")])
    flat = dataclasses.replace(network.at(0), angle=np.full(50, now), lower=np.full(50, now), upper=np.full(50, now))
    for n in range(6000):
        made = wearer.forecast(0.01 * n, still, flat, from_encoder=True)
        wearer.push(0.01 * n, row, now)
    assert (made.upper - made.lower).min() >= NARROWEST
