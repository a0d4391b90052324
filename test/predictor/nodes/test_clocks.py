"""The node predictor and time: stamps of another clock, forecasts that took too long, and clocks that are set."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rigs.filter_rig import START
from rigs.models import moved, pairs, write_models
from rigs.node_bench import Bench, bench, stamp_of
from rigs.predictor_rig import IN_TIME, Filter, start

from ankle_predictor.nodes.predictor_node import PredictorNode
from ankle_predictor.trust.status import WITHHELD, Status

WALK = 3.0  # s


@pytest.fixture
def table() -> Iterator[Bench]:
    with bench() as made:
        yield made


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("models"))


def walk_now(table: Bench, source: Filter, seconds: float, ahead: float = 0.0) -> None:
    """Publish pairs in real time, with stamps of a clock that is ``ahead`` s ahead of this computer's."""
    begun = time.monotonic()
    shift = (time.time_ns() - START) / 1e9 + ahead
    for k, pair in enumerate(pairs(seconds)):
        table.until(lambda due=begun + 0.01 * k: time.monotonic() >= due)
        source.publish(moved(pair, shift))
    table.spin(0.1)


def real_time(table: Bench, models: Path) -> PredictorNode:
    return start(table, models, use_sim_time=False, max_input_age=IN_TIME)


@pytest.mark.parametrize(
    ("ahead", "words"),
    [(3600.0, "s ahead of the clock"), (-3.0, "s behind"), (-0.2, "s behind"), (0.5, "s ahead of")],
)
def test_nothing_is_forecast_from_stamps_of_another_clock(table: Bench, models: Path, ahead: float, words: str) -> None:
    node, source = real_time(table, models), Filter(table)
    walk_now(table, source, 0.7, ahead)
    told = [m for m in table.got["forecast_detail"] if stamp_of(m)]
    assert told  # how many hangs on how busy the computer is
    assert all(m.status & (Status.CLOCK | Status.STALE) for m in told)
    assert told[-1].status & Status.CLOCK
    assert all(len(m.angle) == 0 and math.isnan(m.current_angle) for m in told)
    assert table.got["forecast"] == []
    level, sentence, _ = table.health(node)
    assert level == 1
    assert words in sentence
    assert "one clock" in sentence
    assert float(sentence.split()[4]) == pytest.approx(abs(ahead), abs=0.4)


def test_stamps_of_this_clock_are_forecast_from(table: Bench, models: Path) -> None:
    node, source = real_time(table, models), Filter(table)
    walk_now(table, source, 1.0)
    assert not any(m.status & Status.CLOCK for m in table.got["forecast_detail"])
    assert all(-0.01 <= m.input_age <= 2 * IN_TIME for m in table.got["forecast_detail"] if len(m.angle))
    assert "one clock" not in table.health(node)[1]


def slow_down(node: PredictorNode, delay: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the model in use take ``delay`` s longer."""
    engine = node.predictor.engine
    assert engine is not None
    real = engine.forecast

    def slow(window: Any) -> Any:
        time.sleep(delay)
        return real(window)

    monkeypatch.setattr(engine, "forecast", slow)


def test_a_slow_model_publishes_no_old_forecast(table: Bench, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node, source = real_time(table, models), Filter(table)
    walk_now(table, source, 0.5)
    table.spin(0.3)
    table.got["forecast"].clear()
    table.got["forecast_detail"].clear()
    slow_down(node, 0.28, monkeypatch)
    walk_now(table, source, 1.5)
    assert len(table.got["forecast_detail"]) >= 3
    assert not any(len(m.angle) for m in table.got["forecast_detail"])
    assert any(m.status & Status.STALE and m.status & Status.OVERRUN for m in table.got["forecast_detail"])
    assert table.got["forecast"] == []


@pytest.mark.parametrize("step", [-3.0, 3.0])
def test_a_clock_that_is_set_while_a_forecast_is_made_withholds_it(
    table: Bench, models: Path, monkeypatch: pytest.MonkeyPatch, step: float
) -> None:
    node, source = start(table, models), Filter(table)
    source.feed(pairs(0.3))
    made = len(table.got["forecast"])
    engine, walk = node.predictor.engine, pairs(0.7)
    assert engine is not None
    real = engine.forecast

    def meanwhile(window: Any) -> Any:
        table.simulated_time(START + round((0.3 + step) * 1e9))
        return real(window)

    monkeypatch.setattr(engine, "forecast", meanwhile)
    source.feed(walk[30:31])
    monkeypatch.setattr(engine, "forecast", real)
    detail = table.got["forecast_detail"][-1]
    assert len(detail.angle) == 0
    assert detail.status & WITHHELD in (Status.CLOCK, Status.STALE)
    assert len(table.got["forecast"]) == made
    source.feed(walk[31:])
    table.spin(0.1)
    assert len(table.got["forecast"]) == made + 39


def test_without_simulated_time_nothing_is_forecast_in_simulated_time(table: Bench, models: Path) -> None:
    node, source = start(table, models), Filter(table)
    table.simulated_time = lambda _: None  # type: ignore[method-assign]  # nobody publishes /clock
    source.feed(pairs(0.4))
    assert table.got["forecast"] == []
    assert all(m.status & Status.CLOCK for m in table.got["forecast_detail"] if stamp_of(m))
    assert "/clock" in table.health(node)[1]
