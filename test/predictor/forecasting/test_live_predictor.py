"""A tick of the predictor without ROS: what it forecasts, withholds, skips and counts, and how models change."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rigs.models import pairs, write_models
from rigs.tiny_bundle import CHANGE
from rigs.trials import leave_out_trials
from rigs.walks import swinging

from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_predictor.estimation.pair_assembler import JoinedPair
from ankle_predictor.estimation.samples import LegSample, PairSample
from ankle_predictor.forecasting.live_predictor import LivePredictor
from ankle_predictor.forecasting.predictor_config import PredictorConfig
from ankle_predictor.forecasting.tick import CATCH_UP, skipped
from ankle_predictor.model.bundle import load_bundle
from ankle_predictor.model.engine import load_engine
from ankle_predictor.model.manifest import BundleError
from ankle_predictor.offline.pipeline import run_chain, windows_of
from ankle_predictor.trust.forecast_counters import LONGEST, MEDIAN
from ankle_predictor.trust.status import Status

LATE = 0.001  # s from a sample's stamp to its processing


@pytest.fixture(autouse=True)
def without_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_out_trials(monkeypatch)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("models"))


class Live:
    """A predictor that gets pairs in real time, and the result of each."""

    def __init__(self, models: Path, model: str = "linear", **config: object) -> None:
        self.in_use: list[str] = []
        self.clock = 0.0
        self.forecast_time = 0.0  # s that each look at the clock takes
        self.predictor = LivePredictor(lambda engine: self.in_use.append(engine.bundle.name), self.look)
        self.predictor.configure(PredictorConfig(model_directories=(models,), **config))
        self.use(model)
        self.statuses: list[Status] = []
        self.forecasts: dict[float, np.ndarray] = {}  # published ones, by stamp

    def look(self) -> float:
        """Look at the clock."""
        self.clock += self.forecast_time
        return self.clock

    def use(self, model: str) -> None:
        self.predictor.use(self.predictor.load(model))

    def tick(self, joined: JoinedPair, now: float, took: float = 0.0, skip: bool = False) -> Status:
        tick = self.predictor.push(joined, now, skip)
        status = self.predictor.settle(tick, now + took)
        if not tick.skipped:
            self.statuses.append(status)
        if tick.publish:
            assert tick.forecast is not None
            self.forecasts[tick.stamp] = tick.forecast.angle
        return status

    def feed(self, some: Iterable[PairSample], late: float = LATE, shift: float = 0.0) -> None:
        """Push pairs, each ``late`` s after its stamp; the monotonic clock is ``shift`` s ahead of the stamps."""
        for pair in some:
            now = pair.joint.stamp + late + shift
            joined = self.predictor.push_segment(SHANK, pair.shank, now)
            joined += self.predictor.push_segment(FOOT, pair.foot, now)
            joined += self.predictor.push_joint(pair.joint)
            for one in joined:
                self.tick(one, now)

    def values(self) -> dict[str, object]:
        return self.predictor.report()[3]


def expected(models: Path, model: str, seconds: float) -> dict[float, np.ndarray]:
    engine = load_engine(load_bundle(model, [models]))
    table = run_chain(swinging(seconds), engine.manifest.features)
    windows = windows_of(table, engine.manifest.features)
    return {float(table.stamp[k]): engine.forecast(window).angle for k, window in windows}


def test_the_forecasts_are_those_of_the_offline_pipeline(models: Path) -> None:
    live = Live(models)
    live.feed(pairs(0.5))
    wanted = expected(models, "linear", 0.5)
    assert sorted(live.forecasts) == sorted(wanted)
    for stamp, angle in live.forecasts.items():
        np.testing.assert_allclose(angle, wanted[stamp], atol=1e-9)
    assert live.statuses == [Status.WARMING_UP] * 19 + [Status.OK] * 31


def test_samples_passed_directly_give_the_same_forecasts(models: Path) -> None:
    over_topics, direct = Live(models), Live(models)
    over_topics.feed(pairs(0.5))
    for pair in pairs(0.5):
        now = pair.joint.stamp + LATE
        for joined in direct.predictor.push_leg(LegSample(pair.shank, pair.foot, pair.joint), now):
            direct.tick(joined, now)
    assert direct.statuses == over_topics.statuses
    assert sorted(direct.forecasts) == sorted(over_topics.forecasts)
    for stamp, angle in direct.forecasts.items():
        np.testing.assert_array_equal(angle, over_topics.forecasts[stamp])


@pytest.mark.parametrize("stream", [SHANK, FOOT])
def test_a_silent_stream_is_named_whichever_way_the_samples_come(models: Path, stream: int) -> None:
    for directly in (True, False):
        live = Live(models)
        live.feed(pairs(0.3))
        for pair in pairs(0.3, 0.3):
            now, sample = pair.joint.stamp, (pair.shank, pair.foot)[stream]
            if directly:
                alone = LegSample(sample, None, None) if stream == SHANK else LegSample(None, sample, None)
                assert live.predictor.push_leg(alone, now) == []
            else:
                assert live.predictor.push_segment(stream, sample, now) == []
        assert live.predictor.watch(0.6) == Status.STALE | Status.STREAM_SILENT


def uncalibrated(pair: PairSample) -> PairSample:
    shank, foot = (dataclasses.replace(segment, orientation=None) for segment in (pair.shank, pair.foot))
    return PairSample(shank, foot, pair.joint)


def unconfirmed(pair: PairSample) -> PairSample:
    return dataclasses.replace(pair, foot=dataclasses.replace(pair.foot, is_confirmed=False))


def test_a_file_that_nothing_has_confirmed_fills_the_window_and_gives_no_forecast(models: Path) -> None:
    """As soon as it is confirmed there is a forecast."""
    live = Live(models)
    live.feed(map(unconfirmed, pairs(0.25)))
    assert not live.forecasts
    assert live.statuses[-1] == Status.NOT_CALIBRATED
    live.feed(pairs(0.1, 0.25))
    assert live.statuses[-10:] == [Status.OK] * 10
    assert len(live.forecasts) == 10


def test_uncalibrated_pairs_get_no_forecast_and_restart_the_window(models: Path) -> None:
    live = Live(models)
    live.feed(pairs(0.25))
    assert len(live.forecasts) == 6
    for pair in map(uncalibrated, pairs(0.1, 0.25)):
        now = pair.joint.stamp + LATE
        live.predictor.push_segment(SHANK, pair.shank, now)
        (joined,) = live.predictor.push_segment(FOOT, pair.foot, now)
        assert live.tick(joined, now) == Status.NOT_CALIBRATED | Status.WARMING_UP
    assert len(live.forecasts) == 6
    live.feed(pairs(0.3, 0.35))
    assert live.statuses[-30:] == [Status.WARMING_UP] * 19 + [Status.OK] * 11
    assert len(live.forecasts) == 17


def changed(pair: PairSample, **joint: float) -> PairSample:
    return PairSample(pair.shank, pair.foot, dataclasses.replace(pair.joint, **joint))


def frozen(some: list[PairSample]) -> list[PairSample]:
    return [PairSample(p.shank, dataclasses.replace(p.foot, accel=(0.0, 0.0, 9.8)), p.joint) for p in some]


def saturated(some: list[PairSample]) -> list[PairSample]:
    return [
        PairSample(dataclasses.replace(p.shank, gyro=(0.0, 8.72, 0.001 * k)), p.foot, p.joint)
        for k, p in enumerate(some)
    ]


@pytest.mark.parametrize(
    ("spoil", "seconds", "bit"),
    [
        (frozen, 0.5, Status.SENSOR_SUSPECT),
        (saturated, 0.7, Status.SENSOR_SUSPECT),
        (lambda some: [changed(p, angle=1.2) for p in some], 0.1, Status.IMPLAUSIBLE),
        (lambda some: [changed(p, rate=-20.0) for p in some], 0.1, Status.IMPLAUSIBLE),
        (lambda some: [changed(p, angle=math.nan) for p in some], 0.1, Status.IMPLAUSIBLE),
    ],
    ids=["frozen", "saturated", "angle", "rate", "nan"],
)
def test_forecasts_from_impossible_samples_are_withheld(
    models: Path, spoil: Callable[[list[PairSample]], list[PairSample]], seconds: float, bit: Status
) -> None:
    live = Live(models)
    live.feed(pairs(0.3))
    assert live.statuses[-1] == Status.OK
    live.feed(spoil(pairs(seconds, 0.3)))
    assert live.statuses[-1] == bit
    assert max(live.forecasts) < 0.3 + seconds - 0.01 - LATE
    live.feed(pairs(0.3, 0.3 + seconds))
    assert live.statuses[-1] == Status.OK
    assert max(live.forecasts) > 0.3 + seconds


@pytest.mark.parametrize("real_time", [True, False])
@pytest.mark.parametrize("jump", [-7200.0, -1.0, 0.15, 7200.0])
def test_a_clock_that_jumps_restarts_the_window(models: Path, jump: float, real_time: bool) -> None:
    live = Live(models, real_time=real_time)
    live.feed(pairs(0.3))
    live.feed(pairs(0.3, 0.3 + jump), shift=-jump)
    assert [status & Status.WARMING_UP for status in live.statuses[-30:]] == [Status.WARMING_UP] * 19 + [0] * 11
    assert live.statuses[-11:] == [Status.OK] * 11


def test_a_sensor_whose_clock_is_off_is_suspect(models: Path) -> None:
    live = Live(models)
    live.feed(pairs(0.3))
    for pair in pairs(0.5, 0.3):
        foot = dataclasses.replace(pair.foot, stamp=pair.foot.stamp + 3.0)
        live.predictor.push_segment(SHANK, pair.shank, pair.joint.stamp)
        live.predictor.push_segment(FOOT, foot, pair.joint.stamp)
    assert live.predictor.watch(0.8) == Status.STALE | Status.SENSOR_SUSPECT


def approved(live: Live, took: float, clock_step: float = 0.0) -> tuple[bool, Status]:
    """Whether a forecast that took ``took`` s is published, and with which status; the clock is set meanwhile."""
    live.feed(pairs(0.3))
    (pair,) = pairs(0.01, 0.3)
    now = pair.joint.stamp + LATE
    tick = live.predictor.push(JoinedPair(pair.joint.stamp, now, pair), now, clock=now)
    assert tick.publish
    tick = live.predictor.approve(tick, now + took, now + took + clock_step)
    return tick.publish, live.predictor.settle(tick, now + took)


@pytest.mark.parametrize(
    ("took", "step", "published", "status"),
    [
        (0.0, 0.0, True, Status.OK),
        (0.03, 0.0, True, Status.OVERRUN),
        (0.055, 0.0, False, Status.STALE | Status.OVERRUN),
        (0.28, 0.0, False, Status.STALE | Status.OVERRUN),
        (1.0, 0.0, False, Status.STALE | Status.OVERRUN),
        (0.0, 1.0, False, Status.CLOCK),
        (0.0, -1.0, False, Status.CLOCK),
        (0.28, -0.3, False, Status.STALE | Status.OVERRUN | Status.CLOCK),  # hides the age
    ],
)
def test_the_age_is_judged_again_when_a_forecast_goes_out(
    models: Path, took: float, step: float, published: bool, status: Status
) -> None:
    live = Live(models)
    assert approved(live, took, step) == (published, status)
    assert bool(live.predictor.take_problem()[1]) == bool(status & Status.CLOCK)


def test_a_slow_model_never_gets_an_old_forecast_out(models: Path) -> None:
    live = Live(models)
    live.feed(pairs(0.3))
    out = 0
    for pair in pairs(2.0, 0.3)[::28]:  # one pair each 0.28 s: those between are skipped
        now = pair.joint.stamp + LATE
        tick = live.predictor.push(JoinedPair(pair.joint.stamp, now, pair), now, clock=now)
        out += live.predictor.approve(tick, now + 0.28, now + 0.28).publish
    assert out == 0


def test_one_impossible_reading_spoils_neither_window_nor_memory(models: Path) -> None:
    """A joint reading of 1e4 rad is as if it had not come: later forecasts are those without it."""
    good, spoiled = Live(models), Live(models)
    walk = pairs(3.0)
    for live in (good, spoiled):
        live.feed(walk[:100])
    spoiled.feed([changed(walk[100], angle=1e4)])
    assert spoiled.statuses[-1] == Status.IMPLAUSIBLE
    for live in (good, spoiled):
        live.feed(walk[101:])
    assert set(spoiled.statuses[101:]) == {Status.OK}
    for stamp, angle in good.forecasts.items():
        np.testing.assert_allclose(spoiled.forecasts[stamp], angle, atol=1e-9)
    assert spoiled.predictor.recent_error == pytest.approx(good.predictor.recent_error, rel=0.05)


def test_impossible_encoder_readings_are_not_scored(models: Path) -> None:
    live = Live(models, "tiny", encoder_role="score")
    for pair in (changed(pair, angle=0.1, rate=0.0) for pair in pairs(1.0)):
        live.predictor.push_encoder(pair.joint.stamp, 1e4 if 0.4 < pair.joint.stamp < 0.45 else 0.14)
        live.feed([pair])
    assert live.predictor.recent_error == pytest.approx(0.04 - CHANGE, abs=1e-6)
    assert live.values()["implausible encoder angles"] == 4


def test_an_error_is_not_recent_for_ever(models: Path) -> None:
    live = Live(models, "tiny")
    live.feed(pairs(1.0))
    live.predictor.watch(5.0)
    assert math.isfinite(live.predictor.recent_error)
    live.predictor.watch(12.0)
    assert math.isnan(live.predictor.recent_error)


@pytest.mark.parametrize(("late", "bits"), [(0.04, Status.OK), (0.06, Status.STALE)])
def test_forecasts_from_old_samples_are_withheld(models: Path, late: float, bits: Status) -> None:
    live = Live(models)
    live.feed(pairs(0.3))
    made = len(live.forecasts)
    (pair,) = pairs(0.01, 0.3)
    now = pair.joint.stamp
    live.predictor.push_segment(SHANK, pair.shank, now)
    live.predictor.push_segment(FOOT, pair.foot, now)
    (joined,) = live.predictor.push_joint(pair.joint)
    assert live.tick(joined, now + late) & Status.STALE == bits
    assert len(live.forecasts) == made + (bits == Status.OK)


def test_a_forecast_that_takes_longer_than_a_period_is_an_overrun(models: Path) -> None:
    live = Live(models)
    live.feed(pairs(0.3))
    (pair,) = pairs(0.01, 0.3)
    for took, status in ((0.009, Status.OK), (0.011, Status.OVERRUN)):
        joined = JoinedPair(pair.joint.stamp, pair.joint.stamp, pair)
        assert live.tick(joined, pair.joint.stamp, took) == status
        (pair,) = pairs(0.01, 0.31)


def test_the_time_that_forecasts_take_is_reported(models: Path) -> None:
    live = Live(models)
    live.feed(pairs(0.1))
    assert MEDIAN not in live.values()  # the window was not full
    live.feed(pairs(0.3)[10:])
    live.forecast_time = 0.011
    live.feed(pairs(0.01, 0.3))
    values = live.values()
    assert (values[MEDIAN], values[LONGEST]) == ("0.000", "11.000")
    assert MEDIAN not in live.values()  # no forecast since


@given(st.integers(0, 300))
def test_of_many_pending_pairs_only_the_newest_gets_a_forecast(pending: int) -> None:
    skips = skipped(pending)
    assert len(skips) == pending
    assert not any(skips[-1:])
    assert skips.count(True) == (0 if pending <= CATCH_UP else pending - 1)


def test_skipped_pairs_are_counted_and_the_next_status_says_so(models: Path) -> None:
    live, walk = Live(models), pairs(0.6)
    live.feed(walk[:30])
    now = walk[44].joint.stamp
    pending = [JoinedPair(pair.joint.stamp, now, pair) for pair in walk[30:45]]
    for joined, skip in zip(pending, skipped(len(pending)), strict=True):
        live.tick(joined, now, skip=skip)
    assert live.statuses[30:] == [Status.OVERRUN]
    np.testing.assert_allclose(live.forecasts[now], expected(models, "linear", 0.45)[now], atol=1e-9)
    any_made, any_missing, sentence, values = live.predictor.report()
    assert (any_made, any_missing, values["skipped"]) == (True, True, 14)
    assert "14 skipped" in sentence
    live.feed(walk[45:])
    assert live.statuses[31:] == [Status.OK] * 15
    assert "skipped" not in live.predictor.report()[2]


@pytest.mark.parametrize("withhold", [False, True])
def test_unfamiliar_movement_is_reported_and_withheld_if_asked(models: Path, withhold: bool) -> None:
    live = Live(models, "knows_walks", withhold_unfamiliar=withhold)
    live.feed(pairs(1.0))
    assert live.statuses[-1] == Status.OK
    assert float(str(live.values()["unfamiliarity"])) <= 1.0
    made = len(live.forecasts)
    live.feed([changed(pair, angle=0.0, rate=0.0) for pair in pairs(0.3, 1.0)])
    assert live.statuses[-1] == Status.UNFAMILIAR
    assert (len(live.forecasts) == made + 30) == (not withhold)
    assert float(str(live.values()["unfamiliarity"])) > 1.0
    live.use("linear")
    live.feed(pairs(0.1, 1.3))
    assert live.statuses[-1] == Status.OK
    assert live.values()["unfamiliarity"] == "unknown"


def test_nothing_is_learned_or_scored_before_the_forecast_is_published(models: Path) -> None:
    live = Live(models)
    live.feed(pairs(0.3))
    before = live.predictor.recent_error
    (pair,) = pairs(0.01, 0.3)
    tick = live.predictor.push(JoinedPair(pair.joint.stamp, pair.joint.stamp, pair), pair.joint.stamp)
    assert tick.publish
    assert live.predictor.recent_error == before
    live.predictor.settle(tick, pair.joint.stamp)
    assert live.predictor.recent_error != before


def test_the_recent_error_is_against_the_encoder_while_there_is_one(models: Path) -> None:
    live = Live(models, "tiny", encoder_role="score")
    still = [changed(pair, angle=0.1, rate=0.0) for pair in pairs(1.0)]
    live.feed(still[:50])
    assert live.predictor.recent_error == pytest.approx(CHANGE, abs=1e-6)  # which the network adds
    for pair in still[50:]:
        live.predictor.push_encoder(pair.joint.stamp, 0.14)
        live.feed([pair])
    assert live.predictor.recent_error == pytest.approx(0.04 - CHANGE, abs=1e-6)


def test_no_forecast_of_before_a_new_calibration_is_scored_by_its_angle(models: Path) -> None:
    live, all_pairs = Live(models), pairs(0.9)
    live.feed(all_pairs[:70])
    assert math.isfinite(live.predictor.recent_error)
    live.predictor.restart()  # as an uncalibrated pair does
    live.feed(
        dataclasses.replace(pair, joint=dataclasses.replace(pair.joint, angle=pair.joint.angle + 0.3))
        for pair in all_pairs[71:]
    )
    assert math.isnan(live.predictor.recent_error)


def test_a_model_is_exchanged_between_two_pairs(models: Path) -> None:
    live = Live(models)
    live.feed(pairs(0.25))
    live.use("second")
    live.feed(pairs(0.3)[25:])
    assert live.in_use == ["linear", "second"]
    assert live.predictor.model == "second"
    assert live.statuses[19:] == [Status.OK] * 11  # the window is kept
    (*_, (stamp, angle)) = sorted(live.forecasts.items())
    np.testing.assert_allclose(angle, expected(models, "second", 0.3)[stamp], atol=1e-9)
    live.use("longer")
    live.feed(pairs(0.7)[30:])
    assert len(live.forecasts[0.69]) == 20
    np.testing.assert_allclose(live.forecasts[0.69], expected(models, "longer", 0.7)[0.69], atol=1e-9)


@pytest.mark.parametrize(
    ("model", "code", "words"),
    [
        ("nothing", "NOT_FOUND", "there is no model 'nothing'"),
        ("broken", "CORRUPT", "model.onnx is not the file that was written"),
        ("other_filter", "INCOMPATIBLE", "was trained with rest_rate 3, the filter here has 1"),
        ("wrong", "REJECTED", "canary window"),
    ],
)
def test_a_refused_model_leaves_the_one_in_use(models: Path, model: str, code: str, words: str) -> None:
    live = Live(models)
    live.feed(pairs(0.25))
    with pytest.raises(BundleError, match=words) as refused:
        live.use(model)
    assert refused.value.code == code
    live.feed(pairs(0.05, 0.25))
    assert (live.statuses[-1], live.in_use) == (Status.OK, ["linear"])


def test_an_unconfigured_predictor_has_no_model_and_accepts_none(models: Path) -> None:
    live = Live(models)
    prepared = live.predictor.load("second")
    live.predictor.unconfigure()
    assert (live.predictor.is_configured, live.predictor.engine, live.predictor.model) == (False, None, "")
    for attempt in (lambda: live.predictor.load("second"), lambda: live.predictor.use(prepared)):
        with pytest.raises(BundleError, match="predictor is not configured; configure it first"):
            attempt()
    assert live.in_use == ["linear"]


def test_gait_and_counts_are_reported(models: Path) -> None:
    live = Live(models, "tiny")
    live.feed(twice_as_fast(pairs(2.0)))
    assert math.isnan(live.predictor.stride_period)
    assert live.values()["gait"] == "transition"
    live.feed(twice_as_fast(pairs(4.3)[200:]))
    assert live.predictor.stride_period == pytest.approx(1.0 / 0.9, abs=0.02)
    live.predictor.count("joint_states without ankle")
    any_made, any_missing, sentence, values = live.predictor.report()
    assert (any_made, any_missing, sentence) == (True, False, "230 forecasts")
    assert (values["gait"], values["stride period (s)"], values["joint_states without ankle"]) == (
        "steady gait",
        "1.11",
        1,
    )


def twice_as_fast(some: list[PairSample]) -> list[PairSample]:
    """Double the shank's rate: that of ``swinging`` is at most 1.7 rad/s, too slow for a step."""
    shanks = [
        dataclasses.replace(pair.shank, gyro=(x, 2.0 * y, z))
        for pair, (x, y, z) in ((pair, pair.shank.gyro) for pair in some)
    ]
    return [PairSample(shank, pair.foot, pair.joint) for shank, pair in zip(shanks, some, strict=True)]
