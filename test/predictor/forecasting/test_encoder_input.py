"""The predictor with an encoder as its input, as a judge only, and without."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rigs.models import pairs, write_models

from ankle_predictor.estimation.pair_assembler import JoinedPair
from ankle_predictor.estimation.samples import AngleSource, PairSample
from ankle_predictor.forecasting.live_predictor import LivePredictor
from ankle_predictor.forecasting.predictor_config import PredictorConfig
from ankle_predictor.forecasting.tick import Tick
from ankle_predictor.trust.status import Status

WALK = pairs(12.0)
ABOVE = math.radians(1.0)  # the encoder above the IMUs
Encoder = Callable[[PairSample], float | None]


def good(pair: PairSample) -> float:
    return pair.joint.angle + ABOVE


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("models"))


class Live:
    """A predictor that gets pairs, each before the encoder sample of the same time."""

    def __init__(self, models: Path, role: str = "input") -> None:
        self.predictor = LivePredictor()
        self.predictor.configure(PredictorConfig(model_directories=(models,), encoder_role=role))
        self.predictor.use(self.predictor.load("linear"))
        self.ticks: list[Tick] = []
        self.statuses: list[Status] = []

    def feed(self, seconds: float, first: float, encoder: Encoder = good) -> None:
        for pair in WALK:
            now = pair.joint.stamp
            if not first <= now < first + seconds:
                continue
            tick = self.predictor.push(JoinedPair(now, now, pair), now)
            self.statuses.append(self.predictor.settle(tick, now))
            self.ticks.append(tick)
            angle = encoder(pair)
            if angle is not None:
                self.predictor.push_encoder(now, angle)

    def above(self) -> np.ndarray:
        """By how much the fused angle lies above the IMUs', in rad."""
        alone = {pair.joint.stamp: pair.joint.angle for pair in WALK}
        return np.array([t.pair.joint.angle - alone[t.stamp] for t in self.ticks if t.pair is not None])

    def sources(self) -> list[AngleSource]:
        return [t.pair.joint.source for t in self.ticks if t.pair is not None]


def test_the_forecast_starts_from_the_encoders_angle(models: Path) -> None:
    live, alone = Live(models), Live(models)
    live.feed(4.0, 0.0)
    alone.feed(4.0, 0.0, lambda _pair: None)
    assert live.sources()[-1] is AngleSource.ENCODER
    assert alone.sources()[-1] is AngleSource.IMU
    assert live.above()[-1] == pytest.approx(ABOVE, abs=math.radians(0.6))
    with_encoder, without = live.ticks[-1].forecast, alone.ticks[-1].forecast
    assert with_encoder is not None
    assert without is not None
    assert with_encoder.angle[0] - without.angle[0] == pytest.approx(live.above()[-1], abs=1e-4)


@pytest.mark.parametrize("role", ["score", "off"])
def test_in_another_role_the_encoder_changes_no_forecast(models: Path, role: str) -> None:
    live, alone = Live(models, role), Live(models, "off")
    live.feed(3.0, 0.0, lambda pair: -good(pair))
    alone.feed(3.0, 0.0, lambda _pair: None)
    assert live.statuses == alone.statuses
    for one, other in zip(live.ticks, alone.ticks, strict=True):
        assert (one.forecast is None) == (other.forecast is None)
        if one.forecast is not None and other.forecast is not None:
            np.testing.assert_array_equal(one.forecast.angle, other.forecast.angle)
    assert (live.predictor.recent_error == alone.predictor.recent_error) == (role == "off")


def test_a_liar_is_named_and_warned_of_and_forecasts_go_on(models: Path) -> None:
    live = Live(models)
    live.feed(4.0, 0.0)
    live.predictor.report()
    live.feed(3.0, 4.0, lambda pair: -good(pair))
    assert live.statuses[-1] == Status.ENCODER_SUSPECT
    assert live.ticks[-1].publish
    any_made, any_wrong, sentence, values = live.predictor.report()
    assert (any_made, any_wrong) == (True, True)
    assert "the encoder is not used: it does not move as the gyros say" in sentence
    assert values["encoder suspect"] == live.statuses.count(Status.ENCODER_SUSPECT)
    assert np.abs(np.diff(live.above())).max() < math.radians(0.5)


def test_after_a_restart_nothing_is_known_of_the_encoder(models: Path) -> None:
    live = Live(models)
    live.feed(4.0, 0.0)
    assert live.above()[-1] > math.radians(0.3)
    uncalibrated = JoinedPair(4.0, 4.0, None)
    live.predictor.settle(live.predictor.push(uncalibrated, 4.0), 4.0)
    live.feed(0.5, 4.01, lambda _pair: None)
    assert live.above()[-1] == 0.0


def test_the_recent_error_is_against_the_fused_angle(models: Path) -> None:
    exact, off = Live(models), Live(models)
    exact.feed(6.0, 0.0)
    off.feed(6.0, 0.0, lambda pair: pair.joint.angle + 2.0 * ABOVE)
    assert exact.predictor.recent_error == pytest.approx(off.predictor.recent_error, rel=0.2)
