"""The clock watch: stamps of another clock are told from samples that are late."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_predictor.trust.clock_watch import ClockVerdict, ClockWatch

MAX_AGE, MAX_AHEAD = 0.05, 0.01
GOOD, LATE, APART = ClockVerdict.GOOD, ClockVerdict.LATE, ClockVerdict.APART


def watched(behind: float, waited: float = 0.0, real_time: bool = True) -> ClockWatch:
    """A watch whose newest pair's stamp is ``behind`` s before a clock that shows 100 s, at the monotonic time 7 s."""
    watch = ClockWatch(MAX_AGE, MAX_AHEAD, real_time)
    for since in (0.3, 0.2, 0.1, 0.0):
        watch.pair(100.0 - since - behind, waited, 7.0 - since, 100.0 - since)
    return watch


@pytest.mark.parametrize(
    ("behind", "verdict"),
    [
        (0.0, GOOD),
        (0.003, GOOD),
        (0.049, GOOD),
        (-0.009, GOOD),
        (-0.011, APART),
        (0.051, APART),
        (0.2, APART),
        (3.0, APART),
        (-3600.0, APART),
        (1.7e9, APART),
        (-1.7e9, APART),
    ],
)
def test_stamps_must_be_of_this_clock(behind: float, verdict: ClockVerdict) -> None:
    assert watched(behind).judge(7.0, 100.0) is verdict


@pytest.mark.parametrize(("waited", "verdict"), [(0.0, APART), (0.14, APART), (0.16, LATE), (0.2, LATE)])
def test_a_pair_that_waited_is_late_and_not_of_another_clock(waited: float, verdict: ClockVerdict) -> None:
    assert watched(0.2, waited).judge(7.0, 100.0) is verdict


def test_a_slow_start_is_no_wrong_clock() -> None:
    watch = ClockWatch(MAX_AGE, MAX_AHEAD)
    for k, (behind, verdict) in enumerate([(0.3, LATE), (0.2, LATE), (0.1, LATE), (0.003, GOOD), (0.1, LATE)]):
        watch.pair(100.0 + 0.1 * k - behind, 0.0, 7.0 + 0.1 * k, 100.0 + 0.1 * k)
        assert watch.judge(7.0 + 0.1 * k, 100.0 + 0.1 * k) is verdict
    assert watch.take_sentence() == ""


def test_a_pair_gets_too_old_while_it_is_computed_on() -> None:
    watch = watched(0.004)
    assert watch.judge(7.04, 100.04) is GOOD
    assert watch.judge(7.05, 100.05) is LATE
    assert watch.judge(8.0, 101.0) is LATE
    assert watch.take_sentence() == ""


@pytest.mark.parametrize("step", [-3600.0, -1.0, -0.1, 0.1, 1.0, 3600.0])
def test_a_clock_that_is_set_while_a_forecast_is_computed_is_seen(step: float) -> None:
    watch = watched(0.004)
    assert watch.judge(7.005, 100.005 + step) is APART


@pytest.mark.parametrize(
    ("behind", "words"),
    [
        (-3600.0, "3600.000 s ahead of the clock of this computer: both computers need one clock"),
        (0.2, "0.200 s behind the clock of this computer: both computers need one clock"),
        (1.7e9, "all nodes need the same use_sim_time"),
    ],
)
def test_the_sentence_says_by_how_much_and_what_to_do(behind: float, words: str) -> None:
    watch = watched(behind)
    watch.judge(7.0, 100.0)
    assert words in watch.take_sentence()
    assert watch.take_sentence() == ""


@pytest.mark.parametrize(
    ("behind", "verdict"), [(-0.04, GOOD), (-0.06, APART), (0.04, GOOD), (0.06, APART), (-1.7e9, APART)]
)
def test_simulated_time_comes_in_steps(behind: float, verdict: ClockVerdict) -> None:
    watch = watched(behind, real_time=False)
    assert watch.judge(7.0, 100.0) is verdict
    assert watched(0.0, real_time=False).judge(7.001, 100.06) is LATE  # simulated time may run faster
    if verdict is APART:
        assert "the same use_sim_time" in watch.take_sentence()


def test_without_a_pair_there_is_nothing_to_judge() -> None:
    watch = ClockWatch(MAX_AGE, MAX_AHEAD)
    assert watch.judge(7.0, 100.0) is GOOD


@given(st.floats(-1e9, 1e9), st.floats(0.0, 10.0), st.floats(0.0, 10.0), st.booleans())
def test_what_is_good_is_never_older_than_allowed(behind: float, waited: float, since: float, real_time: bool) -> None:
    verdict = watched(behind, waited, real_time).judge(7.0 + since, 100.0 + since)
    age = 100.0 + since - (100.0 - behind)
    if verdict is GOOD:
        assert -MAX_AGE <= age <= MAX_AGE
    assert not math.isnan(age)
