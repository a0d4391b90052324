"""Another predictor on the same topic, as one node hears it, with a clock that the test sets."""

from __future__ import annotations

from typing import Any

import pytest
from trajectory_msgs.msg import JointTrajectory

from ankle_predictor.nodes import rival_watch
from ankle_predictor.nodes.rival_watch import RivalWatch
from ankle_predictor.trust.sender_watch import MEMORY, OVERLAP

TOPIC = "forecast"
START = 100.0  # s
OWN, OTHER = ({"publisher_gid": {"data": [n] * 16}, "publication_sequence_number": None} for n in (1, 2))


class Node:
    """As much of a node as the watch asks for."""

    def __init__(self) -> None:
        self.look: Any = None
        self.hear: Any = None
        self.publishers = 2

    def create_steady_timer(self, _period: float, callback: Any) -> None:
        self.look = callback

    def create_subscription(self, _kind: Any, _topic: str, callback: Any, _qos: Any, **_options: Any) -> None:
        self.hear = callback

    def count_publishers(self, _topic: str) -> int:
        return self.publishers


@pytest.mark.parametrize("period", [0.01, 0.06, 0.2])
@pytest.mark.parametrize("begins", [1.0001, 1.004, 1.0099])
def test_from_a_rivals_first_message_on_nothing_more_is_published(
    monkeypatch: pytest.MonkeyPatch, period: float, begins: float
) -> None:
    """The node falls silent at once; the rival's next message may come after the node's last one is forgotten."""
    now = START
    monkeypatch.setattr(rival_watch.time, "monotonic", lambda: now)
    node: Any = Node()
    watch = RivalWatch(node, {TOPIC: JointTrajectory}, TOPIC)
    node.look()
    rival_at, told = START + begins, list[bool]()
    for tick in range(400):
        now = START + 0.01 * tick
        while rival_at <= now:
            node.hear(b"", OTHER)
            rival_at += period
        told.append(watch.is_there())
        if not told[-1]:
            watch.published()
            node.hear(b"", OWN)
    assert not any(told[:101])
    assert all(told[102:])


def test_a_predecessors_last_message_is_soon_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = START
    monkeypatch.setattr(rival_watch.time, "monotonic", lambda: now)
    node: Any = Node()
    watch = RivalWatch(node, {TOPIC: JointTrajectory}, TOPIC)
    node.look()
    watch.published()
    node.hear(b"", OTHER)
    now = START + 0.1
    watch.published()
    node.hear(b"", OWN)
    assert watch.is_there()
    now = START + 0.1 + 2 * OVERLAP + 0.02
    assert not watch.is_there()
    assert now < START + MEMORY
