"""The angle fused from encoder and IMUs: who is believed, and that nothing jumps."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ankle_predictor.estimation.encoder_fusion import STEP, EncoderFusion
from ankle_predictor.estimation.samples import AngleSource, JointSample

PERIOD = 0.01
BREAK = 4.0  # s, when a fault begins
Change = Callable[[float, float], float]


def angle_at(t: float) -> float:
    """A gait-like angle in rad: two harmonics of a stride of 1.2 s."""
    return 0.12 * math.sin(2 * math.pi * t / 1.2) + 0.1 * math.sin(4 * math.pi * t / 1.2 + 1.0)


def rate_at(t: float) -> float:
    return (angle_at(t + 1e-4) - angle_at(t - 1e-4)) / 2e-4


class Run:
    """A walk with an encoder of 100 Hz, or of another rate."""

    def __init__(self, seconds: float, encoder: Change = lambda _t, a: a, rate: float = 100.0, drift: float = 0.0):
        self.fusion = EncoderFusion()
        self.joints: list[JointSample] = []
        self.suspicions: list[str] = []
        sent = 0
        for k in range(round(seconds / PERIOD)):
            t = k * PERIOD
            while sent / rate < t - 1e-9:
                s = sent / rate
                value = encoder(s, angle_at(s))
                if value is not None:
                    self.fusion.push_encoder(s, value)
                sent += 1
            self.joints.append(self.fusion.fuse(JointSample(t, angle_at(t) + drift * t, rate_at(t))))
            self.suspicions.append(self.fusion.suspicion)
        self.stamp = np.array([j.stamp for j in self.joints])
        self.source = np.array([j.source for j in self.joints])
        truth = np.array([angle_at(t) for t in self.stamp])
        self.error = np.array([j.angle for j in self.joints]) - truth
        self.correction = self.error - drift * self.stamp

    def share(self, first: float, last: float) -> float:
        inside = (self.stamp >= first) & (self.stamp < last)
        return float(np.mean(self.source[inside] == AngleSource.ENCODER))


@pytest.mark.parametrize("rate", [20.0, 50.0, 100.0, 200.0, 1000.0])
def test_an_encoder_of_any_rate_gives_the_angle(rate: float) -> None:
    run = Run(8.0, rate=rate, drift=math.radians(0.05))
    assert run.share(3.0, 8.0) == 1.0
    assert math.degrees(np.abs(run.error[run.stamp > 4.0]).max()) < 0.3
    assert not any(run.suspicions)


def test_without_an_encoder_the_angle_is_that_of_the_imus() -> None:
    run = Run(3.0, lambda _t, _a: None)  # type: ignore[arg-type, return-value]
    assert np.all(run.correction == 0.0)
    assert run.share(0.0, 3.0) == 0.0
    assert not any(run.suspicions)


FAULTS: dict[str, Change] = {
    "frozen": lambda t, a: angle_at(min(t, BREAK)),
    "sign": lambda t, a: a if t < BREAK else -a,
    "jump": lambda t, a: a if t < BREAK else a + math.radians(10.0),
    "degrees": lambda t, a: a if t < BREAK else math.degrees(a),
    "another joint": lambda t, a: a if t < BREAK else 0.5 + 0.5 * math.sin(2 * math.pi * t / 1.2 + 2.0),
    "not a number": lambda t, a: a if t < BREAK else math.nan,
    "out of range": lambda t, a: a if t < BREAK else 7.0,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_lie_is_seen_and_answered_without_a_step(fault: str) -> None:
    run = Run(12.0, FAULTS[fault])
    assert run.share(BREAK - 1.0, BREAK) == 1.0
    assert run.share(BREAK + 1.0, 12.0) == 0.0
    assert run.suspicions[-1]
    assert np.abs(np.diff(run.correction)).max() <= STEP * 1.001
    assert math.degrees(np.abs(run.error[run.stamp > BREAK + 1.0]).max()) < 0.3


def test_back_to_the_encoder_when_it_is_good_again() -> None:
    run = Run(12.0, lambda t, a: a if not BREAK <= t < 7.0 else -a, drift=math.radians(0.05))
    assert run.share(5.0, 7.0) == 0.0
    assert run.share(10.0, 12.0) == 1.0
    assert not run.suspicions[-1]
    assert np.abs(np.diff(run.correction)).max() <= STEP * 1.001


def test_a_small_jump_is_taken_off_and_said() -> None:
    run = Run(12.0, lambda t, a: a + (math.radians(2.5) if t >= BREAK else 0.0))
    assert run.share(5.0, 12.0) == 1.0
    assert math.degrees(np.abs(run.error[run.stamp > 4.0]).max()) < 1.0
    assert run.fusion.report()["encoder jumps taken off"] == "1"


def test_a_constant_delay_is_estimated_and_is_no_lie() -> None:
    run = Run(14.0, lambda t, _a: angle_at(t - 0.03))
    assert run.fusion.delay == pytest.approx(0.03, abs=0.003)
    assert run.share(8.0, 14.0) == 1.0
    assert math.degrees(np.abs(run.error[run.stamp > 8.0]).max()) < 0.5


def test_the_delay_is_estimated_anew_after_the_clock_was_set_back() -> None:
    fusion = EncoderFusion()
    for first, late in ((5000.0, 0.03), (100.0, 0.0)):
        for k in range(1400):
            t = first + k * PERIOD
            fusion.push_encoder(t, angle_at(t - late))
            fusion.fuse(JointSample(t, angle_at(t), rate_at(t)))
        assert fusion.delay == pytest.approx(late, abs=0.003)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True), st.floats(-0.4, 0.4)),
        min_size=40,
        max_size=40,
    )
)
def test_whatever_an_encoder_says_nothing_jumps(values: list[float | None]) -> None:
    def encoder(t: float, a: float) -> float | None:
        value = values[int(t / 0.1) % len(values)]
        return a if value is None else value

    run = Run(4.0, encoder)  # type: ignore[arg-type]
    assert np.all(np.isfinite(run.error))
    assert np.abs(np.diff(run.correction)).max() <= STEP * 1.001
