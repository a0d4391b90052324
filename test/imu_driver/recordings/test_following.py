"""A playback that keeps step with another one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from ankle_imu_driver.recordings.following import FollowingPlayback, Leader, Reference
from ankle_imu_driver.recordings.timeline import Sample

MS = 1_000_000


HOURS = 3 * 360_000


def source(begin: int = 0) -> Iterator[Sample]:
    """A sample every 10 ms for three hours, from 1 s on."""
    return (Sample(1_000 * MS + k * 10 * MS, 0, [float(k)]) for k in range(max(0, begin // (10 * MS) - 100), HOURS))


class Follower:
    """A follower whose ROS clock is set by hand at a rate other than 1, and else runs and can be set back."""

    def __init__(self, rate: float) -> None:
        self.clock = self.set_back = 0
        self.leader = Leader((lambda: self.clock) if rate != 1 else lambda: time.time_ns() - self.set_back, rate)
        self.sent: list[tuple[int, int]] = []
        self.ended = threading.Event()
        self.opened: list[int] = []
        self.playback = FollowingPlayback(self.source, self.leader, self.publish, self.ended.set)
        self.playback.start()

    def source(self, begin: int) -> Iterator[Sample]:
        self.opened.append(begin)
        return source(begin)

    def publish(self, sample: Sample, stamp: int) -> None:
        self.sent.append((sample.time, stamp))

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 20.0
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.002)

    def until_time(self, milliseconds: int) -> None:
        self.until(lambda: bool(self.sent) and self.sent[-1][0] >= milliseconds * MS)


@pytest.fixture(params=[0.5, 1.0])
def follower(request: pytest.FixtureRequest) -> Iterator[Follower]:
    made = Follower(request.param)
    yield made
    made.playback.stop()


def lead(follower: Follower, milliseconds: int) -> None:
    """The leader says that it has come to this time of the source."""
    if follower.leader.rate == 1:
        follower.leader.reference = Reference(time.time_ns(), milliseconds * MS)
    else:
        follower.clock = milliseconds * MS


def test_nothing_is_sent_before_the_leader_begins(follower: Follower) -> None:
    time.sleep(0.1)
    assert follower.sent == []
    assert follower.leader.time() is None


def test_samples_go_out_when_the_leader_comes_to_their_time(follower: Follower) -> None:
    lead(follower, 1_000)
    follower.until_time(1_000)
    lead(follower, 1_045)
    follower.until_time(1_040)
    if follower.leader.rate != 1:  # the clock stands
        time.sleep(0.05)
        assert [due for due, _ in follower.sent] == [1_000 * MS + k * 10 * MS for k in range(5)]
        assert all(stamp == due for due, stamp in follower.sent)
    else:
        assert follower.leader.reference is not None
        due, stamp = follower.sent[-1]
        assert stamp - follower.leader.reference.stamp == due - follower.leader.reference.time


def test_a_late_follower_leaves_out_what_is_over(follower: Follower) -> None:
    lead(follower, 30_000)
    follower.until_time(29_900)
    assert follower.sent[0][0] >= 29_800 * MS


def test_a_follower_that_comes_hours_late_opens_its_source_where_the_leader_is(follower: Follower) -> None:
    lead(follower, 7_200_000)
    follower.until_time(7_200_000)
    assert follower.sent[0][0] >= 7_199_800 * MS
    assert follower.opened == [0, pytest.approx(7_200_000 * MS, abs=1_000 * MS)]
    lead(follower, 1_000)  # and begins anew with it
    follower.until(lambda: follower.sent[-1][0] <= 1_100 * MS)


def test_when_the_leader_begins_anew_so_does_the_follower(follower: Follower) -> None:
    lead(follower, 20_000)
    follower.until_time(19_950)
    lead(follower, 1_000)
    follower.until(lambda: follower.sent[-1][0] <= 1_100 * MS)
    lead(follower, 1_500)
    follower.until_time(1_450)


def test_stamps_do_not_go_back_when_the_leader_begins_anew() -> None:
    follower = Follower(1.0)
    try:
        lead(follower, 20_000)
        follower.until_time(20_050)
        follower.leader.reference = Reference(time.time_ns() - 80 * MS, 1_000 * MS)  # it began while that was told
        follower.until(lambda: follower.sent[-1][0] < 2_000 * MS)
        follower.until_time(1_150)
    finally:
        follower.playback.stop()
    stamps = [stamp for _, stamp in follower.sent]
    assert stamps == sorted(set(stamps))
    assert min(due for due, _ in follower.sent) > 1_000 * MS  # what the leader had passed by then is left out


@pytest.mark.parametrize("told_after", [0.0, 0.1])
def test_a_follower_goes_on_after_the_clock_was_set_back(told_after: float) -> None:
    follower = Follower(1.0)
    try:
        lead(follower, 20_000)
        follower.until_time(20_050)
        lead(follower, 1_000)
        follower.until(lambda: 1_050 * MS <= follower.sent[-1][0] < 2_000 * MS)
        before = follower.leader.reference
        assert before is not None
        # The ROS clock and so the stamps are an hour back; the source goes on.
        follower.set_back = 3_600_000 * MS
        time.sleep(told_after)
        follower.leader.reference = before._replace(stamp=before.stamp - follower.set_back)
        follower.until_time(1_300)
    finally:
        follower.playback.stop()


def test_now_and_the_stamp_are_by_one_reference_whenever_the_leader_begins_anew() -> None:
    old, new = Reference(5_000 * MS, 9_000 * MS), Reference(5_000 * MS, 0)

    def clock() -> int:
        leader.reference = new  # in another thread, between two reads
        return 5_000 * MS

    leader = Leader(clock, 1.0)
    leader.reference = old
    assert leader.due(9_000 * MS) == (9_000 * MS, 5_000 * MS)
    assert leader.due(0) == (0, 5_000 * MS)
