"""The sender watch: two senders are told at once, a restarted one is not taken for a second one."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankle_predictor.trust.sender_watch import MEMORY, UNSUPPORTED, Origin, SenderWatch, senders_sentence

HOW = ["ids", "numbers", "stamps"]


class Message(NamedTuple):
    now: float
    sender: int
    number: int
    stamp: float


def stream(
    sender: int, begin: float, end: float, period: float = 0.01, first: int = 1, ahead: float = 0.0
) -> Iterator[Message]:
    """Messages of one sender; each comes 3 ms after its stamp, on a clock that is ``ahead`` s ahead."""
    for k in range(round((end - begin) / period)):
        time = begin + k * period
        yield Message(time + 0.003, sender, first + k, time + ahead)


def heard(how: str, *streams: Iterator[Message], known: int | None = None) -> list[tuple[Message, bool, bool]]:
    """Each message, whether it was used, and whether several senders were at work after it."""
    watch, result = SenderWatch(), []
    messages = sorted(message for one in streams for message in one)
    for message in messages:
        there = {m.sender for m in messages if m.now <= message.now} if known is None else range(known)
        origin = {
            "ids": Origin(bytes([message.sender]), message.number),
            "numbers": Origin(None, message.number),
            "stamps": Origin(None, UNSUPPORTED),
        }[how]
        used = watch.hear(origin, message.stamp, message.now, len(there))
        result.append((message, used, watch.several(message.now)))
    return result


@pytest.mark.parametrize("how", HOW)
def test_one_sender_is_one(how: str) -> None:
    assert all(used and not several for _, used, several in heard(how, stream(1, 0.0, 5.0)))


@pytest.mark.parametrize("period", [0.0025, 0.005, 0.02, 0.1])
@pytest.mark.parametrize("how", HOW)
def test_one_sender_at_another_rate_is_one(how: str, period: float) -> None:
    assert not any(several for *_, several in heard(how, stream(1, 0.0, 5.0, period)))


def test_lost_messages_and_pauses_are_no_second_sender() -> None:
    draw = random.Random(1)
    kept = [m for m in stream(1, 0.0, 20.0) if draw.random() > 0.5 and not 5.0 < m.now < 9.0]
    for how in HOW:
        assert not any(several for *_, several in heard(how, iter(kept)))


@pytest.mark.parametrize("phase", [0.0001, 0.002, 0.005, 0.0099])
@pytest.mark.parametrize(("how", "within"), [("ids", 0.011), ("numbers", 0.021), ("stamps", 0.5)])
def test_a_second_sender_is_told(how: str, within: float, phase: float) -> None:
    told = heard(how, stream(1, 0.0, 5.0), stream(2, 1.0 + phase, 5.0, first=3))
    first = next(m.now for m, _, several in told if several)
    assert 1.0 <= first <= 1.003 + phase + within
    assert all(several for m, _, several in told if m.now > first)
    if how != "stamps":
        assert {m.sender for m, used, _ in told if used} == {1}  # nothing of the second one is used


@pytest.mark.parametrize("ahead", [-3600.0, -0.2, -0.013, 0.017, 5.0])
@pytest.mark.parametrize("how", HOW)
def test_a_second_sender_with_another_clock_is_told_even_through_a_bridge(how: str, ahead: float) -> None:
    told = heard(how, stream(1, 0.0, 3.0), stream(2, 1.004, 3.0, first=77, ahead=ahead), known=1)
    assert all(several for m, _, several in told if m.now > 1.8)


@pytest.mark.parametrize("rate", [0.7, 1.0, 10.0, 30.0, 400.0])
def test_a_sender_at_another_rate_is_told(rate: float) -> None:
    for how in ("ids", "numbers"):
        told = heard(how, stream(1, 0.0, 9.0), stream(2, 1.004, 9.0, 1.0 / rate, first=90_000))
        assert {m.sender for m, used, _ in told if used} == {1}
        assert all(several for m, _, several in told if m.now > 1.02 + 2.0 / rate)


@pytest.mark.parametrize("pause", [0.3, 1.0, 3.0, 30.0])
@pytest.mark.parametrize("how", HOW)
def test_a_restarted_sender_is_no_second_one(how: str, pause: float) -> None:
    """The crashed one stays in the graph for as long as its lease."""
    told = heard(how, stream(1, 0.0, 2.0), stream(2, 2.0 + pause, 6.0 + pause), known=2)
    assert not any(several for *_, several in told)
    assert all(used for _, used, _ in told)


@pytest.mark.parametrize("how", ["ids", "numbers"])
def test_a_sender_that_takes_over_at_once_is_waited_for_a_moment(how: str) -> None:
    told = heard(how, stream(1, 0.0, 2.0, first=500), stream(2, 2.0, 4.0))
    assert not any(several for m, _, several in told if m.now > 2.26)
    assert all(used for m, used, _ in told if m.now > 2.26)


@pytest.mark.parametrize("how", HOW)
def test_when_one_of_two_ends_the_other_goes_on(how: str) -> None:
    for ends in ((5.0, 2.0), (2.0, 5.0)):
        told = heard(how, stream(1, 0.0, ends[0]), stream(2, 1.004, ends[1], first=9000))
        assert any(several for m, _, several in told if m.now < 2.0)
        late = [(used, several) for m, used, several in told if m.now > 5.0 - 0.3]
        assert late == [(True, False)] * len(late)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2**64 - 1)), max_size=80))
def test_any_messages_are_borne_and_forgotten(messages: list[tuple[int, int]]) -> None:
    watch, now = SenderWatch(), 0.0
    for k, (sender, number) in enumerate(messages):
        now = 0.01 * k
        watch.hear(Origin(bytes([sender]) if sender else None, number or None), float(number % 97), now)
        assert {bytes([sender])} <= set(watch.ids(now)) or not sender
    assert not watch.several(now + MEMORY + 0.01)


def test_the_sentence_names_the_senders() -> None:
    sentence = senders_sentence("/shank/imu/data_raw", ["/b/imu_driver", "/a/imu_driver"], 2)
    assert sentence.startswith("/shank/imu/data_raw has 2 senders, /a/imu_driver and /b/imu_driver: stop all but one")
    assert "ROS_DOMAIN_ID" in sentence


def test_what_the_sender_in_use_has_numbered_and_never_came_is_counted() -> None:
    watch = SenderWatch()
    for number, now in ((7, 0.0), (8, 0.01), (10, 0.02), (11, 0.03), (15, 0.04)):
        watch.hear(Origin(b"a", number), now, now)
    assert watch.lost == 1 + 3
    watch.hear(Origin(b"b", 900), 0.05, 0.05)  # another sender, which is not used
    watch.hear(Origin(b"b", 990), 0.05, 0.05)
    watch.hear(Origin(b"a", 16), 0.05, 0.05)
    assert watch.lost == 4


@pytest.mark.parametrize("origin", [Origin(b"a", None), Origin(b"a", UNSUPPORTED), Origin(None, None)])
def test_without_numbers_nothing_is_counted_as_lost(origin: Origin) -> None:
    watch = SenderWatch()
    for k in range(5):
        watch.hear(origin, k * 0.05, k * 0.05)
    assert watch.lost == 0


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.booleans())
def test_every_lost_message_is_counted_once(arrives: list[bool], is_told: bool) -> None:
    watch = SenderWatch()
    arrives = [True, *arrives, True]
    for number, came in enumerate(arrives):
        if came:
            watch.hear(Origin(b"a" if is_told else None, 40 + number), number * 0.01, number * 0.01)
    assert watch.lost == arrives.count(False)
