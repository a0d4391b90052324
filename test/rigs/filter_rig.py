"""Raw samples of both sensors, and functions that send them to a filter node no faster than it reads them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from sensor_msgs.msg import Imu

from ankle_imu_driver.conventions import FOOT, SHANK
from ankle_imu_driver.mounting import FOOT_TILT, SHANK_TILT, gravity_at_standing
from ankle_imu_driver.recordings.recording import Recording
from ankle_predictor.nodes.filter_node import OrientationFilterNode
from rigs.node_bench import Bench, imu
from rigs.walks import FOOT as FOOT_AXES
from rigs.walks import SHANK as SHANK_AXES
from rigs.walks import G

START = 1_700_000_000_123_456_789  # ns, a stamp as from real hardware
PERIOD = 10_000_000  # ns
UP = {
    SHANK: G * gravity_at_standing(SHANK_AXES, *SHANK_TILT),
    FOOT: G * gravity_at_standing(FOOT_AXES, *FOOT_TILT),
}
NAMES = {SHANK: "shank", FOOT: "foot"}
Raw = tuple[int, int, Any, Any]  # stream, stamp in ns, accel, gyro


def standing(seconds: float, start: int = START, sway: float = 0.0, seed: int = 0) -> list[Raw]:
    """Two sensors at rest, or swaying (rad/s) at 1 Hz."""
    random, raw = np.random.default_rng(seed), []
    for k in range(round(seconds * 100)):
        turn = sway * math.sin(2 * math.pi * 0.01 * k)
        for stream in (SHANK, FOOT):
            noise = random.normal(scale=(0.02,) * 3 + (0.001,) * 3)
            raw.append((stream, start + k * PERIOD, UP[stream] + noise[:3], noise[3:] + np.array([turn, 0.01, turn])))
    return raw


def raw_of(recording: Recording, start: int = 0) -> list[Raw]:
    """The raw samples of a recording whose sensors have the same stamps."""
    raw = []
    for k, stamp in enumerate(recording.shank.stamp):
        for stream, samples in ((SHANK, recording.shank), (FOOT, recording.foot)):
            raw.append((stream, start + round(stamp * 1e9), samples.accel[k], samples.gyro[k]))
    return raw


def message_of(raw: Raw, prefix: str = "") -> Imu:
    stream, stamp, accel, gyro = raw
    return imu(f"{prefix}{NAMES[stream]}_imu_link", stamp, accel, gyro)


def feed(table: Bench, node: OrientationFilterNode, raw: Iterable[Raw], prefix: str = "") -> None:
    """Publish samples as fast as the node reads them, and wait for all of its messages."""
    send(table, node, raw, prefix)
    table.settle()


def send(table: Bench, node: OrientationFilterNode, raw: Iterable[Raw], prefix: str = "") -> None:
    """Publish samples as fast as the node reads them, at most one pair ahead."""
    if not node.inputs.received:
        table.advertise((Imu, "shank/imu/data_raw"), (Imu, "foot/imu/data_raw"))
    sent = node.inputs.received
    for k, sample in enumerate(raw):
        table.publish(f"{NAMES[sample[0]]}/imu/data_raw", message_of(sample, prefix))
        sent += 1
        if k % 2:
            table.until(lambda sent=sent: node.inputs.received >= sent)
            table.turns(6)
    table.until(lambda: node.inputs.received >= sent)
