"""A person who wears two sensors and stands until told to walk; what a page is clicked through on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle

import rclpy
from rclpy.context import Context
from sensor_msgs.msg import Imu

from ankle_imu_driver.conventions import FOOT, RAW_TOPICS, SENSOR_FRAMES, SHANK
from ankle_imu_driver.recordings.recording import Recording
from ankle_imu_driver.simulator.gait_scenario import Stand, Walk
from ankle_imu_driver.simulator.sensor_model import SensorModel
from ankle_imu_driver.simulator.simulate import simulate
from ankle_imu_driver.simulator.user_profile import draw_user
from rigs.node_bench import imu

STANDING, WALKING = 3.0, 40.0  # s; each is repeated for as long as it is needed
PERIOD = 10_000_000  # ns
Row = list[tuple[int, object, object]]  # of each sensor: stream, specific force, angular rate


class Person:
    """Publishes the raw samples of both sensors at 100 Hz, in a thread of its own."""

    def __init__(self, context: Context, namespace: str, prefix: str, seed: int = 2026) -> None:
        walk = simulate([Stand(STANDING), Walk(WALKING)], draw_user(seed), SensorModel(), 5).recording
        rows = _rows(walk)
        begin = round((STANDING - 0.5) * 1e9 / PERIOD)  # the simulated person begins to move a little earlier
        self._standing, self._walking = rows[:begin], rows[begin:]
        self._frames = {stream: f"{prefix}{frame}" for stream, frame in SENSOR_FRAMES.items()}
        self._node = rclpy.create_node("person", namespace=namespace, context=context)
        self._outputs = {s: self._node.create_publisher(Imu, RAW_TOPICS[s], 50) for s in (SHANK, FOOT)}
        self._walks, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._live, name="person", daemon=True)
        self._thread.start()

    def walk(self) -> None:
        """Begin to walk, and go on until the end."""
        self._walks.set()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        self._node.destroy_node()

    def _live(self) -> None:
        due, wall = time.monotonic_ns(), time.time_ns() - time.monotonic_ns()
        for row in self._moves():
            due += PERIOD
            if self._ended.wait(max(0, due - time.monotonic_ns()) / 1e9):
                return
            for stream, accel, gyro in row:
                self._outputs[stream].publish(imu(self._frames[stream], wall + due, accel, gyro))

    def _moves(self) -> Iterator[Row]:
        for row in cycle(self._standing):
            if self._walks.is_set():
                break
            yield row
        yield from cycle(self._walking)


def _rows(walk: Recording) -> list[Row]:
    n = min(len(walk.shank.stamp), len(walk.foot.stamp))
    return [
        [(stream, s.accel[k], s.gyro[k]) for stream, s in ((SHANK, walk.shank), (FOOT, walk.foot))] for k in range(n)
    ]


@contextmanager
def person(domain: int, namespace: str, prefix: str) -> Iterator[Person]:
    """Let a person stand on a ROS domain; ``prefix`` is that of the sensors' frames."""
    context = Context()
    rclpy.init(context=context, domain_id=domain)
    made = Person(context, namespace, prefix)
    try:
        yield made
    finally:
        made.end()
        rclpy.shutdown(context=context)
